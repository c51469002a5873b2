// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/control/releases.h"

#include <variant>

#include "shared/base/log.h"

namespace dvpe::control {

using base::ErrorCode;
using base::fail;
using base::Result;
using release::Order;

namespace {

constexpr std::size_t kMostPrepared = 4;  // releases that wait for their moment

}  // namespace

Releases::Releases(ReleaseStore& store, HoldStore& holds, Target& target, std::string node, const base::Clock& clock)
    : store_(store), holds_(holds), target_(target), node_(std::move(node)), clock_(clock) {
  publish({});
}

void Releases::reload() {
  const std::lock_guard lock(work_);
  held_ = heldNow();
  ends_ = holds_.nextExpiry(clock_.wallSeconds());
  publish({});
}

HeldNames Releases::heldNow() const {
  return holds_.heldAt(clock_.wallSeconds(), store_.ring(),
                       [this](const release::DocumentName& name) { return store_.owned(name); });
}

std::vector<Result<void>> Releases::hold(const std::vector<HoldStore::Arrival>& arrivals) {
  const std::lock_guard lock(work_);
  auto out = holds_.take(
      arrivals, store_.ring(), [this](const release::DocumentName& name) { return store_.owned(name); },
      clock_.wallSeconds());
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i]) continue;
    const auto header = release::parseHeader(arrivals[i].document.bytes);
    spdlog::warn("a hold is refused hold={} revision={} reason=\"{}\"",
                 header ? header.value().organisation + "/" + header.value().name.id : "?",
                 header ? header.value().revision : 0, out[i].error().message);
  }
  applyHolds();
  return out;
}

void Releases::tick() {
  const std::unique_lock lock(work_, std::try_to_lock);
  if (!lock || (!holdAgain_ && (!ends_ || clock_.wallSeconds() < *ends_))) return;
  applyHolds();
}

// Has Target hold what is to be held, when that is something else than before.
void Releases::applyHolds() {
  ends_ = holds_.nextExpiry(clock_.wallSeconds());
  const HeldNames next = heldNow();
  if (next == held_) {
    holdAgain_ = false;
    return;
  }
  const auto done = target_.hold(next);
  holdAgain_ = !done;
  if (!done) {
    spdlog::error("a hold has no effect yet reason=\"{}\"", done.error().message);
    return;
  }
  held_ = next;
  std::string names;
  for (const auto& name : held_) names += (names.empty() ? "" : ",") + name.kind + "/" + name.id;
  spdlog::warn("held from the next cut on documents={} sessions={}", names.empty() ? "none" : names,
               done.value().sessions);
  const std::lock_guard lock(mutex_);
  snapshot_.held = held_;
}

Result<Releases::Lacking> Releases::offer(const release::Signed& offered) {
  const std::lock_guard lock(work_);
  DVPE_TRY(const auto parsed, release::parseRelease(offered.bytes));
  if (parsed.order <= store_.order())
    return fail(ErrorCode::kConflict, "release " + toText(store_.order()) + " is in force");
  Lacking out;
  out.need.order = parsed.order;
  out.need.keysAfter = store_.ringRevision();
  if (const auto known = ready_.find(parsed.order);
      known != ready_.end() && known->second.bundle.release.bytes == offered.bytes) {
    out.prepared = true;
    return out;
  }
  const auto here = [this](const std::string& digest) {
    return store_.has(digest) || std::any_of(ready_.begin(), ready_.end(),
                                             [&](const auto& r) { return r.second.bundle.documents.contains(digest); });
  };
  for (const auto& [name, entry] : parsed.documents) {
    if (!here(entry.digest)) out.need.documents.push_back(entry.digest);
  }
  out.need.rollbacks = parsed.rollbacks;
  return out;
}

Result<Releases::Ready> Releases::check(const release::Bundle& bundle) {
  release::Bundle whole = store_.whole(bundle);
  for (const auto& [order, ready] : ready_) {
    whole.documents.insert(ready.bundle.documents.begin(), ready.bundle.documents.end());
  }
  DVPE_TRY(auto verified, store_.check(whole, clock_.wallSeconds()));
  std::erase_if(whole.documents, [&](const auto& d) {
    return std::none_of(verified.release.documents.begin(), verified.release.documents.end(),
                        [&](const auto& line) { return line.second.digest == d.first; });
  });
  DVPE_TRY(auto preparation, target_.prepare(verified));
  return Ready{std::move(whole), std::move(verified), std::move(preparation)};
}

