// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/coordinate/coordinator.h"

#include <algorithm>

#include "shared/base/log.h"
#include "shared/database/check.h"

namespace dvpe::coordinate {

using base::ErrorCode;
using base::Result;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr auto kLease = 1s;  // how often it is taken; it lasts 5 s
constexpr auto kLook = 1s;   // for what no hint has told of: schedules
constexpr auto kFull = 60s;  // assembled anew even when nothing has changed: signatures expire
constexpr auto kNodes = 1s;
constexpr auto kRetry = 1s;                   // of the database
constexpr auto kPatience = 2s;                // for nodes to be prepared
constexpr auto kMostPatience = 60s;           // when there are new media to fetch
constexpr auto kInherited = 10s;              // a release that another coordinator has begun
constexpr std::uint64_t kBytesPerMs = 5'000;  // of the slowest line to a node that is waited for
constexpr auto kNotice = 1s;                  // between the moment's naming and the moment
constexpr auto kAsk = 100ms;                  // the database, who is prepared
constexpr auto kPresent = 15s;                // without a word: not there
constexpr auto kForgotten = 60s;
constexpr auto kHead = 60s;   // between signatures of the audit log
constexpr auto kWatch = 10s;  // between looks for sessions over their limits
constexpr std::chrono::milliseconds kErase = 3s,
                                    kEraseOn = 50ms;  // between looks for viewers to erase; while there are
constexpr auto kRetain = 60s;                         // between looks for what is kept no longer
constexpr auto kCount = 200ms;                        // between looks for events that are not counted yet
constexpr auto kMostCount = 200ms;                    // at a time: releases and the lease wait for it

// What the next release depends on, in short.
std::string fingerprintOf(const Wishes& wishes, int keys) {
  std::string all = std::to_string(keys) + (wishes.current ? toText(wishes.current->order) : "");
  for (const Candidate& c : wishes.candidates) all += c.entry.digest;
  for (const auto& [digest, stored] : wishes.rollbacks) all += digest;
  return base::sha256(base::view(all));
}

// Nodes fetch media that are new before they are prepared: what that takes over a slow line.
std::chrono::milliseconds patienceFor(const std::optional<release::Release>& current, const release::Release& next) {
  std::set<std::string> known;
  if (current) {
    for (const auto& blob : current->blobs) known.insert(blob.digest);
  }
  std::uint64_t bytes = 0;
  bool fresh = false;
  for (const auto& blob : next.blobs) {
    if (known.contains(blob.digest)) continue;
    fresh = true;
    bytes += blob.bytes;
  }
  if (!fresh) return kPatience;
  return std::min<std::chrono::milliseconds>(kMostPatience,
                                             kPatience + 3s + std::chrono::milliseconds(bytes / kBytesPerMs));
}

std::string describe(const std::vector<LeftOut>& leftOut) {
  std::string out;
  for (const LeftOut& l : leftOut) {
    out += l.candidate.name.kind + "/" + l.candidate.name.id + " " + std::to_string(l.candidate.entry.revision) + ": " +
           l.reason + "\n";
  }
  return out;
}

std::string randomId() {
  base::SystemRandom random;
  std::array<std::uint8_t, 16> bytes{};
  random.fill(bytes);
  return base::hex(bytes);
}

}  // namespace

Coordinator::Coordinator(CoordinatorOptions options, const base::Clock& clock)
    : options_(std::move(options)), clock_(clock) {}

Coordinator::~Coordinator() { resign(); }

Result<void> Coordinator::run() {
  DVPE_TRY(context_, protocol::Context::create());
  learning_ = std::make_unique<Learning>(options_.connect, options_.key, clock_, options_.modelEvery);
  std::string last;
  while (!stopping_) {
    const auto done = step();
    if (done) {
      last.clear();
      continue;
    }
    const base::Error& error = done.error();
    if (error.message != last) spdlog::error("the coordinator tries again reason=\"{}\"", last = error.message);
    if (error.code == ErrorCode::kConflict) {  // somebody was faster: look again, and begin with what is there
      hinted_ = true;
      rollout_.reset();
      epoch_.reset();
      nextLease_ = {};
      continue;
    }
    resign();
    registry_.reset();
    for (auto until = steady_clock::now() + kRetry; !stopping_ && steady_clock::now() < until;)
      std::this_thread::sleep_for(50ms);
  }
  resign();
  return base::success();
}

