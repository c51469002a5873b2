// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/rules_input.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <set>

#include "shared/model/json.h"

namespace dvpe::node {

namespace fs = std::filesystem;
namespace json = boost::json;
using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t kMaxMediaBytes = 64 << 10;
constexpr std::size_t kMostNamed = 5;

Result<std::string> readFile(const fs::path& path, std::size_t limit) {
  std::error_code error;
  std::ifstream in(path, std::ios::binary);
  if (!in || fs::is_directory(path, error)) return fail(ErrorCode::kNotFound, path.string() + ": cannot be read");
  std::string text(limit + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > limit)
    return fail(ErrorCode::kLimitExceeded, path.string() + ": over " + std::to_string(limit) + " bytes");
  return text;
}

bool complainOf(const std::vector<model::DocumentError>& errors, std::size_t dropped, const std::string& folder,
                Console& console) {
  for (const model::DocumentError& e : errors)
    complain(console, printable(folder + ": " + e.document + (e.path.empty() ? "" : " " + e.path) + ": " + e.message));
  if (dropped > 0) complain(console, folder + ": " + std::to_string(dropped) + " more mistakes");
  return !errors.empty();
}

// Id and units of a conditioned folder, as node/package/creative.h reads it.
Result<void> addLength(const fs::path& file, std::map<std::string, int, std::less<>>& lengths) {
  DVPE_TRY(const std::string text, readFile(file, kMaxMediaBytes));
  json::error_code error;
  const json::value parsed = json::parse(text, error);
  const json::object* object = error ? nullptr : parsed.if_object();
  const json::value* id = object ? object->if_contains("id") : nullptr;
  const json::value* units = object ? object->if_contains("units") : nullptr;
  const std::int64_t* n = units ? units->if_int64() : nullptr;
  if (!id || !id->is_string() || !n || *n < 1 || *n > 86'400)
    return fail(ErrorCode::kInvalidInput, file.string() + ": is no conditioned media");
  lengths[std::string(id->get_string())] = static_cast<int>(*n);
  return base::success();
}

bool addLengths(const std::string& folder, std::map<std::string, int, std::less<>>& lengths, Console& console) {
  std::error_code error;
  bool good = true;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const fs::path file = at->path() / "media.json";
    std::error_code none;
    if (!fs::exists(file, none)) continue;
    if (const auto added = addLength(file, lengths); !added) {
      complain(console, added.error().message);
      good = false;
    }
  }
  if (error) complain(console, folder + ": expected a folder that can be read");
  return good && !error;
}

// Media that lines name and that have no length.
std::vector<std::string> unconditioned(const RulesRelease& release) {
  std::set<std::string> out;
  for (const auto& [id, unused] : release.compiled->documents().channels) {
    const auto* channel = release.compiled->channel(id);
    if (!channel) continue;
    for (const auto& line : channel->lines) {
      for (const auto& creative : line.creatives) {
        if (!release.lengths.contains(creative.media)) out.insert(creative.media);
      }
    }
  }
  return {out.begin(), out.end()};
}

}  // namespace

rehearsal::Rehearsal RulesRelease::rehearsal() const {
  return {compiled, plan, [all = lengths](std::string_view media) {
            const auto found = all.find(media);
            return found == all.end() ? 0 : found->second;
          }};
}

std::string RulesRelease::currency() const {
  const auto& policy = compiled->documents().monetisation;
  return policy ? policy->currency : model::Monetisation{}.currency;
}

std::optional<RulesRelease> openRelease(const std::string& folder, const std::string& planFile,
                                        const std::string& mediaFolder, Console& console) {
  RulesRelease out;
  out.folder = folder;
  model::Loaded loaded = model::loadDocuments(folder);
  bool good = !complainOf(loaded.errors, loaded.dropped, folder, console);
  for (const auto& [id, media] : loaded.documents.media) out.lengths[id] = media.units;
  if (!mediaFolder.empty() && !addLengths(mediaFolder, out.lengths, console)) good = false;
  if (!planFile.empty()) {
    const auto text = readFile(planFile, decisions::kMaxPlanBytes);
    auto plan = text ? decisions::parsePlan(text.value()) : Result<decisions::Plan>{text.as_failure()};
    if (plan) {
      out.plan = std::make_shared<const decisions::Plan>(std::move(plan).value());
      out.given = true;
    } else {
      complain(console, text ? planFile + ": " + plan.error().message : plan.error().message);
      good = false;
    }
  }
  if (!good) return std::nullopt;
  const auto built = decisions::build(std::make_shared<const model::Documents>(std::move(loaded.documents)));
  if (complainOf(built.errors, 0, folder, console)) return std::nullopt;
  out.compiled = built.compiled;
  if (!out.plan) out.plan = std::make_shared<const decisions::Plan>(rehearsal::everyLinePlays(*out.compiled));
  return out;
}

void remark(const RulesRelease& release, Console& console) {
  if (console.quiet) return;
  if (!release.given && !release.plan->lines.empty())
    console.err << release.folder << ": without --plan, every line in flight plays and is worth its price.\n";
  const auto missing = unconditioned(release);
  if (missing.empty()) return;
  console.err << release.folder << ": nothing is known of the length of " << missing.size() << " media ("
              << missing.front();
  for (std::size_t i = 1; i < std::min(missing.size(), kMostNamed); ++i) console.err << ", " << missing[i];
  console.err << (missing.size() > kMostNamed ? ", ..." : "") << "): they do not play. See --media.\n";
}

RulesRecording::RulesRecording(const std::string& file) : file_(file), name_(fs::path(file).filename().string()) {}

bool RulesRecording::open(Console& console) {
  std::error_code error;
  in_.open(file_, std::ios::binary);
  if (!in_ || fs::is_directory(file_, error)) {
    complain(console, file_ + ": cannot be read");
    return false;
  }
  reader_.emplace(in_, name_);
  return true;
}

bool RulesRecording::finish(Console& console) {
  const std::size_t all = reader_->mistakeCount();
  const auto errors = reader_->takeMistakes();
  for (const model::DocumentError& e : errors)
    complain(console, printable(e.document + (e.path.empty() ? "" : " " + e.path) + ": " + e.message));
  if (all > errors.size()) complain(console, name_ + ": " + std::to_string(all - errors.size()) + " more mistakes");
  return all == 0;
}

}  // namespace dvpe::node
