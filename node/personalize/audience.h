// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// How many viewers who watch now fulfil a condition (docs/reference/audience.md, "Live").
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "node/personalize/director.h"

namespace dvpe::personalize {

inline constexpr std::int64_t kFewestViewers = 20;  // of fewer nothing is told

// Counts beside all else: the director only hands out tokens, in small steps, and what they say is evaluated on the
// thread that asks. The answer is rounded and has a noise that is drawn by who is counted: the same viewers have the
// same noise however they are asked for, so asking again tells no more. Any thread; one count at a time, others are
// refused.
class Audience {
 public:
  // key: of the noise, the same as long as it should be. director and clock outlive it.
  Audience(Director& director, const privacy::SessionKeys& tokens, const privacy::SecretKey& key,
           const base::Clock& clock);

  // who: asks; each may 1,000 times a day (UTC). when: a condition over forecastable fields of the channel's ruleset.
  // Nothing: fewer than 20 viewers. kNotFound: no such channel; kInvalidInput: why it cannot be asked; kLimitExceeded:
  // it takes too much, or somebody has asked too often; kUnavailable: another count is on its way, or the node is
  // stopping.
  base::Result<std::optional<std::int64_t>> count(const std::string& who, const std::string& channel,
                                                  const std::string& when);

 private:
  base::Result<void> asks(const std::string& who);
  base::Result<std::optional<std::int64_t>> countNow(const std::string& channel, const std::string& when);
  std::int64_t blurred(std::int64_t viewers, std::uint64_t sum) const;

  Director& director_;
  privacy::TokenOpener tokens_;  // under one_
  const privacy::SecretKey cells_, noise_;
  const base::Clock& clock_;
  std::mutex one_;
  std::mutex mutex_;  // of what follows
  std::int32_t day_ = 0;
  std::map<std::string, int> asked_;
};

}  // namespace dvpe::personalize
