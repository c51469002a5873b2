// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/conditioning.h"

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

Result<JobWorkerOptions> optionsOf(const Config& config) {
  JobWorkerOptions out;
  if (config.database.server.empty()) return fail(ErrorCode::kInvalidInput, "database.server: a conditioner needs one");
  Config::Database database = config.database;
  database.user = config.condition.user;
  database.password = config.condition.password;
  DVPE_TRY(out.connect, databaseOptions(database));
  out.connect.application = "dvpe-node " + config.condition.name;
  DVPE_TRY(auto key, openKey(config.condition.key, config.condition.passphrase));
  out.key = std::make_shared<const release::PrivateKey>(std::move(key));
  out.folder = config.node.state / "jobs";
  return out;
}

}  // namespace

Conditioning::Conditioning(std::unique_ptr<JobWorker> worker) : worker_(std::move(worker)) {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "condition");
    if (const auto done = worker_->run(); !done)
      spdlog::error("nothing is conditioned here reason=\"{}\"", done.error().message);
  });
}

Conditioning::~Conditioning() {
  worker_->stop();
  thread_.join();
}

Result<std::unique_ptr<Conditioning>> Conditioning::start(const Config& config) {
  if (config.condition.key.empty()) return std::unique_ptr<Conditioning>{};
  auto options = optionsOf(config);
  if (!options) return fail(options.error().code, "condition: " + options.error().message);
  return std::unique_ptr<Conditioning>(new Conditioning(std::make_unique<JobWorker>(std::move(options).value())));
}

int conditionJobs(const Config& config) {
  auto started = Conditioning::start(config);
  if (started && !started.value())
    started = fail(ErrorCode::kInvalidInput, "condition.signing_key_file: a conditioner needs one");
  if (!started) {
    spdlog::error("the conditioner cannot start reason=\"{}\"", started.error().message);
    return exitCode(started.error().code);
  }
  untilTold();
  return kExitOk;
}

}  // namespace dvpe::node