Result<Order> Releases::prepare(const release::Bundle& bundle) {
  const std::lock_guard lock(work_);
  // It may have come by another way in the meantime.
  const auto parsed = release::parseRelease(bundle.release.bytes);
  if (parsed && parsed.value().order == store_.order()) return parsed.value().order;
  if (parsed) {
    const auto known = ready_.find(parsed.value().order);
    if (known != ready_.end() && known->second.bundle.release.bytes == bundle.release.bytes) return known->first;
  }
  auto checked = check(bundle);
  if (!checked) {
    spdlog::error("a release is refused; what was in force stays reason=\"{}\"", checked.error().message);
    publish(checked.error().message);
    return checked.as_failure();
  }
  const Order order = checked.value().verified.release.order;
  ready_.insert_or_assign(order, std::move(checked).value());
  if (ready_.size() > kMostPrepared) ready_.erase(ready_.begin());
  spdlog::info("a release is prepared release={} documents={}", toText(order),
               ready_.at(order).verified.release.documents.size());
  if (const auto moment = moments_.find(order); moment != moments_.end()) {
    if (const auto done = takeOver(order, moment->second); !done) {
      publish(done.error().message);
      return done.as_failure();
    }
  }
  publish({});
  return order;
}

Result<TookOver> Releases::effective(const release::Signed& statement) {
  const std::lock_guard lock(work_);
  if (statement.bytes.size() > protocol::kMaxCommandBytes) return fail(ErrorCode::kLimitExceeded, "it is too large");
  // A release that is prepared may bring the keys that its moment is signed with.
  const release::KeyRing& ring = ready_.empty() ? store_.ring() : ready_.rbegin()->second.verified.ring;
  DVPE_CHECK(ring.signer(statement, release::Domain::kCommand, {release::Role::kCoordinator}, clock_.wallSeconds()));
  DVPE_TRY(const auto parsed, protocol::parseCommand(statement.bytes));
  const auto* moment = std::get_if<protocol::EffectiveArguments>(&parsed.arguments);
  if (moment == nullptr || !parsed.command.node.empty())
    return fail(ErrorCode::kInvalidInput, "this does not say when a release is in force");
  if (moment->order <= store_.order()) return TookOver{};
  if (!ready_.contains(moment->order)) {
    moments_.insert_or_assign(moment->order, moment->at);
    publish("release " + toText(moment->order) + " is not prepared here");
    return fail(ErrorCode::kUnavailable, "release " + toText(moment->order) + " is not prepared here");
  }
  auto done = takeOver(moment->order, moment->at);
  publish(done ? std::string() : done.error().message);
  return done;
}

Result<TookOver> Releases::takeOver(const Order& order, std::int64_t at) {
  Ready& ready = ready_.at(order);
  // First on disk: from here on nothing older is taken, whatever happens to this process.
  DVPE_CHECK(store_.keep(ready.bundle, ready.verified));
  const HeldNames held = heldNow();
  auto done = target_.takeOver(order, ready.preparation, base::WallTime{std::chrono::microseconds(at)}, held);
  ready_.erase(ready_.begin(), ready_.upper_bound(order));
  moments_.erase(moments_.begin(), moments_.upper_bound(order));
  if (!done) {
    spdlog::error("a release could not take over release={} reason=\"{}\"", toText(order), done.error().message);
    return done;
  }
  held_ = held;
  spdlog::info("a release takes over release={} late={} sessions={}", toText(order), done.value().late ? 1 : 0,
               done.value().sessions);
  return done;
}

void Releases::publish(std::string refused) {
  const std::lock_guard lock(mutex_);
  snapshot_.inForce = store_.order();
  snapshot_.prepared = ready_.empty() ? std::nullopt : std::optional(ready_.rbegin()->first);
  snapshot_.behind = !moments_.empty();
  snapshot_.refused = std::move(refused);
  snapshot_.held = held_;
  if (!keys_ || keys_->revision() != store_.ringRevision()) keys_ = std::make_shared<release::KeyRing>(store_.ring());
}

Releases::Snapshot Releases::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

std::shared_ptr<const release::KeyRing> Releases::ring() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

}  // namespace dvpe::control
