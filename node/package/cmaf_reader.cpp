// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <algorithm>
#include <limits>

#include "node/package/cmaf.h"
#include "node/package/impl/box_reader.h"
#include "node/package/impl/sample_flags.h"

namespace dvpe::package {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
using impl::BoxList;
using impl::BoxView;
using impl::Cursor;
using impl::fourcc;

auto broken(const BoxView& box, const char* why) {
  return fail(ErrorCode::kInvalidInput,
              "box '" + impl::typeName(box.type) + "' at byte " + std::to_string(box.offset) + ": " + why);
}

// The one child of this type. None: kInvalidInput; two: kUnsupported.
Result<BoxView> child(const BoxView& parent, const char* type) {
  std::optional<BoxView> found;
  BoxList list(parent);
  for (;;) {
    DVPE_TRY(const auto box, list.next());
    if (!box) break;
    if (box->type != fourcc(type)) continue;
    if (found) return fail(ErrorCode::kUnsupported, std::string("more than one '") + type + "' in a file of one track");
    found = box;
  }
  if (!found) return broken(parent, (std::string("has no '") + type + "'").c_str());
  return *found;
}

// The child at the end of a path such as {"mdia", "minf", "stbl"}.
Result<BoxView> descend(BoxView from, std::initializer_list<const char*> path) {
  for (const char* type : path) {
    DVPE_TRY(from, child(from, type));
  }
  return from;
}

// ---- moov

// The length of a descriptor: up to four bytes of seven bits (ISO/IEC 14496-1, 8.3.3).
std::size_t descriptorLength(Cursor& c) {
  std::size_t length = 0;
  for (int i = 0; i < 4; ++i) {
    const std::uint8_t b = c.u8();
    length = length << 7 | (b & 0x7f);
    if (!(b & 0x80)) break;
  }
  return length;
}

Result<Bytes> audioSpecificConfig(const BoxView& esds) {
  Cursor c = esds.cursor();
  c.skip(4);
  if (c.u8() != 3) return broken(esds, "no ES_Descriptor");
  descriptorLength(c);
  c.skip(2);
  const std::uint8_t flags = c.u8();
  if (flags & 0x80) c.skip(2);
  if (flags & 0x40) c.skip(c.u8());
  if (flags & 0x20) c.skip(2);
  if (c.u8() != 4) return broken(esds, "no DecoderConfigDescriptor");
  descriptorLength(c);
  if (c.u8() != 0x40) return fail(ErrorCode::kUnsupported, "audio is not AAC");
  c.skip(12);
  if (c.u8() != 5) return broken(esds, "no DecoderSpecificInfo");
  const ByteView asc = c.bytes(descriptorLength(c));
  if (c.bad() || asc.size() < 2 || asc.size() > 64) return broken(esds, "no usable AudioSpecificConfig");
  return Bytes(asc.begin(), asc.end());
}

Result<void> readSampleEntry(const BoxView& stsd, TrackConfig& config) {
  Cursor c = stsd.cursor();
  c.skip(4);
  if (c.u32() != 1) return fail(ErrorCode::kUnsupported, "more than one sample description");
  BoxList entries = BoxList::rest(c);
  DVPE_TRY(const auto entry, entries.next());
  if (!entry) return broken(stsd, "is empty");
  Cursor e = entry->cursor();
  BoxView rest = *entry;
  if (entry->type == fourcc("avc1")) {
    config.kind = TrackKind::kVideo;
    e.skip(24);
    config.width = e.u16();
    config.height = e.u16();
    e.skip(50);
    if (e.bad() || config.width == 0 || config.height == 0) return broken(*entry, "no picture size");
    rest.body = e.bytes(e.left());
    DVPE_TRY(const BoxView avcc, child(rest, "avcC"));
    if (avcc.body.size() < 7 || avcc.body.size() > 65'536 || avcc.body[0] != 1) return broken(avcc, "not usable");
    config.config.assign(avcc.body.begin(), avcc.body.end());
    return base::success();
  }
  if (entry->type == fourcc("mp4a")) {
    config.kind = TrackKind::kAudio;
    e.skip(28);
    if (e.bad()) return broken(*entry, "is cut short");
    rest.body = e.bytes(e.left());
    DVPE_TRY(const BoxView esds, child(rest, "esds"));
    DVPE_TRY(config.config, audioSpecificConfig(esds));
    return base::success();
  }
  return fail(ErrorCode::kUnsupported, "codec '" + impl::typeName(entry->type) + "': only avc1 and mp4a are taken");
}

// True if the edit list does anything. An edit of media time 0 that comes first changes nothing.
Result<bool> isEdited(const BoxView& trak) {
  BoxList list(trak);
  for (;;) {
    DVPE_TRY(const auto box, list.next());
    if (!box) return false;
    if (box->type != fourcc("edts")) continue;
    DVPE_TRY(const BoxView elst, child(*box, "elst"));
    Cursor c = elst.cursor();
    const bool wide = c.u32() >> 24 == 1;
    const std::uint32_t count = c.u32();
    if (count == 0) continue;
    c.number(wide ? 8 : 4);
    const std::uint64_t mediaTime = c.number(wide ? 8 : 4);
    if (c.bad()) return broken(elst, "is cut short");
    if (count > 1 || mediaTime != 0) return true;
  }
}

Result<void> readMovie(const BoxView& moov, TrackFile& file) {
  DVPE_TRY(const BoxView trak, child(moov, "trak"));
  DVPE_TRY(file.edited, isEdited(trak));
  DVPE_TRY(const BoxView mdhd, descend(trak, {"mdia", "mdhd"}));
  Cursor c = mdhd.cursor();
  c.skip(c.u32() >> 24 == 1 ? 16 : 8);
  file.config.timescale = c.u32();
  if (c.bad() || file.config.timescale == 0) return broken(mdhd, "no timescale");
  DVPE_TRY(const BoxView stsd, descend(trak, {"mdia", "minf", "stbl", "stsd"}));
  DVPE_CHECK(readSampleEntry(stsd, file.config));

  DVPE_TRY(const BoxView trex, descend(moov, {"mvex", "trex"}));
  Cursor t = trex.cursor();
  t.skip(4);
  TrackDefaults& d = file.defaults;
  d.trackId = t.u32();
  t.skip(4);
  d.duration = t.u32();
  d.size = t.u32();
  d.flags = t.u32();
  if (t.bad()) return broken(trex, "is cut short");
  return base::success();
}

// ---- moof

// What tfhd, tfdt and truns of a moof say, before it is known where its mdat ends.
class FragmentReader {
 public:
  FragmentReader(const TrackDefaults& defaults, const ReadLimits& limits) : defaults_(defaults), limits_(limits) {}

  Result<FragmentInfo> read(const BoxView& moof) {
    out_.offset = moof.offset;
    DVPE_TRY(const BoxView mfhd, child(moof, "mfhd"));
    Cursor c = mfhd.cursor();
    c.skip(4);
    out_.sequenceAt = c.fileOffset();
    out_.sequence = c.u32();
    if (c.bad()) return broken(mfhd, "is cut short");
    DVPE_TRY(const BoxView traf, child(moof, "traf"));
    DVPE_TRY(const BoxView tfhd, child(traf, "tfhd"));
    DVPE_CHECK(readHeader(tfhd));
    DVPE_TRY(const BoxView tfdt, child(traf, "tfdt"));
    DVPE_CHECK(readBaseTime(tfdt));
    BoxList list(traf);
    for (;;) {
      DVPE_TRY(const auto box, list.next());
      if (!box) break;
      if (box->type == fourcc("trun")) {
        DVPE_CHECK(readRun(*box));
      }
    }
    if (out_.samples.empty()) return broken(moof, "has no samples");
    return std::move(out_);
  }

 private:
  Result<void> readHeader(const BoxView& tfhd) {
    Cursor c = tfhd.cursor();
    const std::uint32_t flags = c.u32() & 0xffffff;
    if (c.u32() != defaults_.trackId) return broken(tfhd, "another track than the init segment's");
    if (flags & 0x1 || !(flags & 0x020000)) {
      return fail(ErrorCode::kUnsupported, "a fragment is not addressed relative to its moof");
    }
    if (flags & 0x2) c.skip(4);
    if (flags & 0x8) defaults_.duration = c.u32();
    if (flags & 0x10) defaults_.size = c.u32();
    if (flags & 0x20) defaults_.flags = c.u32();
    if (c.bad()) return broken(tfhd, "is cut short");
    return base::success();
  }

  Result<void> readBaseTime(const BoxView& tfdt) {
    Cursor c = tfdt.cursor();
    out_.wideBaseTime = c.u32() >> 24 == 1;
    out_.baseTimeAt = c.fileOffset();
    out_.baseTime = c.number(out_.wideBaseTime ? 8 : 4);
    if (c.bad()) return broken(tfdt, "is cut short");
    if (out_.baseTime > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return broken(tfdt, "a time beyond 63 bits");
    }
    return base::success();
  }

  Result<void> readRun(const BoxView& trun) {
    Cursor c = trun.cursor();
    const std::uint32_t flags = c.u32() & 0xffffff;
    const std::size_t count = c.u32();
    if (flags & 0x1) {
      const auto relative = static_cast<std::int32_t>(c.u32());
      if (relative < 0) return broken(trun, "data before its moof");
      dataAt_ = out_.offset + static_cast<std::uint32_t>(relative);
    } else if (dataAt_ == 0) {
      return fail(ErrorCode::kUnsupported, "the first run of a fragment has no data offset");
    }
    std::optional<std::uint32_t> firstFlags;
    if (flags & 0x4) firstFlags = c.u32();
    std::size_t entry = 0;
    for (const std::uint32_t field : {0x100U, 0x200U, 0x400U, 0x800U}) entry += flags & field ? 4 : 0;
    // Checked before anything is allocated: a count is only what the box can hold.
    if (c.bad() || count * entry > c.left()) return broken(trun, "more samples than it has room for");
    if (count > limits_.samplesPerFragment - std::min(out_.samples.size(), limits_.samplesPerFragment)) {
      return fail(ErrorCode::kLimitExceeded, "too many samples in one fragment");
    }
    out_.samples.reserve(out_.samples.size() + count);
    for (std::size_t i = 0; i < count; ++i) {
      SampleInfo s;
      s.offset = dataAt_;
      s.duration = flags & 0x100 ? c.u32() : defaults_.duration;
      s.size = flags & 0x200 ? c.u32() : defaults_.size;
      const std::uint32_t said = flags & 0x400 ? c.u32() : defaults_.flags;
      if (flags & 0x800) s.compositionOffset = static_cast<std::int32_t>(c.u32());
      s.key = !((i == 0 && firstFlags ? *firstFlags : said) & impl::kNonSync);
      dataAt_ += s.size;
      out_.samples.push_back(s);
    }
    return base::success();
  }

  TrackDefaults defaults_;
  ReadLimits limits_;
  FragmentInfo out_;
  std::uint64_t dataAt_ = 0;
};

// The mdat that belongs to a moof, and whether all samples are in it.
Result<void> closeFragment(FragmentInfo& fragment, const BoxView& mdat) {
  fragment.size = mdat.offset + mdat.size - fragment.offset;
  const std::uint64_t start = mdat.offset + mdat.size - mdat.body.size();
  const std::uint64_t end = mdat.offset + mdat.size;
  for (const SampleInfo& s : fragment.samples) {
    if (s.offset < start || s.offset > end || s.size > end - s.offset)
      return broken(mdat, "a sample lies outside of it");
  }
  return base::success();
}

// Reads the fragments from a list of top-level boxes and adds them to out.
class FragmentsReader {
 public:
  FragmentsReader(const ReadLimits& limits, std::vector<FragmentInfo>& out) : limits_(limits), out_(out) {}

  Result<void> take(const BoxView& box, const TrackDefaults& defaults) {
    if (open_ && box.type != fourcc("mdat")) return broken(box, "stands between a moof and its mdat");
    if (box.type == fourcc("moof")) {
      if (out_.size() == limits_.fragments) return fail(ErrorCode::kLimitExceeded, "too many fragments");
      DVPE_TRY(open_, FragmentReader(defaults, limits_).read(box));
      samples_ += open_->samples.size();
      if (samples_ > limits_.samples) return fail(ErrorCode::kLimitExceeded, "too many samples");
    } else if (box.type == fourcc("mdat")) {
      if (!open_) return broken(box, "has no moof");
      DVPE_CHECK(closeFragment(*open_, box));
      out_.push_back(std::move(*open_));
      open_.reset();
    }
    return base::success();
  }
  Result<void> end() const {
    if (open_) return fail(ErrorCode::kInvalidInput, "the last moof has no mdat");
    return base::success();
  }

 private:
  ReadLimits limits_;
  std::vector<FragmentInfo>& out_;
  std::optional<FragmentInfo> open_;
  std::size_t samples_ = 0;
};

}  // namespace

Result<TrackFile> parseTrackFile(ByteView data, const ReadLimits& limits) {
  TrackFile file;
  FragmentsReader fragments(limits, file.fragments);
  BoxList list(data, 0);
  for (;;) {
    DVPE_TRY(const auto box, list.next());
    if (!box) break;
    if (box->type == fourcc("moov")) {
      if (file.initSize) return broken(*box, "a second one");
      DVPE_CHECK(readMovie(*box, file));
      file.initSize = box->offset + box->size;
      continue;
    }
    const bool media = box->type == fourcc("moof") || box->type == fourcc("mdat");
    if (media && !file.initSize) return broken(*box, "comes before moov: not a fragmented file");
    DVPE_CHECK(fragments.take(*box, file.defaults));
  }
  if (!file.initSize) return fail(ErrorCode::kInvalidInput, "no moov: not an MP4 file");
  DVPE_CHECK(fragments.end());
  return file;
}

Result<std::vector<FragmentInfo>> parseSegment(ByteView segment, const TrackDefaults& defaults,
                                               const ReadLimits& limits) {
  std::vector<FragmentInfo> out;
  FragmentsReader fragments(limits, out);
  BoxList list(segment, 0);
  for (;;) {
    DVPE_TRY(const auto box, list.next());
    if (!box) break;
    if (box->type == fourcc("moov")) return broken(*box, "a media segment has none");
    DVPE_CHECK(fragments.take(*box, defaults));
  }
  DVPE_CHECK(fragments.end());
  return out;
}

}  // namespace dvpe::package
