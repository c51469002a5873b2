// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Reading H.264 without a decoder: NAL units, sequence parameter sets, the AVCDecoderConfigurationRecord. Everything
// here takes hostile bytes and checks every length (ITU-T H.264 7.3 and Annex E; ISO/IEC 14496-15 5.3.3.1).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace dvpe::media {

// What a sequence parameter set says about pictures.
struct H264Sps {
  int profile = 0, constraints = 0, level = 0;
  int width = 0, height = 0;            // after cropping
  int codedWidth = 0, codedHeight = 0;  // whole macroblocks: what a decoder allocates
  int bitDepth = 8;
  int chromaFormat = 1;  // 1 = 4:2:0
  int pocType = 0;
  bool interlaced = false;                 // frame_mbs_only_flag = 0
  std::optional<int> reorderDepth;         // max_num_reorder_frames, when the VUI says it
  int frameRateNum = 0, frameRateDen = 1;  // 0: unknown
  // No picture is ever shown after one that was decoded later.
  bool neverReorders() const { return pocType == 2 || profile == 66 || (reorderDepth && *reorderDepth == 0); }
};

// nal: one NAL unit of type 7 with its header byte, without start code or length.
base::Result<H264Sps> parseSps(base::ByteView nal);

// The parts of an AVCDecoderConfigurationRecord. At least one SPS and one PPS.
struct AvcConfig {
  int lengthSize = 4;
  std::vector<base::ByteView> sps, pps;  // into the bytes that were parsed
};
base::Result<AvcConfig> parseAvcc(base::ByteView avcc);
base::Bytes makeAvcc(base::ByteView sps, base::ByteView pps);
// The codec string of HLS and DASH from an avcC: "avc1.64001f" (RFC 6381).
std::string codecString(base::ByteView avcc);

// The NAL units of one access unit in length-prefixed form, as views. An error when a length leads outside.
base::Result<std::vector<base::ByteView>> splitLengthPrefixed(base::ByteView data, int lengthSize);
// The NAL units of a byte stream with start codes (Annex B), as views.
std::vector<base::ByteView> splitAnnexB(base::ByteView data);

}  // namespace dvpe::media
