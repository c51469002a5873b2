// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/secrets.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <boost/json.hpp>

namespace dvpe::node {

using base::ErrorCode;
using base::fail;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxStreamKeys = 4 << 20;

std::string randomHex(base::Random& random) {
  std::array<std::uint8_t, 32> bytes{};
  random.fill(bytes);
  return base::hex(bytes);
}

// Makes the file unless it is there. Two that start at once agree on the first one's content.
base::Result<void> makeMissing(const fs::path& path, const std::string& content) {
  std::error_code error;
  if (fs::exists(path, error)) return base::success();
  fs::create_directories(path.parent_path(), error);
  auto made = privacy::writeSecretFile(path, content, privacy::IfExists::kFail);
  if (!made && made.error().code != ErrorCode::kConflict) return made;
  return base::success();
}

template <class T>
base::Result<T> named(const char* key, base::Result<T> result) {
  if (!result) {
    base::Error error = result.error();
    return fail(error.code, std::string("secrets.") + key + ": " + error.message);
  }
  return result;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

base::Bytes bytesOf(const privacy::SecretKey& key) { return {key.bytes().begin(), key.bytes().end()}; }

// The text of the stream keys file, made when missing.
base::Result<std::string> streamKeysText(const fs::path& path) {
  DVPE_CHECK(named("stream_keys_file", makeMissing(path, "{\"keys\":[]}\n")));
  return named("stream_keys_file", privacy::readSecretFile(path, kMaxStreamKeys));
}

base::Result<ingest::StreamKeys> parseStreamKeys(const fs::path& path, const std::string& text,
                                                 const privacy::SecretKey& pepper) {
  auto keys = ingest::StreamKeys::parse(text, bytesOf(pepper));
  if (!keys) {
    base::Error error = keys.error();
    return fail(error.code, "secrets.stream_keys_file: " + path.string() + ": " + error.message);
  }
  return keys;
}

base::Result<privacy::SecretKey> loadKey(const char* key, const fs::path& path, base::Random& random) {
  DVPE_CHECK(named(key, makeMissing(path, randomHex(random) + "\n")));
  return named(key, privacy::loadSecretKey(path));
}

base::Result<std::string> readOperatorKey(const fs::path& path) {
  DVPE_TRY(auto key, named("operator_key_file", privacy::readSecretFile(path, 1024)));
  key = trimmed(std::move(key));
  if (key.size() < 32 || key.size() > 512 ||
      !std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < '\x7f'; })) {
    return fail(ErrorCode::kInvalidInput,
                "secrets.operator_key_file: " + path.string() + ": expected one line of 32 to 512 characters");
  }
  return key;
}

// Public keys: whoever may read them learns nothing, whoever may write them is a platform. Mode 0600 covers both.
base::Result<privacy::PlatformKeys> readPlatformKeys(const fs::path& path) {
  DVPE_TRY(const std::string text, named("platform_keys_file", privacy::readSecretFile(path)));
  auto keys = privacy::PlatformKeys::parse(text);
  if (!keys) {
    return fail(keys.error().code, "secrets.platform_keys_file: " + path.string() + ": " + keys.error().message);
  }
  return keys;
}

}  // namespace

Config::Secrets secretFiles(const Config& config) {
  Config::Secrets files = config.secrets;
  const fs::path folder = config.node.state / "keys";
  const auto fallback = [&](fs::path& path, const char* name) {
    if (path.empty()) path = folder / name;
  };
  fallback(files.sessionKey, "session.key");
  fallback(files.viewerKey, "viewer.key");
  fallback(files.pseudonymKey, "pseudonym.key");
  fallback(files.streamKeys, "stream-keys.json");
  fallback(files.streamKeyPepper, "stream.pepper");
  fallback(files.operatorKey, "operator.key");
  return files;
}

base::Result<Secrets> loadSecrets(const Config& config, base::Random& random) {
  const Config::Secrets files = secretFiles(config);
  DVPE_CHECK(named("session_key_file", makeMissing(files.sessionKey, "1 " + randomHex(random) + "\n")));
  DVPE_TRY(auto session, named("session_key_file", privacy::loadSessionKeys(files.sessionKey)));
  DVPE_TRY(auto viewer, loadKey("viewer_key_file", files.viewerKey, random));
  DVPE_TRY(auto pseudonym, loadKey("pseudonym_key_file", files.pseudonymKey, random));
  DVPE_TRY(auto pepper, loadKey("stream_key_pepper_file", files.streamKeyPepper, random));
  DVPE_CHECK(streamKeysText(files.streamKeys));
  DVPE_CHECK(named("operator_key_file", makeMissing(files.operatorKey, randomHex(random) + "\n")));
  DVPE_TRY(auto live, reloadSecrets(config));
  return Secrets{
      std::move(session),          viewer, pseudonym, std::move(live.streamKeys), std::move(live.operatorKey),
      std::move(live.platformKeys)};
}

base::Result<LiveSecrets> reloadSecrets(const Config& config) {
  const Config::Secrets files = secretFiles(config);
  DVPE_TRY(auto pepper, named("stream_key_pepper_file", privacy::loadSecretKey(files.streamKeyPepper)));
  DVPE_TRY(const std::string json,
           named("stream_keys_file", privacy::readSecretFile(files.streamKeys, kMaxStreamKeys)));
  DVPE_TRY(auto streamKeys, parseStreamKeys(files.streamKeys, json, pepper));
  DVPE_TRY(auto operatorKey, readOperatorKey(files.operatorKey));
  std::optional<privacy::PlatformKeys> platformKeys;
  if (!files.platformKeys.empty()) {
    DVPE_TRY(platformKeys, readPlatformKeys(files.platformKeys));
  }
  return LiveSecrets{std::move(streamKeys), std::move(operatorKey), std::move(platformKeys)};
}

