// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What `impressions verify` reads from strangers. The first byte chooses: 0, a manifest; 1, a line; 2, a whole file.
// What was not signed must never be called ok.
#include <cstdint>
#include <cstdlib>
#include <fstream>

#include "node/events/impl/ledger_format.h"
#include "node/events/verify.h"
#include "tests/support/folder.h"

namespace {

using namespace dvpe;

const release::PrivateKey& key() {
  static const auto made = release::PrivateKey::generate();
  return made;
}

// What is read is written again as the same thing.
void manifest(std::string_view text) {
  const auto read = events::parseManifest(text);
  if (!read) return;
  const std::string again = events::signedText(read.value().manifest, key());
  const auto second = events::parseManifest(again);
  if (!second || second.value().manifest.files.size() != read.value().manifest.files.size()) std::abort();
}

void file(std::string_view text) {
  static const test::Folder folder;
  const auto path = folder / "file.ndjson";
  std::ofstream(path, std::ios::binary) << text;
  const auto verdict =
      events::verifyFile(path, [](const std::string&, std::int64_t) { return std::optional(key().publicKey()); });
  if (verdict.lines > 0 || (verdict.state == events::FileVerdict::State::kOk && verdict.behind == 0)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 3 == 0) {
    manifest(text);
  } else if (data[0] % 3 == 1) {
    (void)events::parseLine(text);
  } else {
    file(text);
  }
  return 0;
}
