// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Decoding, scaling and encoding of video behind small interfaces; libav and x264 stay behind them.
#pragma once

#include <memory>
#include <optional>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/base/ticks.h"
#include "shared/media/frame.h"
#include "shared/model/documents.h"

namespace dvpe::media {

struct DecodedFrame {
  base::Ticks pts{};
  FramePtr frame;  // the coded size, cropped; converted to 8-bit 4:2:0 if it was anything else
};

// What a decoder will accept; checked on the parameter sets before anything is allocated (reliability, row 15).
struct VideoLimits {
  int maxWidth = 4096;
  int maxHeight = 2304;
};

// H.264 decoder with no delay of its own: a picture comes out as soon as the stream's reorder depth lets it.
// One thread at a time. After a corrupt packet it goes on at the next key frame by itself.
class VideoDecoder {
 public:
  virtual ~VideoDecoder() = default;
  // data: one access unit, length-prefixed. Corrupt data is an error; the decoder stays usable.
  virtual base::Result<void> decode(base::ByteView data, base::Ticks pts, base::Ticks dts, bool key) = 0;
  // The next picture in presentation order, or nothing yet.
  virtual base::Result<std::optional<DecodedFrame>> receive() = 0;
  // No more packets: receive() gives what is left. reset() makes it ready for a new stream.
  virtual void flush() = 0;
  virtual void reset() = 0;
};

// avcc: AVCDecoderConfigurationRecord. Refuses sizes over the limits, odd sizes are cropped down to even.
base::Result<std::unique_ptr<VideoDecoder>> makeH264Decoder(base::ByteView avcc, VideoLimits limits = {});

// Scales to a fixed size, bit-exact on every CPU (accurate_rnd+bitexact). One thread at a time.
class Scaler {
 public:
  virtual ~Scaler() = default;
  // Any source size; letterboxed or pillarboxed with black when the aspect differs by more than 1 %.
  virtual base::Result<void> scale(const Frame& from, Frame& to) = 0;
};
std::unique_ptr<Scaler> makeScaler();

struct EncodedPicture {
  base::Bytes data;  // length-prefixed NAL units, no SPS/PPS/SEI: they are in the init segment
  bool key = false;
};

// One segment's encoder (law 3): open, encode each frame, drop. No delay: each frame in gives one picture out.
// The first picture is an IDR; forceKey makes another (a unit's start in a creative).
class VideoEncoder {
 public:
  virtual ~VideoEncoder() = default;
  virtual base::Result<EncodedPicture> encode(const Frame& frame, bool forceKey) = 0;
};
base::Result<std::unique_ptr<VideoEncoder>> makeH264Encoder(const model::Rung& rung, model::FrameRate fps);

// The AVCDecoderConfigurationRecord that every segment of this rung shares, whatever was encoded.
base::Result<base::Bytes> h264Parameters(const model::Rung& rung, model::FrameRate fps);

// Process-wide: forces libav and x264 to their plain C code, to prove that bits do not depend on the CPU. Call first.
void useBaselineCpu();

}  // namespace dvpe::media
