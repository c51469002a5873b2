// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/operations.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "shared/base/log.h"
#include "shared/base/overload.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::node {

namespace json = boost::json;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Ticks;

namespace {

constexpr auto kPatience = std::chrono::seconds(2);  // with the thread that answers

// Waits for the one answer of an inlet.
template <class T, class Ask>
Result<T> answered(Ask ask) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  ask([promise](Result<T> answer) { promise->set_value(std::move(answer)); });
  if (future.wait_for(kPatience) != std::future_status::ready)
    return fail(ErrorCode::kUnavailable, "the channel does not answer");
  return future.get();
}

std::string dateOf(const model::Channel& channel, Ticks at) { return base::isoDate(base::toWall(channel.epoch, at)); }

}  // namespace

Result<std::size_t> Operations::channelOf(const std::string& id) const {
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (documents[i]->id == id) return i;
  }
  return fail(ErrorCode::kNotFound, "this node has no channel '" + id + "'");
}

Result<std::string> Operations::obey(const protocol::Accepted& accepted) const {
  const std::string& name = accepted.command.name;
  const auto nothing = [&](const protocol::NoArguments&) -> Result<std::string> {
    if (name == "drain") ready.drain();
    if (name == "undrain") ready.start();
    return json::serialize(status());
  };
  const auto channel = [&](const protocol::ChannelArguments& a) -> Result<std::string> {
    DVPE_TRY(const std::size_t i, channelOf(a.channel));
    if (name == "channel.restart") {
      intake.restart(i);
      return std::string("{}");
    }
    DVPE_TRY(const Ticks end, answered<Ticks>([&](auto answer) { intake.inlet(i).cueIn({}, std::move(answer)); }));
    return json::serialize(json::object{{"end", dateOf(*documents[i], end)}});
  };
  const auto begins = [&](const protocol::BreakArguments& a) -> Result<std::string> {
    DVPE_TRY(const std::size_t i, channelOf(a.channel));
    const std::string id = a.id.empty() ? accepted.command.id.substr(0, 16) : a.id;
    DVPE_TRY(const timeline::Span span, answered<timeline::Span>([&](auto answer) {
               intake.inlet(i).cueOut({timeline::SpanKind::kBreak, id, {}, Ticks{}, a.units}, std::move(answer));
             }));
    return json::serialize(json::object{
        {"id", id}, {"start", dateOf(*documents[i], span.start)}, {"end", dateOf(*documents[i], span.end)}});
  };
  const auto clean = [&](const protocol::CleanArguments& a) -> Result<std::string> {
    DVPE_TRY(const std::size_t i, channelOf(a.channel));
    channels[i]->demand().clean(a.on);
    return std::string("{}");
  };
  const auto level = [&](const protocol::LogArguments& a) -> Result<std::string> {
    spdlog::set_level(spdlog::level::from_str(a.level));
    return std::string("{}");
  };
  const auto count = [&](const protocol::CountArguments& a) -> Result<std::string> {
    DVPE_TRY(const auto viewers, audience.count(accepted.person, a.channel, a.when));
    if (!viewers) return json::serialize(json::object{{"fewer_than", personalize::kFewestViewers}});
    return json::serialize(json::object{{"viewers", *viewers}});
  };
  const auto other = [&](const auto&) -> Result<std::string> {
    return fail(ErrorCode::kUnsupported, "this version does not know how to obey '" + name + "'");
  };
  return std::visit(base::Overload{nothing, channel, begins, clean, level, count, other}, accepted.arguments);
}

// How far the channel's newest cut is in the future: a source that hurries may be two seconds ahead.
std::int64_t Operations::aheadOf(std::size_t channel) const {
  const Ticks newest = channels[channel]->demand().newest();
  const auto ahead = base::toWall(documents[channel]->epoch, newest) - clock.wall();
  return std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(ahead).count());
}

json::object Operations::status() const {
  auto future = boost::asio::co_spawn(director.executor(), director.releases(), boost::asio::use_future);
  std::vector<personalize::ChannelRelease> releases(channels.size());
  if (future.wait_for(kPatience) == std::future_status::ready) releases = future.get();
  json::array list;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    const auto& counters = channels[i]->packager().counters();
    list.push_back(json::object{{"id", documents[i]->id},
                                {"release", releases[i].release},
                                {"from", releases[i].from.count()},
                                {"clean", channels[i]->demand().isClean()},
                                {"segments", counters.cells.load()},
                                {"holes", counters.holes.load()},
                                {"variants", channels[i]->variantsOnAir()},
                                {"variantsLost", counters.variantsLost.load()},
                                {"fallbacks", channels[i]->variantsRefused()},
                                {"aheadMs", aheadOf(i)},
                                {"newest", dateOf(*documents[i], Ticks{counters.lastListedEnd.load()})}});
  }
  return {
      {"running", true}, {"ready", ready.ready()}, {"sessions", director.sessions()}, {"channels", std::move(list)}};
}

std::optional<decisions::NodeReport> Operations::report(const std::string& node) const {
  auto future = boost::asio::co_spawn(director.executor(), director.counts(), boost::asio::use_future);
  if (future.wait_for(kPatience) != std::future_status::ready) return std::nullopt;
  const personalize::Counts all = future.get();
  decisions::NodeReport out{node, clock.wall(), director.counters().plan.load(), all.breaks, {}};
  for (const auto& [name, counts] : all.lines) {
    out.lines.push_back({name, counts.eligible, counts.bound, counts.delivered, counts.returned});
  }
  return out;
}

json::object Operations::counts() const {
  const auto all = report("");
  if (!all) return {};
  json::object lines;
  for (const decisions::LineCount& of : all->lines) {
    lines[of.line] = json::array{of.eligible, of.bound, of.delivered, of.returned};
  }
  return {{"plan", all->plan}, {"breaks", all->breaks}, {"lines", std::move(lines)}};
}

}  // namespace dvpe::node
