// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/control/agent.h"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <boost/json.hpp>

#include "shared/base/log.h"

namespace dvpe::control {

namespace json = boost::json;
using base::Result;
using release::Order;
using std::chrono::steady_clock;

namespace {

constexpr auto kListen = std::chrono::milliseconds(100);
constexpr auto kTell = std::chrono::seconds(1);
constexpr std::uint64_t kCountsEvery = 5;  // times that the node tells how it is
constexpr int kMostWaiting = 64;           // messages for a lane
constexpr std::size_t kMostIncoming = 4;   // releases that are being sent to us at a time

json::object orderJson(const Order& order) { return {{"keys", order.keys}, {"sequence", order.sequence}}; }

}  // namespace

Agent::Agent(AgentOptions options, Releases& releases, Target& target, DatabaseLink* link, const base::Clock& clock)
    : options_(std::move(options)),
      releases_(releases),
      target_(target),
      link_(link),
      clock_(clock),
      gate_(options_.node, clock.wall()) {}

Result<std::unique_ptr<Agent>> Agent::start(AgentOptions options, Releases& releases, Target& target,
                                            DatabaseLink* link, const base::Clock& clock) {
  std::unique_ptr<Agent> agent(new Agent(std::move(options), releases, target, link, clock));
  // Whoever has a CURVE key in the document of keys, as long as it is valid.
  const auto allow = [&releases, &clock](std::string_view key) -> std::optional<std::string> {
    const auto ring = releases.ring();
    const release::Key* speaker = ring->speaker(key, clock.wallSeconds());
    return speaker == nullptr ? std::nullopt : std::optional(speaker->person);
  };
  DVPE_TRY(agent->context_, protocol::Context::create(allow));
  DVPE_TRY(agent->server_, protocol::Server::bind(*agent->context_, agent->options_.endpoint, agent->options_.keys));
  agent->thread_ = std::thread([a = agent.get()] {
    ::pthread_setname_np(::pthread_self(), "control");
    a->run();
  });
  return agent;
}

Agent::~Agent() {
  stopping_ = true;
  if (server_) server_->wake();
  if (thread_.joinable()) thread_.join();
  for (Lane* lane : {&documents_, &orders_}) {
    lane->pool.stop();
    lane->pool.join();
  }
  server_.reset();
}

// Whoever has a key here may ask; nobody may ask without end.
void Agent::work(Lane& lane, const std::string& peer, std::function<void()> task) {
  if (lane.waiting >= kMostWaiting) {
    spdlog::warn("too much is asked of this node at a time, a message is dropped peer={}", base::hex(base::view(peer)));
    return;
  }
  ++lane.waiting;
  boost::asio::post(lane.pool, [&lane, task = std::move(task)] {
    task();
    --lane.waiting;
  });
}

void Agent::reply(const std::string& peer, const protocol::Message& message) {
  {
    const std::lock_guard lock(mutex_);
    outgoing_.emplace_back(peer, message);
  }
  server_->wake();
}

void Agent::run() {
  auto next = steady_clock::now() + kTell;
  while (!stopping_) {
    if (const auto received = server_->receive(kListen)) receive(*received);
    std::deque<std::pair<std::string, protocol::Message>> outgoing;
    {
      const std::lock_guard lock(mutex_);
      outgoing.swap(outgoing_);
    }
    for (const auto& [peer, message] : outgoing) {
      if (const auto sent = server_->send(peer, protocol::encode(message)); !sent)
        spdlog::debug("an answer is not sent reason=\"{}\"", sent.error().message);
    }
    if (steady_clock::now() >= next) {
      next += kTell;
      tell();
      // Holds that have expired take as long as the node takes.
      if (!ticking_.exchange(true)) {
        boost::asio::post(documents_.pool, [this] {
          releases_.tick();
          ticking_ = false;
        });
      }
    }
  }
}

bool Agent::isCoordinator(const std::string& clientKey) const {
  return releases_.ring()->speaker(clientKey, clock_.wallSeconds(), release::Role::kCoordinator) != nullptr;
}

void Agent::receive(const protocol::Received& received) {
  auto message = protocol::decode(received.frames);
  if (!message) {
    spdlog::warn("a message is refused from={} reason=\"{}\"", received.user, message.error().message);
    return;
  }
  if (auto* o = std::get_if<protocol::Offer>(&message.value())) {
    if (isCoordinator(received.clientKey)) offer(received.peer, std::move(*o));
  } else if (auto* d = std::get_if<protocol::Documents>(&message.value())) {
    if (isCoordinator(received.clientKey)) documents(received.peer, std::move(*d));
  } else if (const auto* c = std::get_if<protocol::CommandMessage>(&message.value())) {
    command(received.peer, c->command);
  } else if (auto* m = std::get_if<protocol::MadeMessage>(&message.value())) {
    if (isCoordinator(received.clientKey)) {
      work(orders_, received.peer, [this, what = m->what, text = std::move(m->text)] { take(what, text); });
    }
  } else if (const auto* s = std::get_if<protocol::Subscribe>(&message.value())) {
    if (!s->on) {
      subscribers_.erase(received.peer);
    } else if (subscribers_.size() < options_.subscribers) {
      subscribers_[received.peer] = received.clientKey;
    }
  }
}

void Agent::offer(const std::string& peer, protocol::Offer offered) {
  if (incoming_.size() >= kMostIncoming && !incoming_.contains(peer)) incoming_.clear();
  incoming_[peer] = Incoming{{{}, offered.release, {}, {}}, 0};
  work(documents_, peer, [this, peer, release = std::move(offered.release)] {
    const auto lacking = releases_.offer(release);
    if (lacking) {
      if (lacking.value().prepared) {
        reply(peer, protocol::Prepared{lacking.value().need.order});
      } else {
        reply(peer, lacking.value().need);
      }
      return;
    }
    const auto parsed = release::parseRelease(release.bytes);
    const Order order = parsed ? parsed.value().order : Order{};
    // In force here already: what it waits for has happened.
    if (parsed && order == releases_.snapshot().inForce) {
      reply(peer, protocol::Prepared{order});
    } else {
      reply(peer, protocol::Refused{order, lacking.error().message.substr(0, protocol::kMaxReasonBytes)});
    }
  });
}

void Agent::documents(const std::string& peer, protocol::Documents some) {
  const auto found = incoming_.find(peer);
  if (found == incoming_.end()) return;
  Incoming& incoming = found->second;
  for (const auto& [digest, document] : some.documents) incoming.bytes += document.document.bytes.size();
  for (const auto& [digest, statement] : some.rollbacks) incoming.bytes += statement.bytes.size();
  for (const auto& keys : some.keys) incoming.bytes += keys.bytes.size();
  if (incoming.bytes > release::kMaxReleaseTotal) {
    incoming_.erase(found);
    return reply(peer, protocol::Refused{{}, "the documents are too large"});
  }
  incoming.bundle.documents.merge(some.documents);
  incoming.bundle.rollbacks.merge(some.rollbacks);
  for (auto& keys : some.keys) incoming.bundle.keys.push_back(std::move(keys));
  if (!some.last) return;
  work(documents_, peer, [this, peer, bundle = std::move(incoming.bundle)] {
    const auto prepared = releases_.prepare(bundle);
    if (prepared) return reply(peer, protocol::Prepared{prepared.value()});
    const auto parsed = release::parseRelease(bundle.release.bytes);
    reply(peer, protocol::Refused{parsed ? parsed.value().order : Order{},
                                  prepared.error().message.substr(0, protocol::kMaxReasonBytes)});
  });
  incoming_.erase(found);
}

void Agent::command(const std::string& peer, const release::Signed& command) {
  // From when a release is in force is true for whoever hears it, however late: not the gate's matter.
  if (const auto parsed = protocol::parseCommand(command.bytes);
      parsed && std::holds_alternative<protocol::EffectiveArguments>(parsed.value().arguments)) {
    return work(documents_, peer,
                [this, peer, command, id = parsed.value().command.id] { reply(peer, takeOver(id, command)); });
  }
  const auto accepted = gate_.check(command, *releases_.ring(), clock_.wall());
  if (!accepted) {
    spdlog::warn("a command is refused reason=\"{}\"", accepted.error().message);
    const auto parsed = protocol::parseCommand(command.bytes);  // for its id alone
    if (parsed) reply(peer, protocol::Answer{parsed.value().command.id, false, accepted.error().message, {}});
    return;
  }
  // A hold takes its turn among releases; other orders do not wait for media to be fetched.
  const bool hold = std::holds_alternative<protocol::HoldArguments>(accepted.value().arguments);
  work(hold ? documents_ : orders_, peer, [this, peer, a = accepted.value()] { reply(peer, obey(a)); });
}

// On a lane: it takes over on the director's thread.
protocol::Answer Agent::takeOver(const std::string& id, const release::Signed& moment) {
  const auto done = releases_.effective(moment);
  if (!done) return {id, false, done.error().message, {}};
  json::object from;
  for (const auto& [channel, tick] : done.value().from) from[channel] = tick.count();
  return {id, true, {}, json::serialize(json::object{{"late", done.value().late}, {"from", std::move(from)}})};
}

// On a lane: a grant is used up in the database.
protocol::Answer Agent::obey(const protocol::Accepted& accepted) {
  const std::string& id = accepted.command.id;
  if (accepted.grantNeeded) {
    if (link_ == nullptr) return {id, false, "this node has no database to ask for the grant", {}};
    const auto used = link_->useGrant(accepted.command.grant, accepted.person, accepted.change);
    if (!used) return {id, false, used.error().message, {}};
    if (!used.value()) return {id, false, "there is no grant for exactly this command, unused and in time", {}};
  }
  if (accepted.command.name != "status") {
    spdlog::info("a command is obeyed name={} arguments={} person={} key={}", accepted.command.name,
                 accepted.command.arguments, accepted.person, accepted.key);
  }
  if (const auto* hold = std::get_if<protocol::HoldArguments>(&accepted.arguments)) {
    const auto outcome = releases_.hold({{hold->document, clock_.wallSeconds()}}).front();
    return outcome ? protocol::Answer{id, true, {}, "{}"} : protocol::Answer{id, false, outcome.error().message, {}};
  }
  const auto done = target_.obey(accepted);
  return done ? protocol::Answer{id, true, {}, done.value()} : protocol::Answer{id, false, done.error().message, {}};
}

// Whoever sent it: it is what a coordinator has signed.
void Agent::take(protocol::Made what, const release::Signed& text) {
  base::Result<void> taken = base::success();
  if (const auto signer =
          releases_.ring()->signer(text, domainOf(what), {release::Role::kCoordinator}, clock_.wallSeconds());
      !signer) {
    taken = signer.as_failure();
  } else {
    taken = target_.take(what, text.bytes);
  }
  if (!taken) {
    spdlog::warn("a {} is refused reason=\"{}\"", what == protocol::Made::kPlan ? "plan" : "model",
                 taken.error().message);
  }
}

// What advertisers pay for is for coordinators alone.
void Agent::tellCounts() {
  std::optional<protocol::Frames> frames;
  for (const auto& [peer, key] : subscribers_) {
    if (!isCoordinator(key)) continue;
    if (!frames) {
      const std::string counts = target_.counts();
      if (counts.empty()) return;
      frames = protocol::encode(protocol::Counts{counts});
    }
    (void)server_->send(peer, *frames);
  }
}

void Agent::tell() {
  if (subscribers_.empty()) return;
  if (++told_ % kCountsEvery == 0) tellCounts();
  json::error_code error;
  json::value about = json::parse(target_.telemetry(), error);
  if (error || !about.is_object()) about = json::object{};
  const auto state = releases_.snapshot();
  json::object release{{"inForce", orderJson(state.inForce)}, {"behind", state.behind}, {"refused", state.refused}};
  if (state.prepared) release["prepared"] = orderJson(*state.prepared);
  json::object& out = about.as_object();
  json::array held;
  for (const auto& name : state.held) held.push_back(json::object{{"kind", name.kind}, {"id", name.id}});
  out["held"] = std::move(held);
  out["node"] = options_.node;
  out["time"] = base::isoDate(clock_.wall());
  out["release"] = std::move(release);
  out["database"] = link_ != nullptr && link_->connected();
  const auto frames = protocol::encode(protocol::Telemetry{json::serialize(out)});
  // A connection outlives its key's place on the list.
  const auto ring = releases_.ring();
  std::erase_if(subscribers_, [&](const auto& s) { return ring->speaker(s.second, clock_.wallSeconds()) == nullptr; });
  for (auto it = subscribers_.begin(); it != subscribers_.end();) {
    it = server_->send(it->first, frames) ? std::next(it) : subscribers_.erase(it);
  }
}

}  // namespace dvpe::control
