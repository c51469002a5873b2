// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// dvpe-node keys create|list|add|revoke|sign|verify: signing keys, and the document that says what each may sign.
#include <boost/json.hpp>

#include "node/main/command.h"
#include "node/main/signed_files.h"
#include "shared/model/json.h"
#include "shared/privacy/secret.h"
#include "shared/protocol/curve.h"
#include "shared/release/release.h"

namespace dvpe::node {

namespace json = boost::json;
namespace fs = std::filesystem;
using base::ErrorCode;
using base::fail;
using base::Result;
using release::KeyDocument;

namespace {

constexpr std::int64_t kDay = 86'400;

Result<void> writeFile(const fs::path& path, const std::string& text) {
  return privacy::writeSecretFile(path, text, privacy::IfExists::kReplace);
}

Result<void> writeSignatures(const fs::path& file, const release::Signed& document) {
  return writeFile(signaturesOf(file), json::serialize(release::toJson(document.by)) + "\n");
}

Result<KeyDocument> readKeys(const fs::path& file) {
  DVPE_TRY(const std::string text, readFile(file));
  return release::parseKeys(text);
}

// A new revision is another text: the signatures of the one before do not belong to it.
Result<void> writeKeys(const fs::path& file, const KeyDocument& keys) {
  std::error_code ignored;
  DVPE_CHECK(writeFile(file, release::toJson(keys)));
  fs::remove(signaturesOf(file), ignored);
  return base::success();
}

// The key as the options describe it; its document with it, one revision on.
Result<KeyDocument> withKey(const Arguments& arguments, const release::PrivateKey& key, std::int64_t now) {
  const fs::path file = arguments.value("--keys");
  KeyDocument keys;
  if (fs::exists(file)) {
    DVPE_TRY(keys, readKeys(file));
  }
  ++keys.revision;
  release::Key line;
  line.publicKey = key.publicKey();
  line.id = key.id();
  line.person = arguments.value("--person");
  line.organisation = arguments.value("--organisation");
  for (const auto& word : words(arguments.value("--roles"))) {
    const auto role = release::role(word);
    if (!role) return fail(ErrorCode::kInvalidInput, "there is no role \"" + word + "\"");
    line.roles.insert(*role);
  }
  for (auto& channel : words(arguments.value("--channels"))) line.channels.insert(std::move(channel));
  DVPE_TRY(const std::int64_t days, numberOf(arguments, "--days", 365));
  line.curve = arguments.value("--curve");
  if (!line.curve.empty() && !protocol::isCurveKey(line.curve))
    return fail(ErrorCode::kInvalidInput, "--curve is the public key that `dvpe-node keys curve` prints");
  line.notBefore = now;
  line.notAfter = now + days * kDay;
  keys.keys.insert_or_assign(line.id, line);
  DVPE_CHECK(release::parseKeys(release::toJson(keys)));  // names and bounds
  return keys;
}

std::int64_t unixNow() { return base::SystemClock().wallSeconds(); }

}  // namespace

int keysCreateCommand(const Arguments& arguments, Console& console) {
  const auto phrase = passphrase(arguments);
  if (!phrase) return failed(console, phrase.error());
  const auto key = release::PrivateKey::generate();
  const auto pem = key.seal(phrase.value());
  if (!pem) return failed(console, pem.error());
  std::optional<KeyDocument> keys;
  if (!arguments.value("--keys").empty()) {
    auto made = withKey(arguments, key, unixNow());
    if (!made) return failed(console, made.error());
    keys = std::move(made).value();
  }
  if (auto wrote = privacy::writeSecretFile(arguments.value("--out"), pem.value(), privacy::IfExists::kFail); !wrote) {
    return failed(console, wrote.error());
  }
  if (keys) {
    if (auto wrote = writeKeys(arguments.value("--keys"), *keys); !wrote) return failed(console, wrote.error());
  }
  const std::string id = key.id(), hex = base::hex(key.publicKey());
  if (arguments.flag("--json")) {
    console.out << json::object{{"id", id}, {"public", hex}} << "\n";
  } else {
    console.out << hex << "\n";
  }
  if (!console.quiet && keys) {
    console.err << arguments.value("--keys") << " is revision " << keys->revision << " now and has yet to be signed.\n";
  }
  return kExitOk;
}

int keysRevokeCommand(const Arguments& arguments, Console& console) {
  const fs::path file = arguments.value("--keys");
  auto keys = readKeys(file);
  if (!keys) return failed(console, keys.error());
  const auto found = keys.value().keys.find(arguments.value("--key"));
  if (found == keys.value().keys.end()) {
    return failed(console, {ErrorCode::kNotFound, "there is no key " + arguments.value("--key")});
  }
  const auto from = numberOf(arguments, "--from", unixNow());
  if (!from) return failed(console, from.error());
  found->second.compromisedFrom = from.value();
  ++keys.value().revision;
  if (auto wrote = writeKeys(file, keys.value()); !wrote) return failed(console, wrote.error());
  if (!console.quiet) {
    console.err << "What " << found->second.person << "'s key " << found->first
                << " signed and the database accepted from then on will not count. Revision " << keys.value().revision
                << " has yet to be signed.\n";
  }
  return kExitOk;
}

namespace {

// Signs what stands in a file: the keys, a rollback statement, or a document.
Result<void> signFile(const fs::path& file, const release::PrivateKey& key) {
  DVPE_TRY(auto document, readSigned(file));
  auto domain = release::Domain::kDocument;
  if (release::parseKeys(document.bytes)) {
    domain = release::Domain::kKeys;
  } else if (release::parseRollback(document.bytes)) {
    domain = release::Domain::kRollback;
  } else {
    DVPE_CHECK(release::parseHeader(document.bytes));
  }
  std::erase_if(document.by, [&](const auto& by) { return by.key == key.id(); });
  addSignature(document, domain, key);
  return writeSignatures(file, document);
}

// FILE.second says which document, on which channels and how long; FILE.second.sig has the signature.
Result<void> countersignFile(const fs::path& file, const Arguments& arguments, const release::PrivateKey& key) {
  DVPE_TRY(const std::string text, readFile(file));
  DVPE_TRY(const release::Header header, release::parseHeader(text));
  if (!release::needsCountersignature(header.name.kind))
    return fail(ErrorCode::kInvalidInput,
                file.string() + " is a " + header.name.kind + ": it takes no second signature");
  DVPE_TRY(const std::int64_t days, numberOf(arguments, "--days", 365));
  release::Countersignature statement;
  statement.digest = base::sha256(base::view(text));
  statement.channels = words(arguments.value("--channels"));
  statement.expires = unixNow() + days * kDay;
  release::Signed second{toJson(statement), {}};
  addSignature(second, release::Domain::kCountersignature, key);
  const fs::path to = file.string() + ".second";
  DVPE_CHECK(writeFile(to, second.bytes));
  return writeSignatures(to, second);
}

// For each FILE of the line; the first that fails ends it.
int eachFile(const Arguments& arguments, Console& console,
             const std::function<Result<void>(const fs::path&, const release::PrivateKey&)>& work) {
  const auto key = openKey(arguments);
  if (!key) return failed(console, key.error());
  for (const std::string& file : arguments.rest) {
    if (const auto done = work(file, key.value()); !done)
      return failed(console, {done.error().code, file + ": " + done.error().message});
  }
  if (!console.quiet)
    console.err << arguments.rest.size() << (arguments.rest.size() == 1 ? " file has" : " files have")
                << " the signature of " << key.value().id() << ".\n";
  return kExitOk;
}

}  // namespace

int keysSignCommand(const Arguments& arguments, Console& console) { return eachFile(arguments, console, signFile); }

int keysCountersignCommand(const Arguments& arguments, Console& console) {
  return eachFile(arguments, console, [&](const fs::path& file, const release::PrivateKey& key) {
    return countersignFile(file, arguments, key);
  });
}

int keysCurveCommand(const Arguments& arguments, Console& console) {
  const protocol::CurveKeys keys = protocol::generateCurve();
  if (auto wrote = privacy::writeSecretFile(arguments.value("--out"), keys.secretKey + "\n", privacy::IfExists::kFail);
      !wrote)
    return failed(console, wrote.error());
  if (arguments.flag("--json")) {
    console.out << json::object{{"public", keys.publicKey}} << "\n";
  } else {
    console.out << keys.publicKey << "\n";
  }
  return kExitOk;
}

int keysVerifyCommand(const Arguments& arguments, Console& console) {
  const auto read = readRing(arguments.value("--root"), arguments.rest, unixNow());
  if (!read) return failed(console, read.error());
  const release::KeyRing& ring = read.value();
  for (const auto& [id, key] : ring.keys().keys) {
    std::string roles;
    for (const auto role : key.roles) roles += (roles.empty() ? "" : ",") + std::string(name(role));
    console.out << id << " " << key.person << " " << key.organisation << " " << roles
                << (key.validAt(unixNow()) ? "" : " (not valid now)") << "\n";
  }
  if (!console.quiet) console.err << "Revision " << ring.revision() << " of the keys is in force.\n";
  return kExitOk;
}

}  // namespace dvpe::node
