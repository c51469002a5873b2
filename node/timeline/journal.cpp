// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/timeline/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "node/timeline/json.h"

namespace dvpe::timeline {

namespace {

using base::ErrorCode;
using base::fail;
using boost::json::object;

constexpr std::string_view kHeader = R"({"journal":"dvpe-channel","version":1})";
constexpr std::size_t kCompactAfter = 4096;

std::string lineOf(const char* key, boost::json::value value) {
  return boost::json::serialize(object{{key, std::move(value)}}) + "\n";
}

base::Result<void> writeAll(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(file, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail(ErrorCode::kIo, std::string("the journal cannot be written: ") + std::strerror(errno));
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return base::success();
}

// Takes one line into the content; a line that is not understood is passed over, as a torn one is.
void take(const std::string& line, JournalContent& content) {
  boost::system::error_code error;
  const auto json = boost::json::parse(line, error);
  const object* o = error ? nullptr : json.if_object();
  if (o == nullptr) return;
  if (const auto* state = o->if_contains("cut")) {
    if (auto read = stateFromJson(*state)) content.state = std::move(read).value();
  } else if (const auto* cell = o->if_contains("cell")) {
    if (auto read = cellFromJson(*cell)) {
      content.cells.push_back(std::make_shared<const Cell>(std::move(read).value()));
      if (content.cells.size() > Journal::kKeep) content.cells.erase(content.cells.begin());
    }
  } else if (const auto* cohort = o->if_contains("cohort")) {
    if (cohort->is_string()) content.cohorts.emplace_back(cohort->get_string());
  }
}

std::string render(const JournalContent& content) {
  std::string text = std::string(kHeader) + "\n";
  for (const auto& id : content.cohorts) text += lineOf("cohort", boost::json::string(id));
  for (const auto& cell : content.cells) text += lineOf("cell", toJson(*cell));
  if (content.state) text += lineOf("cut", toJson(*content.state));
  return text;
}

}  // namespace

base::Result<std::unique_ptr<Journal>> Journal::open(const std::string& path) {
  JournalContent content;
  if (std::ifstream in(path); in) {
    std::string line;
    bool first = true;
    while (std::getline(in, line) && !in.eof()) {
      if (first && line != kHeader) return fail(ErrorCode::kInvalidInput, path + " is not a channel journal");
      if (!first) take(line, content);
      first = false;
    }
  }
  std::unique_ptr<Journal> journal(new Journal(path, -1));
  journal->content_ = std::move(content);
  DVPE_CHECK(journal->compact());
  return journal;
}

Journal::~Journal() {
  if (file_ >= 0) ::close(file_);
}

base::Result<void> Journal::append(const std::string& line) {
  auto written = writeAll(file_, torn_ ? "\n" + line : line);
  torn_ = !written;
  if (!written) return written;
  if (::fdatasync(file_) != 0) return fail(ErrorCode::kIo, "the journal cannot be flushed");
  if (++lines_ >= kCompactAfter) return compact();
  return base::success();
}

base::Result<void> Journal::compact() {
  const std::string fresh = path_ + ".new";
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return fail(ErrorCode::kIo, "cannot create " + fresh + ": " + std::strerror(errno));
  const auto written = writeAll(file, render(content_));
  if (!written || ::fdatasync(file) != 0 || ::rename(fresh.c_str(), path_.c_str()) != 0) {
    ::close(file);
    ::unlink(fresh.c_str());
    return fail(ErrorCode::kIo, "cannot write " + path_ + ": " + std::strerror(errno));
  }
  if (file_ >= 0) ::close(file_);
  file_ = file;
  lines_ = 0;
  return base::success();
}

base::Result<void> Journal::cut(const CutState& state) {
  content_.state = state;
  return append(lineOf("cut", toJson(state)));
}

base::Result<void> Journal::cell(std::shared_ptr<const Cell> cell) {
  DVPE_CHECK(append(lineOf("cell", toJson(*cell))));
  content_.cells.push_back(std::move(cell));
  if (content_.cells.size() > kKeep) content_.cells.erase(content_.cells.begin());
  return base::success();
}

base::Result<void> Journal::cohort(std::size_t index, const std::string& id) {
  if (index != content_.cohorts.size()) return fail(ErrorCode::kInternal, "cohorts are journalled in order");
  DVPE_CHECK(append(lineOf("cohort", boost::json::string(id))));
  content_.cohorts.push_back(id);
  return base::success();
}

}  // namespace dvpe::timeline
