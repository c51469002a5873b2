// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The one QGuiApplication (offscreen) and the product's fonts, so that text looks the same on every machine: no host
// fonts, no hinting, no subpixel colours, sizes in pixels.
#pragma once

#include <filesystem>
#include <memory>

#include "shared/base/result.h"

namespace dvpe::overlay {

// Created once, in main, before any thread starts (it sets environment variables), and destroyed after the last
// Painter. Sets QT_QPA_PLATFORM=offscreen unless set, and points fontconfig at the product's empty configuration. Where
// a QGuiApplication already runs (the studio), it is used, and only the fonts are added. While it lives, Painters may
// be made and used by any thread.
class TextEngine {
 public:
  // fontsFolder holds fonts.conf and the .ttf files that the build put there (<build>/resources/fonts).
  // kNotFound: a font that every overlay relies on is missing; kConflict: there already is a TextEngine.
  static base::Result<std::unique_ptr<TextEngine>> create(const std::filesystem::path& fontsFolder);
  // Whether there is one now. Thread-safe.
  static bool running();

  ~TextEngine();
  TextEngine(const TextEngine&) = delete;
  TextEngine& operator=(const TextEngine&) = delete;

 private:
  struct Impl;
  explicit TextEngine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dvpe::overlay
