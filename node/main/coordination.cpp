// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/coordination.h"

#include <pthread.h>

#include "node/main/command.h"
#include "node/main/database_options.h"
#include "node/main/process.h"
#include "node/main/secrets.h"
#include "shared/base/log.h"

namespace dvpe::node {

using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

Result<coordinate::CoordinatorOptions> optionsOf(const Config& config) {
  coordinate::CoordinatorOptions out;
  out.name = config.coordinator.name;
  const auto root = release::parsePublicKey(config.control.root);
  if (!root) return fail(ErrorCode::kInvalidInput, "control.root: " + root.error().message);
  out.root = root.value();
  if (config.database.server.empty()) return fail(ErrorCode::kInvalidInput, "database.server: a coordinator needs one");
  Config::Database database = config.database;
  database.user = config.coordinator.user;
  database.password = config.coordinator.password;
  DVPE_TRY(out.connect, databaseOptions(database));
  out.connect.application = "dvpe-node " + out.name;
  DVPE_TRY(auto key, openKey(config.coordinator.key, config.coordinator.passphrase));
  out.key = std::make_shared<const release::PrivateKey>(std::move(key));
  DVPE_TRY(out.curve, readCurveKeys(config.coordinator.curveKey));
  return out;
}

}  // namespace

Coordination::Coordination(std::unique_ptr<coordinate::Coordinator> coordinator)
    : coordinator_(std::move(coordinator)) {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "coordinate");
    if (const auto done = coordinator_->run(); !done)
      spdlog::error("nothing is coordinated here reason=\"{}\"", done.error().message);
  });
}

Coordination::~Coordination() {
  coordinator_->stop();
  thread_.join();
}

Result<std::unique_ptr<Coordination>> Coordination::start(const Config& config, const base::Clock& clock) {
  if (config.coordinator.key.empty()) return std::unique_ptr<Coordination>{};
  auto options = optionsOf(config);
  if (!options) return fail(options.error().code, "coordinator: " + options.error().message);
  return std::unique_ptr<Coordination>(
      new Coordination(std::make_unique<coordinate::Coordinator>(std::move(options).value(), clock)));
}

int coordinate(const Config& config) {
  const base::SystemClock clock;
  auto started = Coordination::start(config, clock);
  if (started && !started.value())
    started = fail(ErrorCode::kInvalidInput, "coordinator.signing_key_file: a coordinator needs one");
  if (!started) {
    spdlog::error("the coordinator cannot start reason=\"{}\"", started.error().message);
    return exitCode(started.error().code);
  }
  untilTold();
  return kExitOk;
}

}  // namespace dvpe::node
