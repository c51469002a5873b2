// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/package/cmaf.h"

#include <algorithm>
#include <array>

#include "node/package/impl/box_writer.h"
#include "node/package/impl/sample_flags.h"

namespace dvpe::package {
namespace {

using impl::BoxWriter;
using Box = impl::BoxWriter::Box;

constexpr std::size_t kMaxSamples = 65'536;
constexpr std::size_t kMaxPayload = std::size_t{1} << 30;

void matrix(BoxWriter& w) {
  for (const std::uint32_t v : {0x00010000U, 0U, 0U, 0U, 0x00010000U, 0U, 0U, 0U, 0x40000000U}) w.u32(v);
}

void movieHeader(BoxWriter& w, std::uint32_t timescale) {
  const Box mvhd(w, "mvhd", 0, 0);
  w.u32(0);  // creation and modification: never, for the bytes are a function of the profile
  w.u32(0);
  w.u32(timescale);
  w.u32(0);           // duration: unknown, fragments follow
  w.u32(0x00010000);  // rate 1.0
  w.u16(0x0100);      // volume 1.0
  w.zeros(10);
  matrix(w);
  w.zeros(24);
  w.u32(2);  // next track_ID
}

void trackHeader(BoxWriter& w, const TrackConfig& track) {
  const bool video = track.kind == TrackKind::kVideo;
  const Box tkhd(w, "tkhd", 0, 7);  // enabled, in movie, in preview
  w.u32(0);
  w.u32(0);
  w.u32(1);  // track_ID
  w.u32(0);
  w.u32(0);  // duration
  w.zeros(8);
  w.u16(0);                   // layer
  w.u16(0);                   // alternate group
  w.u16(video ? 0 : 0x0100);  // volume
  w.u16(0);
  matrix(w);
  w.u32(video ? static_cast<std::uint32_t>(track.width) << 16 : 0);
  w.u32(video ? static_cast<std::uint32_t>(track.height) << 16 : 0);
}

void videoEntry(BoxWriter& w, const TrackConfig& track) {
  const Box avc1(w, "avc1");
  w.zeros(6);
  w.u16(1);  // data reference
  w.zeros(16);
  w.u16(static_cast<std::uint16_t>(track.width));
  w.u16(static_cast<std::uint16_t>(track.height));
  w.u32(0x00480000);  // 72 dpi
  w.u32(0x00480000);
  w.u32(0);
  w.u16(1);     // one frame per sample
  w.zeros(32);  // compressor name: none
  w.u16(24);    // depth
  w.u16(0xffff);
  {
    const Box avcc(w, "avcC");
    w.bytes(track.config);
  }
  {
    const Box colr(w, "colr");
    w.fourcc("nclx");
    w.u16(1);  // BT.709 primaries, transfer, matrix; limited range
    w.u16(1);
    w.u16(1);
    w.u8(0);
  }
  const Box pasp(w, "pasp");
  w.u32(1);
  w.u32(1);
}

// Descriptors of ISO/IEC 14496-1, 7.2.6, as 14496-14, 5.6 puts them in a file. All are shorter than 128 bytes.
void elementaryStream(BoxWriter& w, ByteView asc) {
  const Box esds(w, "esds", 0, 0);
  const auto specific = static_cast<std::uint8_t>(asc.size());
  w.u8(3);  // ES_Descriptor
  w.u8(static_cast<std::uint8_t>(3 + 2 + 13 + 2 + specific + 3));
  w.u16(0);
  w.u8(0);
  w.u8(4);  // DecoderConfigDescriptor
  w.u8(static_cast<std::uint8_t>(13 + 2 + specific));
  w.u8(0x40);  // audio of ISO/IEC 14496-3
  w.u8(0x15);  // audio stream
  w.zeros(3 + 4 + 4);
  w.u8(5);  // DecoderSpecificInfo
  w.u8(specific);
  w.bytes(asc);
  w.u8(6);  // SLConfigDescriptor
  w.u8(1);
  w.u8(2);
}

void audioEntry(BoxWriter& w, const TrackConfig& track) {
  const int channels = track.config.size() >= 2 ? track.config[1] >> 3 & 15 : 2;
  const ByteView asc = ByteView(track.config).first(std::min<std::size_t>(track.config.size(), 64));
  const Box mp4a(w, "mp4a");
  w.zeros(6);
  w.u16(1);
  w.zeros(8);
  w.u16(static_cast<std::uint16_t>(channels));
  w.u16(16);
  w.u32(0);
  w.u32(kAudioTimescale << 16);
  elementaryStream(w, asc);
}

void sampleTable(BoxWriter& w, const TrackConfig& track) {
  const Box stbl(w, "stbl");
  {
    const Box stsd(w, "stsd", 0, 0);
    w.u32(1);
    track.kind == TrackKind::kVideo ? videoEntry(w, track) : audioEntry(w, track);
  }
  for (const char* empty : {"stts", "stsc"}) {
    const Box box(w, empty, 0, 0);
    w.u32(0);
  }
  {
    const Box stsz(w, "stsz", 0, 0);
    w.u32(0);
    w.u32(0);
  }
  const Box stco(w, "stco", 0, 0);
  w.u32(0);
}

void media(BoxWriter& w, const TrackConfig& track, std::uint32_t timescale) {
  const bool video = track.kind == TrackKind::kVideo;
  const Box mdia(w, "mdia");
  {
    const Box mdhd(w, "mdhd", 0, 0);
    w.u32(0);
    w.u32(0);
    w.u32(timescale);
    w.u32(0);
    w.u16(0x55c4);  // "und"
    w.u16(0);
  }
  {
    const Box hdlr(w, "hdlr", 0, 0);
    w.u32(0);
    w.fourcc(video ? "vide" : "soun");
    w.zeros(12);
    w.u8(0);  // no name
  }
  const Box minf(w, "minf");
  if (video) {
    const Box vmhd(w, "vmhd", 0, 1);
    w.zeros(8);
  } else {
    const Box smhd(w, "smhd", 0, 0);
    w.zeros(4);
  }
  {
    const Box dinf(w, "dinf");
    const Box dref(w, "dref", 0, 0);
    w.u32(1);
    const Box url(w, "url ", 0, 1);  // in this file
  }
  sampleTable(w, track);
}

void movie(BoxWriter& w, const TrackConfig& track, std::uint32_t timescale) {
  const Box moov(w, "moov");
  movieHeader(w, timescale);
  {
    const Box trak(w, "trak");
    trackHeader(w, track);
    media(w, track, timescale);
  }
  const Box mvex(w, "mvex");
  const Box trex(w, "trex", 0, 0);
  w.u32(1);  // track_ID
  w.u32(1);  // sample description
  w.u32(0);  // duration, size, flags: each fragment says them
  w.u32(0);
  w.u32(0);
}

// Which of the optional fields the samples of a fragment need.
struct RunShape {
  bool durations = false;   // they differ
  bool firstFlags = false;  // the first sample alone differs from the default
  bool flags = false;       // another one does
};

RunShape shapeOf(TrackKind kind, std::span<const Sample> samples) {
  RunShape shape;
  const bool usual = kind == TrackKind::kAudio;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    shape.durations |= samples[i].duration != samples[0].duration;
    if (samples[i].key != usual) (i == 0 ? shape.firstFlags : shape.flags) = true;
  }
  if (shape.flags) shape.firstFlags = false;
  return shape;
}

void trackRun(BoxWriter& w, const RunShape& shape, std::span<const Sample> samples, std::uint32_t dataOffset) {
  std::uint32_t present = 0x201;  // data offset, sizes
  if (shape.firstFlags) present |= 0x4;
  if (shape.durations) present |= 0x100;
  if (shape.flags) present |= 0x400;
  const Box trun(w, "trun", 0, present);
  w.u32(static_cast<std::uint32_t>(samples.size()));
  w.u32(dataOffset);
  if (shape.firstFlags) w.u32(impl::sampleFlags(samples[0].key));
  for (const Sample& s : samples) {
    if (shape.durations) w.u32(s.duration);
    w.u32(static_cast<std::uint32_t>(s.data.size()));
    if (shape.flags) w.u32(impl::sampleFlags(s.key));
  }
}

}  // namespace

