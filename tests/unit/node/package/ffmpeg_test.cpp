// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What we write is taken by somebody else's demuxer and decoder, and we read what somebody else's muxer wrote.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "node/package/cmaf.h"
#include "node/package/placer.h"
#include "node/package/segmenter.h"
#include "tests/unit/node/package/support.h"

namespace dvpe::package {
namespace {

namespace fs = std::filesystem;
using base::Ticks;
using timeline::Grid;

// Both frame rates that matter, encoded once by ffmpeg, converted by our reader and writer into a creative.
class Ffmpeg : public testing::TestWithParam<model::FrameRate> {
 protected:
  void SetUp() override {
    const std::string rate = std::to_string(GetParam().num) + "/" + std::to_string(GetParam().den);
    const auto made =
        test::run("ffmpeg -v error -y -f lavfi -i testsrc2=size=640x360:rate=" + rate +
                  ":duration=6.1 -f lavfi -i sine=frequency=440:sample_rate=48000:duration=6.1 -ac 2 -map 0:v -c:v "
                  "libx264 -preset ultrafast"
                  " -bf 0 -g " +
                  std::to_string(grid_.framesPerUnit()) + " -keyint_min " + std::to_string(grid_.framesPerUnit()) +
                  " -sc_threshold 0 -pix_fmt yuv420p -video_track_timescale 240000"
                  " -movflags +frag_keyframe+empty_moov+default_base_moof " +
                  in("video.mp4") +
                  " -map 1:a -ac 2 -c:a aac -b:a 96k -movflags +frag_keyframe+empty_moov+default_base_moof "
                  "-frag_duration 1000000 " +
                  in("audio.mp4"));
    ASSERT_EQ(made.status, 0) << made.text;
    video_ = test::readFile(in("video.mp4"));
    audio_ = test::readFile(in("audio.mp4"));
    auto video = parseTrackFile(video_);
    auto audio = parseTrackFile(audio_);
    ASSERT_TRUE(video) << video.error().message;
    ASSERT_TRUE(audio) << audio.error().message;
    videoInfo_ = std::move(video.value());
    audioInfo_ = std::move(audio.value());
  }

  std::string in(const std::string& name) const { return (folder_.path() / name).string(); }
  ByteView sample(const Bytes& file, const SampleInfo& s) const { return ByteView(file).subspan(s.offset, s.size); }

  // A folder as the conditioner makes it, of 6 units.
  std::shared_ptr<const Creative> creative() {
    const fs::path to = folder_.path() / "creative";
    fs::create_directories(to);
    Bytes video = initSegment(videoInfo_.config);
    for (int u = 0; u < 6; ++u) {
      const FragmentInfo& f = videoInfo_.fragments[static_cast<std::size_t>(u)];
      std::vector<Sample> samples;
      for (const SampleInfo& s : f.samples) samples.push_back({sample(video_, s), s.duration, s.key});
      writeFragment(video, TrackKind::kVideo, static_cast<std::uint32_t>(u),
                    static_cast<std::uint64_t>((grid_.unit() * u).count()), samples);
    }
    test::writeFile(to / "v.mp4", video);
    std::vector<Sample> samples;
    for (const FragmentInfo& f : audioInfo_.fragments) {
      for (const SampleInfo& s : f.samples) samples.push_back({sample(audio_, s), 1024, true});
    }
    samples.erase(samples.begin());  // priming
    samples.resize(283);             // 6.006 s are 281.5 frames; one to spare
    Bytes audio = initSegment(audioInfo_.config);
    writeFragment(audio, TrackKind::kAudio, 0, 0, samples);
    test::writeFile(to / "audio.mp4", audio);
    test::writeFile(
        to / "media.json",
        base::view(R"({"kind":"media","id":"real","digest":")" + std::string(64, 'e') +
                   R"(","profile":{"id":"test","revision":3},"units":6,"tracks":{"v":"v.mp4","audio":"audio.mp4"}})"));
    auto loaded = Creative::load(to, test::profileAt(GetParam()));
    EXPECT_TRUE(loaded) << loaded.error().message;
    return loaded ? loaded.value() : nullptr;
  }

  // Times and durations of all packets, as ffprobe reads them.
  std::vector<std::array<std::int64_t, 3>> packets(const std::string& file) const {
    const auto out = test::run("ffprobe -v error -show_entries packet=pts,dts,duration -of csv=p=0 " + file);
    EXPECT_EQ(out.status, 0) << out.text;
    std::vector<std::array<std::int64_t, 3>> packets;
    std::istringstream lines(out.text);
    for (std::string line; std::getline(lines, line);) {
      std::array<std::int64_t, 3> p{};
      char comma = 0;
      std::istringstream fields(line);
      fields >> p[0] >> comma >> p[1] >> comma;
      if (!fields) ADD_FAILURE() << "ffprobe: " << line;
      fields >> p[2];  // "N/A" leaves 0
      packets.push_back(p);
    }
    return packets;
  }
  // Decodes all of it and expects not one complaint.
  void expectDecodes(const std::string& file, std::size_t frames) const {
    const auto out = test::run("ffmpeg -v warning -err_detect explode -copyts -i " + file + " -f null -");
    EXPECT_EQ(out.status, 0);
    EXPECT_EQ(out.text, "");
    const auto count =
        test::run("ffprobe -v error -count_frames -show_entries stream=nb_read_frames -of csv=p=0 " + file);
    EXPECT_EQ(count.text, std::to_string(frames) + "\n");
  }

