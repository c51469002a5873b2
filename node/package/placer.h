// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Placing creatives on the channel's clock: a cell of a viewer's stream made from units of conditioned media (design,
// laws 2 and 4). The bytes are a function of the arguments alone, so every node and every request makes the same.
// Free functions without state: any thread. Cost: one copy of the units' bytes.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "node/package/creative.h"

namespace dvpe::package {

inline constexpr std::size_t kMaxPieces = 8;
inline constexpr int kMaxCellUnits = 16;  // far more than any cell that law 2 makes

// Units [fromUnit, fromUnit + units) of a creative. The pieces of a cell follow each other without a gap.
struct Piece {
  const Creative* creative = nullptr;
  int fromUnit = 0;
  int units = 0;
};

// The segment of one cell: a styp and one fragment per unit at its channel time, in ticks since the epoch. A creative's
// own start lies fromUnit units before its piece. Where the cell ends inside the last unit, that unit's first frames
// are kept. kInvalidInput: the pieces do not fill the cell, reach beyond it by a whole unit, or name units that are not
// there; kNotFound: no such rung; kConflict: a creative of another frame rate.
base::Result<Bytes> placeVideo(const timeline::Grid& grid, std::string_view rung, timeline::Ticks cellStart,
                               timeline::Ticks cellEnd, std::span<const Piece> pieces);

// The audio of the same cell: one fragment with the slots [audioSlot(cellStart), audioSlot(cellEnd)), tfdt = first slot
// x 1024 samples. A creative that starts at tick P gives its frame (slot - audioSlot(P)); the border between two pieces
// is the slot nearest the second one's start. Rounding may ask for one frame more than a creative is long: its last
// one, which is silent, is repeated then.
base::Result<Bytes> placeAudio(const timeline::Grid& grid, timeline::Ticks cellStart, timeline::Ticks cellEnd,
                               std::span<const Piece> pieces);

// A piece as URLs name it: {creative}.{u}-{v}, creative = 16 lower-case hex digits, units [from, to), to <= 9999.
struct PieceName {
  std::string creative;
  int from = 0, to = 0;
  bool operator==(const PieceName&) const = default;
};

// "{creative}.{u}-{v}[+{creative}.{u}-{v}]...", at most kMaxPieces. There is one spelling of each: no leading zeros, no
// signs, no empty pieces; anything else is kInvalidInput (or kLimitExceeded).
base::Result<std::vector<PieceName>> parsePieces(std::string_view text);
std::string formatPieces(std::span<const PieceName> pieces);
std::string formatPiece(const Piece& piece);

}  // namespace dvpe::package
