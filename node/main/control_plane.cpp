// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/control_plane.h"

#include "node/main/database_options.h"
#include "node/main/secrets.h"
#include "shared/base/log.h"

namespace dvpe::node {

using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr std::chrono::hours kKeepMedia{1};  // and a window: until nothing lists it after it has left
// Enough not to be late, which would cost a second: what is held goes with the very next cut. A cohort that is new then
// may see the programme for a segment.
constexpr auto kHoldNotice = std::chrono::milliseconds(100);

struct NextLibrary final : control::Preparation {
  explicit NextLibrary(Library l) : library(std::move(l)) {}
  const Library library;
};

std::string endpointAt(const Config::Control& control, const std::string& port) {
  const bool v6 = control.address.find(':') != std::string::npos;
  return "tcp://" + (v6 ? "[" + control.address + "]" : control.address) + ":" + port;
}

std::string listenEndpoint(const Config::Control& control) {
  return endpointAt(control, control.port == 0 ? "*" : std::to_string(control.port));
}

// What others reach it by: libzmq says "[::ffff:127.0.0.1]".
std::string reachedAt(const Config::Control& control, const std::string& bound) {
  return control.endpoint.empty() ? endpointAt(control, bound.substr(bound.rfind(':') + 1)) : control.endpoint;
}

}  // namespace

ControlPlane::ControlPlane(const Config& config, const base::Clock& clock, const release::PublicKey& root,
                           control::OpenBlobs blobs)
    : config_(config),
      clock_(clock),
      store_(config.node.state, config.node.name, root),
      media_(config.node.state, static_cast<std::uint64_t>(config.limits.mediaBytes), std::move(blobs)),
      holds_(config.node.state),
      releases_(std::make_unique<control::Releases>(store_, holds_, *this, config.node.name, clock)) {}

ControlPlane::~ControlPlane() { stop(); }

Result<std::unique_ptr<ControlPlane>> ControlPlane::start(const Config& config, const base::Clock& clock) {
  const auto root = release::parsePublicKey(config.control.root);
  if (!root) return fail(ErrorCode::kInvalidInput, "control.root: " + root.error().message);
  if (config.documents.allowUnsigned)
    return fail(ErrorCode::kRefused, "documents.unsigned: a node with control.root takes signed documents alone");
  database::ConnectOptions options;
  control::OpenBlobs blobs;
  const auto stopping = std::make_shared<std::atomic<bool>>(false);
  if (!config.database.server.empty()) {
    DVPE_TRY(options, databaseOptions(config.database));
    options.application = "dvpe-node " + config.node.name;
    blobs = control::databaseBlobs(options, [stopping] { return stopping->load(); });
  }
  std::unique_ptr<ControlPlane> plane(new ControlPlane(config, clock, root.value(), std::move(blobs)));
  plane->stopping_ = stopping;
  DVPE_CHECK(plane->open());
  if (!config.database.server.empty()) {
    plane->link_ = std::make_unique<control::DatabaseLink>(
        control::DatabaseLinkOptions{std::move(options), DVPE_VERSION, config.node.state / "audit-heads"},
        *plane->releases_);
  }
  DVPE_TRY(const auto keys, loadCurveKeys(config));
  DVPE_TRY(plane->agent_, control::Agent::start({config.node.name, listenEndpoint(config.control), keys},
                                                *plane->releases_, *plane, plane->link_.get(), clock));
  spdlog::info("control listens endpoint={} key={}", reachedAt(config.control, plane->agent_->endpoint()),
               keys.publicKey);
  if (plane->link_) {
    plane->link_->listensAt(reachedAt(config.control, plane->agent_->endpoint()), keys.publicKey);
    plane->link_->start();
  }
  return plane;
}

// The last good release, and what is held of it.
Result<void> ControlPlane::open() {
  DVPE_TRY(const auto loaded, store_.load());
  DVPE_CHECK(holds_.load(store_.ring()));
  if (!loaded) return base::success();
  DVPE_TRY(auto documents, readRelease(loaded->texts));
  std::chrono::seconds keep = kKeepMedia;
  for (const auto& [id, channel] : documents.channels)
    keep = std::max(keep, kKeepMedia + std::chrono::seconds(channel.windowSeconds));
  media_.sweep(documents, keep, clock_.wall());
  // It was here when the release was prepared: a node that has lost some of it starts all the same.
  if (const auto whole = media_.complete(documents); !whole)
    spdlog::warn("media of the last good release is lacking reason=\"{}\"", whole.error().message);
  DVPE_TRY(const auto library, libraryOf(config_, std::move(documents), nullptr));
  releases_->reload();
  DVPE_TRY(current_, withHeld(library, releases_->snapshot().held));
  name_ = toText(loaded->release.order);
  spdlog::info("starting with the last good release release={}", name_);
  return base::success();
}

