// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/condition/condition.h"

#include <gmock/gmock.h>

#include "node/package/creative.h"
#include "shared/media/h264.h"
#include "shared/media/video.h"
#include "tests/unit/node/condition/files.h"

namespace dvpe::condition {
namespace {

using base::ErrorCode;
using testing::ffmpeg;
using ::testing::HasSubstr;
using testing::smallProfile;
using testing::TempFolder;

constexpr const char* kFast = " -c:v libx264 -preset ultrafast -c:a aac ";

ConditionOptions optionsFor(const TempFolder& folder, const std::string& file) {
  std::filesystem::create_directories(folder / "out");
  ConditionOptions o;
  o.file = folder / file;
  o.id = "spot";
  o.profile = smallProfile();
  o.outFolder = folder / "out";
  return o;
}

// A clip with a tone, of this length, at 25 fps.
std::string tone(const std::string& seconds, const std::string& size = "640x360") {
  return "-f lavfi -i testsrc2=s=" + size + ":r=25:d=" + seconds + " -f lavfi -i sine=440:r=44100:d=" + seconds;
}

ConditionReport conditioned(const ConditionOptions& options) {
  auto report = condition(options);
  EXPECT_TRUE(report) << report.error().message;
  return report ? report.value() : ConditionReport{};
}

TEST(Conditioner, MakesWholeUnitsThatThePackagerTakes) {
  const TempFolder folder;
  ASSERT_TRUE(ffmpeg(tone("7.4") + kFast + folder / "in.mp4"));
  std::vector<double> progress;
  auto options = optionsFor(folder, "in.mp4");
  options.progress = [&](double p) { progress.push_back(p); };
  const ConditionReport report = conditioned(options);
  EXPECT_EQ(report.units, 8);
  EXPECT_NEAR(report.paddedMs, 600, 50);
  EXPECT_EQ(report.trimmedMs, 0);
  EXPECT_TRUE(report.hasAudio);
  EXPECT_EQ(report.source, "in.mp4");
  EXPECT_EQ(progress.back(), 1.0);
  EXPECT_TRUE(std::is_sorted(progress.begin(), progress.end()));

  auto creative = package::Creative::load(report.folder, options.profile);
  ASSERT_TRUE(creative) << creative.error().message;
  EXPECT_EQ(creative.value()->units(), 8);
  EXPECT_EQ(creative.value()->digest(), report.digest);
  for (const model::Rung& rung : options.profile.rungs) {
    const auto* track = creative.value()->video(rung.name);
    EXPECT_EQ(track->info.config.config, media::h264Parameters(rung, options.profile.fps).value());
    for (const auto& fragment : track->info.fragments) {
      EXPECT_LE(static_cast<double>(fragment.size) * 8, 1.5 * static_cast<double>(rung.maxrate));
      int keys = 0;
      for (const auto& sample : fragment.samples) {
        keys += sample.key ? 1 : 0;
        auto nals = media::splitLengthPrefixed(track->bytes(sample), 4);
        ASSERT_TRUE(nals);
        for (const auto nal : nals.value()) {
          EXPECT_EQ(nal[0] & 31, sample.key ? 5 : 1);
        }
      }
      EXPECT_EQ(keys, 1);
    }
  }
  // ceil(8 * 240000 / 5120) + 1
  EXPECT_EQ(creative.value()->audio().frames.size(), 376U);
}

TEST(Conditioner, ItsFilesDecodeElsewhereWithoutAnError) {
  const TempFolder folder;
  ASSERT_TRUE(ffmpeg(tone("3.05") + kFast + folder / "in.mp4"));
  const ConditionReport report = conditioned(optionsFor(folder, "in.mp4"));
  EXPECT_EQ(report.units, 3);
  EXPECT_NEAR(report.trimmedMs, 50, 30);
  for (const char* name : {"v360.mp4", "v180.mp4"}) {
    const std::string path = report.folder + "/" + name;
    EXPECT_EQ(testing::outputOf("ffmpeg -nostdin -v warning -xerror -i " + path + " -f null -"), "") << name;
    EXPECT_THAT(testing::outputOf("ffprobe -v error -count_frames -show_entries stream=nb_read_frames,r_frame_rate,"
                                  "profile,color_space -of csv=p=0 " +
                                  path),
                ::testing::AllOf(HasSubstr("High"), HasSubstr("bt709"), HasSubstr("30/1"), HasSubstr("90")));
  }
  EXPECT_EQ(testing::outputOf("ffmpeg -nostdin -v warning -xerror -i " + report.folder + "/audio.mp4 -f null -"), "");
  EXPECT_NEAR(testing::ebur128(report.folder + "/audio.mp4"), -23.0, 1.0);
}

TEST(Conditioner, KeepsPicturesAndSoundInStep) {
  // From 1 s on white and loud, before it black and silent.
  const TempFolder folder;
  ASSERT_TRUE(
      ffmpeg("-f lavfi -i \"color=black:s=320x180:r=30:d=2,drawbox=c=white:t=fill:enable='gte(t,1)'\" "
             "-f lavfi -i \"aevalsrc='if(gte(t,1),0.3*sin(2*PI*1000*t),0)':s=48000:d=2:c=stereo\"" +
             std::string(kFast) + folder / "in.mp4"));
  const ConditionReport report = conditioned(optionsFor(folder, "in.mp4"));
  ASSERT_EQ(report.units, 2);
  ASSERT_TRUE(ffmpeg("-i " + report.folder + "/v180.mp4 -f rawvideo -pix_fmt gray " + folder / "v.raw"));
  ASSERT_TRUE(ffmpeg("-i " + report.folder + "/audio.mp4 -f f32le -ac 2 " + folder / "a.raw"));
  const base::Bytes video = testing::readFile(folder / "v.raw");
  const base::Bytes sound = testing::readFile(folder / "a.raw");
  std::size_t white = 0;
  while (white < 60 && video[white * 320 * 180 + 320 * 90] < 128) {
    ++white;
  }
  EXPECT_EQ(white, 30U);
  const auto* samples = reinterpret_cast<const float*>(sound.data());
  std::size_t loud = 0;
  while (loud < sound.size() / 8 && std::abs(samples[2 * loud]) < 0.05F) {
    ++loud;
  }
  EXPECT_NEAR(static_cast<double>(loud), 48000, 100);
}

TEST(Conditioner, TheSameSourceGivesTheSameDigestAndFolder) {
  const TempFolder folder;
  ASSERT_TRUE(ffmpeg(tone("1", "320x180") + kFast + folder / "in.mp4"));
  auto options = optionsFor(folder, "in.mp4");
  const ConditionReport first = conditioned(options);
  options.id = "other-name";
  const ConditionReport second = conditioned(options);
  EXPECT_EQ(first.digest, second.digest);
  EXPECT_EQ(first.folder, second.folder);
  const auto said = readReport(second.folder);
  ASSERT_TRUE(said) << said.error().message;
  EXPECT_EQ(said.value().id, "other-name");
  EXPECT_EQ(said.value().digest, first.digest);
  ASSERT_TRUE(said.value().loudness && second.loudness);
  EXPECT_NEAR(*said.value().loudness, *second.loudness, 0.01);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(options.outFolder), {}), 1)
      << "something was left behind";
  base::Bytes all;
  for (const char* name : {"audio.mp4", "v180.mp4", "v360.mp4"}) {
    const base::Bytes part = testing::readFile(first.folder + "/" + name);
    all.insert(all.end(), part.begin(), part.end());
  }
  EXPECT_EQ(base::sha256(all), first.digest);
}

