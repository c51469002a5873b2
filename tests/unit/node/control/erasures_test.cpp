// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Requests to be forgotten, as a node keeps them; and a node that has no database to tell of them.
#include "node/control/erasures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "shared/privacy/secret.h"
#include "tests/support/folder.h"

namespace dvpe::control {
namespace {

using testing::SizeIs;

privacy::ViewerDigest digestOf(std::uint8_t n) {
  privacy::ViewerDigest out{};
  out.fill(n);
  return out;
}

class Requests : public testing::Test {
 protected:
  Requests() { reopen(); }
  void reopen() {
    store_.reset();
    store_ = std::move(ErasureStore::open(folder_.path())).value();
  }
  std::string add(const std::string& request, std::uint8_t viewer) {
    return store_->add({request, digestOf(viewer), {7, 1ULL << 63U}}).value();
  }

  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(privacy::writeSecretFile(folder_.path() / name, text, privacy::IfExists::kReplace));
  }

  test::Folder folder_;
  std::unique_ptr<ErasureStore> store_;
};

TEST_F(Requests, AreOnDiskUntilTheDatabaseHasThem) {
  EXPECT_EQ(add("one", 1), "one");
  EXPECT_EQ(add("two", 2), "two");
  reopen();
  ASSERT_THAT(store_->waiting(), SizeIs(2));
  EXPECT_EQ(store_->waiting()[0].digest, digestOf(1));
  EXPECT_EQ(store_->waiting()[0].visitors, (std::vector<std::uint64_t>{7, 1ULL << 63U}));
  ASSERT_TRUE(store_->forwarded("one"));
  ASSERT_TRUE(store_->forwarded("one")) << "again";
  reopen();
  ASSERT_THAT(store_->waiting(), SizeIs(1));
  EXPECT_EQ(store_->waiting()[0].request, "two");
}

TEST_F(Requests, OfAViewerWhoWaitsAlreadyAreThatOne) {
  add("one", 1);
  EXPECT_EQ(add("two", 1), "one");
  EXPECT_THAT(store_->waiting(), SizeIs(1));
}

TEST_F(Requests, AreNotKeptWithoutEnd) {
  for (std::size_t i = 0; i < ErasureStore::kMost; ++i) {
    privacy::ViewerDigest each{};
    each[0] = static_cast<std::uint8_t>(i);
    each[1] = static_cast<std::uint8_t>(i >> 8U);
    ASSERT_TRUE(store_->add({"r" + std::to_string(i), each, {}}));
  }
  const auto one = store_->add({"one too many", digestOf(255), {}});
  ASSERT_FALSE(one);
  EXPECT_EQ(one.error().code, base::ErrorCode::kUnavailable);
}

TEST_F(Requests, RememberUpToWhichAllIsDone) {
  EXPECT_EQ(store_->doneUpTo(), 0);
  ASSERT_TRUE(store_->done(41));
  reopen();
  EXPECT_EQ(store_->doneUpTo(), 41);
}

TEST_F(Requests, AreReadByNobodyElse) {
  add("one", 1);
  ASSERT_TRUE(store_->done(1));
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    EXPECT_EQ(entry.status().permissions(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
        << entry.path();
  }
}

TEST_F(Requests, DropWhatACrashLeftAndRefuseWhatWasChanged) {
  add("one", 1);
  std::ofstream(folder_.path() / "two.request.draft") << "{\"dig";
  reopen();
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "two.request.draft"));
  for (const char* text : {"", "{}", "[1]", R"({"digest":"00","visitors":[]})", R"({"digest":5,"visitors":7})"}) {
    write("three.request", text);
    const auto opened = ErasureStore::open(folder_.path());
    ASSERT_FALSE(opened) << text;
    EXPECT_EQ(opened.error().code, base::ErrorCode::kInvalidInput) << text;
  }
  std::filesystem::remove(folder_.path() / "three.request");
  write("done", "soon");
  EXPECT_FALSE(ErasureStore::open(folder_.path()));
}

TEST_F(Requests, OfANodeWithoutADatabaseWaitAndAreForgottenAgainWhenItStarts) {
  base::SystemRandom random;
  Erasures erasures(std::move(store_), std::nullopt, random);
  const auto request = erasures.ask(digestOf(3), {9});
  ASSERT_TRUE(request);
  EXPECT_THAT(request.value(), SizeIs(36));
  EXPECT_EQ(erasures.counters().asked, 1U);
  EXPECT_EQ(erasures.waiting(), 1U);
  std::vector<privacy::ViewerDigest> forgotten;
  const auto all = erasures.catchUp(
      [&](const std::vector<privacy::ViewerDigest>& viewers) {
        forgotten = viewers;
        return base::success();
      },
      std::chrono::seconds(1));
  ASSERT_TRUE(all);
  EXPECT_EQ(forgotten, std::vector{digestOf(3)});
}

TEST_F(Requests, ComeAtMostAFewInASecond) {
  base::SystemRandom random;
  Erasures erasures(std::move(store_), std::nullopt, random);
  int taken = 0;
  for (std::uint8_t i = 0; i < 20; ++i) taken += erasures.ask(digestOf(i), {}) ? 1 : 0;
  EXPECT_GE(taken, 5);
  EXPECT_LT(taken, 20);
}

}  // namespace
}  // namespace dvpe::control
