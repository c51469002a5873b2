// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Counters for operators in Prometheus' text format 0.0.4. One Metrics is made by the wiring and handed to who counts.
//
// Counter, Gauge and Histogram may be updated from any thread: relaxed atomics, no locks. What Metrics gives out lives
// as long as it does; registering and render() lock, so register at start or on rare occasions, not per request.
// Names and label names match [a-zA-Z_][a-zA-Z0-9_]*; label values are escaped. No personal data in labels.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dvpe::serve {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(double v) { value_.store(v, std::memory_order_relaxed); }
  void add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<double> value_{0};
};

// Counts of observations up to fixed bounds. A render while others observe may be off by those observations.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);  // ascending; +Inf is added
  void observe(double v);

  const std::vector<double>& bounds() const { return bounds_; }
  // Of bucket i alone (not cumulative); i == bounds().size() is what exceeds them all.
  std::uint64_t inBucket(std::size_t i) const { return buckets_[i].load(std::memory_order_relaxed); }
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> buckets_;
  std::atomic<double> sum_{0};
};

using Labels = std::vector<std::pair<std::string, std::string>>;

class Metrics {
 public:
  enum class Kind { kCounter, kGauge };

  // The same name and labels give the same object again. A name has one kind, and one help: the first that was given.
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                       const Labels& labels = {});
  // A value that somebody else keeps: read is called by render(), on its thread, and must not call back.
  void observe(Kind kind, std::string_view name, std::string_view help, const Labels& labels,
               std::function<double()> read);

  // Content type of render().
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";
  std::string render() const;

 private:
  struct Series {
    std::string labels;  // as rendered, without braces
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Gauge> gauge;
    std::unique_ptr<Histogram> histogram;
    std::function<double()> read;
  };
  struct Family {
    std::string name;
    std::string help;
    const char* type = "";
    std::deque<Series> series;
  };

  Series& find(std::string_view name, std::string_view help, const char* type, const Labels& labels);

  mutable std::mutex mutex_;
  std::deque<Family> families_;
};

}  // namespace dvpe::serve