TEST(Conditioner, PutsSilenceWhereThereIsNoSound) {
  const TempFolder folder;
  ASSERT_TRUE(ffmpeg("-f lavfi -i testsrc2=s=320x180:r=30:d=1 -an -c:v libx264 " + folder / "in.mp4"));
  const ConditionReport report = conditioned(optionsFor(folder, "in.mp4"));
  EXPECT_FALSE(report.hasAudio);
  EXPECT_FALSE(report.loudness);
  EXPECT_FALSE(report.notes.empty());
  EXPECT_TRUE(package::Creative::load(report.folder, smallProfile()));
}

TEST(Conditioner, TakesOtherContainersAndCodecs) {
  const TempFolder folder;
  ASSERT_TRUE(ffmpeg(tone("1", "320x240") + " -c:v libvpx -deadline realtime -c:a libopus " + folder / "in.webm"));
  ASSERT_TRUE(ffmpeg(tone("1", "320x240") + " -c:v libx264 -bf 2 -c:a aac " + folder / "in.ts"));
  for (const char* name : {"in.webm", "in.ts"}) {
    const ConditionReport report = conditioned(optionsFor(folder, name));
    EXPECT_EQ(report.units, 1) << name;
    EXPECT_EQ(report.damagedPackets, 0) << name;
    EXPECT_TRUE(report.loudness) << name;
  }
}

