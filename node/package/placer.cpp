// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/package/placer.h"

#include <algorithm>
#include <charconv>

#include "node/package/impl/box_writer.h"
#include "node/package/names.h"
#include "node/package/segmenter.h"

namespace dvpe::package {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Ticks;
using timeline::Grid;

// A piece on the clock.
struct Placed {
  const Creative* creative = nullptr;
  int fromUnit = 0;
  Ticks start{}, end{};  // of the piece; the last one's end is the cell's
  Ticks origin{};        // where the creative's unit 0 is or would be
};

// Puts the pieces one after the other and checks that they are what the cell needs.
Result<std::vector<Placed>> layOut(const Grid& grid, Ticks cellStart, Ticks cellEnd, std::span<const Piece> pieces) {
  if (cellStart < Ticks{0} || cellEnd <= cellStart || (cellEnd - cellStart) % grid.frame() != Ticks{0}) {
    return fail(ErrorCode::kInvalidInput, "a cell is a positive number of whole frames");
  }
  if (cellEnd - cellStart > grid.unit() * kMaxCellUnits) return fail(ErrorCode::kLimitExceeded, "too long for a cell");
  if (pieces.empty() || pieces.size() > kMaxPieces) return fail(ErrorCode::kLimitExceeded, "1 to 8 pieces make a cell");
  std::vector<Placed> placed;
  placed.reserve(pieces.size());
  Ticks at = cellStart;
  for (const Piece& p : pieces) {
    if (!p.creative) return fail(ErrorCode::kInternal, "a piece without a creative");
    if (p.fromUnit < 0 || p.units < 1 || p.fromUnit >= p.creative->units() ||
        p.units > p.creative->units() - p.fromUnit) {
      return fail(ErrorCode::kInvalidInput, "the creative has no such units");
    }
    if (p.creative->grid().frame() != grid.frame()) return fail(ErrorCode::kConflict, "another frame rate");
    const Ticks origin = at - grid.unit() * p.fromUnit;
    if (origin < Ticks{0}) return fail(ErrorCode::kInvalidInput, "the creative would start before the epoch");
    // Units that lie wholly beyond the end would be another name for the same bytes.
    if (at + grid.unit() * (p.units - 1) >= cellEnd) return fail(ErrorCode::kInvalidInput, "more units than the cell");
    const Ticks end = std::min(at + grid.unit() * p.units, cellEnd);
    placed.push_back({p.creative, p.fromUnit, at, end, origin});
    at = end;
  }
  if (at != cellEnd) return fail(ErrorCode::kInvalidInput, "the pieces do not fill the cell");
  return placed;
}

// A stored unit at another time: the bytes as they are, but for the two numbers that time gives.
void copyUnit(Bytes& out, const MediaTrack& track, const FragmentInfo& unit, std::uint32_t sequence, Ticks at) {
  const std::size_t start = out.size();
  const ByteView bytes = track.bytes(unit);
  out.insert(out.end(), bytes.begin(), bytes.end());
  impl::store32(out.data() + start + (unit.sequenceAt - unit.offset), sequence);
  impl::store64(out.data() + start + (unit.baseTimeAt - unit.offset), static_cast<std::uint64_t>(at.count()));
}

// The first frames of a unit, in boxes of their own.
void rebuildUnit(Bytes& out, const MediaTrack& track, const FragmentInfo& unit, std::uint32_t sequence, Ticks at,
                 std::size_t frames) {
  std::vector<Sample> samples;
  samples.reserve(frames);
  for (const SampleInfo& s : std::span(unit.samples).first(frames)) {
    samples.push_back({track.bytes(s), s.duration, s.key});
  }
  writeFragment(out, TrackKind::kVideo, sequence, static_cast<std::uint64_t>(at.count()), samples);
}

void placeUnits(Bytes& out, const Grid& grid, const MediaTrack& track, const Placed& piece) {
  auto unit = static_cast<std::size_t>(piece.fromUnit);
  for (Ticks at = piece.start; at < piece.end; at += grid.unit(), ++unit) {
    const FragmentInfo& fragment = track.info.fragments[unit];
    const auto frames = static_cast<std::size_t>(std::min(grid.unit(), piece.end - at) / grid.frame());
    const std::uint32_t sequence = videoSequence(grid, at);
    if (frames == fragment.samples.size() && fragment.wideBaseTime) {
      copyUnit(out, track, fragment, sequence, at);
    } else {
      rebuildUnit(out, track, fragment, sequence, at, frames);
    }
  }
}

bool parseNumber(std::string_view s, int& out) {
  if (s.empty() || s.size() > 4 || (s.size() > 1 && s[0] == '0') || s[0] == '-') return false;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), out);
  return error == std::errc{} && end == s.data() + s.size();
}

}  // namespace

