// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The encoder of law 3. Everything that decides bytes is set here from the rung and the frame rate alone: no thread
// counts of the machine, no CPU features, no clock.
#include <array>
#include <cstdarg>
#include <cstdint>

extern "C" {
#include <x264.h>
}

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "shared/media/h264.h"
#include "shared/media/impl/cpu.h"
#include "shared/media/video.h"

namespace dvpe::media {
namespace {

using base::ErrorCode;
using base::fail;

// x264's last complaint on this thread, to say why an encoder did not open.
thread_local std::string lastComplaint;

void keepComplaint(void*, int level, const char* format, va_list args) {
  if (level > X264_LOG_ERROR) {
    return;
  }
  char text[256];
  std::vsnprintf(text, sizeof text, format, args);
  lastComplaint = text;
  while (!lastComplaint.empty() && lastComplaint.back() == '\n') {
    lastComplaint.pop_back();
  }
}

struct Level {
  int idc;
  std::int64_t mbsPerSecond, frameMbs, dpbMbs, kbits;
};
// Table A-1. kbits is MaxBR; High profile has 1.25 of it.
constexpr Level kLevels[] = {{10, 1485, 99, 396, 64},
                             {11, 3000, 396, 900, 192},
                             {12, 6000, 396, 2376, 384},
                             {13, 11880, 396, 2376, 768},
                             {20, 11880, 396, 2376, 2000},
                             {21, 19800, 792, 4752, 4000},
                             {22, 20250, 1620, 8100, 4000},
                             {30, 40500, 1620, 8100, 10000},
                             {31, 108000, 3600, 18000, 14000},
                             {32, 216000, 5120, 20480, 20000},
                             {40, 245760, 8192, 32768, 20000},
                             {41, 245760, 8192, 32768, 50000},
                             {42, 522240, 8704, 34816, 50000},
                             {50, 589824, 22080, 110400, 135000},
                             {51, 983040, 36864, 184320, 240000},
                             {52, 2073600, 36864, 184320, 240000}};

// The lowest level that holds the rung: fixed by the profile, so that every segment has the same SPS.
int levelFor(const model::Rung& rung, model::FrameRate fps, int references) {
  const std::int64_t mbs = static_cast<std::int64_t>((rung.width + 15) / 16) * ((rung.height + 15) / 16);
  for (const Level& level : kLevels) {
    if (mbs <= level.frameMbs && mbs * fps.num <= level.mbsPerSecond * fps.den && mbs * references <= level.dpbMbs &&
        rung.maxrate / 1000 <= level.kbits * 5 / 4) {
      return level.idc;
    }
  }
  return 52;
}

// Options of a rung that only weigh speed against quality. Everything else is law 3's, or names files.
bool isTuning(std::string_view key) {
  constexpr std::string_view kAllowed[] = {"crf",
                                           "qpmin",
                                           "qpmax",
                                           "qpstep",
                                           "qcomp",
                                           "ipratio",
                                           "aq-mode",
                                           "aq-strength",
                                           "psy",
                                           "psy-rd",
                                           "deblock",
                                           "subme",
                                           "me",
                                           "merange",
                                           "trellis",
                                           "ref",
                                           "weightp",
                                           "partitions",
                                           "cabac",
                                           "mixed-refs",
                                           "chroma-me",
                                           "fast-pskip",
                                           "dct-decimate",
                                           "nr",
                                           "deadzone-inter",
                                           "deadzone-intra",
                                           "chroma-qp-offset"};
  for (const std::string_view allowed : kAllowed) {
    if (key == allowed) {
      return true;
    }
  }
  return false;
}

// An option that only repeats what law 3 says anyway is let through; it does nothing.
bool repeatsTheLaw(std::string_view key, std::string_view value, const model::Rung& rung, model::FrameRate fps) {
  constexpr std::pair<std::string_view, std::string_view> kLaw[] = {{"bframes", "0"},
                                                                    {"rc-lookahead", "0"},
                                                                    {"sync-lookahead", "0"},
                                                                    {"scenecut", "0"},
                                                                    {"mbtree", "0"},
                                                                    {"open-gop", "0"},
                                                                    {"stitchable", "1"},
                                                                    {"stitchable", ""},
                                                                    {"cpu-independent", "1"},
                                                                    {"cpu-independent", ""},
                                                                    {"repeat-headers", "0"},
                                                                    {"annexb", "0"},
                                                                    {"aud", "0"},
                                                                    {"8x8dct", "1"},
                                                                    {"keyint", "infinite"},
                                                                    {"nal-hrd", "none"},
                                                                    {"profile", "high"}};
  for (const auto& [k, v] : kLaw) {
    if (key == k && value == v) {
      return true;
    }
  }
  if (key == "threads") {
    return value == std::to_string(rung.threads);
  }
  // A key frame interval that no segment can reach changes nothing.
  return key == "keyint" && std::atoi(std::string(value).c_str()) >= 4 * ((fps.num + fps.den / 2) / fps.den);
}

bool isListed(const char* const* names, std::string_view name) {
  while (*names != nullptr && name != *names) {
    ++names;
  }
  return *names != nullptr;
}

struct Option {
  std::string key, value;
};

std::vector<Option> splitOptions(std::string_view text) {
  std::vector<Option> options;
  while (!text.empty()) {
    const std::size_t colon = text.find(':');
    const std::string_view item = text.substr(0, colon);
    text = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
    if (item.empty()) {
      continue;
    }
    const std::size_t equals = item.find('=');
    Option o{std::string(item.substr(0, equals)),
             equals == std::string_view::npos ? std::string{} : std::string(item.substr(equals + 1))};
    for (char& c : o.key) {
      c = c == '_' ? '-' : c;
    }
    if (o.key.rfind("no-", 0) == 0 && o.value.empty()) {
      o = {o.key.substr(3), "0"};
    }
    options.push_back(std::move(o));
  }
  return options;
}

base::Result<void> checkRung(const model::Rung& rung, model::FrameRate fps) {
  if (rung.width < 16 || rung.height < 16 || rung.width > 4096 || rung.height > 2304 || rung.width % 2 != 0 ||
      rung.height % 2 != 0) {
    return fail(ErrorCode::kInvalidInput, "rung " + rung.name + ": size must be even, 16x16 to 4096x2304");
  }
  if (rung.maxrate < 50'000 || rung.maxrate > 200'000'000 || rung.bitrate < 0 || rung.bitrate > rung.maxrate) {
    return fail(ErrorCode::kInvalidInput,
                "rung " + rung.name + ": maxrate must be 50 kbit/s to 200 Mbit/s, and bitrate not above it");
  }
  if (rung.threads < 1 || rung.threads > 64 || fps.num < 1 || fps.den < 1 || rung.x264.size() > 1024) {
    return fail(ErrorCode::kInvalidInput, "rung " + rung.name + ": impossible thread count, frame rate or options");
  }
  return base::success();
}

// What law 3 fixes. Applied last: nothing a rung says can undo it.
void applyLaw(x264_param_t& p, const model::Rung& rung, model::FrameRate fps) {
  p.cpu = impl::baselineCpu() ? 0 : p.cpu;
  p.b_cpu_independent = 1;
  p.b_deterministic = 1;
  // One thread, whatever the rung allows. With slice threads x264's buffer model reads how far the other slices have
  // come at that moment (x264_ratecontrol_mb), so bytes would depend on the scheduler; frame threads would add delay.
  p.i_threads = 1;
  p.b_sliced_threads = 0;
  p.i_lookahead_threads = 1;
  p.i_slice_count = 0;
  p.i_sync_lookahead = 0;
  p.rc.i_lookahead = 0;
  p.rc.b_mb_tree = 0;
  p.i_bframe = 0;
  p.i_bframe_adaptive = 0;
  p.i_bframe_pyramid = 0;
  p.i_scenecut_threshold = 0;
  p.i_keyint_max = X264_KEYINT_MAX_INFINITE;
  p.b_open_gop = 0;
  p.b_intra_refresh = 0;
  p.b_interlaced = 0;
  p.b_stitchable = 1;
  p.b_opencl = 0;

  p.i_width = rung.width;
  p.i_height = rung.height;
  p.i_csp = X264_CSP_I420;
  p.i_bitdepth = 8;
  p.analyse.b_transform_8x8 = 1;  // High profile, whatever the preset
  p.i_level_idc = levelFor(rung, fps, p.i_frame_reference);
  p.b_vfr_input = 0;
  p.i_fps_num = static_cast<std::uint32_t>(fps.num);
  p.i_fps_den = static_cast<std::uint32_t>(fps.den);
  p.i_timebase_num = p.i_fps_den;
  p.i_timebase_den = p.i_fps_num;
  p.vui.i_sar_width = 1;
  p.vui.i_sar_height = 1;
  p.vui.i_overscan = 0;
  p.vui.i_vidformat = 5;
  p.vui.b_fullrange = 0;
  p.vui.i_colorprim = 1;  // BT.709
  p.vui.i_transfer = 1;
  p.vui.i_colmatrix = 1;
  p.vui.i_chroma_loc = 0;

  p.rc.i_vbv_max_bitrate = static_cast<int>(rung.maxrate / 1000);
  p.rc.i_vbv_buffer_size = static_cast<int>(rung.maxrate / 2000);
  p.rc.b_filler = 0;
  p.rc.i_rc_method = rung.bitrate > 0 ? X264_RC_ABR : X264_RC_CRF;
  p.rc.i_bitrate = static_cast<int>(rung.bitrate / 1000);
  p.i_nal_hrd = X264_NAL_HRD_NONE;

  p.b_aud = 0;
  p.b_annexb = 0;
  p.b_repeat_headers = 0;
  p.b_pic_struct = 0;
  p.i_log_level = X264_LOG_ERROR;
  p.pf_log = keepComplaint;
}

base::Result<x264_param_t> makeParameters(const model::Rung& rung, model::FrameRate fps) {
  DVPE_CHECK(checkRung(rung, fps));
  const std::vector<Option> options = splitOptions(rung.x264);
  std::string tune;
  for (const Option& o : options) {
    if (o.key == "tune") {
      tune = o.value;
    }
  }
  x264_param_t p;
  if (!isListed(x264_preset_names, rung.preset) || (!tune.empty() && !isListed(x264_tune_names, tune)) ||
      x264_param_default_preset(&p, rung.preset.c_str(), tune.empty() ? nullptr : tune.c_str()) < 0) {
    return fail(ErrorCode::kInvalidInput, "rung " + rung.name + ": no such x264 preset or tune");
  }
  p.rc.f_rf_constant = 23;
  for (const Option& o : options) {
    if (o.key == "tune" || repeatsTheLaw(o.key, o.value, rung, fps)) {
      continue;
    }
    if (!isTuning(o.key)) {
      return fail(ErrorCode::kRefused, "rung " + rung.name + ": the x264 option '" + o.key + "' is fixed by DVPE");
    }
    if (x264_param_parse(&p, o.key.c_str(), o.value.empty() ? nullptr : o.value.c_str()) != 0) {
      return fail(ErrorCode::kInvalidInput, "rung " + rung.name + ": bad x264 option '" + o.key + "'");
    }
  }
  applyLaw(p, rung, fps);
  return p;
}

struct Closer {
  void operator()(x264_t* x) const { x264_encoder_close(x); }
};
using Handle = std::unique_ptr<x264_t, Closer>;

base::Result<Handle> open(const model::Rung& rung, model::FrameRate fps) {
  DVPE_TRY(auto p, makeParameters(rung, fps));
  lastComplaint.clear();
  Handle handle(x264_encoder_open(&p));
  if (!handle) {
    return fail(ErrorCode::kInternal, "x264 did not open for rung " + rung.name + ": " + lastComplaint);
  }
  if (x264_encoder_maximum_delayed_frames(handle.get()) != 0) {
    return fail(ErrorCode::kInternal, "x264 would delay frames of rung " + rung.name);
  }
  return handle;
}

class X264Encoder final : public VideoEncoder {
 public:
  X264Encoder(Handle handle, int width, int height) : handle_(std::move(handle)), width_(width), height_(height) {
    x264_picture_init(&in_);
    in_.img.i_csp = X264_CSP_I420;
    in_.img.i_plane = 3;
  }

