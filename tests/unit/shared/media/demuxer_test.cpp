// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <gmock/gmock.h>

#include "shared/media/demuxer.h"
#include "shared/media/h264.h"
#include "tests/unit/shared/media/clips.h"

namespace dvpe::media {
namespace {

using base::ErrorCode;
using testing::ffmpeg;
using ::testing::HasSubstr;
using testing::TempFolder;
using testing::writeFile;

constexpr const char* kSource = "-f lavfi -i testsrc2=s=320x180:r=25:d=2 -f lavfi -i sine=440:r=48000:d=2 ";
constexpr const char* kCodecs = "-c:v libx264 -preset superfast -bf 0 -c:a aac -ac 2 ";

// Reads to the end; decodes what it can; gives pictures and sample pairs.
std::pair<int, int> decodeAll(Demuxer& file) {
  std::unique_ptr<VideoDecoder> video;
  std::unique_ptr<AudioDecoder> audio;
  for (const StreamInfo& s : file.streams()) {
    if (s.kind == StreamKind::kVideo) {
      auto made = makeVideoDecoder(s);
      EXPECT_TRUE(made) << made.error().message;
      video = std::move(made.value());
    } else if (s.kind == StreamKind::kAudio) {
      auto made = makeAudioDecoder(s);
      EXPECT_TRUE(made) << made.error().message;
      audio = std::move(made.value());
    }
  }
  int pictures = 0, samples = 0;
  const auto drain = [&] {
    for (auto p = video->receive(); p.value(); p = video->receive()) {
      ++pictures;
    }
  };
  while (true) {
    auto packet = file.read();
    EXPECT_TRUE(packet) << packet.error().message;
    if (!packet || !packet.value()) {
      break;
    }
    const DemuxedPacket& p = *packet.value();
    if (file.streams()[static_cast<std::size_t>(p.stream)].kind == StreamKind::kVideo) {
      EXPECT_TRUE(video->decode(p.data, p.pts, p.dts, p.key));
      drain();
    } else {
      auto got = audio->decode(p.data);
      EXPECT_TRUE(got);
      samples += static_cast<int>(got.value().size() / 2);
    }
  }
  video->flush();
  drain();
  return {pictures, samples};
}

class Containers : public ::testing::TestWithParam<const char*> {};

TEST_P(Containers, GiveTheSamePicturesAndSoundFromEachOfThem) {
  const TempFolder folder;
  const std::string path = folder / (std::string("clip.") + GetParam());
  const bool webm = GetParam() == std::string("webm");
  ASSERT_TRUE(ffmpeg(std::string(kSource) + (webm ? "-c:v libvpx -deadline realtime -c:a libopus " : kCodecs) + path));
  auto file = openFile(path);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file.value()->streams().size(), 2U);
  const StreamInfo& video = file.value()->streams()[0];
  EXPECT_EQ(video.width, 320);
  EXPECT_EQ(video.frameRateNum, 25 * video.frameRateDen);
  if (!webm) {
    EXPECT_EQ(video.codec, "h264");
    EXPECT_TRUE(parseAvcc(video.config));
    const auto asc = parseAudioSpecificConfig(file.value()->streams()[1].config);
    ASSERT_TRUE(asc);
    EXPECT_TRUE(asc.value().passable());
  }
  EXPECT_NEAR(base::seconds(file.value()->duration()), 2.0, 0.1);
  const auto [pictures, samples] = decodeAll(*file.value());
  EXPECT_EQ(pictures, 50);
  EXPECT_NEAR(samples, 96000, 3000);
  ASSERT_TRUE(file.value()->rewind());
  EXPECT_EQ(decodeAll(*file.value()).first, 50);
}
INSTANTIATE_TEST_SUITE_P(All, Containers, ::testing::Values("mp4", "mov", "mkv", "flv", "ts", "webm"),
                         [](const auto& p) { return std::string(p.param); });

TEST(Demuxer, ReadsCaptions) {
  const TempFolder folder;
  writeFile(folder / "c.vtt",
            "WEBVTT\n\n00:01.000 --> 00:02.500\nHello <b>there</b>\n\n00:03.000 --> 00:04.000\nBye\n");
  auto file = openFile(folder / "c.vtt");
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file.value()->streams().size(), 1U);
  EXPECT_EQ(file.value()->streams()[0].kind, StreamKind::kText);
  auto cue = file.value()->read();
  ASSERT_TRUE(cue && cue.value());
  EXPECT_EQ(cue.value()->pts, base::Ticks{240000});
  EXPECT_EQ(cue.value()->duration, base::Ticks{360000});
  EXPECT_EQ(std::string(cue.value()->data.begin(), cue.value()->data.end()), "Hello <b>there</b>");
}

TEST(Demuxer, RefusesTextThatNamesOtherFiles) {
  const TempFolder folder;
  ASSERT_TRUE(ffmpeg(std::string(kSource) + kCodecs + folder / "real.ts"));
  const std::pair<const char*, std::string> hostile[] = {
      {"hls.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nreal.ts\n#EXT-X-ENDLIST\n"},
      {"spaced.mp4", "\n\n#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd\n"},
      {"concat.mp4", "ffconcat version 1.0\nfile real.ts\n"},
      {"dash.mp4", "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"></MPD>"},
      {"script.mp4", "file 'real.ts'\n"},
      {"sdp.mp4", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"}};
  for (const auto& [name, text] : hostile) {
    writeFile(folder / name, text);
    const auto file = openFile(folder / name);
    ASSERT_FALSE(file) << name;
    EXPECT_THAT(file.error().message,
                ::testing::AnyOf(HasSubstr("names other files"), HasSubstr("not a media container")))
        << name;
  }
}

TEST(Demuxer, RefusesPicturesAndNamesThatAreProtocols) {
  const TempFolder folder;
  ASSERT_TRUE(ffmpeg("-f lavfi -i color=red:s=64x64 -frames:v 1 " + folder / "p001.png"));
  EXPECT_FALSE(openFile(folder / "p001.png"));
  EXPECT_FALSE(openFile(folder / "p%03d.png"));
  EXPECT_FALSE(openFile("concat:" + folder / "p001.png"));
  EXPECT_FALSE(openFile("http://127.0.0.1/x.mp4"));
  EXPECT_FALSE(openFile("/dev/zero"));
  EXPECT_FALSE(openFile(folder.path()));
  writeFile(folder / "empty.mp4", "");
  const auto empty = openFile(folder / "empty.mp4");
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().message, HasSubstr("empty"));
  const auto missing = openFile(folder / "none.mp4");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
}

TEST(Demuxer, EndsCleanlyOnEveryKindOfDamage) {
  const TempFolder folder;
  ASSERT_TRUE(ffmpeg(std::string(kSource) + kCodecs + folder / "a.mp4"));
  std::ifstream in(folder / "a.mp4", std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  for (int round = 0; round < 40; ++round) {
    std::string damaged = whole;
    for (int i = 0; i < 30; ++i) {
      damaged[(static_cast<std::size_t>(round) * 7919 + static_cast<std::size_t>(i) * 104729) % damaged.size()] ^=
          static_cast<char>(1 << (i % 8));
    }
    if (round % 4 == 0) {
      damaged.resize(damaged.size() * static_cast<std::size_t>(round) / 44);
    }
    writeFile(folder / "b.mp4", damaged);
    auto file = openFile(folder / "b.mp4");
    if (!file) {
      continue;
    }
    for (int i = 0; i < 500; ++i) {
      auto packet = file.value()->read();
      if (!packet || !packet.value()) {
        break;
      }
    }
  }
}

}  // namespace
}  // namespace dvpe::media
