// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A bounded queue between two threads that blocks the writer when full: for streams in which nothing may be lost.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

namespace dvpe::timeline {

// When full it BLOCKS the writer; full() lets a writer that can pause its source ask first (high mark). Once closed,
// writers' items are dropped and the reader gets what is left, then nothing.
template <class T>
class BlockingQueue {
 public:
  explicit BlockingQueue(std::size_t capacity) : capacity_(capacity) {}

  void push(T item) {
    std::unique_lock lock(mutex_);
    space_.wait(lock, [this] { return items_.size() < capacity_ || closed_; });
    if (closed_) return;
    items_.push_back(std::move(item));
    items_ready_.notify_one();
  }

  // Blocks until there is an item; nothing when closed and empty.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    items_ready_.wait(lock, [this] { return !items_.empty() || closed_; });
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    space_.notify_one();
    return item;
  }

  // Over half full: a source that can wait should.
  bool full() const {
    const std::lock_guard lock(mutex_);
    return items_.size() * 2 > capacity_;
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    space_.notify_all();
    items_ready_.notify_all();
  }

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable space_, items_ready_;
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace dvpe::timeline