  base::Result<EncodedPicture> encode(const Frame& frame, bool forceKey) override {
    if (frame.width() != width_ || frame.height() != height_) {
      return fail(ErrorCode::kInvalidInput, "encoder: a frame of another size than the rung's");
    }
    for (int i = 0; i < 3; ++i) {
      // x264 only reads: it copies the picture into buffers of its own.
      in_.img.plane[i] = const_cast<std::uint8_t*>(frame.plane(i));
      in_.img.i_stride[i] = frame.stride(i);
    }
    in_.i_type = forceKey ? X264_TYPE_IDR : X264_TYPE_AUTO;
    in_.i_pts = count_++;
    x264_nal_t* nals = nullptr;
    int n = 0;
    x264_picture_t out;
    const int size = x264_encoder_encode(handle_.get(), &nals, &n, &in_, &out);
    if (size <= 0) {
      return fail(ErrorCode::kInternal, "x264 gave no picture: " + lastComplaint);
    }
    EncodedPicture picture;
    picture.key = out.b_keyframe != 0;
    picture.data.reserve(static_cast<std::size_t>(size));
    for (int i = 0; i < n; ++i) {
      if (nals[i].i_type == NAL_SLICE || nals[i].i_type == NAL_SLICE_IDR) {
        picture.data.insert(picture.data.end(), nals[i].p_payload, nals[i].p_payload + nals[i].i_payload);
      }
    }
    return picture;
  }

