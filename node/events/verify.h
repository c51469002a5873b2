// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Whether signed impressions are as the node wrote them. Offline: files and a public key are all it needs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/release/signing.h"

namespace dvpe::events {

// The key of this id, if it counted at this time (seconds since 1970).
using KeyOf = std::function<std::optional<release::PublicKey>(const std::string& id, std::int64_t at)>;

struct FileVerdict {
  enum class State { kOk, kBroken, kMissing, kExtra } state = State::kOk;
  std::string path, campaign, day;
  std::uint64_t lines = 0;   // impressions that are vouched for; of a broken file: under a seal before what is wrong
  std::uint64_t behind = 0;  // lines behind what is vouched for: being written, or left by a crash
  std::string why;           // what is wrong, and from where on
};
std::string_view nameOf(FileVerdict::State state);

struct Verdict {
  std::vector<FileVerdict> files;  // the manifest and lists of closed days among them when they are not ok
  std::uint64_t number = 0;        // of the manifest
  std::string hash;
  std::uint64_t lines = 0;
  bool ok() const;
};

// All files below a ledger's folder. `kept`: a manifest that somebody kept from before; what it lists must be there
// still and begin the same, or nothing may be told by its absence. kNotFound: there is no manifest; other errors:
// the folder cannot be read. What is wrong with what is in it is no error but a finding. Reads each file once, a line
// at a time; 8 bytes of memory for each impression of a file.
base::Result<Verdict> verifyFolder(const std::filesystem::path& folder, const KeyOf& keyOf,
                                   const std::optional<std::filesystem::path>& kept);

// One file alone, such as a campaign is given: as far as its last seal. `behind` counts the lines after that.
FileVerdict verifyFile(const std::filesystem::path& file, const KeyOf& keyOf);

}  // namespace dvpe::events