Result<void> Coordinator::connect() {
  DVPE_TRY(auto connection, database::openStrict(options_.connect));
  auto registry = std::make_unique<Registry>(std::move(connection), options_.root);
  DVPE_CHECK(registry->listen());
  registry_ = std::move(registry);
  hinted_ = true;
  nextLease_ = {};
  return base::success();
}

Result<void> Coordinator::step() {
  if (!registry_) DVPE_CHECK(connect());
  const auto now = steady_clock::now();
  if (now >= nextLease_) {
    DVPE_TRY(epoch_, registry_->holdLease());
    nextLease_ = now + kLease;
    if (epoch_.has_value() != wasLeading_) {
      wasLeading_ = epoch_.has_value();
      if (wasLeading_) {
        spdlog::info("this coordinator leads name={} epoch={}", options_.name, *epoch_);
        hinted_ = true;
        fingerprint_.clear();
        leftOut_ = "?";
      } else {
        spdlog::info("another coordinator leads name={}", options_.name);
        resign();
      }
    }
  }
  if (epoch_) DVPE_CHECK(lead());
  DVPE_TRY(const bool hint, registry_->waitForHint(!epoch_ ? 300ms : uncounted_ ? 1ms : settled() ? 100ms : 10ms));
  hinted_ = hinted_ || hint;
  return base::success();
}

Result<void> Coordinator::lead() {
  const auto now = steady_clock::now();
  hear();
  if (now >= nextNodes_) {
    nextNodes_ = now + kNodes;
    DVPE_CHECK(refreshNodes());
  }
  DVPE_CHECK(housekeep());
  if ((hinted_ || now >= nextLook_) && settled()) {
    nextLook_ = now + kLook;
    DVPE_CHECK(lookForWork());
  }
  return advanceRollout();
}

// What has its own pace.
Result<void> Coordinator::housekeep() {
  const auto now = steady_clock::now();
  if (now >= nextHead_) {
    nextHead_ = now + kHead;
    DVPE_CHECK(registry_->signAuditHead(*options_.key, clock_.wallSeconds(), *epoch_));
  }
  if (now >= nextWatch_) {
    nextWatch_ = now + kWatch;
    DVPE_TRY(const std::int64_t ended, registry_->endOverdue(*epoch_));
    if (ended > 0) spdlog::warn("sessions over their limits were ended count={}", ended);
  }
  if (now >= nextPlan_) {
    nextPlan_ = now + decisions::kPlanEvery;
    DVPE_TRY(const auto plan, pacing_.next(*registry_, *options_.key, clock_.wall(), *epoch_));
    for (const auto& [name, line] : lines_) {
      if (plan) line->tell(protocol::Made::kPlan, plan);
    }
  }
  learning_->lead(epoch_, newest_);
  if (auto model = learning_->next()) {
    model_ = std::move(model);
    for (const auto& [name, line] : lines_) line->tell(protocol::Made::kModel, model_);
  }
  if (now >= nextCount_) DVPE_CHECK(countEvents());
  if (now >= nextErase_) {  // a day of events at a time; what waits for nodes is looked at now and then
    DVPE_TRY(const bool more, registry_->erase(*epoch_));
    nextErase_ = steady_clock::now() + (more ? kEraseOn : kErase);
  }
  if (now >= nextRetain_) {
    nextRetain_ = now + kRetain;
    DVPE_TRY(const std::string removed, registry_->retain(*epoch_));
    if (removed != "{}") spdlog::info("cleared away what is kept no longer removed={}", removed);
  }
  return base::success();
}

// A batch at a time, since that is what a call cannot be shorter than.
Result<void> Coordinator::countEvents() {
  const auto until = steady_clock::now() + kMostCount;
  do {
    DVPE_TRY(const std::int64_t batches, registry_->rollEvents(1, *epoch_));
    uncounted_ = batches != 0;
    if (!uncounted_) {
      nextCount_ = steady_clock::now() + kCount;
      break;
    }
  } while (steady_clock::now() < until);
  return base::success();
}