  test::TemporaryFolder folder_;
  Grid grid_{GetParam()};
  Bytes video_, audio_;
  TrackFile videoInfo_, audioInfo_;
};

INSTANTIATE_TEST_SUITE_P(FrameRates, Ffmpeg, testing::Values(model::FrameRate{30, 1}, model::FrameRate{30000, 1001}),
                         [](const auto& rate) { return rate.param.den == 1 ? "At30" : "At2997"; });

TEST_P(Ffmpeg, FilesOfItsMuxerAreRead) {
  EXPECT_EQ(videoInfo_.config.kind, TrackKind::kVideo);
  EXPECT_EQ(videoInfo_.config.width, 640);
  EXPECT_EQ(videoInfo_.config.timescale, kVideoTimescale);
  ASSERT_GE(videoInfo_.fragments.size(), 6U);
  for (std::size_t u = 0; u < 6; ++u) {
    EXPECT_EQ(videoInfo_.fragments[u].samples.size(), static_cast<std::size_t>(grid_.framesPerUnit()));
    EXPECT_TRUE(videoInfo_.fragments[u].samples[0].key);
    EXPECT_FALSE(videoInfo_.fragments[u].samples[1].key);
  }
  EXPECT_EQ(audioInfo_.config.kind, TrackKind::kAudio);
  EXPECT_EQ(audioInfo_.config.timescale, kAudioTimescale);
  EXPECT_GE(audioInfo_.fragments.size(), 5U);
}

// Programme, two cells of a creative (the second one cut inside a unit), programme: all from one init segment, at an
// odd start frame months after the epoch.
TEST_P(Ffmpeg, PlaysProgrammeAndPlacedCellsAsOneStream) {
  const auto c = creative();
  ASSERT_TRUE(c);
  const int perUnit = grid_.framesPerUnit();
  const Ticks start = grid_.frame() * 843'210'987;
  const std::vector<Ticks> cuts{start, start + grid_.unit() * 2, start + grid_.unit() * 6,
                                start + grid_.unit() * 7 + grid_.frame() * 13,
                                start + grid_.unit() * 9 + grid_.frame() * 13};
  Bytes video = initSegment(videoInfo_.config);
  Bytes audio = initSegment(audioInfo_.config);
  const auto append = [](Bytes& to, const base::Result<Bytes>& segment) {
    ASSERT_TRUE(segment) << segment.error().message;
    to.insert(to.end(), segment.value().begin(), segment.value().end());
  };
  const auto programme = [&](Ticks from, Ticks to) {
    SegmentWriter w(grid_);
    w.begin(from);
    std::int64_t i = 0;
    for (Ticks at = from; at < to; at += grid_.frame(), ++i) {
      const SampleInfo& s =
          videoInfo_.fragments[static_cast<std::size_t>(i / perUnit)].samples[static_cast<std::size_t>(i % perUnit)];
      const ByteView data = sample(video_, s);
      EXPECT_TRUE(w.add(at, Bytes(data.begin(), data.end()), s.key));
    }
    append(video, w.finish(to));
    std::vector<ByteView> frames;
    for (std::int64_t slot = Grid::audioSlot(from); slot < Grid::audioSlot(to); ++slot) {
      frames.push_back(c->audio().bytes(c->audio().frames[frames.size()]));
    }
    append(audio, buildAudioSegment(Grid::audioSlot(from), frames));
  };
  const auto placed = [&](Ticks from, Ticks to, Piece piece) {
    append(video, placeVideo(grid_, "v", from, to, {&piece, 1}));
    append(audio, placeAudio(grid_, from, to, {&piece, 1}));
  };
  programme(cuts[0], cuts[1]);
  placed(cuts[1], cuts[2], {c.get(), 0, 4});
  placed(cuts[2], cuts[3], {c.get(), 4, 2});
  programme(cuts[3], cuts[4]);
  test::writeFile(in("whole-video.mp4"), video);
  test::writeFile(in("whole-audio.mp4"), audio);

  const auto pictures = packets(in("whole-video.mp4"));
  ASSERT_EQ(pictures.size(), static_cast<std::size_t>((cuts[4] - start) / grid_.frame()));
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const std::int64_t at = (start + grid_.frame() * static_cast<std::int64_t>(i)).count();
    ASSERT_EQ(pictures[i], (std::array<std::int64_t, 3>{at, at, grid_.frame().count()})) << i;
  }
  const auto sound = packets(in("whole-audio.mp4"));
  ASSERT_EQ(sound.size(), static_cast<std::size_t>(Grid::audioSlot(cuts[4]) - Grid::audioSlot(start)));
  for (std::size_t i = 0; i < sound.size(); ++i) {
    const std::int64_t at = (Grid::audioSlot(start) + static_cast<std::int64_t>(i)) * 1024;
    const std::int64_t duration =
        i == 0 ? 0 : 1024;  // ffprobe knows none of a first AAC packet, its own files' neither
    ASSERT_EQ(sound[i], (std::array<std::int64_t, 3>{at, at, duration})) << i;
  }
  expectDecodes(in("whole-video.mp4"), pictures.size());
  expectDecodes(in("whole-audio.mp4"), sound.size());
}

TEST_P(Ffmpeg, SeesTheColourAndFormatThatTheInitSegmentSays) {
  const auto c = creative();
  ASSERT_TRUE(c);
  const auto video = test::run(
      "ffprobe -v error -show_entries stream=codec_name,width,height,color_range,color_space,color_transfer,"
      "color_primaries,sample_aspect_ratio -of csv=p=0 " +
      in("creative/v.mp4"));
  EXPECT_EQ(video.text, "h264,640,360,1:1,tv,bt709,bt709,bt709\n");
  const auto audio =
      test::run("ffprobe -v error -show_entries stream=codec_name,profile,sample_rate,channels -of csv=p=0 " +
                in("creative/audio.mp4"));
  EXPECT_EQ(audio.text, "aac,LC,48000,2\n");
}

}  // namespace
}  // namespace dvpe::package
