// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the commands `rules …` read: a folder of documents as a release, a plan, and a recording of sessions. Every
// mistake is complained of.
#pragma once

#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "node/main/command.h"
#include "shared/decisions/breaks.h"
#include "shared/rehearsal/recording.h"
#include "shared/rehearsal/rehearsal.h"

namespace dvpe::node {

// A folder of documents, ready to be decided by.
struct RulesRelease {
  std::string folder;
  std::shared_ptr<const decisions::Compiled> compiled;
  std::shared_ptr<const decisions::Plan> plan;
  bool given = false;                                 // the plan; else it was made here
  std::map<std::string, int, std::less<>> lengths{};  // units, by media

  rehearsal::Rehearsal rehearsal() const;
  // What worth is in; without a policy it is what prices are in.
  std::string currency() const;
};

// planFile: empty: every line in flight plays. mediaFolder: conditioned media beside the folder's documents of them, or
// empty. Nothing: it was complained of.
std::optional<RulesRelease> openRelease(const std::string& folder, const std::string& planFile,
                                        const std::string& mediaFolder, Console& console);
// What one should know of a release before believing what comes of it: on standard error.
void remark(const RulesRelease& release, Console& console);

// A recording, and where it is read from.
class RulesRecording {
 public:
  explicit RulesRecording(const std::string& file);
  // False: it cannot be read, which was complained of.
  bool open(Console& console);
  rehearsal::RecordingReader& reader() { return *reader_; }
  // Complains of every mistake. True: there was none.
  bool finish(Console& console);
  const std::string& name() const { return name_; }

 private:
  const std::string file_;
  const std::string name_;  // the file's, without its folders
  std::ifstream in_;
  std::optional<rehearsal::RecordingReader> reader_;
};

}  // namespace dvpe::node
