// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/database/blobs.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>

namespace dvpe::database {

using base::ErrorCode;
using base::fail;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kChunk = 1 << 20;

class Sha256 {
 public:
  Sha256() { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
  void update(base::ByteView bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string hex() {
    std::array<std::uint8_t, 32> digest{};
    EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
    return base::hex(digest);
  }

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

base::Error ioError(const fs::path& path) { return {ErrorCode::kIo, path.string() + ": " + std::strerror(errno)}; }

// Up to kChunk bytes; fewer at the end only.
base::Result<void> readChunk(const File& file, const fs::path& path, base::Bytes& out) {
  out.resize(kChunk);
  std::size_t have = 0;
  while (have < kChunk) {
    const ssize_t n = ::read(file.get(), out.data() + have, kChunk - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ioError(path);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  out.resize(have);
  return base::success();
}

base::Result<void> writeAll(const File& file, const fs::path& path, base::ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ioError(path);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return base::success();
}

struct Measured {
  std::string digest;
  std::int64_t bytes = 0;
};

base::Result<Measured> measure(const File& file, const fs::path& path) {
  Sha256 hash;
  Measured out;
  base::Bytes chunk;
  do {
    DVPE_CHECK(readChunk(file, path, chunk));
    hash.update(chunk);
    out.bytes += static_cast<std::int64_t>(chunk.size());
  } while (chunk.size() == kChunk);
  out.digest = hash.hex();
  return out;
}

// The chunks of one's own upload that are there.
base::Result<std::set<std::int64_t>> sent(Connection& connection, const std::string& digest) {
  DVPE_TRY(const auto rows,
           connection.query("SELECT n FROM dvpe.blob_chunk WHERE organisation = session.organisation() "
                            "AND digest = decode($1, 'hex')",
                            {digest}));
  std::set<std::int64_t> out;
  for (std::size_t i = 0; i < rows.size(); ++i) out.insert(rows.integer(i, 0));
  return out;
}

// A file that is removed unless it was kept.
class Temporary {
 public:
  explicit Temporary(fs::path path) : path_(std::move(path)) {}
  ~Temporary() {
    if (!kept_) ::unlink(path_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  const fs::path& path() const { return path_; }
  base::Result<void> renameTo(const fs::path& to) {
    if (::rename(path_.c_str(), to.c_str()) != 0) return ioError(to);
    kept_ = true;
    return base::success();
  }

 private:
  fs::path path_;
  bool kept_ = false;
};

fs::path besides(const fs::path& to) {
  static std::atomic<unsigned> count{0};
  return to.string() + ".part-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
}

// One organisation's copy into an empty file. False: it is not what its digest says.
base::Result<bool> copyOf(Connection& connection, const std::string& organisation, const std::string& digest,
                          std::int64_t bytes, const File& file, const fs::path& path, const Transfer& transfer) {
  Sha256 hash;
  const std::int64_t chunks = (bytes + static_cast<std::int64_t>(kChunk) - 1) / static_cast<std::int64_t>(kChunk);
  for (std::int64_t n = 0; n < chunks; ++n) {
    DVPE_TRY(const auto rows, connection.query("SELECT data FROM dvpe.blob_chunk WHERE organisation = $1 "
                                               "AND digest = decode($2, 'hex') AND n = $3::bigint::int",
                                               {organisation, digest, n}));
    if (rows.empty()) return false;  // deleted while we read
    const base::Bytes data = rows.bytes(0, 0);
    hash.update(data);
    DVPE_CHECK(writeAll(file, path, data));
    if (transfer.each) DVPE_CHECK(transfer.each());
  }
  return hash.hex() == digest;
}

}  // namespace

base::Result<std::string> putBlob(Connection& connection, const fs::path& path, const std::string& mediaType,
                                  const Transfer& transfer) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT) return fail(ErrorCode::kNotFound, path.string() + " does not exist");
    return ioError(path);
  }
  DVPE_TRY(const Measured measured, measure(file, path));
  if (measured.bytes == 0) return fail(ErrorCode::kInvalidInput, path.string() + " is empty");
  const std::string& digest = measured.digest;
  DVPE_TRY(const auto begun, connection.query("SELECT registry.begin_blob(decode($1, 'hex'), $2, $3)",
                                              {digest, measured.bytes, mediaType}));
  if (begun.flag(0, 0)) return digest;
  DVPE_TRY(const auto there, sent(connection, digest));
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return ioError(path);
  Sha256 again;
  base::Bytes chunk;
  for (std::int64_t n = 0, left = measured.bytes; left > 0; ++n, left -= static_cast<std::int64_t>(kChunk)) {
    DVPE_CHECK(readChunk(file, path, chunk));
    again.update(chunk);
    if (chunk.size() != static_cast<std::size_t>(std::min(left, static_cast<std::int64_t>(kChunk)))) break;
    if (there.contains(n)) continue;
    DVPE_CHECK(
        connection.query("SELECT registry.put_chunk(decode($1, 'hex'), $2::bigint::int, $3)", {digest, n, chunk}));
    if (transfer.each) DVPE_CHECK(transfer.each());
  }
  if (again.hex() != digest) return fail(ErrorCode::kConflict, path.string() + " changed while it was sent");
  DVPE_CHECK(connection.query("SELECT registry.finish_blob(decode($1, 'hex'))", {digest}));
  return digest;
}

base::Result<void> fetchBlob(Connection& connection, const std::string& digest, const fs::path& to,
                             const Transfer& transfer) {
  if (digest.size() != 64 || digest.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return fail(ErrorCode::kInvalidInput, "a digest has 64 lower-case hexadecimal digits");
  }
  DVPE_TRY(const auto copies,
           connection.query("SELECT organisation, bytes FROM dvpe.blob WHERE digest = decode($1, 'hex') "
                            "AND complete_at IS NOT NULL AND bytes <= $2 "
                            "ORDER BY organisation = session.organisation() DESC, complete_at",
                            {digest, transfer.mostBytes}));
  if (copies.empty()) return fail(ErrorCode::kNotFound, "there is no file " + digest);
  for (std::size_t i = 0; i < copies.size(); ++i) {
    Temporary temporary(besides(to));
    const File file(::open(temporary.path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666));
    if (file.get() < 0) return ioError(temporary.path());
    DVPE_TRY(const bool good, copyOf(connection, std::string(copies.text(i, 0)), digest, copies.integer(i, 1), file,
                                     temporary.path(), transfer));
    if (!good) continue;
    if (::fsync(file.get()) != 0) return ioError(temporary.path());
    DVPE_CHECK(temporary.renameTo(to));
    const fs::path folder = to.has_parent_path() ? to.parent_path() : fs::path(".");
    const File parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent.get() < 0 || ::fsync(parent.get()) != 0) return ioError(folder);
    return base::success();
  }
  return fail(ErrorCode::kConflict, "what the database has as " + digest + " has another digest");
}

}  // namespace dvpe::database