Result<Library> ControlPlane::first(const std::function<bool()>& stop) {
  std::unique_lock lock(mutex_);
  if (!current_) spdlog::info("waiting for the first release");
  while (!current_) {
    if (stop()) return fail(ErrorCode::kUnavailable, "stopped before there was a release");
    changed_.wait_for(lock, std::chrono::milliseconds(200));
  }
  taken_ = true;
  return *current_;
}

std::string ControlPlane::firstName() const {
  const std::lock_guard lock(mutex_);
  return name_;
}

void ControlPlane::running(ControlHooks hooks) {
  {
    const std::lock_guard lock(mutex_);
    hooks_ = std::make_shared<const ControlHooks>(std::move(hooks));
  }
  changed_.notify_all();
}

void ControlPlane::stop() {
  if (stopping_) *stopping_ = true;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    hooks_.reset();
  }
  changed_.notify_all();
  agent_.reset();
  if (link_) link_->stop();
}

Result<std::shared_ptr<control::Preparation>> ControlPlane::prepare(const release::Verified& release) {
  std::optional<Library> running;
  {
    const std::lock_guard lock(mutex_);
    if (taken_) running = current_;
  }
  DVPE_TRY(auto documents, readRelease(release.texts));
  DVPE_CHECK(media_.complete(documents));
  DVPE_TRY(auto library, libraryOf(config_, std::move(documents), running ? &*running : nullptr));
  return std::make_shared<NextLibrary>(std::move(library));
}

// Waits until the node runs; nullptr: it is stopping.
std::shared_ptr<const ControlHooks> ControlPlane::hooksWhenRunning(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [this] { return hooks_ || stopped_; });
  return hooks_;
}

Result<control::TookOver> ControlPlane::takeOver(const release::Order& order,
                                                 std::shared_ptr<control::Preparation> prepared,
                                                 base::WallTime effective, const control::HeldNames& held) {
  DVPE_TRY(const Library next, withHeld(static_cast<const NextLibrary&>(*prepared).library, held));
  std::unique_lock lock(mutex_);
  if (!taken_) {  // the node starts with it
    current_ = next;
    name_ = toText(order);
    changed_.notify_all();
    return control::TookOver{};
  }
  const auto hooks = hooksWhenRunning(lock);
  lock.unlock();
  if (!hooks) return fail(ErrorCode::kUnavailable, "the node is stopping");
  auto done = hooks->takeOver(toText(order), next, effective);
  if (done) {
    lock.lock();
    media_.leave(*current_->documents, clock_.wall());
    current_ = next;
    name_ = toText(order);
  }
  return done;
}

Result<control::TookOver> ControlPlane::hold(const control::HeldNames& held) {
  std::unique_lock lock(mutex_);
  if (!current_) return control::TookOver{};  // takeOver() will be told
  DVPE_TRY(const Library next, withHeld(*current_, held));
  if (!taken_) {
    current_ = next;
    return control::TookOver{};
  }
  const auto hooks = hooksWhenRunning(lock);
  const std::string release = name_;
  lock.unlock();
  if (!hooks) return fail(ErrorCode::kUnavailable, "the node is stopping");
  auto done = hooks->takeOver(release, next, clock_.wall() + kHoldNotice);
  if (done) {
    lock.lock();
    current_ = next;
  }
  return done;
}

// Empty until the node runs.
std::shared_ptr<const ControlHooks> ControlPlane::hooksNow() const {
  const std::lock_guard lock(mutex_);
  return hooks_;
}

Result<std::string> ControlPlane::obey(const protocol::Accepted& command) {
  const auto hooks = hooksNow();
  if (!hooks) return fail(ErrorCode::kUnavailable, "the node does not run yet");
  return hooks->obey(command);
}

std::string ControlPlane::telemetry() {
  const auto hooks = hooksNow();
  return boost::json::serialize(hooks ? hooks->status() : boost::json::object{{"running", false}});
}

Result<void> ControlPlane::take(protocol::Made what, const std::string& text) {
  const auto hooks = hooksNow();
  if (!hooks) return fail(ErrorCode::kUnavailable, "the node does not run yet");
  switch (what) {
    case protocol::Made::kPlan: {
      DVPE_TRY(auto plan, decisions::parsePlan(text));
      hooks->plan(std::make_shared<const decisions::Plan>(std::move(plan)));
      break;
    }
    case protocol::Made::kModel: {
      DVPE_TRY(auto model, learning::parseModel(text));
      hooks->model(std::make_shared<const learning::Model>(std::move(model)));
      break;
    }
  }
  return base::success();
}

std::string ControlPlane::counts() {
  const auto hooks = hooksNow();
  return hooks ? boost::json::serialize(hooks->counts()) : std::string{};
}

}  // namespace dvpe::node
