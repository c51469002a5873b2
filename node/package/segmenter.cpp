// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/package/segmenter.h"

namespace dvpe::package {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Ticks;

constexpr std::size_t kMaxSegment = std::size_t{256} << 20;
constexpr std::size_t kMaxAudioFrame = 8192;  // ADTS could not say more (ISO/IEC 14496-3, 1.A.2.2)

}  // namespace

void SegmentWriter::begin(Ticks cut) {
  next_ = fragment_ = cut_ = cut;
  open_ = true;
  pending_ = 0;
  pictures_.clear();
  out_.clear();
  appendSegmentType(out_);
}

Result<void> SegmentWriter::add(Ticks at, Bytes data, bool key) {
  if (!open_) return fail(ErrorCode::kInternal, "no segment is open");
  if (at != next_ || (at == cut_ && !key)) {
    open_ = false;
    return fail(ErrorCode::kInternal, at != next_ ? "frame " + std::to_string(grid_.frameIndex(at)) + " came, frame " +
                                                        std::to_string(grid_.frameIndex(next_)) + " is next"
                                                  : std::string("a segment must start with a key frame"));
  }
  if (data.empty() || data.size() > kMaxSegment - std::min(kMaxSegment, pending_ + out_.size())) {
    open_ = false;
    return fail(ErrorCode::kLimitExceeded, "an empty picture, or a segment over 256 MiB");
  }
  pending_ += data.size();
  pictures_.push_back({std::move(data), key});
  next_ += grid_.frame();
  if (next_ - fragment_ == grid_.unit()) flush();
  return base::success();
}

void SegmentWriter::flush() {
  std::vector<Sample> samples;
  samples.reserve(pictures_.size());
  for (const Picture& p : pictures_) {
    samples.push_back({p.data, static_cast<std::uint32_t>(grid_.frame().count()), p.key});
  }
  writeFragment(out_, TrackKind::kVideo, videoSequence(grid_, fragment_), static_cast<std::uint64_t>(fragment_.count()),
                samples);
  pictures_.clear();
  pending_ = 0;
  fragment_ = next_;
}

Result<Bytes> SegmentWriter::finish(Ticks end) {
  if (!open_) return fail(ErrorCode::kInternal, "no segment is open");
  open_ = false;
  if (next_ != end) {
    return fail(ErrorCode::kInternal, "the segment ends at frame " + std::to_string(grid_.frameIndex(end)) +
                                          " but was given frames up to " + std::to_string(grid_.frameIndex(next_)));
  }
  if (!pictures_.empty()) flush();
  return std::move(out_);
}

Result<Bytes> buildAudioSegment(std::int64_t firstSlot, std::span<const ByteView> frames) {
  if (firstSlot < 0 || frames.empty() || frames.size() > 65'536) {
    return fail(ErrorCode::kInvalidInput, "an audio segment has 1 to 65536 frames on slots that are not negative");
  }
  std::vector<Sample> samples;
  samples.reserve(frames.size());
  for (const ByteView frame : frames) {
    if (frame.empty() || frame.size() > kMaxAudioFrame) return fail(ErrorCode::kInvalidInput, "not an AAC frame");
    samples.push_back({frame, 1024, true});
  }
  Bytes out;
  appendSegmentType(out);
  writeFragment(out, TrackKind::kAudio, static_cast<std::uint32_t>(firstSlot),
                static_cast<std::uint64_t>(firstSlot) * 1024, samples);
  return out;
}

}  // namespace dvpe::package
