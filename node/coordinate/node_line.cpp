// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/coordinate/node_line.h"

#include <pthread.h>

#include "shared/base/log.h"
#include "shared/base/overload.h"

namespace dvpe::coordinate {

using base::Result;
using std::chrono::steady_clock;

namespace {

constexpr auto kWait = std::chrono::milliseconds(100);
constexpr auto kRepeat = std::chrono::seconds(2);  // an offer that nobody has answered: the connection may have broken
constexpr std::size_t kMostCommands = 100;

}  // namespace

Result<std::unique_ptr<NodeLine>> NodeLine::open(protocol::Context& context, std::string node,
                                                 const std::string& endpoint, const std::string& key,
                                                 const protocol::CurveKeys& own, std::function<void(NodeSaid)> said) {
  std::unique_ptr<NodeLine> line(new NodeLine(std::move(node), endpoint, std::move(said)));
  DVPE_TRY(line->client_, protocol::Client::connect(context, endpoint, key, own));
  line->thread_ = std::thread([l = line.get()] {
    ::pthread_setname_np(::pthread_self(), ("to " + l->node_).substr(0, 15).c_str());
    l->run();
  });
  return line;
}

NodeLine::~NodeLine() {
  stopping_ = true;
  if (client_) client_->wake();
  if (thread_.joinable()) thread_.join();
}

void NodeLine::offer(std::shared_ptr<const Offering> offering) {
  {
    const std::lock_guard lock(mutex_);
    offering_ = std::move(offering);
    fresh_ = true;
  }
  client_->wake();
}

void NodeLine::tell(protocol::Made what, std::shared_ptr<const release::Signed> text) {
  {
    const std::lock_guard lock(mutex_);
    made_[static_cast<std::size_t>(what)] = std::move(text);
  }
  client_->wake();
}

void NodeLine::send(release::Signed command) {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(command));
    if (commands_.size() > kMostCommands) commands_.pop_front();
  }
  client_->wake();
}

void NodeLine::run() {
  bool subscribed = false;
  auto repeat = steady_clock::now();
  while (!stopping_) {
    if (client_->state() == protocol::Client::State::kConnected) {
      if (!subscribed) subscribed = client_->send(protocol::encode(protocol::Subscribe{true})).has_value();
      if (steady_clock::now() >= repeat) {
        const std::lock_guard lock(mutex_);
        fresh_ = fresh_ || offering_ != nullptr;
        repeat = steady_clock::now() + kRepeat;
      }
      sendWaiting();
    } else {
      (void)client_->ready(kWait);
      subscribed = false;
      continue;
    }
    const auto frames = client_->receive(kWait);
    if (!frames) continue;
    auto message = protocol::decode(*frames);
    if (message) {
      receive(std::move(message).value());
    } else {
      spdlog::warn("a node's message cannot be read node={} reason=\"{}\"", node_, message.error().message);
    }
  }
}

void NodeLine::sendWaiting() {
  std::deque<release::Signed> commands;
  std::shared_ptr<const Offering> fresh;
  decltype(made_) made;
  {
    const std::lock_guard lock(mutex_);
    commands.swap(commands_);
    made.swap(made_);
    if (std::exchange(fresh_, false)) fresh = offering_;
  }
  if (fresh) {
    current_ = fresh;
    (void)client_->send(protocol::encode(protocol::Offer{fresh->release}));
  }
  for (std::size_t i = 0; i < made.size(); ++i) {  // what is lost is replaced before long
    if (made[i]) (void)client_->send(protocol::encode(protocol::MadeMessage{static_cast<protocol::Made>(i), *made[i]}));
  }
  while (!commands.empty() && client_->send(protocol::encode(protocol::CommandMessage{commands.front()})))
    commands.pop_front();
  if (commands.empty()) return;
  const std::lock_guard lock(mutex_);  // the connection has just broken
  commands_.insert(commands_.begin(), commands.begin(), commands.end());
}

void NodeLine::receive(protocol::Message message) {
  const auto answered = [this] {
    const std::lock_guard lock(mutex_);
    if (offering_ == current_) offering_.reset();
  };
  std::visit(
      base::Overload{[&](const protocol::Need& need) {
                       if (!current_) return;
                       protocol::Documents all;
                       for (const auto& keys : current_->keys) {
                         const auto parsed = release::parseKeys(keys.bytes);
                         if (parsed && parsed.value().revision > need.keysAfter) all.keys.push_back(keys);
                       }
                       for (const std::string& digest : need.documents) {
                         const auto it = current_->documents.find(digest);
                         if (it != current_->documents.end()) all.documents.insert(*it);
                       }
                       for (const std::string& digest : need.rollbacks) {
                         const auto it = current_->rollbacks.find(digest);
                         if (it != current_->rollbacks.end()) all.rollbacks.insert(*it);
                       }
                       all.last = true;
                       for (const auto& part : protocol::split(std::move(all)))
                         (void)client_->send(protocol::encode(part));
                     },
                     [&](const protocol::Prepared& prepared) {
                       answered();
                       said_({NodeSaid::What::kPrepared, node_, prepared.order, true, {}});
                     },
                     [&](const protocol::Refused& refused) {
                       answered();
                       said_({NodeSaid::What::kRefused, node_, refused.order, false, refused.reason});
                     },
                     [&](const protocol::Answer& answer) {
                       said_({NodeSaid::What::kAnswered, node_, {}, answer.ok, answer.ok ? answer.data : answer.error});
                     },
                     [&](const protocol::Telemetry& told) {
                       said_({NodeSaid::What::kTelemetry, node_, {}, true, told.json});
                     },
                     [&](const protocol::Counts& told) {
                       said_({NodeSaid::What::kCounts, node_, {}, true, told.json});
                     },
                     [](const auto&) {}},
      std::move(message));
}

}  // namespace dvpe::coordinate
