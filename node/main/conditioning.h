// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The conditioner in a process: beside a node, or alone (node.role = "condition"). What reads strangers' files is
// always a program of its own.
#pragma once

#include <memory>
#include <thread>

#include "node/main/config.h"
#include "node/main/job_worker.h"

namespace dvpe::node {

class Conditioning {
 public:
  // Reads keys and begins. nullptr: the configuration names no signing key. kInvalidInput, kRefused, kNotFound: of what
  // it names.
  static base::Result<std::unique_ptr<Conditioning>> start(const Config& config);
  // A job at work is given back.
  ~Conditioning();

 private:
  explicit Conditioning(std::unique_ptr<JobWorker> worker);
  std::unique_ptr<JobWorker> worker_;
  std::thread thread_;
};

// Conditions and does nothing else, until SIGINT or SIGTERM, which every thread has blocked. The exit code.
int conditionJobs(const Config& config);

}  // namespace dvpe::node
