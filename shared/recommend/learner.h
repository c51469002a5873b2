// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Learns which contents go together from what each visitor views, one view after another.
#pragma once

#include <optional>
#include <unordered_map>

#include "shared/base/bytes.h"
#include "shared/recommend/model.h"

namespace dvpe::recommend {

struct LearnerOptions {
  std::size_t history = 24;        // contents remembered of a visitor, at most 255
  std::size_t visitors = 200'000;  // remembered; beyond, those longest away are forgotten
  std::size_t pairs = 512;         // counted for a content; beyond, the smallest is dropped
  std::size_t neighbours = 48;     // of a content in the model, at most kMaxNeighbours
  std::int64_t halfLifeSeconds = 14 * 24 * 3600;
};

// Belongs to one thread at a time. Equal input in equal order gives an equal state and equal models.
class Learner {
 public:
  explicit Learner(LearnerOptions options = {}) : options_(options) {}

  // A content that may be recommended, from now on; or its features have changed. kInvalidInput, kLimitExceeded.
  base::Result<void> describe(const std::string& content, const Features& features, base::WallTime at);
  // It may no more: it and all that was counted with it go.
  void retire(const std::string& content);
  // A visitor (a keyed hash, never an id) has viewed it. strength: 0 to 1, how much that says; a view that is told
  // twice counts once, with the larger strength. Contents that were not described are passed over. False: nothing
  // changed.
  bool observe(std::uint64_t visitor, const std::string& content, double strength, base::WallTime at);
  // Forgets the visitor's history. The sums that it went into stay: they name nobody.
  void erase(std::uint64_t visitor);
  bool remembers(std::uint64_t visitor) const { return visitors_.contains(visitor); }

  // What is known at this moment.
  Model model(std::uint64_t number, base::WallTime at) const;

  base::Bytes state() const;
  // kInvalidInput for anything that state() has not written.
  static base::Result<Learner> restore(base::ByteView bytes, LearnerOptions options = {});

 private:
  // Sums grow with time instead of decaying: a view counts 2^(time / half-life) since origin_. The model divides.
  struct Pair {
    std::uint32_t other = 0;  // slot
    double sum = 0;
  };
  struct Entry {
    std::string content;  // "" when the slot is free
    std::uint32_t serial = 0;
    Features features;
    base::WallTime since{};
    double views = 0;
    double row = 0;           // of all its pairs, dropped ones too
    std::vector<Pair> pairs;  // ascending by other
  };
  struct Seen {
    std::uint32_t slot = 0;
    std::uint32_t serial = 0;  // a slot may be another content's by now
    double strength = 0;
  };
  struct Visitor {
    base::WallTime last{};
    std::vector<Seen> seen;  // the oldest first
  };
  struct Making;  // learner.cpp: the sums as expected and found

  double growth(base::WallTime at);
  double growthAt(base::WallTime at) const;
  void count(std::uint32_t a, std::uint32_t b, double sum);
  void forgetOldest();
  std::vector<Neighbour> neighboursOf(std::size_t place, const Making& making) const;

  LearnerOptions options_;
  std::optional<base::WallTime> origin_;
  std::uint32_t nextSerial_ = 1;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
  std::map<std::string, std::uint32_t, std::less<>> slots_;
  std::unordered_map<std::uint64_t, Visitor> visitors_;  // never walked where the order shows
};

}  // namespace dvpe::recommend