Result<void> Coordinator::lookForWork() {
  const bool hinted = std::exchange(hinted_, false);
  DVPE_CHECK(registry_->refreshKeys(clock_.wallSeconds()));
  if (registry_->ring().revision() == 0) return base::success();  // nobody may sign anything yet
  DVPE_TRY(const auto newest, registry_->newest());
  DVPE_TRY(const Wishes wishes, registry_->wishes(newest));
  if (wishes.current) newest_ = toText(wishes.current->order);
  if (newest && !newest->moment && !(rollout_ && rollout_->failed && rollout_->order == wishes.current->order))
    return beginRollout(newest->release, kInherited);
  if (wishes.current && !wishes.current->nodes.empty()) {
    DVPE_TRY(const bool busy, inStages(*wishes.current));
    if (busy) return base::success();  // changes wait until it is for all, or halted
  }
  const std::string fingerprint = fingerprintOf(wishes, registry_->ring().revision());
  if (!hinted && fingerprint == fingerprint_ && steady_clock::now() < nextFull_) return base::success();
  nextFull_ = steady_clock::now() + kFull;
  fingerprint_ = fingerprint;
  const auto assembled = assemble(wishes, registry_->ring(), registry_->source(), clock_.wallSeconds());
  if (!assembled) {
    spdlog::error("no release can be made; what is in force stays reason=\"{}\"", assembled.error().message);
    return base::success();
  }
  if (const std::string says = describe(assembled.value().leftOut); says != leftOut_) {
    DVPE_CHECK(registry_->leaveOut(assembled.value().leftOut, *epoch_));
    if (!says.empty()) spdlog::warn("left out of the release:\n{}", says);
    leftOut_ = says;
  }
  std::vector<std::string> again;
  for (const LeftOut& l : assembled.value().leftOut) again.push_back(l.candidate.entry.digest);
  registry_->forget(again);
  const bool first = !wishes.current;
  if (!assembled.value().changed || (first && assembled.value().release.documents.empty())) return base::success();
  release::Release next = assembled.value().release;
  DVPE_CHECK(setAudience(wishes.current, next));
  return publish(wishes.current, next);
}

// A change goes on air in stages, if there are any. Keys, and what goes back, go to all at once.
Result<void> Coordinator::setAudience(const std::optional<release::Release>& current, release::Release& next) {
  if (!current || current->order.keys != next.order.keys || current->rollbacks != next.rollbacks ||
      current->documents == next.documents) {
    return base::success();
  }
  DVPE_TRY(const RolloutPlan plan, registry_->rolloutPlan());
  if (plan.stages.empty()) return base::success();
  DVPE_TRY(const auto names, presentNodes());
  auto audience = audienceOf(plan, 0, names);
  if (audience.size() < names.size()) next.nodes = std::move(audience);
  return base::success();
}

// Whether a release that is not for all yet is on its way: held, or gone on with. False: it is halted.
Result<bool> Coordinator::inStages(const release::Release& current) {
  DVPE_TRY(const bool stopped, registry_->halted(current.order.sequence));
  if (stopped) {
    watch_.reset();
    return false;
  }
  DVPE_TRY(const RolloutPlan plan, registry_->rolloutPlan());
  DVPE_TRY(const auto names, presentNodes());
  std::size_t stage = 0;
  while (stage + 1 < plan.stages.size() && audienceOf(plan, stage, names).size() < current.nodes.size()) ++stage;
  const auto now = steady_clock::now();
  if (!watch_ && stage < plan.stages.size())
    watch_.emplace(toText(current.order), current.nodes, plan.stages[stage], plan.guards, now + kNotice);
  const auto verdict = watch_ ? watch_->judge(now) : StageWatch::Verdict::kGoOn;
  if (verdict == StageWatch::Verdict::kHold) return true;
  if (verdict == StageWatch::Verdict::kHalt) {
    spdlog::error("a release is halted, it stays on its first nodes release={} nodes={} reason=\"{}\"",
                  toText(current.order), current.nodes.size(), watch_->reason());
    DVPE_CHECK(registry_->halt(current.order.sequence, watch_->reason(), *epoch_));
    watch_.reset();
    return true;
  }
  release::Release next = current;
  next.base = current.order.sequence;
  ++next.order.sequence;
  next.created = clock_.wallSeconds();
  next.expires = next.created + kReleaseLife;
  next.nodes.clear();
  if (stage + 1 < plan.stages.size()) {
    auto audience = audienceOf(plan, stage + 1, names);
    if (audience.size() < names.size()) next.nodes = std::move(audience);
  }
  DVPE_CHECK(publish(current, next));
  return true;
}

