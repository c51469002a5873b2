// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/control/media_store.h"

#include <gmock/gmock.h>

#include <fstream>
#include <set>

#include "shared/base/bytes.h"
#include "tests/support/folder.h"

namespace dvpe::control {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;

// A store of files by digest in memory, and the media and overlays that name them.
class MediaOnDisk : public testing::Test {
 protected:
  std::string blob(const std::string& content) {
    std::string digest = base::sha256(base::view(content));
    blobs_[digest] = content;
    return digest;
  }
  model::Media& media(const std::string& id, char digit) {
    model::Media& out = documents_.media[id];
    out.id = id;
    out.digest = std::string(64, digit);
    for (const std::string file : {"media.json", "v.mp4"}) {
      const std::string content = file + " of " + digit;
      out.files[file] = {blob(content), static_cast<std::int64_t>(content.size())};
    }
    return out;
  }
  std::string asset(const std::string& content) {
    std::string path = blob(content) + ".png";
    documents_.overlays["bug"].assets["logo"] = path;
    return path;
  }
  MediaStore store(std::uint64_t most = 1'000'000) {
    return {state_, most, [this]() -> base::Result<FetchBlob> {
              ++opened_;
              if (down_) return base::fail(ErrorCode::kUnavailable, "nobody is there");
              return FetchBlob([this](const std::string& digest, std::int64_t bytes, const fs::path& to) {
                return fetch(digest, bytes, to);
              });
            }};
  }
  base::Result<void> fetch(const std::string& digest, std::int64_t most, const fs::path& to) {
    if (!blobs_.contains(digest) || most < static_cast<std::int64_t>(blobs_.at(digest).size()))
      return base::fail(ErrorCode::kNotFound, "there is no file " + digest);
    fetched_.push_back(blobs_.at(digest));
    std::ofstream(to) << blobs_.at(digest);
    return base::success();
  }
  std::string read(const fs::path& path) {
    std::ifstream in(state_ / path);
    std::string text;
    std::getline(in, text);
    return text;
  }

  const dvpe::test::Folder folder_;
  const fs::path& state_ = folder_.path();
  std::map<std::string, std::string> blobs_;
  std::vector<std::string> fetched_;
  model::Documents documents_;
  int opened_ = 0;
  bool down_ = false;
};

TEST_F(MediaOnDisk, FetchesWhatLacksAndNothingTwice) {
  media("spot", 'a');
  const std::string logo = asset("logo");
  MediaStore all = store();
  ASSERT_TRUE(all.complete(documents_));
  EXPECT_EQ(read("media/aaaaaaaaaaaaaaaa/v.mp4"), "v.mp4 of a");
  EXPECT_EQ(read("media/aaaaaaaaaaaaaaaa/media.json"), "media.json of a");
  EXPECT_EQ(read("blobs/" + logo), "logo");
  EXPECT_EQ(MediaStore::folderOf(state_, documents_.media["spot"]), state_ / "media" / std::string(16, 'a'));
  ASSERT_TRUE(all.complete(documents_));
  EXPECT_EQ(fetched_.size(), 3U);
  EXPECT_EQ(opened_, 1) << "nobody is asked when nothing lacks";
}

TEST_F(MediaOnDisk, SaysAllThatIsLackingAndKeepsWhatCame) {
  media("spot", 'a');
  blobs_.erase(media("clip", 'c').files["v.mp4"].digest);
  const std::string logo = asset("logo");
  blobs_.erase(logo.substr(0, 64));
  MediaStore all = store();
  const auto done = all.complete(documents_);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(done.error().message, HasSubstr("media clip: v.mp4: there is no file"));
  EXPECT_THAT(done.error().message, HasSubstr("overlay bug: logo: there is no file"));
  EXPECT_TRUE(fs::exists(state_ / "media/aaaaaaaaaaaaaaaa"));
  EXPECT_FALSE(fs::exists(state_ / "media/cccccccccccccccc"));
  fetched_.clear();
  blob("v.mp4 of c");
  blob("logo");
  ASSERT_TRUE(all.complete(documents_));
  EXPECT_THAT(fetched_, ElementsAre("v.mp4 of c", "logo")) << "media.json of c had come before";
}

TEST_F(MediaOnDisk, ServesOnWithWhatIsHereWhenNobodyCanBeAsked) {
  media("spot", 'a');
  MediaStore all = store();
  ASSERT_TRUE(all.complete(documents_));
  down_ = true;
  EXPECT_TRUE(all.complete(documents_));
  media("clip", 'c');
  EXPECT_EQ(all.complete(documents_).error().code, ErrorCode::kUnavailable);
  MediaStore alone(state_, 1000, nullptr);
  EXPECT_THAT(alone.complete(documents_).error().message, HasSubstr("no database"));
}

TEST_F(MediaOnDisk, FetchesAgainWhatHasBeenCut) {
  media("spot", 'a');
  MediaStore all = store();
  ASSERT_TRUE(all.complete(documents_));
  fs::resize_file(state_ / "media/aaaaaaaaaaaaaaaa/v.mp4", 3);
  ASSERT_TRUE(all.complete(documents_));
  EXPECT_EQ(read("media/aaaaaaaaaaaaaaaa/v.mp4"), "v.mp4 of a");
}

TEST_F(MediaOnDisk, TakesNoMoreThanItsLimit) {
  media("spot", 'a');
  EXPECT_EQ(store(10).complete(documents_).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(opened_, 0);
}

TEST_F(MediaOnDisk, IgnoresMediaThatIsNotInTheDatabase) {
  documents_.media["local"].folder = "/srv/local";
  documents_.overlays["bug"].assets["logo"] = "logo.svg";
  EXPECT_TRUE(store().complete(documents_));
  EXPECT_EQ(opened_, 0);
}

TEST_F(MediaOnDisk, DeletesWhatLeftLongAgo) {
  const base::WallTime noon = base::WallTime{} + std::chrono::hours(500'000);
  media("kept", 'a');
  media("left", 'b');
  MediaStore all = store();
  ASSERT_TRUE(all.complete(documents_));
  all.leave(documents_, noon);
  documents_.media.erase("left");
  all.sweep(documents_, std::chrono::hours(1), noon + std::chrono::minutes(59));
  EXPECT_TRUE(fs::exists(state_ / "media/bbbbbbbbbbbbbbbb"));
  all.sweep(documents_, std::chrono::hours(1), noon + std::chrono::minutes(61));
  EXPECT_FALSE(fs::exists(state_ / "media/bbbbbbbbbbbbbbbb"));
  EXPECT_TRUE(fs::exists(state_ / "media/aaaaaaaaaaaaaaaa"));
}

}  // namespace
}  // namespace dvpe::control
