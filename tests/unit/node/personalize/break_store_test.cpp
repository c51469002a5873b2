// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the store keeps besides sessions: viewers, the log of breaks, counters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "node/personalize/session_store.h"
#include "tests/unit/node/personalize/support.h"

namespace dvpe::personalize {
namespace {

using test::idOf;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class BreakStore : public test::WithStore {
 protected:
  std::uint64_t append(const std::string& text) {
    const auto number = store_->append(base::view(text));
    EXPECT_TRUE(number);
    return number ? number.value() : 0;
  }
  void commit() {
    ASSERT_TRUE(store_->commit());
    ASSERT_TRUE(store_->commitViewers());
  }
  void putViewer(std::uint32_t viewer, const std::string& text) {
    ASSERT_TRUE(store_->putViewer(idOf(viewer), base::view(text)));
  }
  std::string viewer(std::uint32_t id) {
    const auto found = store_->viewer(idOf(id));
    EXPECT_TRUE(found);
    return found && found.value() ? std::string(found.value()->begin(), found.value()->end()) : "nobody";
  }
  std::vector<std::pair<std::uint64_t, std::string>> entries() {
    std::vector<std::pair<std::uint64_t, std::string>> out;
    EXPECT_TRUE(store_->eachEntry(
        [&](std::uint64_t n, base::ByteView e) { out.emplace_back(n, std::string(e.begin(), e.end())); }));
    return out;
  }
  std::map<std::string, std::string> counters() {
    std::map<std::string, std::string> out;
    EXPECT_TRUE(store_->eachCounter([&](std::string_view name, base::ByteView value) {
      out.emplace(name, std::string(value.begin(), value.end()));
    }));
    return out;
  }
  // Puts what one kind of record takes until there is no room; returns what the store then says.
  template <class Put>
  static base::Result<void> fill(Put put) {
    base::Result<void> done = base::success();
    for (std::uint32_t i = 0; done && i < 400; ++i) done = put(i);
    return done;
  }

  const std::string large_ = std::string(256 * 1024, 'x');
};

TEST_F(BreakStore, KnowsAViewerAgainAfterARestart) {
  EXPECT_EQ(viewer(10), "nobody");
  putViewer(10, "seen once");
  putViewer(20, "seen never");
  EXPECT_EQ(viewer(10), "seen once") << "also before it is on disk";
  putViewer(10, "seen twice");
  commit();
  putViewer(20, "not committed");
  reopen();
  EXPECT_EQ(viewer(10), "seen twice");
  EXPECT_EQ(viewer(20), "seen never");
  EXPECT_EQ(viewer(30), "nobody");
}

TEST_F(BreakStore, TakesAViewerWhoDoesNotOpenForNobody) {
  putViewer(10, "seen once");
  commit();
  reopen(2);
  EXPECT_EQ(viewer(10), "nobody");
  reopen(1);
  EXPECT_EQ(viewer(10), "seen once");
  ASSERT_TRUE(store_->eraseViewers({idOf(10)}));
  EXPECT_EQ(viewer(10), "nobody");
  reopen();
  EXPECT_EQ(viewer(10), "nobody");
  putViewer(10, "somebody new");
  commit();
  reopen();
  EXPECT_EQ(viewer(10), "somebody new");
}

TEST_F(BreakStore, KeepsTheLogInItsOrder) {
  std::vector<std::pair<std::uint64_t, std::string>> all;
  for (int i = 1; i <= 300; ++i) all.emplace_back(append("entry " + std::to_string(i)), "entry " + std::to_string(i));
  EXPECT_EQ(all.front().first, 1U);
  EXPECT_EQ(all.back().first, 300U) << "more than fit in a byte";
  commit();
  append("not committed");
  reopen();
  EXPECT_EQ(entries(), all);
  EXPECT_EQ(append("next"), 301U);
}

TEST_F(BreakStore, ForgetsTheOldestEntries) {
  for (const char* text : {"a", "b", "c", "d"}) append(text);
  ASSERT_TRUE(store_->dropEntries(2));
  commit();
  EXPECT_THAT(entries(), ElementsAre(Pair(3, "c"), Pair(4, "d")));
  reopen();
  EXPECT_THAT(entries(), ElementsAre(Pair(3, "c"), Pair(4, "d")));
  ASSERT_TRUE(store_->dropEntries(3));
  EXPECT_EQ(append("e"), 5U);
  commit();
  reopen();
  EXPECT_THAT(entries(), ElementsAre(Pair(4, "d"), Pair(5, "e")));
}

TEST_F(BreakStore, NeverGivesANumberTwice) {
  append("a");
  append("b");
  commit();
  ASSERT_TRUE(store_->dropEntries(1000));
  commit();
  reopen();
  EXPECT_EQ(store_->newestEntry(), 2U) << "records of viewers tell up to which number they know";
  EXPECT_EQ(append("c"), 3U);
}

TEST_F(BreakStore, DropsAgainWhatCouldNotBeDropped) {
  for (const char* text : {"a", "b", "c"}) append(text);
  commit();
  ASSERT_TRUE(store_->dropEntries(2));
  store_->abort();
  EXPECT_EQ(entries().size(), 3U);
  ASSERT_TRUE(store_->dropEntries(2));
  commit();
  EXPECT_THAT(entries(), ElementsAre(Pair(3, "c")));
}

TEST_F(BreakStore, NumbersAnewWhatWasNotCommitted) {
  append("a");
  commit();
  append("lost");
  append("lost too");
  store_->abort();
  EXPECT_EQ(store_->newestEntry(), 1U);
  EXPECT_EQ(append("b"), 2U) << "as it would after a crash";
}

TEST_F(BreakStore, CountsInOneTransactionWithTheLog) {
  append("a");
  ASSERT_TRUE(store_->putCounter("k/line", base::view(std::string("1"))));
  ASSERT_TRUE(store_->putCounter("", base::view(std::string("the node's own"))));
  commit();
  append("b");
  ASSERT_TRUE(store_->putCounter("k/line", base::view(std::string("2"))));
  reopen();
  EXPECT_THAT(entries(), ElementsAre(Pair(1, "a")));
  EXPECT_THAT(counters(), ElementsAre(Pair("", "the node's own"), Pair("k/line", "1")));
}

TEST_F(BreakStore, SealsWhatIsPersonalInTheLogForItsViewer) {
  const auto sealed = store_->sealFor(idOf(10), base::view(std::string("slots")));
  ASSERT_TRUE(sealed);
  commit();
  reopen();
  const auto plain = store_->openFor(idOf(10), sealed.value());
  ASSERT_TRUE(plain);
  EXPECT_EQ(std::string(plain.value().begin(), plain.value().end()), "slots");
  EXPECT_FALSE(store_->openFor(idOf(20), sealed.value())) << "another's";
  base::Bytes damaged = sealed.value();
  damaged.back() ^= 1;
  EXPECT_FALSE(store_->openFor(idOf(10), damaged));
  EXPECT_FALSE(store_->openFor(idOf(10), base::ByteView{}));
  ASSERT_TRUE(store_->eraseViewers({idOf(10)}));
  EXPECT_EQ(store_->openFor(idOf(10), sealed.value()).error().code, base::ErrorCode::kNotFound);
  reopen();
  EXPECT_FALSE(store_->openFor(idOf(10), sealed.value()));
  ASSERT_TRUE(store_->sealFor(idOf(10), base::view(std::string("new"))));
  EXPECT_FALSE(store_->openFor(idOf(10), sealed.value())) << "a new key opens nothing old";
}

TEST_F(BreakStore, SealsNothingAtAllToo) {
  const auto sealed = store_->sealFor(idOf(10), base::ByteView{});
  ASSERT_TRUE(sealed);
  const auto plain = store_->openFor(idOf(10), sealed.value());
  ASSERT_TRUE(plain);
  EXPECT_THAT(plain.value(), IsEmpty());
}

TEST_F(BreakStore, WritesNothingOfAViewerThatCanBeRead) {
  putViewer(10, "football football");
  const auto sealed = store_->sealFor(idOf(10), base::view(std::string("football again")));
  ASSERT_TRUE(sealed);
  ASSERT_TRUE(store_->append(sealed.value()));
  commit();
  store_.reset();
  test::expectNowhere(folder_.path(), "football");
}

TEST_F(BreakStore, KeepsNothingOfATransactionThatALogWithoutRoomCutShort) {
  append("before");
  ASSERT_TRUE(store_->putCounter("k", base::view(std::string("1"))));
  ASSERT_TRUE(store_->put(idOf(1), idOf(10), base::view(std::string("session"))));
  putViewer(10, "seen once");
  commit();
  ASSERT_TRUE(store_->put(idOf(2), idOf(10), base::view(std::string("lost"))));
  putViewer(10, "seen twice");
  ASSERT_TRUE(store_->putCounter("k", base::view(std::string("2"))));
  const auto full = fill([&](std::uint32_t) -> base::Result<void> {
    DVPE_CHECK(store_->append(base::view(large_)));
    return base::success();
  });
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, base::ErrorCode::kLimitExceeded);
  EXPECT_FALSE(store_->good());
  const auto done = store_->commit();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, base::ErrorCode::kLimitExceeded) << "what it says is why";
  ASSERT_TRUE(store_->commitViewers());
  EXPECT_TRUE(store_->good());
  EXPECT_EQ(viewer(10), "seen once") << "it would tell of entries that are lost";
  EXPECT_EQ(append("after"), 2U);
  commit();
  reopen();
  EXPECT_THAT(entries(), ElementsAre(Pair(1, "before"), Pair(2, "after")));
  EXPECT_THAT(counters(), ElementsAre(Pair("k", "1")));
  int sessions = 0;
  ASSERT_TRUE(store_->each([&](const auto&, base::ByteView) { return ++sessions, true; }));
  EXPECT_EQ(sessions, 1);
}

