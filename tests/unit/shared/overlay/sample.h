// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Overlays and assets that several tests use.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "shared/overlay/painter.h"

namespace dvpe::overlay::sample {

inline constexpr model::FrameRate k30{30, 1};

// A folder that is gone when the test ends.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  void write(const std::string& name, const std::string& bytes) const;

 private:
  std::filesystem::path path_;
};

model::Layer text(double x, double y, double width, double height, const std::string& words, double size = 50,
                  model::Anchor align = model::Anchor::kLeft);
model::Layer shape(double x, double y, double width, double height, const std::string& colour,
                   model::ShapeKind kind = model::ShapeKind::kRectangle, double radius = 0);
model::Layer image(double x, double y, double width, double height, const std::string& asset);
model::Overlay overlayOf(std::vector<model::Layer> layers);

// PNGs of 8-bit colours with alpha, of 16-bit colours, of a palette; all of 40 x 30 noise-like pixels.
void writeImages(const Folder& folder);
// Each drawing operation that an overlay has, in one: scripts, shapes, PNGs, an SVG with gradients, opacity and
// strokes.
model::Overlay everything();

// Creates and paints; a failure to create fails the test.
Sprite paint(const model::Overlay& overlay, int width = 1280, int height = 720,
             const std::filesystem::path& assets = "/nonexistent",
             const std::map<std::string, std::string>& values = {}, const ProgrammeValues& programme = {});
// The error of creating it.
base::Error refusal(const model::Overlay& overlay, const std::filesystem::path& assets = "/nonexistent");

// SHA-256 of position, size and pixels.
std::string digest(const Sprite& sprite);

}  // namespace dvpe::overlay::sample
