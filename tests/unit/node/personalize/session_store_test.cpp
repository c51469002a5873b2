// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/personalize/session_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

#include "tests/unit/node/personalize/support.h"

namespace dvpe::personalize {
namespace {

using test::idOf;
using testing::ElementsAre;
using testing::Pair;

class SessionStoreTest : public test::WithStore {
 protected:
  void put(std::uint32_t id, std::uint32_t viewer, const std::string& text) {
    ASSERT_TRUE(store_->put(idOf(id), idOf(viewer), base::view(text)));
  }
  std::map<int, std::string> all(const std::string& forget = "") {
    std::map<int, std::string> found;
    const auto done = store_->each([&](const privacy::SessionId& id, base::ByteView record) {
      const std::string text(record.begin(), record.end());
      found[id[0]] = text;
      return text != forget;
    });
    EXPECT_TRUE(done) << done.error().message;
    return found;
  }
};

TEST_F(SessionStoreTest, GivesBackAfterARestartWhatWasCommitted) {
  put(1, 10, "one");
  put(2, 10, "two");
  ASSERT_TRUE(store_->commit());
  put(3, 10, "not committed");
  reopen();
  EXPECT_THAT(all(), ElementsAre(Pair(1, "one"), Pair(2, "two")));
}

TEST_F(SessionStoreTest, ReplacesAndErases) {
  put(1, 10, "one");
  put(2, 10, "two");
  put(1, 10, "one more");
  ASSERT_TRUE(store_->erase(idOf(2)));
  ASSERT_TRUE(store_->erase(idOf(99)));
  ASSERT_TRUE(store_->commit());
  EXPECT_THAT(all(), ElementsAre(Pair(1, "one more")));
}

std::string contentOf(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// LMDB leaves what was deleted in pages that are free and in the room between records.
TEST_F(SessionStoreTest, LeavesNoByteOfTheKeysOfViewersWhoWereErased) {
  const auto file = folder_.path() / "keys" / "data.mdb";
  std::map<std::uint32_t, std::string> wrapped;  // what the file holds of a viewer: behind the name, their wrapped key
  std::set<privacy::Pseudonym> gone;
  for (std::uint32_t viewer = 1; viewer <= 240; ++viewer) {
    put(viewer, 1000 + viewer, "record");
    ASSERT_TRUE(store_->commit());
    if (viewer % 3 == 0) {
      const std::string content = contentOf(file);
      const auto id = idOf(1000 + viewer);
      const std::string name(id.begin(), id.end());
      const auto at = content.find(name);
      ASSERT_NE(at, std::string::npos);
      wrapped[viewer] = content.substr(at + name.size(), 60);
    }
    if (viewer % 2 == 0) gone.insert(idOf(1000 + viewer));
  }
  ASSERT_EQ(wrapped.size(), 80U);
  ASSERT_TRUE(store_->eraseViewers(gone));
  ASSERT_TRUE(store_->eraseViewers(gone)) << "again";
  for (const bool again : {false, true}) {
    const std::string content = contentOf(file);
    for (const auto& [viewer, key] : wrapped) {
      EXPECT_EQ(content.find(key) == std::string::npos, viewer % 2 == 0) << viewer;
    }
    const std::string sessions = contentOf(folder_.path() / "sessions" / "data.mdb");
    for (const auto& viewer : gone) {
      EXPECT_EQ(sessions.find(std::string(viewer.begin(), viewer.end())), std::string::npos);
    }
    EXPECT_EQ(all().size(), 120U);
    if (!again) {  // nor does it come back from buffers
      for (std::uint32_t viewer = 400; viewer < 500; ++viewer) {
        put(viewer, 1000 + viewer, "later");
        ASSERT_TRUE(store_->commit());
      }
      for (std::uint32_t viewer = 400; viewer < 500; ++viewer) ASSERT_TRUE(store_->erase(idOf(viewer)));
      ASSERT_TRUE(store_->commit());
      reopen();
    }
  }
}

TEST_F(SessionStoreTest, OpensNothingOfAViewerWhoWasErasedAndForgetsIt) {
  put(1, 10, "ann");
  put(2, 20, "bob");
  ASSERT_TRUE(store_->commit());
  ASSERT_TRUE(store_->eraseViewers({idOf(10)}));
  EXPECT_THAT(all(), ElementsAre(Pair(2, "bob")));
  reopen();
  EXPECT_THAT(all(), ElementsAre(Pair(2, "bob")));
  put(3, 10, "ann again");
  ASSERT_TRUE(store_->commit());
  reopen();
  EXPECT_THAT(all(), ElementsAre(Pair(2, "bob"), Pair(3, "ann again")));
}

TEST_F(SessionStoreTest, ForgetsWhatTheTakerHasNoUseFor) {
  put(1, 10, "old");
  put(2, 10, "new");
  ASSERT_TRUE(store_->commit());
  EXPECT_EQ(all("old").size(), 2U);
  EXPECT_THAT(all(), ElementsAre(Pair(2, "new")));
}

TEST_F(SessionStoreTest, KeepsWhatAWrongKeyCannotOpen) {
  put(1, 10, "one");
  ASSERT_TRUE(store_->commit());
  reopen(2);
  EXPECT_TRUE(all().empty());
  reopen(1);
  EXPECT_THAT(all(), ElementsAre(Pair(1, "one"))) << "the operator's mistake costs nothing";
}

TEST_F(SessionStoreTest, WritesNothingThatCanBeRead) {
  put(1, 10, "viewer.interests.football");
  ASSERT_TRUE(store_->commit());
  store_.reset();
  test::expectNowhere(folder_.path(), "football");
}

TEST_F(SessionStoreTest, SaysWhenItIsFullAndGoesOnAfterIt) {
  const std::string large(256 * 1024, 'x');
  base::Result<void> done = base::success();
  std::uint32_t i = 0;
  for (; done && i < 200; ++i) {
    done = store_->put(idOf(i), idOf(10), base::view(large));
    if (done && i == 3) {
      ASSERT_TRUE(store_->commit());
    }
  }
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, base::ErrorCode::kLimitExceeded);
  EXPECT_FALSE(store_->commit()) << "the whole batch is lost";
  EXPECT_EQ(all().size(), 4U);
  put(250, 10, "small");
  EXPECT_TRUE(store_->commit());
}

}  // namespace
}  // namespace dvpe::personalize
