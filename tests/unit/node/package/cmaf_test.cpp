// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/package/cmaf.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/node/package/support.h"

namespace dvpe::package {
namespace {

using base::ErrorCode;
using test::outline;

struct Pictures {
  std::vector<std::string> texts;
  std::vector<Sample> samples;
};

Pictures pictures(int count, std::uint32_t duration = 8000) {
  Pictures p;
  for (int i = 0; i < count; ++i) p.texts.push_back("picture " + std::to_string(i));
  for (const std::string& t : p.texts) p.samples.push_back({base::view(t), duration, p.samples.empty()});
  return p;
}

TrackConfig video() { return {TrackKind::kVideo, test::someAvcc(), 1280, 720, kVideoTimescale}; }
TrackConfig audio() { return {TrackKind::kAudio, test::stereoAsc(), 0, 0, kAudioTimescale}; }

// An init segment and two fragments: 3 pictures and 2, at a time beyond 32 bits.
Bytes smallFile() {
  Bytes file = initSegment(video());
  writeFragment(file, TrackKind::kVideo, 7, 6'720'000'000'000, pictures(3).samples);
  writeFragment(file, TrackKind::kVideo, 8, 6'720'000'024'000, pictures(2).samples);
  return file;
}

void put32(Bytes& b, std::size_t at, std::uint32_t v) {
  for (std::size_t i = 0; i < 4; ++i) b[at + i] = static_cast<std::uint8_t>(v >> (24 - 8 * i));
}
std::size_t find(const Bytes& b, std::string_view type) {
  const auto at = test::textOf(b).find(type);
  EXPECT_NE(at, std::string_view::npos) << type;
  return at - 4;  // where the box starts
}

TEST(InitSegment, HasTheBoxesOfCmafInOneOrder) {
  EXPECT_EQ(
      outline(initSegment(video())),
      "ftyp moov(mvhd trak(tkhd mdia(mdhd hdlr minf(vmhd dinf(dref) stbl(stsd stts stsc stsz stco)))) mvex(trex))");
  EXPECT_EQ(
      outline(initSegment(audio())),
      "ftyp moov(mvhd trak(tkhd mdia(mdhd hdlr minf(smhd dinf(dref) stbl(stsd stts stsc stsz stco)))) mvex(trex))");
}

// The bytes that every segment of a channel was made for: a change here breaks what players hold. Change it only with a
// new revision of all profiles.
TEST(InitSegment, IsTheSameToTheByteAsEver) {
  EXPECT_EQ(base::sha256(initSegment(video())), "343b788bb46114cf6f8459c3aa8147c80391cc4584cbe4135f8a0b96d63dc74d");
  EXPECT_EQ(base::sha256(initSegment(audio())), "15ca05dccb6cb7a3dbe149ca9b5e11f074347e6edddfbd0d0a4c522774b0538c");
}

TEST(InitSegment, CarriesLimitedRangeBt709) {
  const Bytes init = initSegment(video());
  const std::size_t at = find(init, "colr") + 8;
  const Bytes expected{'n', 'c', 'l', 'x', 0, 1, 0, 1, 0, 1, 0};
  EXPECT_EQ(Bytes(init.begin() + static_cast<std::ptrdiff_t>(at), init.begin() + static_cast<std::ptrdiff_t>(at) + 11),
            expected);
}

TEST(InitSegment, ReadsBackAsWhatWasWritten) {
  for (const TrackConfig& track : {video(), audio()}) {
    const Bytes init = initSegment(track);
    const auto file = parseTrackFile(init);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file.value().config, track);
    EXPECT_EQ(file.value().initSize, init.size());
    EXPECT_FALSE(file.value().edited);
    EXPECT_TRUE(file.value().fragments.empty());
  }
}

TEST(Fragment, IsOneMoofAndOneMdatToTheByteAsEver) {
  Bytes segment;
  appendSegmentType(segment);
  writeFragment(segment, TrackKind::kVideo, 7, 6'720'000'000'000, pictures(3).samples);
  EXPECT_EQ(outline(segment), "styp moof(mfhd traf(tfhd tfdt trun)) mdat");
  EXPECT_EQ(base::sha256(segment), "8256475809b3710cf012c5fe032894b26d051f513da2fb99c833eb40429879c8");
}

TEST(Fragment, ReadsBackWithTimesSizesAndKeys) {
  const Bytes file = smallFile();
  const auto read = parseTrackFile(file);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read.value().fragments.size(), 2U);
  const FragmentInfo& f = read.value().fragments[0];
  EXPECT_EQ(f.sequence, 7U);
  EXPECT_EQ(f.baseTime, 6'720'000'000'000U);
  EXPECT_TRUE(f.wideBaseTime);
  EXPECT_EQ(f.offset + f.size, read.value().fragments[1].offset);
  ASSERT_EQ(f.samples.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(test::textOf(ByteView(file).subspan(f.samples[i].offset, f.samples[i].size)),
              "picture " + std::to_string(i));
    EXPECT_EQ(f.samples[i].key, i == 0);
    EXPECT_EQ(f.samples[i].duration, 8000U);
  }
}

TEST(Fragment, KeepsDurationsAndKeysThatDifferFromSampleToSample) {
  Pictures p = pictures(4);
  p.samples[1].duration = 9000;
  p.samples[2].key = true;
  Bytes segment;
  writeFragment(segment, TrackKind::kVideo, 1, 0, p.samples);
  const auto read = parseSegment(segment);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read.value().size(), 1U);
  const auto& samples = read.value()[0].samples;
  ASSERT_EQ(samples.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(samples[i].duration, i == 1 ? 9000U : 8000U);
    EXPECT_EQ(samples[i].key, i == 0 || i == 2);
    EXPECT_EQ(test::textOf(ByteView(segment).subspan(samples[i].offset, samples[i].size)), p.texts[i]);
  }
}

