// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/personalize/session_table.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/node/personalize/support.h"

namespace dvpe::personalize {
namespace {

using test::idOf;

SessionView viewOf(std::uint32_t number, std::int64_t from = 0) {
  SessionView view;
  view.id = idOf(number);
  view.fromMsn = from;
  view.pods.push_back(
      std::make_shared<const BoundPod>(BoundPod{"b", timeline::SpanKind::kBreak, Ticks{from}, Ticks{from}, 0, {}}));
  return view;
}

TEST(SessionTable, FindsWhatWasPutAndNothingElse) {
  SessionTable table(16, 1);
  for (std::uint32_t i = 0; i < 500; ++i) table.put(viewOf(i, i), 1);
  EXPECT_EQ(table.size(), 500U);
  const SessionTable::ReadScope scope(table, 0);
  for (std::uint32_t i = 0; i < 500; ++i) {
    const SessionView* view = table.find(idOf(i), 2);
    ASSERT_NE(view, nullptr);
    EXPECT_EQ(view->fromMsn, i);
  }
  EXPECT_EQ(table.find(idOf(500), 2), nullptr);
}

TEST(SessionTable, ReplacesAViewAndKeepsTheOldOneForWhoIsReadingIt) {
  SessionTable table(16, 2);
  table.put(viewOf(7, 1), 1);
  {
    const SessionTable::ReadScope scope(table, 1);
    const SessionView* old = table.find(idOf(7), 1);
    table.put(viewOf(7, 2), 1);
    table.reclaim();
    EXPECT_EQ(old->fromMsn, 1) << "still there";
    EXPECT_EQ(table.find(idOf(7), 1)->fromMsn, 2);
  }
  table.reclaim();
  EXPECT_EQ(table.size(), 1U);
}

TEST(SessionTable, ErasesFromTheMiddleOfAChain) {
  SessionTable table(16, 1);
  for (std::uint32_t i = 0; i < 100; ++i) table.put(viewOf(i), 1);
  for (std::uint32_t i = 0; i < 100; i += 2) table.erase(idOf(i));
  table.erase(idOf(1000));
  table.reclaim();
  EXPECT_EQ(table.size(), 50U);
  for (std::uint32_t i = 0; i < 100; ++i) EXPECT_EQ(table.peek(idOf(i)) != nullptr, i % 2 == 1) << i;
}

TEST(SessionTable, RemembersWhenASessionWasLastSeen) {
  SessionTable table(16, 1);
  table.put(viewOf(1), 100);
  EXPECT_EQ(table.lastSeen(idOf(1)), 100U);
  {
    const SessionTable::ReadScope scope(table, 0);
    (void)table.find(idOf(1), 107);
  }
  EXPECT_EQ(table.lastSeen(idOf(1)), 107U);
}

// Readers follow chains while the writer replaces, erases and frees: each view that is found is whole.
TEST(SessionTable, GivesReadersWholeViewsWhileTheWriterChangesThem) {
  constexpr int kReaders = 3;
  constexpr std::uint32_t kSessions = 64;
  SessionTable table(16, kReaders);
  for (std::uint32_t i = 0; i < kSessions; ++i) table.put(viewOf(i, i), 1);
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> found{0}, wrong{0};
  std::vector<std::thread> readers;
  readers.reserve(kReaders);
  for (int r = 0; r < kReaders; ++r) {
    readers.emplace_back([&, r] {
      std::uint32_t n = static_cast<std::uint32_t>(r);
      while (!stop) {
        const SessionTable::ReadScope scope(table, r);
        for (int i = 0; i < 16; ++i) {
          n = n * 1664525 + 1013904223;
          const std::uint32_t id = (n >> 8) % kSessions;
          const SessionView* view = table.find(idOf(id), n);
          if (view == nullptr) continue;
          ++found;
          if (view->id != idOf(id) || view->pods.size() != 1 || view->pods[0]->start.count() != view->fromMsn) ++wrong;
        }
      }
    });
  }
  for (std::int64_t round = 0; round < 20000; ++round) {
    const auto id = static_cast<std::uint32_t>(round * 7919) % kSessions;
    if (round % 5 == 0) table.erase(idOf(id));
    table.put(viewOf(id, round), 1);
    if (round % 16 == 0) table.reclaim();
  }
  while (found < 1000) std::this_thread::yield();
  stop = true;
  for (auto& r : readers) r.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(table.size(), kSessions);
}

}  // namespace
}  // namespace dvpe::personalize
