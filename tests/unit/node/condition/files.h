// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Sources for conditioner tests, made by the ffmpeg program, and what it and ffprobe say of a result.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "shared/base/bytes.h"
#include "shared/model/documents.h"

namespace dvpe::condition::testing {

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "dvpe-condition-XXXXXX").string();
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
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline bool ffmpeg(const std::string& arguments) {
  return std::system(("ffmpeg -nostdin -v error -y " + arguments).c_str()) == 0;
}

// What a command writes to stdout and stderr.
inline std::string outputOf(const std::string& command) {
  std::string out;
  std::FILE* child = ::popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> block{};
  while (child != nullptr && std::fgets(block.data(), block.size(), child) != nullptr) {
    out += block.data();
  }
  if (child != nullptr) {
    ::pclose(child);
  }
  return out;
}

inline base::Bytes readFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void writeFile(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// Two rungs at 30 fps.
inline model::Profile smallProfile() {
  model::Profile p;
  p.id = "small";
  p.revision = 3;
  p.fps = {30, 1};
  model::Rung high, low;
  high.name = "v360";
  high.width = 640;
  high.height = 360;
  high.maxrate = 900'000;
  low.name = "v180";
  low.width = 320;
  low.height = 180;
  low.maxrate = 300'000;
  p.rungs = {high, low};
  return p;
}

// The integrated loudness that ffmpeg's ebur128 measures.
inline double ebur128(const std::string& path) {
  const std::string text = outputOf("ffmpeg -nostdin -hide_banner -i " + path + " -af ebur128 -f null -");
  const std::size_t summary = text.rfind("Summary:");
  const std::size_t at = summary == std::string::npos ? summary : text.find("I:", summary);
  return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + 2, nullptr);
}

}  // namespace dvpe::condition::testing
