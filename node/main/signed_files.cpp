// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/signed_files.h"

#include <boost/json/parse.hpp>
#include <fstream>

#include "node/main/secrets.h"

namespace dvpe::node {

using base::ErrorCode;
using base::fail;
using base::Result;
namespace fs = std::filesystem;
namespace json = boost::json;

Result<std::string> readFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(kMaxSignedFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.empty() && !in.eof()) return fail(ErrorCode::kNotFound, path.string() + " cannot be read");
  if (text.size() > kMaxSignedFile) return fail(ErrorCode::kLimitExceeded, path.string() + " is too large");
  return text;
}

Result<std::string> passphrase(const Arguments& arguments) {
  return readPassword(arguments.value("--passphrase-file"));
}

fs::path signaturesOf(const fs::path& file) { return file.string() + ".sig"; }

Result<release::Signed> readSigned(const fs::path& file) {
  release::Signed out;
  DVPE_TRY(out.bytes, readFile(file));
  if (!fs::exists(signaturesOf(file))) return out;
  DVPE_TRY(const std::string text, readFile(signaturesOf(file)));
  json::error_code error;
  const auto parsed = json::parse(text, error);
  if (error) return fail(ErrorCode::kInvalidInput, signaturesOf(file).string() + " is not JSON");
  DVPE_TRY(out.by, release::parseSignatures(parsed));
  return out;
}

Result<release::PrivateKey> openKey(const Arguments& arguments) {
  return openKey(arguments.value("--key"), arguments.value("--passphrase-file"));
}

Result<release::KeyRing> readRing(const std::string& root, const std::vector<std::string>& files, release::Time now) {
  DVPE_TRY(const auto key, release::parsePublicKey(root));
  release::KeyRing ring(key);
  for (const std::string& file : files) {
    DVPE_TRY(const auto keys, readSigned(file));
    if (const auto taken = ring.advance(keys, now); !taken)
      return fail(taken.error().code, file + ": " + taken.error().message);
  }
  return ring;
}

}  // namespace dvpe::node
