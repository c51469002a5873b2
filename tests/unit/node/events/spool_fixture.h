// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A spool in a folder of a test's own, on a disk that says no when the test wants it to.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <future>
#include <map>
#include <thread>

#include "node/events/impl/disk.h"
#include "node/events/spool.h"
#include "tests/support/folder.h"

namespace dvpe::events {

inline constexpr std::size_t kAll = 1'000'000'000;
inline constexpr std::chrono::milliseconds kLong{5000};

inline base::SystemRandom systemRandom;

inline Event event(std::int64_t number, Kind kind = Kind::kAdDecided) {
  Event e;
  e.kind = kind;
  e.id = sessionEventId(Id{7}, kind, static_cast<std::uint64_t>(number));
  e.value = number;
  e.place.channel = "one";
  return e;
}

inline std::vector<Event> events(std::int64_t from, std::int64_t to, Kind kind = Kind::kAdDecided) {
  std::vector<Event> out;
  for (; from < to; ++from) out.push_back(event(from, kind));
  return out;
}

inline std::size_t bytesOf(const std::vector<Event>& all) {
  base::Bytes bytes;
  for (const Event& e : all) write(e, bytes);
  return bytes.size();
}

inline std::vector<Event> parsed(base::ByteView bytes) {
  std::vector<Event> out;
  while (!bytes.empty()) {
    auto one = read(bytes);
    if (!one) throw std::runtime_error("what is not an event was read");
    bytes = bytes.subspan(one.value().second);
    out.push_back(std::move(one).value().first);
  }
  return out;
}

// A disk that says no, or waits, when a test wants it to.
class TestDisk final : public Disk {
 public:
  int write(int file, std::uint64_t at, base::ByteView bytes) const override {
    if (shortWrite == 0) return Disk::write(file, at, bytes);
    (void)Disk::write(file, at, bytes.first(std::min<std::size_t>(bytes.size(), shortWrite)));
    return ENOSPC;
  }
  int sync(int file) const override {
    ++syncs;
    synced = file;
    while (held) std::this_thread::yield();
    return syncError != 0 ? syncError.load() : Disk::sync(file);
  }
  int truncate(int file, std::uint64_t bytes) const override {
    return truncateError != 0 ? truncateError.load() : Disk::truncate(file, bytes);
  }

  std::atomic<std::size_t> shortWrite = 0;  // bytes that are written before it says no; 0: all, and it says yes
  std::atomic<int> syncError = 0, truncateError = 0;
  std::atomic<bool> held = false;
  mutable std::atomic<int> syncs = 0, synced = -1;
};

class TheSpool : public testing::Test {
 protected:
  void open() {
    spool_.reset();
    auto opened = Spool::open(options_, systemRandom, disk_);
    ASSERT_TRUE(opened) << opened.error().message;
    spool_ = std::move(opened).value();
  }
  // What became of it, when it is known.
  base::Result<void> append(const std::vector<Event>& all) {
    std::promise<base::Result<void>> done;
    DVPE_CHECK(spool_->append(all, [&](base::Result<void> result) { done.set_value(std::move(result)); }));
    auto future = done.get_future();
    if (future.wait_for(kLong) != std::future_status::ready) throw std::runtime_error("no answer");
    return future.get();
  }
  // The events' values by their numbers.
  std::map<std::uint64_t, std::int64_t> content(std::size_t mostEvents = kAll, std::size_t mostBytes = kAll) {
    std::map<std::uint64_t, std::int64_t> out;
    const std::uint64_t end = spool_->counters().next;
    for (std::uint64_t at = 0; at < end;) {
      auto batch = spool_->read(at, mostEvents, mostBytes);
      if (!batch) throw std::runtime_error(batch.error().message);
      std::uint64_t number = batch.value().from;
      for (const Event& e : parsed(batch.value().events)) out[number++] = e.value;
      EXPECT_EQ(number, batch.value().to);
      EXPECT_GT(batch.value().to, at);
      at = batch.value().to;
    }
    return out;
  }
  void expectWhole(std::int64_t count) {
    const auto all = content();
    ASSERT_EQ(all.size(), count);
    for (const auto& [number, value] : all) EXPECT_EQ(static_cast<std::int64_t>(number), value);
  }
  template <class Done>
  static bool soon(Done done, int times = 500) {
    for (int i = 0; i < times && !done(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return done();
  }
  std::vector<std::filesystem::path> segments() const {
    std::vector<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::directory_iterator(options_.folder)) out.push_back(entry.path());
    std::sort(out.begin(), out.end());
    return out;
  }
  static std::string bytesAt(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void put(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  static void damage(const std::filesystem::path& path, std::size_t at) {
    std::string bytes = bytesAt(path);
    bytes.at(at) = static_cast<char>(bytes[at] ^ 0x40);
    put(path, bytes);
  }

  test::Folder folder_;
  TestDisk disk_;
  SpoolOptions options_{.folder = folder_ / "spool", .commitEvery = std::chrono::milliseconds{1}};
  std::unique_ptr<Spool> spool_;
};

}  // namespace dvpe::events
