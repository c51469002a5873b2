// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/media/frame.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <new>
#include <utility>

namespace dvpe::media {
namespace {

constexpr std::size_t kAlign = 64;
// Vector code reads and writes whole blocks: room behind the last row keeps that inside our memory.
constexpr std::size_t kTail = 256;

constexpr std::size_t roundUp(std::size_t n) { return (n + kAlign - 1) / kAlign * kAlign; }

}  // namespace

Frame::Frame(int width, int height) : width_(width & ~1), height_(height & ~1) {
  const auto w = static_cast<std::size_t>(width_);
  const auto h = static_cast<std::size_t>(height_);
  const std::size_t luma = roundUp(w);
  const std::size_t chroma = roundUp(w / 2);
  const std::size_t total = luma * h + 2 * chroma * (h / 2);
  memory_ = std::make_unique<std::uint8_t[]>(total + kAlign + kTail);
  auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
  std::uint8_t* base = memory_.get() + (kAlign - address % kAlign) % kAlign;
  strides_ = {static_cast<int>(luma), static_cast<int>(chroma), static_cast<int>(chroma)};
  planes_ = {base, base + luma * h, base + luma * h + chroma * (h / 2)};
}

void Frame::copyFrom(const Frame& other) {
  if (other.width_ != width_ || other.height_ != height_) {
    return;
  }
  // Equal sizes have equal strides, and the planes follow one another: one block.
  const std::size_t bytes = static_cast<std::size_t>(strides_[0]) * static_cast<std::size_t>(height_) +
                            static_cast<std::size_t>(strides_[1]) * static_cast<std::size_t>(height_);
  std::memcpy(planes_[0], other.planes_[0], bytes);
}

void Frame::fill(std::uint8_t y, std::uint8_t u, std::uint8_t v) {
  const auto luma = static_cast<std::size_t>(strides_[0]) * static_cast<std::size_t>(height_);
  const auto chroma = static_cast<std::size_t>(strides_[1]) * static_cast<std::size_t>(height_ / 2);
  std::memset(planes_[0], y, luma);
  std::memset(planes_[1], u, chroma);
  std::memset(planes_[2], v, chroma);
}

std::shared_ptr<FramePool> FramePool::create(int width, int height) {
  return std::shared_ptr<FramePool>(new FramePool(width, height));
}

std::shared_ptr<Frame> FramePool::acquire() {
  std::unique_ptr<Frame> frame;
  std::vector<std::unique_ptr<Frame>> spare;  // freed after the lock
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      frame = std::move(idle_.back());
      idle_.pop_back();
    }
    leastIdle_ = std::min(leastIdle_, idle_.size());
    if (++acquired_ == kWindow) {
      const auto rest = idle_.end() - static_cast<std::ptrdiff_t>(leastIdle_);
      spare.assign(std::make_move_iterator(rest), std::make_move_iterator(idle_.end()));
      idle_.erase(rest, idle_.end());
      acquired_ = 0;
      leastIdle_ = idle_.size();
    }
  }
  if (!frame) {
    frame = std::make_unique<Frame>(width_, height_);
  }
  // The deleter keeps no pool alive: a frame that outlives it is simply freed.
  return {frame.release(), [pool = weak_from_this()](Frame* back) {
            std::unique_ptr<Frame> owned(back);
            if (const auto alive = pool.lock()) {
              const std::scoped_lock lock(alive->mutex_);
              alive->idle_.push_back(std::move(owned));
            }
          }};
}

std::size_t FramePool::idle() const {
  const std::scoped_lock lock(mutex_);
  return idle_.size();
}

}  // namespace dvpe::media