Result<std::vector<std::string>> Coordinator::presentNodes() {
  DVPE_TRY(const auto nodes, registry_->nodes());
  std::vector<std::string> out;
  for (const PresentNode& node : nodes) {
    if (node.silent < kPresent) out.push_back(node.name);
  }
  return out;
}

bool Coordinator::meant(const std::string& node) const {
  return audience_.empty() || std::find(audience_.begin(), audience_.end(), node) != audience_.end();
}

Result<void> Coordinator::publish(const std::optional<release::Release>& current, const release::Release& next) {
  release::Signed made{release::toJson(next), {}};
  addSignature(made, release::Domain::kRelease, *options_.key);
  DVPE_CHECK(registry_->publish(next, made, *epoch_));
  const auto changes = release::difference(current.value_or(release::Release{}), next);
  spdlog::info("a release is published release={} documents={} changes={} nodes={} bytes={}", toText(next.order),
               next.documents.size(), changes.size(), next.nodes.empty() ? "all" : std::to_string(next.nodes.size()),
               made.bytes.size());
  return beginRollout(made, patienceFor(current, next));
}

Result<void> Coordinator::beginRollout(const release::Signed& made, std::chrono::milliseconds patience) {
  DVPE_TRY(const auto parsed, release::parseRelease(made.bytes));
  auto offering = std::make_shared<Offering>();
  offering->release = made;
  offering->keys = registry_->keys();
  const auto source = registry_->source();
  for (const auto& [name, entry] : parsed.documents) {
    if (const auto* document = source.document(entry.digest)) offering->documents[entry.digest] = *document;
  }
  for (const std::string& digest : parsed.rollbacks) {
    if (const auto* statement = source.rollback(digest)) offering->rollbacks[digest] = *statement;
  }
  rollout_ = Rollout{parsed.order, steady_clock::now(), {}, {}, {}, {}, {}, patience, false};
  audience_ = parsed.nodes;
  watch_.reset();
  DVPE_TRY(const auto names, presentNodes());
  for (const std::string& name : names) {
    if (meant(name)) rollout_->expected.insert(name);
  }
  offering_ = std::move(offering);
  for (const auto& [name, line] : lines_) {
    if (meant(name)) line->offer(offering_);
  }
  return base::success();
}

void Coordinator::hear() {
  std::deque<NodeSaid> heard;
  {
    const std::lock_guard lock(mutex_);
    heard.swap(heard_);
  }
  for (const NodeSaid& said : heard) {
    if (said.what == NodeSaid::What::kTelemetry) {
      ahead_[said.node] = {aheadOf(said.text), steady_clock::now()};
      if (watch_) watch_->heard(said.node, said.text, steady_clock::now());
    }
    if (said.what == NodeSaid::What::kCounts) pacing_.hear(said.node, said.text, clock_.wall());
    if (said.what == NodeSaid::What::kRefused)
      spdlog::error("a node refuses a release node={} release={} reason=\"{}\"", said.node, toText(said.order),
                    said.text);
    if (said.what == NodeSaid::What::kAnswered && !said.ok)
      spdlog::warn("a node does not obey node={} reason=\"{}\"", said.node, said.text);
    if (!rollout_ || said.order != rollout_->order) continue;
    if (said.what == NodeSaid::What::kPrepared) rollout_->prepared.insert(said.node);
    if (said.what == NodeSaid::What::kRefused) rollout_->refused.insert(said.node);
  }
}

