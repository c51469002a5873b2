// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// From a decoder's picture to ours: 8-bit 4:2:0 BT.709 limited range.
#pragma once

#include "shared/media/ffmpeg/av.h"
#include "shared/media/frame.h"

namespace dvpe::media::ffmpeg {

class PictureConverter {
 public:
  base::Result<FramePtr> convert(const AVFrame& from);

 private:
  std::shared_ptr<FramePool> pool_;
  int width_ = 0, height_ = 0;
  ScalePtr scale_;
};

}  // namespace dvpe::media::ffmpeg
