// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/privacy/secret.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

namespace dvpe::privacy {

using base::ErrorCode;
using base::fail;

namespace {

// A descriptor that closes itself.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

std::string reason() { return std::strerror(errno); }

bool inCredentialsDirectory(const std::filesystem::path& path) {
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  return folder != nullptr && *folder != '\0' && path.parent_path() == std::filesystem::path(folder);
}

std::optional<std::uint8_t> nibble(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

bool writeAll(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

SecretKey::~SecretKey() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

SecretKey SecretKey::generate(base::Random& random) {
  std::array<std::uint8_t, kSize> bytes{};
  random.fill(bytes);
  SecretKey key(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

SecretKey SecretKey::derive(std::string_view use) const { return SecretKey(keyedHash(*this, {"dvpe-derive-v1", use})); }

base::Result<std::string> readSecretFile(const std::filesystem::path& path, std::size_t limit) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) {
    return fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo, path.string() + ": " + reason());
  }
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) {
    return fail(ErrorCode::kIo, path.string() + ": " + reason());
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::kRefused, path.string() + ": not a regular file");
  }
  const mode_t forbidden = inCredentialsDirectory(path) ? 0027 : 0077;
  if ((info.st_mode & forbidden) != 0) {
    return fail(ErrorCode::kRefused, path.string() + ": others than its owner may use it; chmod 600 it");
  }
  if (info.st_size < 0 || static_cast<std::uint64_t>(info.st_size) > limit) {
    return fail(ErrorCode::kLimitExceeded, path.string() + ": more than " + std::to_string(limit) + " bytes");
  }
  std::string text(limit + 1, '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t n = ::read(file.get(), text.data() + have, text.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(ErrorCode::kIo, path.string() + ": " + reason());
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  if (have > limit) {
    return fail(ErrorCode::kLimitExceeded, path.string() + ": more than " + std::to_string(limit) + " bytes");
  }
  text.resize(have);
  return text;
}

base::Result<void> writeSecretFile(const std::filesystem::path& path, std::string_view content, IfExists ifExists) {
  std::error_code ignored;
  if (ifExists == IfExists::kFail && std::filesystem::exists(path, ignored)) {
    return fail(ErrorCode::kConflict, path.string() + ": exists already");
  }
  // Written beside its place and moved there: a reader sees the old or the new, a crash leaves one of them.
  std::string draft = path.string() + ".XXXXXX";
  const File file(::mkostemp(draft.data(), O_CLOEXEC));  // mode 0600
  if (!file) {
    return fail(ErrorCode::kIo, path.string() + ": " + reason());
  }
  bool ok = writeAll(file.get(), content) && ::fsync(file.get()) == 0;
  if (ok && ifExists == IfExists::kFail) {
    ok = ::link(draft.c_str(), path.c_str()) == 0;  // unlike rename, fails when somebody was quicker
    const int why = errno;
    ::unlink(draft.c_str());
    if (!ok && why == EEXIST) return fail(ErrorCode::kConflict, path.string() + ": exists already");
    errno = why;
  } else if (ok) {
    ok = ::rename(draft.c_str(), path.c_str()) == 0;
  }
  if (!ok) {
    const std::string why = reason();
    ::unlink(draft.c_str());
    return fail(ErrorCode::kIo, path.string() + ": " + why);
  }
  const File folder(
      ::open(path.has_parent_path() ? path.parent_path().c_str() : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) {
    return fail(ErrorCode::kIo, path.string() + ": " + reason());
  }
  return base::success();
}

base::Result<SecretKey> loadSecretKey(const std::filesystem::path& path) {
  DVPE_TRY(std::string text, readSecretFile(path, 256));
  std::array<std::uint8_t, SecretKey::kSize> bytes{};
  bool ok = true;
  if (text.size() == bytes.size()) {
    std::memcpy(bytes.data(), text.data(), bytes.size());
  } else {
    std::string_view digits = text;
    while (!digits.empty() && (digits.back() == '\n' || digits.back() == '\r')) digits.remove_suffix(1);
    ok = digits.size() == bytes.size() * 2;
    for (std::size_t i = 0; ok && i < bytes.size(); ++i) {
      const auto high = nibble(digits[2 * i]);
      const auto low = nibble(digits[2 * i + 1]);
      ok = high && low;
      if (ok) bytes[i] = static_cast<std::uint8_t>(*high << 4 | *low);
    }
  }
  OPENSSL_cleanse(text.data(), text.size());
  if (!ok) {
    return fail(ErrorCode::kInvalidInput, path.string() + ": expected 32 bytes, or 64 hexadecimal digits");
  }
  SecretKey key(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

std::array<std::uint8_t, 32> keyedHash(const SecretKey& key, std::initializer_list<std::string_view> parts) {
  std::vector<std::uint8_t> message;
  for (const std::string_view part : parts) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      message.push_back(static_cast<std::uint8_t>(part.size() >> shift & 255));
    }
    message.insert(message.end(), part.begin(), part.end());
  }
  std::array<std::uint8_t, 32> digest{};
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.bytes().data(), static_cast<int>(key.bytes().size()), message.data(), message.size(),
       digest.data(), &length);
  return digest;
}

Pseudonym pseudonym(const SecretKey& key, std::string_view subject) {
  const auto digest = keyedHash(key, {"dvpe-pseudonym-v1", subject});
  Pseudonym out{};
  std::copy_n(digest.begin(), out.size(), out.begin());
  return out;
}

SessionId sessionId(const SecretKey& key, std::string_view jti, std::string_view channel) {
  const auto digest = keyedHash(key, {"dvpe-session-id-v1", jti, channel});
  SessionId out{};
  std::copy_n(digest.begin(), out.size(), out.begin());
  return out;
}

bool equalSecrets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace dvpe::privacy