Bytes initSegment(const TrackConfig& track) {
  const std::uint32_t usual = track.kind == TrackKind::kVideo ? kVideoTimescale : kAudioTimescale;
  Bytes out;
  out.reserve(1024);
  BoxWriter w(out);
  {
    const Box ftyp(w, "ftyp");
    w.fourcc("cmfc");
    w.u32(0);
    w.fourcc("iso6");
    w.fourcc("cmfc");
  }
  movie(w, track, track.timescale ? track.timescale : usual);
  return out;
}

void appendSegmentType(Bytes& out) {
  BoxWriter w(out);
  const Box styp(w, "styp");
  w.fourcc("cmfs");
  w.u32(0);
  w.fourcc("iso6");
  w.fourcc("cmfs");
  w.fourcc("msdh");
}

void writeFragment(Bytes& out, TrackKind kind, std::uint32_t sequence, std::uint64_t baseTime,
                   std::span<const Sample> samples) {
  std::size_t payload = 0;
  for (const Sample& s : samples) payload += std::min(s.data.size(), kMaxPayload);
  if (samples.empty() || samples.size() > kMaxSamples || payload >= kMaxPayload) return;

  const RunShape shape = shapeOf(kind, samples);
  // moof 8, mfhd 16, traf 8, tfhd 24, tfdt 20, trun 20 and its fields.
  const std::size_t fields = 1U + (shape.durations ? 1U : 0U) + (shape.flags ? 1U : 0U);
  const std::size_t moofSize = 96 + (shape.firstFlags ? 4U : 0U) + 4 * fields * samples.size();
  // Grows as push_back would, not to the exact size: a segment is built of many fragments.
  const std::size_t needed = out.size() + moofSize + 8 + payload;
  if (out.capacity() < needed) out.reserve(std::max(needed, out.capacity() * 2));
  BoxWriter w(out);
  {
    const Box moof(w, "moof");
    {
      const Box mfhd(w, "mfhd", 0, 0);
      w.u32(sequence);
    }
    const Box traf(w, "traf");
    {
      const Box tfhd(w, "tfhd", 0, 0x020028);  // default-base-is-moof, default duration, default flags
      w.u32(1);
      w.u32(samples[0].duration);
      w.u32(impl::sampleFlags(kind == TrackKind::kAudio));
    }
    {
      const Box tfdt(w, "tfdt", 1, 0);
      w.u64(baseTime);
    }
    trackRun(w, shape, samples, static_cast<std::uint32_t>(moofSize + 8));
  }
  const Box mdat(w, "mdat");
  for (const Sample& s : samples) w.bytes(s.data);
}

}  // namespace dvpe::package
