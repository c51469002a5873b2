// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/own_pacing.h"

#include <pthread.h>

#include "shared/base/log.h"
#include "shared/privacy/secret.h"

namespace dvpe::node {

OwnPacing::OwnPacing(std::shared_ptr<const model::Documents> documents, std::filesystem::path file, Node node,
                     const base::Clock& clock)
    : file_(std::move(file)), node_(std::move(node)), clock_(clock), pacer_(std::move(documents), "") {
  std::error_code ignored;
  if (!std::filesystem::exists(file_, ignored)) return;
  const auto state = privacy::readSecretFile(file_, decisions::kMaxPacingStateBytes);
  const auto restored = state ? pacer_.restore(state.value()) : base::Result<void>(state.as_failure());
  if (!restored) {
    spdlog::error("what plans have promised cannot be read; they begin anew file={} reason=\"{}\"", file_.string(),
                  restored.error().message);
  }
}

OwnPacing::~OwnPacing() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool OwnPacing::next() {
  const auto counted = node_.counted();
  if (!counted) return false;
  pacer_.hear(*counted);
  auto plan = std::make_shared<const decisions::Plan>(pacer_.plan(clock_.wall()));
  if (plan->lines.empty()) return false;
  // Nobody else holds a part of a line, so that a promise which is forgotten costs nothing: the plan goes out anyway.
  const auto stored = privacy::writeSecretFile(file_, pacer_.state(), privacy::IfExists::kReplace);
  if (!stored && stored_) spdlog::warn("what plans have promised cannot be kept reason=\"{}\"", stored.error().message);
  stored_ = stored.has_value();
  node_.plan(std::move(plan));
  return true;
}

void OwnPacing::start() {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "pacing");
    run();
  });
}

void OwnPacing::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    try {
      next();
    } catch (const std::exception& e) {  // out of memory and the like: the next one is not far
      spdlog::error("no plan of pacing was made reason=\"{}\"", e.what());
    }
    lock.lock();
    wake_.wait_for(lock, decisions::kPlanEvery, [this] { return stopping_; });
  }
}

}  // namespace dvpe::node
