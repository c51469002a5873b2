// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "tests/unit/node/package/support.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <set>

namespace dvpe::package::test {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "dvpe-package-XXXXXX").string();
  path_ = ::mkdtemp(pattern.data());
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void writeFile(const fs::path& path, base::ByteView bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(out.good()) << path;
}

base::Bytes readFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Output run(const std::string& command) {
  Output out;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (!pipe) return {-1, "popen"};
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) out.text.append(buffer.data(), n);
  out.status = ::pclose(pipe);
  return out;
}

std::string outline(base::ByteView bytes) {
  static const std::set<std::string> kContainers{"moov", "trak", "mdia", "minf", "dinf",
                                                 "stbl", "mvex", "moof", "traf"};
  std::string out;
  while (bytes.size() >= 8) {
    const std::size_t size =
        std::size_t{bytes[0]} << 24 | std::size_t{bytes[1]} << 16 | std::size_t{bytes[2]} << 8 | bytes[3];
    const std::string type(reinterpret_cast<const char*>(bytes.data()) + 4, 4);
    if (size < 8 || size > bytes.size()) return out + " BROKEN";
    out += (out.empty() ? "" : " ") + type;
    if (kContainers.contains(type)) out += "(" + outline(bytes.subspan(8, size - 8)) + ")";
    bytes = bytes.subspan(size);
  }
  return bytes.empty() ? out : out + " REST";
}

model::Profile profileAt(model::FrameRate fps) {
  model::Profile profile;
  profile.id = "test";
  profile.revision = 3;
  profile.fps = fps;
  model::Rung rung;
  rung.name = "v";
  rung.width = 640;
  rung.height = 360;
  profile.rungs = {rung};
  return profile;
}

std::string frameText(char creative, std::size_t frame) {
  return std::string(1, creative) + "/v/" + std::to_string(frame);
}
std::string audioText(char creative, std::size_t frame) {
  return std::string(1, creative) + "/a/" + std::to_string(frame);
}
std::string_view textOf(base::ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

base::Bytes someAvcc() { return {1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 4, 0x67, 0x64, 0, 0x1f, 1, 0, 3, 0x68, 0xee, 0x3c}; }
base::Bytes stereoAsc() { return {0x11, 0x90}; }

void writeCreative(const fs::path& folder, const model::Profile& profile, const Recipe& r) {
  const timeline::Grid grid(profile.fps);
  fs::create_directories(folder);
  base::Bytes video = initSegment({TrackKind::kVideo, someAvcc(), r.width, 360, r.timescale});
  std::size_t frame = 0;
  for (int u = 0; u < r.units; ++u) {
    const int frames = grid.framesPerUnit() - (u + 1 == r.units ? r.missingFrames : 0);
    std::vector<std::string> texts;
    for (int i = 0; i < frames; ++i) texts.push_back(frameText(r.letter, frame++));
    std::vector<Sample> samples;
    for (const std::string& t : texts) {
      samples.push_back({base::view(t), static_cast<std::uint32_t>(grid.frame().count()), r.keys && samples.empty()});
    }
    writeFragment(video, TrackKind::kVideo, static_cast<std::uint32_t>(u),
                  static_cast<std::uint64_t>((grid.unit() * u).count()), samples);
  }
  writeFile(folder / "v.mp4", video);

  const auto needed = static_cast<int>((grid.unit() * r.units).count() / 5120) + 1;
  const int count = r.audioFrames >= 0 ? r.audioFrames : needed + 1;
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) texts.push_back(audioText(r.letter, static_cast<std::size_t>(i)));
  std::vector<Sample> samples;
  for (const std::string& t : texts) samples.push_back({base::view(t), 1024, true});
  base::Bytes audio = initSegment({TrackKind::kAudio, stereoAsc(), 0, 0, 0});
  writeFragment(audio, TrackKind::kAudio, 0, 0, samples);
  writeFile(folder / "audio.mp4", audio);

  const std::string json = !r.json.empty()
                               ? r.json
                               : R"({"kind":"media","id":"clip-)" + std::string(1, r.letter) + R"(","digest":")" +
                                     std::string(64, r.letter) + R"(","profile":{"id":"test","revision":3},"units":)" +
                                     std::to_string(r.units) +
                                     R"(,"tracks":{"v":"v.mp4","audio":"audio.mp4"},"report":{"padded":0}})";
  writeFile(folder / "media.json", base::view(json));
}

std::shared_ptr<const Creative> makeCreative(const fs::path& folder, const model::Profile& profile,
                                             const Recipe& recipe) {
  writeCreative(folder, profile, recipe);
  auto creative = Creative::load(folder, profile);
  EXPECT_TRUE(creative) << creative.error().message;
  return creative ? creative.value() : nullptr;
}

}  // namespace dvpe::package::test
