// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/overlay/motion.h"

#include <algorithm>

namespace dvpe::overlay {
namespace {

int wholeFrames(int milliseconds, model::FrameRate fps) {
  const std::int64_t ms = std::clamp(milliseconds, 0, kMaxAnimationMilliseconds);
  return static_cast<int>((2 * ms * fps.num + 1000LL * fps.den) / (2000LL * fps.den));
}

// The shift that takes a rectangle of the picture just outside of it, in the direction of the slide (sign +1) or
// against it (sign -1).
Motion outside(model::AnimationKind kind, int sign, Rectangle where, int width, int height) {
  const int left = -(where.x + where.width), right = width - where.x;
  const int up = -(where.y + where.height), down = height - where.y;
  switch (kind) {
    case model::AnimationKind::kSlideLeft:
      return {sign > 0 ? left : right, 0, 256};
    case model::AnimationKind::kSlideRight:
      return {sign > 0 ? right : left, 0, 256};
    case model::AnimationKind::kSlideUp:
      return {0, sign > 0 ? up : down, 256};
    case model::AnimationKind::kSlideDown:
      return {0, sign > 0 ? down : up, 256};
    case model::AnimationKind::kNone:
    case model::AnimationKind::kFade:
      break;
  }
  return {};
}

}  // namespace

Choreography::Choreography(const model::Animation& in, const model::Animation& out, model::FrameRate fps,
                           Rectangle where, int width, int height)
    : frame_(base::kTicksPerSecond * fps.den / fps.num) {
  const auto half = [&](const model::Animation& a, int sign) {
    Half h;
    if (a.kind == model::AnimationKind::kNone) return h;
    h.frames = wholeFrames(a.milliseconds, fps);
    h.fade = a.kind == model::AnimationKind::kFade;
    const Motion away = outside(a.kind, sign, where, width, height);
    h.dx = away.dx;
    h.dy = away.dy;
    return h;
  };
  in_ = half(in, -1);
  out_ = half(out, +1);
}

// shown counts frames of this half, from 1 (barely there) to frames (in place).
void Choreography::apply(const Half& half, std::int64_t shown, Motion& motion) {
  if (shown >= half.frames) return;
  const std::int64_t n = half.frames;
  if (half.fade) {
    motion.alpha = static_cast<int>(motion.alpha * shown / n);
    return;
  }
  const std::int64_t left = n - shown;
  const auto eased = [&](int shift) { return static_cast<int>(shift * left * left * left / (n * n * n)) / 2 * 2; };
  motion.dx += eased(half.dx);
  motion.dy += eased(half.dy);
}

Motion Choreography::at(base::Ticks sinceStart, std::optional<base::Ticks> untilEnd) const {
  Motion motion;
  if (sinceStart < base::Ticks{0} || (untilEnd && *untilEnd <= base::Ticks{0})) {
    motion.alpha = 0;
    return motion;
  }
  apply(in_, sinceStart / frame_ + 1, motion);
  if (untilEnd) apply(out_, (*untilEnd + frame_ - base::Ticks{1}) / frame_, motion);
  return motion;
}

}  // namespace dvpe::overlay
