// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// H.264 as FLV carries it: the AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1), the picture size from its
// sequence parameter set (ITU-T H.264, 7.3.2.1.1), and length-prefixed NAL units. Pure functions.
#pragma once

#include <cstdint>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace dvpe::ingest::rtmp {

struct AvcConfig {
  int nalLengthSize = 4;  // 1, 2 or 4
  int profile = 0;        // profile_idc
  int width = 0;          // after cropping, in luma samples
  int height = 0;
};

// Refuses records without parameter sets, cut-off ones, and sizes that overflow; it does not limit the picture's size.
base::Result<AvcConfig> parseAvcc(base::ByteView avcc);

// One or more NAL units must fill the bytes exactly, none of them empty.
base::Result<void> checkNalUnits(base::ByteView data, int nalLengthSize);

}  // namespace dvpe::ingest::rtmp
