// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The folder that conditioning makes: built under a temporary name, given its own when it is complete.
#pragma once

#include <filesystem>
#include <string>

#include "node/condition/condition.h"
#include "shared/base/bytes.h"

namespace dvpe::condition::impl {

// A file that is written front to back. Errors are kept and told by close().
class OutputFile {
 public:
  explicit OutputFile(const std::filesystem::path& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  void write(base::ByteView bytes);
  base::Result<void> close();  // on disk when it answers

 private:
  int fd_ = -1;
  int error_ = 0;
};

class OutputFolder {
 public:
  static base::Result<OutputFolder> create(const std::string& parent);
  OutputFolder(OutputFolder&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  ~OutputFolder();  // unless finish() succeeded, takes it away again

  std::filesystem::path file(const std::string& name) const { return path_ / name; }
  // Fills in digest and folder from report.tracks, writes media.json, and moves the folder to its place. A folder of
  // the same digest that stands there already keeps its track files.
  base::Result<void> finish(ConditionReport& report);

 private:
  explicit OutputFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

std::string toJson(const ConditionReport& report);
// folder is not in the text.
base::Result<ConditionReport> fromJson(std::string_view text);

}  // namespace dvpe::condition::impl
