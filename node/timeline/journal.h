// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The channel's journal: each cut before it is listed, each cell as it is listed (design, law 7). What it holds can be
// served and counted on from after kill -9.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "node/timeline/feed.h"
#include "shared/base/result.h"

namespace dvpe::timeline {

// What a journal held when it was opened.
struct JournalContent {
  std::optional<CutState> state;                   // as of the last cut
  std::vector<std::shared_ptr<const Cell>> cells;  // the listed ones, oldest first, at most the last kKeep
  std::vector<std::string> cohorts;                // index -> id
};

// A text file of lines, appended; a line without its end (cut by a crash) is passed over. Rewritten to what is still
// needed at opening and each 4,096 lines. All calls from one thread at a time.
class Journal {
 public:
  static constexpr std::size_t kKeep = 256;  // cells: over 17 minutes

  // Creates the file when there is none. kIo: cannot; kInvalidInput: a file that is not a journal (it is not touched).
  static base::Result<std::unique_ptr<Journal>> open(const std::string& path);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  const JournalContent& content() const { return content_; }

  // Each is on disk when it returns well. kIo: it is not, and what it tells of must not be listed.
  base::Result<void> cut(const CutState& state);
  base::Result<void> cell(std::shared_ptr<const Cell> cell);
  base::Result<void> cohort(std::size_t index, const std::string& id);

 private:
  Journal(std::string path, int file) : path_(std::move(path)), file_(file) {}
  base::Result<void> append(const std::string& line);
  base::Result<void> compact();

  std::string path_;
  int file_;
  std::size_t lines_ = 0;
  bool torn_ = false;  // the last append failed half-way: begin the next with a line end
  JournalContent content_;
};

}  // namespace dvpe::timeline
