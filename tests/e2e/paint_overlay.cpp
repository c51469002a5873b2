// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Blends overlays into one picture, as the node does: what end-to-end tests compare decoded pictures with.
//
//   paint_overlay DOCUMENTS WIDTHxHEIGHT IN.yuv OUT.yuv WALL OVERLAY [FIELD=VALUE ...] [-- OVERLAY [FIELD=VALUE ...]]
//   ...
//
// IN and OUT are one frame of planar YUV 4:2:0. WALL is the frame's date in seconds since 1970, for {clock}. A value
// that begins with '!' is the programme's, not the rule's (FIELD=!2 : 1). Prints [[x, y, width, height], ...], a
// rectangle for each overlay. Exit code 1 with a reason when something is wrong.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "node/render/blend.h"
#include "shared/model/json.h"
#include "shared/overlay/painter.h"
#include "shared/overlay/text_engine.h"

namespace {

using namespace dvpe;

struct Request {
  std::string overlay;
  std::map<std::string, std::string> values, programme;
};

struct Call {
  std::filesystem::path documents, in, out;
  int width = 0, height = 0;
  base::WallTime wall{};
  std::vector<Request> requests;
};

bool parse(int argc, char** argv, Call& call) {
  if (argc < 7) return false;
  call.documents = argv[1];
  if (std::sscanf(argv[2], "%dx%d", &call.width, &call.height) != 2) return false;
  if (call.width < 2 || call.height < 2 || call.width > 4096 || call.height > 4096 || call.width % 2 || call.height % 2)
    return false;
  call.in = argv[3];
  call.out = argv[4];
  call.wall = base::WallTime{std::chrono::microseconds{static_cast<std::int64_t>(std::strtod(argv[5], nullptr) * 1e6)}};
  bool fresh = true;
  for (int k = 6; k < argc; ++k) {
    const std::string word = argv[k];
    if (word == "--") {
      fresh = true;
    } else if (fresh) {
      call.requests.push_back({word, {}, {}});
      fresh = false;
    } else {
      const auto equals = word.find('=');
      if (equals == std::string::npos) return false;
      const bool programme = word.size() > equals + 1 && word[equals + 1] == '!';
      auto& values = programme ? call.requests.back().programme : call.requests.back().values;
      values[word.substr(0, equals)] = word.substr(equals + (programme ? 2 : 1));
    }
  }
  return !call.requests.empty();
}

// A plane's rows, from or to a file.
template <class F>
void eachRow(media::Frame& frame, F&& f) {
  for (int plane = 0; plane < 3; ++plane) {
    const int width = plane == 0 ? frame.width() : frame.width() / 2,
              height = plane == 0 ? frame.height() : frame.height() / 2;
    for (int y = 0; y < height; ++y)
      f(reinterpret_cast<char*>(frame.plane(plane)) + static_cast<std::ptrdiff_t>(y) * frame.stride(plane), width);
  }
}

base::Result<void> paint(const Call& call) {
  DVPE_TRY(const auto documents, model::loadDocumentsOrFail(call.documents));
  DVPE_TRY(const auto engine, overlay::TextEngine::create(DVPE_BINARY_DIR "/resources/fonts"));
  media::Frame frame(call.width, call.height);
  std::ifstream in(call.in, std::ios::binary);
  eachRow(frame, [&in](char* row, int size) { in.read(row, size); });
  if (!in) return base::fail(base::ErrorCode::kIo, call.in.string() + " holds no whole picture");
  std::string rectangles;
  for (const auto& request : call.requests) {
    const auto found = documents.overlays.find(request.overlay);
    if (found == documents.overlays.end())
      return base::fail(base::ErrorCode::kNotFound, "there is no overlay " + request.overlay);
    DVPE_TRY(const auto painter,
             overlay::Painter::create(found->second, call.documents, call.width, call.height, model::FrameRate{30, 1}));
    overlay::ProgrammeValues programme;
    programme.wall = call.wall;
    programme.values = request.programme;
    const auto sprite = painter->paint(request.values, programme);
    render::blend(frame, render::toYuva(sprite), 0, 0, 256);
    rectangles += (rectangles.empty() ? "[" : ", [") + std::to_string(sprite.x) + ", " + std::to_string(sprite.y) +
                  ", " + std::to_string(sprite.width) + ", " + std::to_string(sprite.height) + "]";
  }
  std::ofstream out(call.out, std::ios::binary);
  eachRow(frame, [&out](char* row, int size) { out.write(row, size); });
  if (!out.flush()) return base::fail(base::ErrorCode::kIo, call.out.string() + " cannot be written");
  std::printf("[%s]\n", rectangles.c_str());
  return base::success();
}

}  // namespace

int main(int argc, char** argv) {
  Call call;
  if (!parse(argc, argv, call)) {
    std::fprintf(
        stderr,
        "usage: paint_overlay DOCUMENTS WIDTHxHEIGHT IN.yuv OUT.yuv WALL OVERLAY [FIELD=VALUE ...] [-- OVERLAY ...]\n");
    return 1;
  }
  if (const auto painted = paint(call); !painted) {
    std::fprintf(stderr, "%s\n", painted.error().message.c_str());
    return 1;
  }
  return 0;
}