 private:
  Handle handle_;
  int width_, height_;
  std::int64_t count_ = 0;
  x264_picture_t in_{};
};

}  // namespace

base::Result<std::unique_ptr<VideoEncoder>> makeH264Encoder(const model::Rung& rung, model::FrameRate fps) {
  DVPE_TRY(auto handle, open(rung, fps));
  return std::unique_ptr<VideoEncoder>(std::make_unique<X264Encoder>(std::move(handle), rung.width, rung.height));
}

base::Result<base::Bytes> h264Parameters(const model::Rung& rung, model::FrameRate fps) {
  DVPE_TRY(auto handle, open(rung, fps));
  x264_nal_t* nals = nullptr;
  int n = 0;
  if (x264_encoder_headers(handle.get(), &nals, &n) <= 0) {
    return fail(ErrorCode::kInternal, "x264 gave no parameter sets");
  }
  base::ByteView sps, pps;
  for (int i = 0; i < n; ++i) {
    const base::ByteView prefixed{nals[i].p_payload, static_cast<std::size_t>(nals[i].i_payload)};
    if (prefixed.size() > 4 && nals[i].i_type == NAL_SPS) {
      sps = prefixed.subspan(4);
    } else if (prefixed.size() > 4 && nals[i].i_type == NAL_PPS) {
      pps = prefixed.subspan(4);
    }
  }
  base::Bytes avcc = makeAvcc(sps, pps);
  if (avcc.empty()) {
    return fail(ErrorCode::kInternal, "x264 gave no parameter sets");
  }
  return avcc;
}

}  // namespace dvpe::media
