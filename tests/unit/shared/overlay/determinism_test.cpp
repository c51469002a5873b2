// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "shared/overlay/text_engine.h"
#include "tests/unit/shared/overlay/sample.h"

namespace dvpe::overlay {
namespace {

// What another process of this program prints for the sample, with these variables set: its digest, and then the CPU
// features that Qt saw.
std::string printedElsewhere(const std::string& variables, const std::filesystem::path& assets) {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  FILE* pipe = popen((variables + " '" + program + "' --digest '" + assets.string() + "' 2>&1").c_str(), "r");
  std::string out;
  std::array<char, 4096> buffer{};
  while (std::fgets(buffer.data(), buffer.size(), pipe)) out += buffer.data();
  pclose(pipe);
  return out;
}

std::string digestElsewhere(const std::string& variables, const std::filesystem::path& assets) {
  const std::string out = printedElsewhere(variables, assets);
  return out.substr(0, out.find('\n'));
}

class Determinism : public testing::Test {
 protected:
  Determinism() { sample::writeImages(folder_); }
  Sprite here() const { return sample::paint(sample::everything(), 1280, 720, folder_.path()); }
  sample::Folder folder_;
};

TEST_F(Determinism, PaintsTheSameAgainAndThroughAnotherPainter) {
  const auto painter = Painter::create(sample::everything(), folder_.path(), 1280, 720, sample::k30);
  ASSERT_TRUE(painter);
  const Sprite first = painter.value()->paint({}, {});
  ASSERT_FALSE(first.empty());
  EXPECT_EQ(first, painter.value()->paint({}, {}));
  EXPECT_EQ(first, here());
}

TEST_F(Determinism, PaintsTheSameInManyThreadsAtOnce) {
  const auto painter = Painter::create(sample::everything(), folder_.path(), 1280, 720, sample::k30);
  ASSERT_TRUE(painter);
  const Sprite expected = painter.value()->paint({}, {});
  std::vector<Sprite> sprites(4);
  std::vector<std::thread> threads;
  for (auto& sprite : sprites) {
    threads.emplace_back([&sprite, &painter] {
      for (int i = 0; i < 3; ++i) sprite = painter.value()->paint({}, {});
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& sprite : sprites) EXPECT_EQ(sprite, expected);
}

#ifdef DVPE_FEWER_CPU_FEATURES
TEST_F(Determinism, PaintsTheSameWithoutTheProcessorsVectorUnits) {
  const std::string expected = printedElsewhere("", folder_.path());
  ASSERT_EQ(expected.substr(0, expected.find('\n')), sample::digest(here()));
  for (const char* without : {"avx512f", "avx2 avx512f", "sse3 ssse3 sse4.1 sse4.2 avx avx2 avx512f"}) {
    const std::string out = printedElsewhere(
        std::string("LD_PRELOAD='" DVPE_FEWER_CPU_FEATURES "' QT_NO_CPU_FEATURE='") + without + "'", folder_.path());
    EXPECT_EQ(out.substr(0, out.find('\n')), sample::digest(here())) << without;
    // Any x86-64 has some of the last list: Qt must have seen less than before, or this test shows nothing.
    if (std::string(without).starts_with("sse3")) {
      EXPECT_NE(out, expected);
    }
  }
}
#endif

TEST_F(Determinism, PaintsTheSameWhateverTheHostSaysAboutFontsScreensAndLanguage) {
  const std::string expected = sample::digest(here());
  EXPECT_EQ(digestElsewhere("FONTCONFIG_FILE=/etc/fonts/fonts.conf QT_FONT_DPI=144 QT_SCALE_FACTOR=2 LANG=ar_SA.UTF-8 "
                            "LC_ALL=tr_TR.UTF-8 TZ=Asia/Tokyo",
                            folder_.path()),
            expected);
}

TEST_F(Determinism, RefusesASecondTextEngine) {
  const auto second = TextEngine::create(DVPE_BINARY_DIR "/resources/fonts");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::ErrorCode::kConflict);
  EXPECT_TRUE(TextEngine::running());
  EXPECT_EQ(TextEngine::create("/nonexistent").error().code, base::ErrorCode::kNotFound);
}

}  // namespace
}  // namespace dvpe::overlay
