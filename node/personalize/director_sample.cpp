// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Which sessions are in the decision sample, and which breaks they were there for (docs/reference/audience.md). What is
// here of a session is in memory alone: after a crash its breaks of the day until then are missing. And who watches
// now.
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "node/personalize/director_state.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::personalize {

namespace {

constexpr std::int16_t kMostBreaks = 3600;  // in an hour; the database takes no more

const std::vector<model::Field>& fieldsOf(const model::Documents& documents, const std::string& channel) {
  static const std::vector<model::Field> kNone;
  for (const auto& [id, ruleset] : documents.rulesets) {
    if (ruleset.channel == channel) return ruleset.fields;
  }
  return kNone;
}

}  // namespace

// Attributes are looked at only of who was chosen. They stay for the day what they are now: a value that changed would
// make one viewer two.
void Director::beginSample(const privacy::SessionId& id, Record& record, const model::Documents& documents,
                           const rules::Attributes& attributes) {
  if (options_.sample == nullptr || options_.naming == nullptr) return;
  const events::Who who{id, record.viewer, record.purposes};
  const std::int32_t day = events::dayOf(clock_.wall());
  record.sampledOn = day;
  auto chosen = options_.sample->choose(day, who, options_.naming->visitorOn(who, day));
  if (!chosen) return;
  const std::string& channel = channels_[record.channel]->config.id;
  chosen->attributes = events::coarseAttributes(fieldsOf(documents, channel), attributes);
  chosen->channel = channel;
  chosen->name = record.name;
  record.sampled = std::make_unique<events::Sampled>(std::move(*chosen));
}

// On the turn of every session, so that midnight is not one moment for all of them; of a session that was taken back
// from the journal, too. Who is not watching any more is in no new day's sample.
void Director::renewSample(const privacy::SessionId& id, Record& record) {
  if (options_.sample == nullptr || record.sampledOn == events::dayOf(clock_.wall())) return;
  endSample(record);
  const auto ago = static_cast<std::int32_t>(nowSeconds() - table_.lastSeen(id));
  if (ago > static_cast<std::int32_t>(options_.watching.count())) return;
  const auto claims = tokens_.open(record.token, 0);
  if (!claims) return;
  const auto attributes = attributesOf(claims.value());
  if (!attributes) return;
  const ChannelState& channel = *channels_[record.channel];
  beginSample(id, record, channel.eras.front().compiled->documents(), attributes.value());
}

void Director::countSampled(Record& record, base::WallTime breakBegins) {
  if (!record.sampled || record.sampled->day != events::dayOf(breakBegins)) return;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(breakBegins).time_since_epoch().count();
  std::int16_t& count = record.sampled->breaks[static_cast<std::size_t>(seconds / 3600 % 24)];
  count = std::min<std::int16_t>(static_cast<std::int16_t>(count + 1), kMostBreaks);
}

boost::asio::awaitable<Watching> Director::watching(std::string channel) {
  static constexpr privacy::PurposeSet kAsked = *privacy::purpose("audience_statistics");
  Watching out;
  const auto number = channelOf(channel);
  if (!number) co_return out;
  ChannelState& state = *channels_[number.value()];
  out.compiled = state.eraAt(state.now()).compiled;
  std::optional<privacy::SessionId> after;
  for (;;) {
    auto it = after ? records_.upper_bound(*after) : records_.begin();
    for (std::size_t n = 0; n < kDecidedAtOnce && it != records_.end(); ++n, ++it) {
      after = it->first;
      const Record& record = it->second;
      if (record.channel != number.value() || (record.purposes & kAsked) == 0) continue;
      const auto ago = static_cast<std::int32_t>(nowSeconds() - table_.lastSeen(it->first));
      if (ago <= static_cast<std::int32_t>(options_.watching.count())) out.tokens.push_back(record.token);
    }
    if (it == records_.end()) co_return out;
    co_await boost::asio::post(context_, boost::asio::use_awaitable);
  }
}

void Director::endSample(Record& record) {
  if (!record.sampled) return;
  options_.sample->keep(std::move(*record.sampled));
  record.sampled.reset();
}

}  // namespace dvpe::personalize
