// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Plans of pacing for a node without a control plane: it plans for itself what a coordinator would plan for all.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "shared/base/clock.h"
#include "shared/decisions/pace.h"

namespace dvpe::node {

class OwnPacing {
 public:
  // The node, as a coordinator sees it; both are called on the thread that plans.
  struct Node {
    std::function<std::optional<decisions::NodeReport>()> counted;  // nothing: it does not answer
    std::function<void(std::shared_ptr<const decisions::Plan>)> plan;
  };

  // file: keeps what was promised over a restart. What is there and cannot be read is logged and begun anew: the node's
  // own counts say what was bound.
  OwnPacing(std::shared_ptr<const model::Documents> documents, std::filesystem::path file, Node node,
            const base::Clock& clock);
  ~OwnPacing();

  // One plan. False: no line needs one, or the node does not answer.
  bool next();
  // A plan now and each kPlanEvery, on a thread of its own ("pacing"). Not beside next().
  void start();

 private:
  void run();

  const std::filesystem::path file_;
  const Node node_;
  const base::Clock& clock_;
  decisions::Pacer pacer_;
  bool stored_ = true;  // the last time
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace dvpe::node