Result<void> Coordinator::advanceRollout() {
  if (settled()) return base::success();
  Rollout& rollout = *rollout_;
  const auto now = steady_clock::now();
  const auto all = [&rollout] {
    return std::all_of(rollout.expected.begin(), rollout.expected.end(), [&](const std::string& node) {
      return rollout.prepared.contains(node) || rollout.refused.contains(node);
    });
  };
  if (!all() && now >= rollout.asked + kAsk) {  // nodes that only the database reaches
    rollout.asked = now;
    DVPE_TRY(const auto names, registry_->acknowledged(rollout.order.sequence));
    rollout.prepared.insert(names.begin(), names.end());
  }
  if (!all() && now < rollout.since + rollout.patience) return base::success();
  if (!rollout.expected.empty() && rollout.prepared.empty() && rollout.refused.size() == rollout.expected.size()) {
    rollout.failed = true;
    spdlog::error("no node takes the release, it is not put in force release={}", toText(rollout.order));
    return base::success();
  }
  return nameMoment();
}

// A channel whose source hurries has made cuts that are still to come: it could not begin there any more, while others
// would.
std::chrono::milliseconds Coordinator::aheadOfAll() const {
  std::chrono::milliseconds most{};
  for (const auto& [node, told] : ahead_) {
    if (meant(node) && steady_clock::now() - told.at < kPresent) most = std::max(most, told.by);
  }
  return most;
}

Result<void> Coordinator::nameMoment() {
  Rollout& rollout = *rollout_;
  const base::WallTime now = clock_.wall(), at = now + kNotice + aheadOfAll();
  protocol::Command command;
  command.id = randomId();
  command.name = "release.effective";
  command.arguments = R"({"keys":)" + std::to_string(rollout.order.keys) + R"(,"sequence":)" +
                      std::to_string(rollout.order.sequence) + R"(,"at":)" +
                      std::to_string(at.time_since_epoch().count()) + "}";
  command.sequence = now.time_since_epoch().count();
  command.expires = clock_.wallSeconds() + protocol::kCommandLife - 10;
  DVPE_TRY(auto statement, protocol::signCommand(command, *options_.key));
  DVPE_CHECK(registry_->makeEffective(rollout.order.sequence, at, statement, *epoch_));
  for (const auto& [name, line] : lines_) {
    if (meant(name)) line->send(statement);
  }
  spdlog::info("a release is in force from release={} at={} prepared={} of={} ms={}", toText(rollout.order),
               base::isoDate(at), rollout.prepared.size(), rollout.expected.size(),
               std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - rollout.since).count());
  rollout.moment = std::move(statement);
  hinted_ = true;  // what came in the meantime
  return base::success();
}

Result<void> Coordinator::refreshNodes() {
  DVPE_TRY(const auto nodes, registry_->nodes());
  for (const PresentNode& node : nodes) {
    const auto line = lines_.find(node.name);
    if (node.silent >= kForgotten || node.endpoint.empty()) {
      if (line != lines_.end()) lines_.erase(line);
      continue;
    }
    if (line != lines_.end() && line->second->endpoint() == node.endpoint) continue;
    const std::string key = registry_->ring().curveOf(node.name, release::Role::kNode, clock_.wallSeconds());
    if (key.empty()) continue;  // the keys do not list it: it reads the database
    auto opened = NodeLine::open(*context_, node.name, node.endpoint, key, options_.curve, [this](NodeSaid said) {
      const std::lock_guard lock(mutex_);
      heard_.push_back(std::move(said));
      if (heard_.size() > 10'000) heard_.pop_front();
    });
    if (!opened) {
      spdlog::warn("a node cannot be reached node={} reason=\"{}\"", node.name, opened.error().message);
      continue;
    }
    if (offering_ && meant(node.name)) opened.value()->offer(offering_);
    if (model_) opened.value()->tell(protocol::Made::kModel, model_);
    if (rollout_ && rollout_->moment && meant(node.name)) opened.value()->send(*rollout_->moment);
    lines_.insert_or_assign(node.name, std::move(opened).value());
  }
  return base::success();
}

void Coordinator::resign() {
  pacing_.forget();
  if (learning_) learning_->lead(std::nullopt, {});
  model_.reset();
  lines_.clear();
  rollout_.reset();
  offering_.reset();
  ahead_.clear();
  watch_.reset();
  epoch_.reset();
  wasLeading_ = false;
}

}  // namespace dvpe::coordinate
