// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Conditioning a stranger's file from a process that has threads, connections and keys: `dvpe-node condition` as a
// program of its own, which shares no memory with us; inside it the sandbox does the work.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "node/condition/condition.h"
#include "shared/base/result.h"

namespace dvpe::node {

struct ConditionTask {
  std::filesystem::path file, documents, out;  // documents: a folder with the profile's
  std::string id, profile;
};

// Asked at least twice a second with what is done, 0 to 100; its error ends the program.
using ConditionWatch = std::function<base::Result<void>(int percent)>;

// Blocks. The folder that was made; errors: those of condition::conditionSandboxed, watch's, kUnavailable when no
// program could be started. The program dies with the calling thread.
base::Result<std::filesystem::path> conditionApart(const ConditionTask& task, const ConditionWatch& watch);

}  // namespace dvpe::node
