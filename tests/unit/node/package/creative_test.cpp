// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/package/creative.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/node/package/support.h"

namespace dvpe::package {
namespace {

using base::ErrorCode;
using testing::HasSubstr;

class CreativeTest : public testing::Test {
 protected:
  base::Error loadError(const test::Recipe& recipe) {
    test::writeCreative(folder_.path(), profile_, recipe);
    return error();
  }
  base::Error error() {
    const auto creative = Creative::load(folder_.path(), profile_);
    return creative ? base::Error{ErrorCode::kInternal, "loaded"} : creative.error();
  }

  test::TemporaryFolder folder_;
  model::Profile profile_ = test::profileAt({30, 1});
};

TEST_F(CreativeTest, LoadsWhatIsWhole) {
  const auto creative = test::makeCreative(folder_.path(), profile_, {.letter = 'b', .units = 5});
  ASSERT_TRUE(creative);
  EXPECT_EQ(creative->id(), "clip-b");
  EXPECT_EQ(creative->name(), "bbbbbbbbbbbbbbbb");
  EXPECT_EQ(creative->units(), 5);
  ASSERT_TRUE(creative->video("v"));
  EXPECT_EQ(creative->video("v")->info.fragments.size(), 5U);
  EXPECT_FALSE(creative->video("w"));
  EXPECT_EQ(creative->audio().frames.size(), 236U);  // 5 s are 234.4 frames; one to spare
}

TEST_F(CreativeTest, SaysWhichFileIsMissing) {
  EXPECT_THAT(error().message, HasSubstr("media.json"));
  test::writeCreative(folder_.path(), profile_, {});
  std::filesystem::remove(folder_.path() / "audio.mp4");
  EXPECT_THAT(error().message, HasSubstr("audio.mp4"));
  EXPECT_EQ(error().code, ErrorCode::kNotFound);
}

TEST_F(CreativeTest, RefusesAnotherRevisionOfTheProfile) {
  test::writeCreative(folder_.path(), profile_, {});
  profile_.revision = 4;
  EXPECT_EQ(error().code, ErrorCode::kConflict);
}

TEST_F(CreativeTest, RefusesUnitsThatAreNotWhole) {
  EXPECT_THAT(loadError({.missingFrames = 1}).message, HasSubstr("unit 7: 29 frames, not 30"));
}

TEST_F(CreativeTest, RefusesUnitsThatDoNotStartWithAKeyFrame) {
  EXPECT_THAT(loadError({.keys = false}).message, HasSubstr("unit 0: does not start with a key frame"));
}

TEST_F(CreativeTest, RefusesAnotherSizeTimescaleOrTooLittleAudio) {
  EXPECT_THAT(loadError({.width = 320}).message, HasSubstr("v.mp4: is 320x360"));
  EXPECT_THAT(loadError({.timescale = 90000}).message, HasSubstr("timescale"));
  EXPECT_THAT(loadError({.audioFrames = 374}).message, HasSubstr("audio.mp4: has 374 frames, needs 375"));
}

TEST_F(CreativeTest, RefusesAnotherFrameRate) {
  test::writeCreative(folder_.path(), profile_, {});
  profile_.fps = {25, 1};
  EXPECT_THAT(error().message, HasSubstr("v.mp4"));
}

TEST_F(CreativeTest, RefusesAWrongNumberOfUnits) {
  test::writeCreative(folder_.path(), profile_, {.units = 8});
  std::string json(test::textOf(test::readFile(folder_.path() / "media.json")));
  json.replace(json.find("\"units\":8"), 9, "\"units\":9");
  test::writeFile(folder_.path() / "media.json", base::view(json));
  EXPECT_THAT(error().message, HasSubstr("8 fragments for 9 units"));
}

TEST_F(CreativeTest, RefusesDocumentsThatLeadOutOfTheFolderOrAreNone) {
  const std::string head = R"({"kind":"media","id":"a","digest":")" + std::string(64, 'a') +
                           R"(","profile":{"id":"test","revision":3},"units":8,"tracks":)";
  for (const std::string& json :
       {std::string("[]"), std::string("{"), std::string(R"({"kind":"creative"})"), std::string(70'000, ' '),
        std::string(100, '['), head + R"({"v":"../v.mp4","audio":"audio.mp4"}})",
        head + R"({"v":"/etc/v.mp4","audio":"audio.mp4"}})", head + R"({"v":7,"audio":"audio.mp4"}})",
        head + R"({"v":"v.mp4"}})", head + "7}"}) {
    EXPECT_THAT(loadError({.json = json}).message, HasSubstr("media.json")) << json.substr(0, 80);
  }
}

TEST_F(CreativeTest, RefusesEmptyFilesAndFolders) {
  test::writeCreative(folder_.path(), profile_, {});
  test::writeFile(folder_.path() / "v.mp4", {});
  EXPECT_THAT(error().message, HasSubstr("v.mp4: empty"));
  std::filesystem::remove(folder_.path() / "v.mp4");
  std::filesystem::create_directory(folder_.path() / "v.mp4");
  EXPECT_THAT(error().message, HasSubstr("v.mp4: empty or not a plain file"));
}

}  // namespace
}  // namespace dvpe::package