TEST(Conditioner, WorksOnADropFrameProfile) {
  const TempFolder folder;
  ASSERT_TRUE(ffmpeg(tone("2.002", "320x180") + kFast + folder / "in.mp4"));
  auto options = optionsFor(folder, "in.mp4");
  options.profile.fps = {30000, 1001};
  const ConditionReport report = conditioned(options);
  EXPECT_EQ(report.units, 2);
  const auto creative = package::Creative::load(report.folder, options.profile);
  ASSERT_TRUE(creative) << creative.error().message;
}

// Noise cannot be compressed: x264's buffer model is all that stands against it.
TEST(Conditioner, KeepsEachUnitOfNoiseUnderThePromisedBandwidthOrRefuses) {
  const TempFolder folder;
  ASSERT_TRUE(
      ffmpeg("-f lavfi -i 'nullsrc=s=640x360:r=30:d=2,geq=random(1)*255:128:128' -c:v libx264 -preset ultrafast "
             "-qp 4 " +
             folder / "in.mp4"));
  auto options = optionsFor(folder, "in.mp4");
  options.profile.rungs.resize(1);
  options.profile.rungs[0].maxrate = 200'000;
  const ConditionReport report = conditioned(options);
  const auto creative = package::Creative::load(report.folder, options.profile);
  ASSERT_TRUE(creative) << creative.error().message;
  for (const auto& fragment : creative.value()->video("v360")->info.fragments) {
    EXPECT_LE(fragment.size * 8, 300'000U);
    EXPECT_GE(fragment.size * 8, 100'000U);
  }
  std::filesystem::remove_all(report.folder);

  options.profile.rungs[0].x264 = "qpmax=12";  // takes from the buffer model what it needs
  const auto refused = condition(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimitExceeded);
  EXPECT_THAT(refused.error().message, HasSubstr("bandwidth"));
  EXPECT_TRUE(std::filesystem::is_empty(options.outFolder));
}

TEST(Conditioner, RefusesWhatItCannotUseAndSaysWhy) {
  const TempFolder folder;
  ASSERT_TRUE(ffmpeg("-f lavfi -i sine=440:d=1 -c:a aac " + folder / "sound.mp4"));
  ASSERT_TRUE(ffmpeg("-f lavfi -i color=red:s=8x8:r=25:d=1 -c:v libx264 " + folder / "tiny.mp4"));
  ASSERT_TRUE(ffmpeg("-f lavfi -i color=red:s=32x32:r=1:d=602 -c:v libx264 -preset ultrafast " + folder / "long.mp4"));
  ASSERT_TRUE(
      ffmpeg("-f lavfi -i color=red:s=4200x64:r=25:d=0.2 -c:v libx264 -preset ultrafast " + folder / "wide.mp4"));
  ASSERT_TRUE(ffmpeg(tone("1", "320x180") + " -c:v flv1 -c:a aac " + folder / "old.mkv"));
  ASSERT_TRUE(ffmpeg(tone("1", "320x180") + kFast + "-movflags +faststart " + folder / "good.mp4"));
  testing::writeFile(folder / "empty.mp4", "");
  testing::writeFile(folder / "text.mp4", "hello, this is not a film");
  testing::writeFile(folder / "list.mp4", "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n");
  testing::writeFile(folder / "concat.mp4", "ffconcat version 1.0\nfile good.mp4\n");
  const base::Bytes good = testing::readFile(folder / "good.mp4");
  std::string noise(good.begin(), good.end());
  for (std::size_t i = noise.find("mdat") + 8; i < noise.size(); ++i) {
    noise[i] = static_cast<char>(i * 2654435761U >> 13);
  }
  testing::writeFile(folder / "noise.mp4", noise);

  const std::tuple<const char*, ErrorCode, const char*> cases[] = {
      {"missing.mp4", ErrorCode::kNotFound, "No such file"},
      {"empty.mp4", ErrorCode::kInvalidInput, "empty"},
      {"text.mp4", ErrorCode::kUnsupported, "container"},
      {"list.mp4", ErrorCode::kRefused, "names other files"},
      {"concat.mp4", ErrorCode::kRefused, "names other files"},
      {"sound.mp4", ErrorCode::kUnsupported, "no video"},
      {"tiny.mp4", ErrorCode::kLimitExceeded, "16x16"},
      {"wide.mp4", ErrorCode::kLimitExceeded, "over the limit"},
      {"long.mp4", ErrorCode::kLimitExceeded, "10 minutes"},
      {"old.mkv", ErrorCode::kUnsupported, "'flv1' is not supported"},
      {"noise.mp4", ErrorCode::kInvalidInput, ""}};
  for (const auto& [name, code, words] : cases) {
    const auto options = optionsFor(folder, name);
    const auto refused = conditionSandboxed(options);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, code) << name << ": " << refused.error().message;
    EXPECT_THAT(refused.error().message, HasSubstr(words)) << name;
    EXPECT_TRUE(std::filesystem::is_empty(options.outFolder)) << name << " left something behind";
  }
}

TEST(Conditioner, InTheSandboxItGivesWhatItGivesOutsideOfIt) {
  const TempFolder folder;
  ASSERT_TRUE(ffmpeg(tone("2", "320x180") + kFast + folder / "in.mp4"));
  auto options = optionsFor(folder, "in.mp4");
  const auto inside = conditionSandboxed(options);
  ASSERT_TRUE(inside) << inside.error().message;
  EXPECT_TRUE(package::Creative::load(inside.value().folder, options.profile));
  std::filesystem::remove_all(inside.value().folder);
  const ConditionReport outside = conditioned(options);
  EXPECT_EQ(inside.value().digest, outside.digest);
  EXPECT_EQ(inside.value().folder, outside.folder);
  EXPECT_EQ(inside.value().units, outside.units);
}

TEST(Conditioner, RefusesNamesThatAreNotNames) {
  const TempFolder folder;
  auto options = optionsFor(folder, "in.mp4");
  options.id = "../x";
  EXPECT_FALSE(condition(options));
  options = optionsFor(folder, "in.mp4");
  options.profile.rungs[0].name = "audio";
  EXPECT_FALSE(condition(options));
  options = optionsFor(folder, "in.mp4");
  options.outFolder = folder / "none";
  EXPECT_FALSE(condition(options));
}

TEST(Slate, IsACreativeOfFourUnits) {
  const TempFolder folder;
  for (const auto fps : {model::FrameRate{30, 1}, model::FrameRate{60000, 1001}}) {
    auto profile = smallProfile();
    profile.fps = fps;
    const auto report = conditionSlate(profile, "slate", folder.path());
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report.value().units, 4);
    const auto creative = package::Creative::load(report.value().folder, profile);
    ASSERT_TRUE(creative) << creative.error().message;
    EXPECT_EQ(
        testing::outputOf("ffmpeg -nostdin -v warning -xerror -i " + report.value().folder + "/v360.mp4 -f null -"),
        "");
  }
}

}  // namespace
}  // namespace dvpe::condition
