// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/condition.h"

#include <unistd.h>

#include <boost/json.hpp>
#include <system_error>
#include <utility>

#include "node/condition/condition.h"
#include "shared/model/json.h"

namespace dvpe::node {

namespace {

// The file's name without its ending as an id: what an id may not hold becomes '-'.
std::string idOf(const std::filesystem::path& file) {
  std::string id = file.stem().string().substr(0, 64);
  for (char& c : id) {
    const bool fine =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!fine) c = '-';
  }
  return id;
}

void report(const condition::ConditionReport& r, const ConditionRequest& request, std::ostream& out,
            std::ostream& err) {
  if (request.json) {
    boost::json::array notes;
    for (const std::string& note : r.notes) notes.emplace_back(note);
    boost::json::object line{
        {"id", r.id},         {"digest", r.digest},       {"profile", r.profile},     {"units", r.units},
        {"folder", r.folder}, {"source", r.source},       {"trimmedMs", r.trimmedMs}, {"paddedMs", r.paddedMs},
        {"gain", r.gain},     {"notes", std::move(notes)}};
    if (r.loudness) line["loudness"] = *r.loudness;
    out << line << std::endl;
    return;
  }
  out << r.id << " " << r.digest << " " << r.units << " " << r.folder << std::endl;
  if (!request.quiet) {
    for (const std::string& note : r.notes) err << r.id << ": " << note << "\n";
  }
}

}  // namespace

int conditionFiles(const ConditionRequest& request, std::ostream& out, std::ostream& err) {
  const model::Loaded loaded = model::loadDocuments(request.documents);
  if (!loaded.ok()) {
    err << model::describe(loaded.errors) << "\n";
    return kExitFailed;
  }
  const auto profile = loaded.documents.profiles.find(request.profile);
  if (profile == loaded.documents.profiles.end()) {
    err << "dvpe-node: error: " << request.documents.string() << " has no profile " << request.profile << "\n";
    return kExitFailed;
  }
  std::error_code error;
  std::filesystem::create_directories(request.out, error);
  const auto folder = std::filesystem::absolute(request.out, error);
  int code = kExitOk;
  const auto finish = [&](const std::string& what, const base::Result<condition::ConditionReport>& result) {
    if (result) return report(result.value(), request, out, err);
    if (request.progress) {
      out << boost::json::object{{"error", result.error().message}, {"code", base::name(result.error().code)}}
          << std::endl;
    }
    err << "dvpe-node: error: " << what << ": " << result.error().message << "\n";
    if (code == kExitOk) code = exitCode(result.error().code);
  };
  if (request.slate) {
    finish("slate",
           condition::conditionSlate(profile->second, request.id.empty() ? "slate" : request.id, folder.string()));
    return code;
  }
  const bool animate = !request.quiet && ::isatty(STDERR_FILENO) == 1;
  for (const std::filesystem::path& file : request.files) {
    condition::ConditionOptions options;
    options.file = file.string();
    options.id = request.id.empty() ? idOf(file) : request.id;
    options.profile = profile->second;
    options.outFolder = folder.string();
    if (animate) {
      options.progress = [&](double done) {
        err << "\r" << file.filename().string() << ": " << static_cast<int>(done * 100) << " %" << std::flush;
      };
    }
    int said = -1;
    if (request.progress) {
      options.progress = [&](double done) {
        const int percent = static_cast<int>(done * 100);
        if (percent == std::exchange(said, percent)) return;
        out << boost::json::object{{"progress", percent}} << std::endl;
      };
    }
    const auto result = condition::conditionSandboxed(options);
    if (animate) err << "\r\033[K";
    finish(file.string(), result);
  }
  return code;
}

}  // namespace dvpe::node
