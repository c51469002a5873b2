// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/personalize/audience.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <cmath>
#include <numbers>
#include <unordered_set>

#include "shared/rules/sql.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::personalize {

using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr int kMostQuestions = 1'000;             // of one person a day, as of the sample
constexpr std::size_t kMostPeople = 10'000;       // whose questions are counted
constexpr std::int64_t kMostSteps = 100'000'000;  // of one count: about a second
constexpr double kDeviation = 6;                  // viewers
constexpr auto kPatience = std::chrono::seconds(2);

template <class T>
std::uint64_t hashOf(const privacy::SecretKey& key, const T& value) {
  const auto hash = privacy::keyedHash(key, {std::string_view(reinterpret_cast<const char*>(&value), sizeof value)});
  std::uint64_t out = 0;
  std::memcpy(&out, hash.data(), sizeof out);
  return out;
}

}  // namespace

Audience::Audience(Director& director, const privacy::SessionKeys& tokens, const privacy::SecretKey& key,
                   const base::Clock& clock)
    : director_(director),
      tokens_(tokens),
      cells_(key.derive("audience cells")),
      noise_(key.derive("audience noise")),
      clock_(clock) {}

Result<void> Audience::asks(const std::string& who) {
  const std::lock_guard lock(mutex_);
  const std::int32_t today = events::dayOf(clock_.wall());
  if (std::exchange(day_, today) != today) asked_.clear();
  if (asked_.size() >= kMostPeople && !asked_.contains(who))
    return fail(ErrorCode::kLimitExceeded, "too many people have asked today");
  if (++asked_[who] > kMostQuestions) return fail(ErrorCode::kLimitExceeded, "1,000 questions a day are enough");
  return base::success();
}

Result<std::optional<std::int64_t>> Audience::count(const std::string& who, const std::string& channel,
                                                    const std::string& when) {
  DVPE_CHECK(asks(who));
  const std::unique_lock lock(one_, std::try_to_lock);
  if (!lock) return fail(ErrorCode::kUnavailable, "another count is on its way: ask again");
  return countNow(channel, when);
}

// The same questions may be asked as of the sample: nothing finer than its coarse values tells viewers apart.
Result<std::optional<std::int64_t>> Audience::countNow(const std::string& channel, const std::string& when) {
  auto future = boost::asio::co_spawn(director_.executor(), director_.watching(channel), boost::asio::use_future);
  if (future.wait_for(kPatience) != std::future_status::ready)
    return fail(ErrorCode::kUnavailable, "the node does not answer in time");
  const Watching watching = future.get();
  if (!watching.compiled) return fail(ErrorCode::kNotFound, "this node has no channel '" + channel + "'");
  std::vector<model::Field> fields;
  for (const auto& [id, ruleset] : watching.compiled->documents().rulesets) {
    if (ruleset.channel == channel) fields = ruleset.fields;
  }
  DVPE_TRY(const auto condition, rules::compile(when, fields));
  DVPE_CHECK(rules::toSampleTree(condition, fields, rules::Use::kContent, channel));
  if (condition.steps() * static_cast<std::int64_t>(watching.tokens.size()) > kMostSteps)
    return fail(ErrorCode::kLimitExceeded, "this condition takes too much to be asked of so many");
  std::unordered_set<std::uint64_t> viewers;  // one may watch on several devices
  std::uint64_t sum = 0;
  for (const std::string& token : watching.tokens) {
    privacy::ClaimsView view;
    if (!tokens_.openInto(token, 0, view)) continue;
    const auto claims = privacy::toClaims(view);
    if (!claims) continue;
    auto attributes = attributesOf(claims.value());
    if (!attributes || !attributes.value().set("channel.id", model::Value{channel})) continue;
    if (rules::evaluate(condition, attributes.value()) != rules::Verdict::kTrue) continue;
    const std::uint64_t cell = hashOf(cells_, claims.value().pseudonym);
    if (viewers.insert(cell).second) sum += cell;
  }
  const auto count = static_cast<std::int64_t>(viewers.size());
  if (count < kFewestViewers) return std::optional<std::int64_t>();
  return std::optional(blurred(count, sum));
}

// Normal by Box and Muller, from the hash of the sum of the viewers' hashes; then to three digits, at least to tens.
std::int64_t Audience::blurred(std::int64_t viewers, std::uint64_t sum) const {
  const std::uint64_t bits = hashOf(noise_, sum);
  const double u = (static_cast<double>(bits >> 32U) + 1) / 4294967296.0,
               v = static_cast<double>(bits & 0xFFFFFFFFU) / 4294967296.0;
  const double noisy =
      static_cast<double>(viewers) + kDeviation * std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  double step = 10;
  while (noisy >= step * 1000) step *= 10;
  return std::max(kFewestViewers, static_cast<std::int64_t>(std::round(noisy / step) * step));
}

}  // namespace dvpe::personalize
