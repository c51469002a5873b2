// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A server on a free port of the loopback, with a list of keys that a test changes while it runs.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "shared/protocol/impl/socket.h"
#include "shared/protocol/sockets.h"

namespace dvpe::protocol::test {

using namespace std::chrono_literals;

// Longer than anything takes that succeeds; a test that waits so long has failed.
inline constexpr auto kLong = 10s;

class Guests {
 public:
  void add(const std::string& key, const std::string& name) {
    const std::scoped_lock lock(mutex_);
    names_[key] = name;
  }
  void remove(const std::string& key) {
    const std::scoped_lock lock(mutex_);
    names_.erase(key);
  }
  std::optional<std::string> find(std::string_view key) {
    const std::scoped_lock lock(mutex_);
    const auto it = names_.find(std::string(key));
    return it == names_.end() ? std::nullopt : std::optional(it->second);
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> names_;
};

class Sockets : public ::testing::Test {
 protected:
  void SetUp() override {
    guests_.add(ada_.publicKey, "ada");
    guests_.add(ben_.publicKey, "ben");
    auto context = Context::create([this](std::string_view key) { return guests_.find(key); });
    ASSERT_TRUE(context.has_value()) << context.error().message;
    context_ = std::move(context).value();
    auto server = Server::bind(*context_, "tcp://127.0.0.1:*", serverKeys_, limits_);
    ASSERT_TRUE(server.has_value()) << server.error().message;
    server_ = std::move(server).value();
  }

  std::unique_ptr<Client> client(const CurveKeys& keys, const std::string& endpoint = "") {
    auto made = Client::connect(*context_, endpoint.empty() ? server_->endpoint() : endpoint, serverKeys_.publicKey,
                                keys, limits_);
    EXPECT_TRUE(made.has_value()) << made.error().message;
    return std::move(made).value();
  }

  // A new good client says a word and hears it back.
  void expectServed() {
    auto good = client(ada_);
    const auto ready = good->ready(kLong);
    ASSERT_TRUE(ready.has_value()) << ready.error().message;
    ASSERT_TRUE(good->send({"hello"}).has_value());
    const auto heard = server_->receive(kLong);
    ASSERT_TRUE(heard.has_value());
    EXPECT_EQ(heard->frames, Frames{"hello"});
    EXPECT_EQ(heard->user, "ada");
    ASSERT_TRUE(server_->send(heard->peer, {"you too"}).has_value());
    EXPECT_EQ(good->receive(kLong), Frames{"you too"});
  }

  SocketLimits limits_;
  const CurveKeys serverKeys_ = generateCurve(), ada_ = generateCurve(), ben_ = generateCurve();
  Guests guests_;
  std::unique_ptr<Context> context_;
  std::unique_ptr<Server> server_;
};

}  // namespace dvpe::protocol::test