TEST_F(BreakStore, CommitsTheLogAlsoWhenViewersHaveNoRoom) {
  putViewer(10, "seen once");
  commit();
  append("a");
  const auto full = fill([&](std::uint32_t i) { return store_->putViewer(idOf(1000 + i), base::view(large_)); });
  ASSERT_FALSE(full);
  EXPECT_TRUE(store_->commit()) << "breaks go on";
  EXPECT_FALSE(store_->commitViewers());
  EXPECT_EQ(viewer(10), "seen once");
  EXPECT_EQ(viewer(1000), "nobody");
  putViewer(20, "small");
  commit();
  reopen();
  EXPECT_THAT(entries(), ElementsAre(Pair(1, "a")));
  EXPECT_EQ(viewer(20), "small");
}

TEST_F(BreakStore, SealsForAViewerAgainWhoseKeyWasLost) {
  const auto lost = store_->sealFor(idOf(10), base::view(std::string("lost")));
  ASSERT_TRUE(lost);
  store_->abort();
  const auto sealed = store_->sealFor(idOf(10), base::view(std::string("kept")));
  ASSERT_TRUE(sealed);
  commit();
  reopen();
  EXPECT_TRUE(store_->openFor(idOf(10), sealed.value()));
  EXPECT_FALSE(store_->openFor(idOf(10), lost.value()));
}

}  // namespace
}  // namespace dvpe::personalize
