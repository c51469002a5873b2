// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// An overlay and its values -> pixels, for one rung. The studio's preview is the node's output: same code, same fonts.
//
// A pure function: equal documents, assets, values and sizes give equal bytes in every thread and on every CPU. Qt only
// says how much of each pixel a glyph, a shape or an SVG covers; scaling and compositing are integer arithmetic here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "shared/base/result.h"
#include "shared/base/ticks.h"
#include "shared/model/documents.h"
#include "shared/overlay/motion.h"
#include "shared/overlay/sprite.h"

namespace dvpe::overlay {

// What the programme says at the moment that is painted; never a reading of a clock (law 1).
struct ProgrammeValues {
  base::WallTime wall{};                         // channel time as wall time: {clock} is HH:MM:SS of it
  int utcOffsetMinutes = 0;                      // added for {clock}
  std::optional<std::int64_t> countdownSeconds;  // {countdown}: M:SS or H:MM:SS; empty when there is none
  std::map<std::string, std::string> values;     // fields with programme = true (a score)
};

// What a document may ask for. More is kLimitExceeded.
inline constexpr int kMaxLayers = 64;
inline constexpr int kMaxAssets = 32;
inline constexpr int kMaxTextCharacters = 500;   // of a layer's text, with and without values
inline constexpr int kMaxValueCharacters = 200;  // of one value; a longer one is cut
inline constexpr int kMaxAssetPixels = 4096;     // width and height of a PNG
inline constexpr int kMaxPictureSide = 4096;     // of the rung

// Immutable once made; every method may be called by any thread at the same time. Needs a TextEngine.
class Painter {
 public:
  // Checks the overlay, loads its images from assetsFolder (never from outside of it) and scales them to the rung.
  // kInvalidInput, kLimitExceeded, kUnsupported, kNotFound, kIo, each naming the layer or asset that is at fault.
  static base::Result<std::shared_ptr<const Painter>> create(const model::Overlay& overlay,
                                                             const std::filesystem::path& assetsFolder, int width,
                                                             int height, model::FrameRate fps);
  ~Painter();
  Painter(const Painter&) = delete;
  Painter& operator=(const Painter&) = delete;

  // values: field -> value. A field that is missing, or whose value is not in its domain, takes its fallback.
  Sprite paint(const std::map<std::string, std::string>& values, const ProgrammeValues& programme) const;

  // The overlay's shift and opacity at a frame; see Choreography::at.
  Motion motion(base::Ticks sinceStart, std::optional<base::Ticks> untilEnd) const {
    return choreography_.at(sinceStart, untilEnd);
  }
  const Choreography& choreography() const { return choreography_; }

  // A layer shows {clock} or {countdown}: paint again at each whole second of wall time or countdown.
  bool needsRepaintEverySecond() const { return needsRepaintEverySecond_; }
  // The rectangle that the layers cover whatever the values are: even, inside the picture. The sprite is within it.
  Rectangle bounds() const { return bounds_; }

 private:
  struct Impl;
  Painter();
  std::unique_ptr<Impl> impl_;
  Choreography choreography_;
  Rectangle bounds_;
  bool needsRepaintEverySecond_ = false;
};

}  // namespace dvpe::overlay
