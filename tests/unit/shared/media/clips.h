// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Inputs for media tests: moving pictures painted here, and short files made by the ffmpeg program in a temporary
// folder.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "shared/media/audio.h"
#include "shared/media/frame.h"
#include "shared/media/video.h"

namespace dvpe::media::testing {

// A folder that goes away with the test.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "dvpe-test-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) {
      path_ = name;
    }
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

inline void writeFile(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// Runs ffmpeg -y with these arguments; true when it succeeded.
inline bool ffmpeg(const std::string& arguments) {
  return std::system(("ffmpeg -nostdin -v error -y " + arguments).c_str()) == 0;
}

// A picture that moves with `number`, textured enough to cost bits.
inline void paint(Frame& f, int number) {
  for (int y = 0; y < f.height(); ++y) {
    std::uint8_t* row = f.plane(0) + static_cast<std::ptrdiff_t>(y) * f.stride(0);
    for (int x = 0; x < f.width(); ++x) {
      row[x] = static_cast<std::uint8_t>(16 + ((x * 3 + number * 5) ^ (y * 2 + number)) % 200);
    }
  }
  for (int i = 1; i < 3; ++i) {
    for (int y = 0; y < f.height() / 2; ++y) {
      std::uint8_t* row = f.plane(i) + static_cast<std::ptrdiff_t>(y) * f.stride(i);
      for (int x = 0; x < f.width() / 2; ++x) {
        row[x] = static_cast<std::uint8_t>(64 + (x + y * i + number * 3) % 128);
      }
    }
  }
}

inline double meanDifference(const Frame& a, const Frame& b) {
  double sum = 0;
  for (int y = 0; y < a.height(); ++y) {
    for (int x = 0; x < a.width(); ++x) {
      sum += std::abs(a.plane(0)[y * a.stride(0) + x] - b.plane(0)[y * b.stride(0) + x]);
    }
  }
  return sum / a.width() / a.height();
}

inline model::Rung smallRung() {
  model::Rung r;
  r.name = "v360";
  r.width = 640;
  r.height = 360;
  r.maxrate = 900'000;
  return r;
}

// One frame of 1024 stereo samples of a sine; number: which frame.
inline Samples tone(int number, double hertz = 440, double level = 0.25) {
  Samples s(2048);
  for (std::size_t i = 0; i < 1024; ++i) {
    const double t = (number * 1024.0 + static_cast<double>(i)) / 48000.0;
    s[2 * i] = s[2 * i + 1] = static_cast<float>(level * std::sin(2 * 3.14159265358979 * hertz * t));
  }
  return s;
}

}  // namespace dvpe::media::testing
