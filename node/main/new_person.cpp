// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/new_person.h"

#include <array>

#include "shared/database/connection.h"
#include "shared/privacy/secret.h"

namespace dvpe::node {

using base::ErrorCode;
using base::fail;
namespace fs = std::filesystem;

namespace {

constexpr int kRecoveryCodes = 10;

base::Bytes randomBytes(base::Random& random, std::size_t n) {
  base::Bytes out(n);
  random.fill(out);
  return out;
}

// RFC 4648, of whole groups of 5 bytes.
std::string base32(base::ByteView bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string out;
  std::uint32_t held = 0;
  int bits = 0;
  for (const std::uint8_t b : bytes) {
    held = held << 8 | b;
    for (bits += 8; bits >= 5; bits -= 5) out += kDigits[held >> (bits - 5) & 31];
  }
  return out;
}

// What is written, and where.
std::vector<std::pair<fs::path, std::string>> files(const NewPerson& p, const fs::path& folder) {
  std::vector<std::pair<fs::path, std::string>> out;
  if (!p.password.empty()) out.emplace_back(folder / (p.name + ".password"), p.password + "\n");
  if (p.secret.empty()) return out;
  std::string codes;
  for (const auto& code : p.codes) codes += code + "\n";
  out.emplace_back(folder / (p.name + ".otpauth"), p.otpauth + "\n");
  out.emplace_back(folder / (p.name + ".recovery"), codes);
  return out;
}

}  // namespace

base::Result<NewPerson> makePerson(const std::string& name, base::Random& random) {
  constexpr const char* kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  if (name.empty() || name.size() > 64 || name.find_first_not_of(kAllowed) != std::string::npos) {
    return fail(ErrorCode::kInvalidInput, "a name has up to 64 letters, digits, '_' and '-'");
  }
  NewPerson p;
  p.name = name;
  p.password = base32(randomBytes(random, 15));
  DVPE_TRY(p.verifier, database::scramVerifier(p.password, randomBytes(random, 16)));
  const base::Bytes secret = randomBytes(random, 20);
  p.secret = base::hex(secret);
  p.otpauth = "otpauth://totp/DVPE:" + name + "?secret=" + base32(secret) + "&issuer=DVPE";
  for (int i = 0; i < kRecoveryCodes; ++i) {
    p.codes.push_back(base32(randomBytes(random, 10)));
    p.recovery.push_back(base::sha256(base::view(p.codes.back())));
  }
  return p;
}

base::Result<void> writeSecrets(const NewPerson& person, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail(ErrorCode::kIo, folder.string() + ": " + error.message());
  const auto all = files(person, folder);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (auto wrote = privacy::writeSecretFile(all[i].first, all[i].second, privacy::IfExists::kFail); !wrote) {
      while (i-- > 0) fs::remove(all[i].first, error);
      return wrote;
    }
  }
  return base::success();
}

void removeSecrets(const NewPerson& person, const fs::path& folder) {
  std::error_code ignored;
  for (const auto& [path, text] : files(person, folder)) fs::remove(path, ignored);
}

}  // namespace dvpe::node
