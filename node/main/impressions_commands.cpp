// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// dvpe-node impressions verify: whether signed impressions are as the node wrote them. It asks nobody.
#include <boost/json.hpp>

#include "node/events/verify.h"
#include "node/main/signed_files.h"
#include "shared/base/clock.h"

namespace dvpe::node {

namespace json = boost::json;
namespace fs = std::filesystem;
using base::fail;
using base::Result;
using events::FileVerdict;

namespace {

// --key: one public key, which is trusted as it is. --keys with --root: those of nodes, while they counted.
Result<events::KeyOf> keysOf(const Arguments& arguments) {
  if (const std::string file = arguments.value("--key"); !file.empty()) {
    DVPE_TRY(std::string text, readFile(file));
    text.resize(std::min(text.find_first_of(" \r\n"), text.size()));
    const auto key = release::parsePublicKey(text);
    if (!key) return fail(key.error().code, file + ": " + key.error().message);
    return events::KeyOf([key = key.value()](const std::string& id, std::int64_t) {
      return id == release::keyId(key) ? std::optional(key) : std::nullopt;
    });
  }
  DVPE_TRY(auto ring,
           readRing(arguments.value("--root"), words(arguments.value("--keys")), base::SystemClock().wallSeconds()));
  return events::KeyOf([ring = std::move(ring)](const std::string& id, std::int64_t at) {
    const release::Key* const key = ring.find(id);
    const bool counts = key != nullptr && key->has(release::Role::kNode) && key->validAt(at);
    return counts ? std::optional(key->publicKey) : std::nullopt;
  });
}

Result<events::Verdict> verify(const Arguments& arguments) {
  DVPE_TRY(const auto keys, keysOf(arguments));
  const fs::path path = arguments.rest.front();
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    const std::string kept = arguments.value("--manifest");
    return events::verifyFolder(path, keys, kept.empty() ? std::nullopt : std::optional<fs::path>(kept));
  }
  events::Verdict out;
  out.files.push_back(events::verifyFile(path, keys));
  out.lines = out.files.back().lines;
  return out;
}

json::object toJson(const FileVerdict& file) {
  json::object out{{"path", file.path}, {"state", nameOf(file.state)}, {"lines", file.lines}};
  if (!file.campaign.empty()) out["campaign"] = file.campaign;
  if (!file.day.empty()) out["day"] = file.day;
  if (file.behind > 0) out["notVouchedFor"] = file.behind;
  if (!file.why.empty()) out["reason"] = file.why;
  return out;
}

void print(const events::Verdict& verdict, Console& console) {
  for (const auto& file : verdict.files) {
    console.out << nameOf(file.state) << "\t" << printable(file.path) << "\t" << file.lines << "\t" << file.behind
                << "\t" << printable(file.campaign) << "\t" << printable(file.why) << "\n";
  }
}

}  // namespace

int impressionsVerifyCommand(const Arguments& arguments, Console& console) {
  const bool one = !arguments.value("--key").empty();
  if (one == !arguments.value("--keys").empty() ||
      arguments.value("--keys").empty() != arguments.value("--root").empty()) {
    complain(console, "either --key, or --keys and --root");
    return kExitUsage;
  }
  const auto verified = verify(arguments);
  if (!verified) return failed(console, verified.error());
  const events::Verdict& v = verified.value();
  const bool ok = v.ok();
  if (arguments.flag("--json")) {
    json::array files;
    for (const auto& file : v.files) files.push_back(toJson(file));
    json::object out{{"ok", ok}, {"lines", v.lines}, {"files", std::move(files)}};
    if (v.number > 0) out["manifest"] = json::object{{"number", v.number}, {"hash", v.hash}};
    console.out << out << "\n";
  } else {
    print(v, console);
  }
  if (!console.quiet) {
    std::size_t wrong = 0;
    for (const auto& file : v.files) wrong += file.state == FileVerdict::State::kOk ? 0 : 1;
    if (wrong > 0) {
      console.err << wrong << " of " << v.files.size() << " files are not as they were signed.\n";
    } else {
      console.err << "All " << v.lines << " impressions in " << v.files.size() << " files are as they were signed.\n";
    }
    if (v.number > 0 && arguments.value("--manifest").empty()) {
      console.err << "Whether all of it was rolled back shows against an earlier manifest only: --manifest.\n";
    }
  }
  return ok ? kExitOk : kExitFailed;
}

}  // namespace dvpe::node
