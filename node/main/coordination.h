// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The coordinator in a process: beside a node, or alone (node.role = "coordinator").
#pragma once

#include <memory>
#include <thread>

#include "node/coordinate/coordinator.h"
#include "node/main/config.h"

namespace dvpe::node {

class Coordination {
 public:
  // Reads keys and begins. nullptr: the configuration names no signing key. kInvalidInput, kRefused, kNotFound: of what
  // it names.
  static base::Result<std::unique_ptr<Coordination>> start(const Config& config, const base::Clock& clock);
  ~Coordination();

 private:
  explicit Coordination(std::unique_ptr<coordinate::Coordinator> coordinator);
  std::unique_ptr<coordinate::Coordinator> coordinator_;
  std::thread thread_;
};

// Coordinates and does nothing else, until SIGINT or SIGTERM, which every thread has blocked. The exit code.
int coordinate(const Config& config);

}  // namespace dvpe::node