TEST(Fragment, WithoutSamplesIsNotWritten) {
  Bytes out;
  writeFragment(out, TrackKind::kVideo, 1, 0, {});
  EXPECT_TRUE(out.empty());
}

TEST(Reader, RefusesSizesThatLeadNowhere) {
  for (const char* type : {"moov", "trak", "stsd", "avc1", "moof", "traf", "tfhd", "trun", "mdat"}) {
    for (const std::uint32_t size : {0U, 1U, 2U, 7U, 0x7fffffffU, 0xffffffffU}) {
      Bytes file = smallFile();
      put32(file, find(file, type), size);
      EXPECT_FALSE(parseTrackFile(file)) << type << " of size " << size;
    }
  }
}

TEST(Reader, RefusesAFileThatIsCutAnywhereButBetweenFragments) {
  const Bytes file = smallFile();
  const auto whole = parseTrackFile(file);
  ASSERT_TRUE(whole);
  for (std::size_t n = 0; n < file.size(); ++n) {
    const bool between = n == whole.value().initSize || n == whole.value().fragments[1].offset;
    EXPECT_EQ(parseTrackFile(ByteView(file).first(n)).has_value(), between) << n << " bytes";
  }
}

// Whatever comes out of a damaged file can be used without looking again.
TEST(Reader, GivesOnlySamplesInsideTheFileWhateverByteIsDamaged) {
  const Bytes good = smallFile();
  int accepted = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int value : {0, 1, 8, 0x7f, 0x80, 0xff}) {
      Bytes file = good;
      file[at] = static_cast<std::uint8_t>(value);
      const auto read = parseTrackFile(file);
      if (!read) continue;
      ++accepted;
      for (const FragmentInfo& f : read.value().fragments) {
        ASSERT_LE(f.offset + f.size, file.size());
        ASSERT_LE(f.baseTimeAt + (f.wideBaseTime ? 8 : 4), f.offset + f.size);
        ASSERT_FALSE(f.samples.empty());
        for (const SampleInfo& s : f.samples) ASSERT_LE(s.offset + s.size, f.offset + f.size);
      }
    }
  }
  EXPECT_GT(accepted, 100);  // most bytes are payload or pass unread: the loop did look at results
}

TEST(Reader, SurvivesRandomDamage) {
  const Bytes good = smallFile();
  std::mt19937 random(4711);
  for (int round = 0; round < 20'000; ++round) {
    Bytes file = good;
    for (int i = 0; i < 4; ++i) file[random() % file.size()] = static_cast<std::uint8_t>(random());
    if (random() % 4 == 0) file.resize(random() % file.size());
    const auto read = parseTrackFile(file);
    if (!read) continue;
    for (const FragmentInfo& f : read.value().fragments) {
      for (const SampleInfo& s : f.samples) ASSERT_LE(s.offset + s.size, file.size());
    }
  }
}

TEST(Reader, RefusesMoreSamplesThanARunHasRoomFor) {
  Bytes file = smallFile();
  put32(file, find(file, "trun") + 12, 0xffffffff);
  const auto read = parseTrackFile(file);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kInvalidInput);
}

// Without a field per sample a count costs no bytes: the limit holds, not the box.
TEST(Reader, RefusesCountsThatOnlyTheLimitBounds) {
  Bytes file = smallFile();
  const std::size_t trun = find(file, "trun");
  put32(file, trun + 8, 0x1);
  put32(file, trun + 12, 60'000'000);
  const auto read = parseTrackFile(file);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kLimitExceeded);
}

TEST(Reader, RefusesBoxesNestedBeyondSense) {
  Bytes file = smallFile();
  for (int i = 0; i < 20'000; ++i) {  // moov in moov in moov ...
    Bytes header(8);
    header[4] = 'm', header[5] = 'o', header[6] = 'o', header[7] = 'v';
    file.insert(file.begin(), header.begin(), header.end());
  }
  for (std::size_t i = 0; i < 20'000; ++i) put32(file, i * 8, static_cast<std::uint32_t>(file.size() - i * 8));
  EXPECT_FALSE(parseTrackFile(file));
}

TEST(Reader, RefusesASecondTrackASecondMovieAndAnotherTracksFragments) {
  Bytes two = smallFile();
  const Bytes init = initSegment(video());
  two.insert(two.end(), init.begin(), init.end());
  EXPECT_FALSE(parseTrackFile(two));

  Bytes other = smallFile();
  put32(other, find(other, "tfhd") + 12, 2);
  EXPECT_FALSE(parseTrackFile(other));
}

TEST(Reader, RefusesFragmentsThatAreNotAddressedFromTheirMoof) {
  Bytes file = smallFile();
  put32(file, find(file, "tfhd") + 8, 0x28);
  const auto read = parseTrackFile(file);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kUnsupported);
}

TEST(Reader, RefusesABoxBetweenAMoofAndItsMdat) {
  Bytes file = smallFile();
  const std::size_t at = find(file, "mdat");
  const Bytes free{0, 0, 0, 8, 'f', 'r', 'e', 'e'};
  file.insert(file.begin() + static_cast<std::ptrdiff_t>(at), free.begin(), free.end());
  EXPECT_FALSE(parseTrackFile(file));
}

}  // namespace
}  // namespace dvpe::package
