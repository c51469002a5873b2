// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The control plane of a running node, wired: last good release, database, ZeroMQ. What it does to the node goes
// through hooks, which the node gives when it runs.
#pragma once

#include <atomic>
#include <boost/json.hpp>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "node/control/agent.h"
#include "node/control/media_store.h"
#include "node/main/library.h"
#include "shared/decisions/plan.h"
#include "shared/learning/model.h"

namespace dvpe::node {

// What a running node does for control. Any thread.
struct ControlHooks {
  std::function<base::Result<control::TookOver>(const std::string& release, const Library& next, base::WallTime moment)>
      takeOver;
  std::function<base::Result<std::string>(const protocol::Accepted&)> obey;
  std::function<boost::json::object()> status;
  std::function<void(std::shared_ptr<const decisions::Plan>)> plan;
  std::function<void(std::shared_ptr<const learning::Model>)> model;
  std::function<boost::json::object()> counts;
};

class ControlPlane final : public control::Target {
 public:
  // Begins to listen, to the database too. config outlives it. kInvalidInput, kIo: what the configuration names;
  // kRefused: the last good release on disk was changed.
  static base::Result<std::unique_ptr<ControlPlane>> start(const Config& config, const base::Clock& clock);
  ~ControlPlane() override;

  // What the node starts with: the last good release from its disk, or the first that comes. Waits for it, and asks
  // `stop` now and then; kUnavailable when that says so.
  base::Result<Library> first(const std::function<bool()>& stop);
  // From now on releases take over while viewers watch. Once, after first().
  void running(ControlHooks hooks);
  // Nothing is taken over or obeyed any more: the node stops.
  void stop();

  // The name of the release that is in force: "3.17". After first(), of the one that it gave.
  std::string firstName() const;
  // A release is in force elsewhere and not here: this node is not for viewers.
  bool behind() const { return releases_->snapshot().behind; }
  control::Releases::Snapshot state() const { return releases_->snapshot(); }
  bool databaseConnected() const { return link_ && link_->connected(); }

  base::Result<std::shared_ptr<control::Preparation>> prepare(const release::Verified& release) override;
  base::Result<control::TookOver> takeOver(const release::Order& order, std::shared_ptr<control::Preparation> prepared,
                                           base::WallTime effective, const control::HeldNames& held) override;
  base::Result<control::TookOver> hold(const control::HeldNames& held) override;
  base::Result<std::string> obey(const protocol::Accepted& command) override;
  std::string telemetry() override;
  base::Result<void> take(protocol::Made what, const std::string& text) override;
  std::string counts() override;

 private:
  ControlPlane(const Config& config, const base::Clock& clock, const release::PublicKey& root,
               control::OpenBlobs blobs);
  base::Result<void> open();
  std::shared_ptr<const ControlHooks> hooksNow() const;
  std::shared_ptr<const ControlHooks> hooksWhenRunning(std::unique_lock<std::mutex>& lock);

  const Config& config_;
  const base::Clock& clock_;
  std::shared_ptr<std::atomic<bool>> stopping_;  // shared with what fetches blobs: it is asked between chunks
  control::ReleaseStore store_;
  control::MediaStore media_;
  control::HoldStore holds_;
  std::unique_ptr<control::Releases> releases_;
  std::unique_ptr<control::DatabaseLink> link_;
  std::unique_ptr<control::Agent> agent_;
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::optional<Library> current_;             // what the node serves from, or is to start with
  std::string name_;                           // of its release
  std::shared_ptr<const ControlHooks> hooks_;  // empty: the node does not run yet
  bool taken_ = false, stopped_ = false;       // first() has given current_
};

}  // namespace dvpe::node
