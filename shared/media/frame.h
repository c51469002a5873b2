// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Pictures: 8-bit YUV 4:2:0, BT.709 limited range, planar, in pooled buffers. The only pixel format inside the node.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace dvpe::media {

// A picture of even width and height. Planes Y, U, V; rows are 64-byte aligned. Writable by its one owner until it is
// shared as const; returned to its pool by the last owner.
class Frame {
 public:
  Frame(int width, int height);
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  int width() const { return width_; }
  int height() const { return height_; }
  int stride(int plane) const { return strides_[static_cast<std::size_t>(plane)]; }
  std::uint8_t* plane(int i) { return planes_[static_cast<std::size_t>(i)]; }
  const std::uint8_t* plane(int i) const { return planes_[static_cast<std::size_t>(i)]; }

  // Same size required.
  void copyFrom(const Frame& other);
  // One colour all over.
  void fill(std::uint8_t y, std::uint8_t u, std::uint8_t v);

 private:
  int width_, height_;
  std::array<int, 3> strides_{};
  std::array<std::uint8_t*, 3> planes_{};
  std::unique_ptr<std::uint8_t[]> memory_;
};

using FramePtr = std::shared_ptr<const Frame>;

// Buffers of one size, reused: no allocation per frame once warm. What stayed unused over the last kWindow frames
// (after a moment in which the encoders were behind, say) is freed. Thread-safe; frames may outlive the pool.
class FramePool : public std::enable_shared_from_this<FramePool> {
 public:
  static constexpr int kWindow = 512;

  static std::shared_ptr<FramePool> create(int width, int height);
  std::shared_ptr<Frame> acquire();
  // Buffers that wait to be used.
  std::size_t idle() const;

 private:
  FramePool(int width, int height) : width_(width), height_(height) {}
  int width_, height_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Frame>> idle_;
  int acquired_ = 0;           // in this window
  std::size_t leastIdle_ = 0;  // of this window: so many were needed at no time
};

}  // namespace dvpe::media
