// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the packaging tests share: folders that vanish, commands, made-up creatives whose bytes say where they are from.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "node/package/creative.h"
#include "shared/base/bytes.h"
#include "shared/model/documents.h"

namespace dvpe::package::test {

// A folder that is removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void writeFile(const std::filesystem::path& path, base::ByteView bytes);
base::Bytes readFile(const std::filesystem::path& path);

// What a shell command prints, standard error included.
struct Output {
  int status = 0;
  std::string text;
};
Output run(const std::string& command);

// The boxes of a file as text: "ftyp moov(mvhd trak(...))".
std::string outline(base::ByteView bytes);

// A profile with one rung "v" of 640x360.
model::Profile profileAt(model::FrameRate fps);

// Which frame of which creative a made-up sample is.
std::string frameText(char creative, std::size_t frame);
std::string audioText(char creative, std::size_t frame);
std::string_view textOf(base::ByteView bytes);

// What a made-up creative is made of; tests break one thing at a time.
struct Recipe {
  char letter = 'a';  // its digest is 64 of these: a..f
  int units = 8;
  int audioFrames = -1;   // -1: as many as the units need, and one
  int missingFrames = 0;  // in the last unit
  bool keys = true;       // units start with key frames
  std::uint32_t timescale = kVideoTimescale;
  int width = 640;
  std::string json{};  // instead of the right one
};
void writeCreative(const std::filesystem::path& folder, const model::Profile& profile, const Recipe& recipe);
std::shared_ptr<const Creative> makeCreative(const std::filesystem::path& folder, const model::Profile& profile,
                                             const Recipe& recipe);

// An avcC and an AudioSpecificConfig that look right.
base::Bytes someAvcc();
base::Bytes stereoAsc();

}  // namespace dvpe::package::test