base::Result<std::string> readPassword(const fs::path& path) {
  DVPE_TRY(auto password, privacy::readSecretFile(path, 1024));
  password.resize(std::min(password.find('\n'), password.size()));
  if (password.empty()) return fail(ErrorCode::kInvalidInput, path.string() + ": expected a password");
  return password;
}

base::Result<release::PrivateKey> openKey(const fs::path& key, const fs::path& passphrase) {
  DVPE_TRY(const std::string phrase, readPassword(passphrase));
  DVPE_TRY(const std::string pem, privacy::readSecretFile(key, 8192));
  return release::PrivateKey::open(pem, phrase);
}

base::Result<protocol::CurveKeys> readCurveKeys(const fs::path& path) {
  DVPE_TRY(auto secret, privacy::readSecretFile(path, 1024));
  secret = trimmed(std::move(secret));
  const auto open = protocol::curvePublic(secret);
  if (!open) return fail(open.error().code, path.string() + ": " + open.error().message);
  return protocol::CurveKeys{open.value(), std::move(secret)};
}

base::Result<protocol::CurveKeys> loadCurveKeys(const Config& config) {
  const fs::path path =
      config.control.curveKey.empty() ? config.node.state / "keys/control.key" : config.control.curveKey;
  std::error_code error;
  if (!fs::exists(path, error)) {
    DVPE_CHECK(makeMissing(path, protocol::generateCurve().secretKey + "\n"));
  }
  return readCurveKeys(path);
}

base::Result<void> checkSecret(std::string_view key, const fs::path& path) {
  if (key == "operator_key_file") {
    DVPE_CHECK(readOperatorKey(path));
  } else if (key == "signing_key_file") {
    DVPE_CHECK(named("signing_key_file", privacy::readSecretFile(path, 8192)));
  } else if (key == "platform_keys_file") {
    DVPE_CHECK(readPlatformKeys(path));
  } else if (key == "password_file" || key == "passphrase_file") {
    DVPE_CHECK(named("password_file", readPassword(path)));
  } else if (key == "key_file") {
    DVPE_CHECK(readCurveKeys(path));
  } else if (key == "session_key_file") {
    DVPE_CHECK(named("session_key_file", privacy::loadSessionKeys(path)));
  } else if (key == "stream_keys_file") {
    DVPE_TRY(const std::string json, named("stream_keys_file", privacy::readSecretFile(path, kMaxStreamKeys)));
    DVPE_CHECK(parseStreamKeys(path, json, privacy::SecretKey({})));  // the pepper tells keys, it is not in the format
  } else {
    DVPE_CHECK(named(std::string(key).c_str(), privacy::loadSecretKey(path)));
  }
  return base::success();
}

base::Result<std::string> addStreamKey(const Config& config, const std::string& channel, base::Random& random) {
  const Config::Secrets files = secretFiles(config);
  DVPE_TRY(const auto pepper, loadKey("stream_key_pepper_file", files.streamKeyPepper, random));
  DVPE_TRY(const std::string before, streamKeysText(files.streamKeys));
  DVPE_CHECK(parseStreamKeys(files.streamKeys, before, pepper));
  const std::string key = ingest::makeStreamKey(random);
  boost::json::value document = boost::json::parse(before);  // was parsed above: does not throw
  document.as_object()["keys"].as_array().push_back(
      {{"channel", channel}, {"hash", ingest::hashStreamKey(pepper.bytes(), key)}});
  // One key a line: to withdraw one is to delete a line.
  std::string after = "{\"keys\":[";
  const char* separator = "\n ";
  for (const auto& entry : document.at("keys").as_array()) {
    after += separator + boost::json::serialize(entry);
    separator = ",\n ";
  }
  after += "\n]}\n";
  DVPE_CHECK(parseStreamKeys(files.streamKeys, after, pepper));  // a wrong channel or one key too many
  DVPE_CHECK(named("stream_keys_file", privacy::writeSecretFile(files.streamKeys, after, privacy::IfExists::kReplace)));
  return key;
}

base::Result<void> changeSessionKey(const Config& config, base::Random& random) {
  const fs::path path = secretFiles(config).sessionKey;
  std::string content;
  std::error_code error;
  if (fs::exists(path, error)) {
    DVPE_TRY(const auto keys, named("session_key_file", privacy::loadSessionKeys(path)));
    const auto next = static_cast<std::uint8_t>(keys.current.id + 1);
    content = std::to_string(next) + " " + randomHex(random) + "\n" + std::to_string(keys.current.id) + " " +
              base::hex(keys.current.secret.bytes()) + "\n";
  } else {
    fs::create_directories(path.parent_path(), error);
    content = "1 " + randomHex(random) + "\n";
  }
  auto written = privacy::writeSecretFile(path, content, privacy::IfExists::kReplace);
  OPENSSL_cleanse(content.data(), content.size());
  return named("session_key_file", std::move(written));
}

}  // namespace dvpe::node