Result<Bytes> placeVideo(const Grid& grid, std::string_view rung, Ticks cellStart, Ticks cellEnd,
                         std::span<const Piece> pieces) {
  DVPE_TRY(const std::vector<Placed> placed, layOut(grid, cellStart, cellEnd, pieces));
  std::size_t size = 64;
  for (const Placed& p : placed) {
    const MediaTrack* track = p.creative->video(rung);
    if (!track) return fail(ErrorCode::kNotFound, "the profile has no such rung");
    const auto first = static_cast<std::size_t>(p.fromUnit);
    const auto units = static_cast<std::size_t>((p.end - p.start + grid.unit() - Ticks{1}) / grid.unit());
    for (std::size_t u = first; u < first + units; ++u) size += track->info.fragments[u].size;
  }
  Bytes out;
  out.reserve(size);
  appendSegmentType(out);
  for (const Placed& p : placed) placeUnits(out, grid, *p.creative->video(rung), p);
  return out;
}

Result<Bytes> placeAudio(const Grid& grid, Ticks cellStart, Ticks cellEnd, std::span<const Piece> pieces) {
  DVPE_TRY(const std::vector<Placed> placed, layOut(grid, cellStart, cellEnd, pieces));
  const std::int64_t firstSlot = Grid::audioSlot(cellStart);
  std::vector<ByteView> frames;
  frames.reserve(static_cast<std::size_t>(Grid::audioSlot(cellEnd) - firstSlot));
  for (const Placed& p : placed) {
    const MediaTrack& track = p.creative->audio();
    const std::int64_t origin = Grid::audioSlot(p.origin);
    for (std::int64_t slot = Grid::audioSlot(p.start); slot < Grid::audioSlot(p.end); ++slot) {
      const auto wanted = static_cast<std::size_t>(slot - origin);
      frames.push_back(track.bytes(track.frames[std::min(wanted, track.frames.size() - 1)]));
    }
  }
  return buildAudioSegment(firstSlot, frames);
}

Result<std::vector<PieceName>> parsePieces(std::string_view text) {
  // 16 + 1 + 4 + 1 + 4 characters each, and the signs between them.
  if (text.size() > kMaxPieces * 27) return fail(ErrorCode::kLimitExceeded, "too many pieces");
  std::vector<PieceName> out;
  for (;;) {
    const std::size_t plus = text.find('+');
    const std::string_view one = text.substr(0, plus);
    const std::size_t dash = one.find('-');
    PieceName piece;
    if (one.size() < 18 || dash == one.npos || dash < 17 || one[16] != '.' || !isHex(one.substr(0, 16), 16) ||
        !parseNumber(one.substr(17, dash - 17), piece.from) || !parseNumber(one.substr(dash + 1), piece.to) ||
        piece.from >= piece.to) {
      return fail(ErrorCode::kInvalidInput, "a piece is {creative}.{from}-{to}");
    }
    if (out.size() == kMaxPieces) return fail(ErrorCode::kLimitExceeded, "too many pieces");
    piece.creative = one.substr(0, 16);
    out.push_back(std::move(piece));
    if (plus == text.npos) return out;
    text.remove_prefix(plus + 1);
  }
}

std::string formatPieces(std::span<const PieceName> pieces) {
  std::string out;
  for (const PieceName& p : pieces) {
    if (!out.empty()) out += '+';
    out += p.creative + '.' + std::to_string(p.from) + '-' + std::to_string(p.to);
  }
  return out;
}

std::string formatPiece(const Piece& piece) {
  const PieceName name{std::string(piece.creative->name()), piece.fromUnit, piece.fromUnit + piece.units};
  return formatPieces({&name, 1});
}

}  // namespace dvpe::package
