// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/condition/impl/output.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>

#include "node/package/names.h"

namespace dvpe::condition {
namespace impl {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t kMaxDocument = 64 * 1024;

auto io(const std::string& what, int error) { return fail(ErrorCode::kIo, what + ": " + std::strerror(error)); }

// SHA-256 over the files in the order of their names.
Result<std::string> digestOf(const fs::path& folder, const std::map<std::string, std::string>& tracks) {
  std::vector<std::string> names;
  for (const auto& [track, name] : tracks) {
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) {
    return fail(ErrorCode::kInternal, "SHA-256 is not available");
  }
  std::vector<char> block(1 << 20);
  for (const std::string& name : names) {
    std::ifstream in(folder / name, std::ios::binary);
    if (!in) {
      return fail(ErrorCode::kIo, name + ": cannot be read back");
    }
    while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
      EVP_DigestUpdate(context.get(), block.data(), static_cast<std::size_t>(in.gcount()));
    }
  }
  std::array<std::uint8_t, 32> sum{};
  unsigned length = 0;
  EVP_DigestFinal_ex(context.get(), sum.data(), &length);
  return base::hex(sum);
}

double rounded(double v) { return std::round(v * 100) / 100; }

std::string text(const json::object& o, std::string_view key) {
  const auto* v = o.if_contains(key);
  return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}
std::int64_t number(const json::object& o, std::string_view key) {
  const auto* v = o.if_contains(key);
  return v != nullptr && v->is_int64() ? v->get_int64() : 0;
}
double real(const json::object& o, std::string_view key) {
  const auto* v = o.if_contains(key);
  return v != nullptr && v->is_number() ? v->to_number<double>() : 0.0;
}

}  // namespace

OutputFile::OutputFile(const fs::path& path)
    : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)), error_(fd_ < 0 ? errno : 0) {}

OutputFile::~OutputFile() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

void OutputFile::write(base::ByteView bytes) {
  while (error_ == 0 && !bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) {
      error_ = errno;
    } else if (n > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }
}

Result<void> OutputFile::close() {
  if (error_ == 0 && ::fsync(fd_) != 0) {
    error_ = errno;
  }
  if (fd_ >= 0 && ::close(std::exchange(fd_, -1)) != 0 && error_ == 0) {
    error_ = errno;
  }
  return error_ == 0 ? Result<void>(base::success()) : Result<void>(io("conditioned file cannot be written", error_));
}

Result<OutputFolder> OutputFolder::create(const std::string& parent) {
  std::string name = (fs::path(parent) / ".conditioning-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    return io("output folder", errno);
  }
  std::error_code error;
  fs::permissions(name, fs::perms(0755), error);
  return OutputFolder(fs::path(name));
}

OutputFolder::~OutputFolder() {
  if (!path_.empty()) {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
}

Result<void> OutputFolder::finish(ConditionReport& report) {
  DVPE_TRY(report.digest, digestOf(path_, report.tracks));
  OutputFile document(file("media.json"));
  document.write(base::view(toJson(report)));
  DVPE_CHECK(document.close());
  std::error_code error;
  const fs::path parent = fs::absolute(path_.parent_path(), error);
  const fs::path target = parent / report.digest.substr(0, 16);
  report.folder = target.string();
  fs::rename(path_, target, error);
  if (!error) {
    path_.clear();
    return base::success();
  }
  if (fs::exists(target / "media.json")) {  // made before: only what is said about it is new
    fs::rename(file("media.json"), target / "media.json", error);
    if (!error) {
      return base::success();
    }
  }
  return fail(ErrorCode::kIo, "conditioned folder cannot be put in place: " + error.message());
}

std::string toJson(const ConditionReport& r) {
  json::object tracks;
  for (const auto& [track, name] : r.tracks) {
    tracks[track] = name;
  }
  json::object source{{"file", r.source},
                      {"audio", r.hasAudio},
                      {"gain_db", rounded(r.gain)},
                      {"trimmed_ms", r.trimmedMs},
                      {"padded_ms", r.paddedMs},
                      {"damaged_packets", r.damagedPackets},
                      {"notes", json::value_from(r.notes)}};
  if (r.loudness) {
    source["loudness_lufs"] = rounded(*r.loudness);
  }
  const json::object document{{"kind", "media"},    {"id", r.id},
                              {"digest", r.digest}, {"profile", {{"id", r.profile}, {"revision", r.profileRevision}}},
                              {"units", r.units},   {"tracks", tracks},
                              {"source", source}};
  return json::serialize(document) + "\n";
}

Result<ConditionReport> fromJson(std::string_view bytes) {
  if (bytes.size() > kMaxDocument) {
    return fail(ErrorCode::kLimitExceeded, "media.json: over 64 KiB");
  }
  json::parse_options options;
  options.max_depth = 8;
  json::error_code error;
  const auto value = json::parse({bytes.data(), bytes.size()}, error, {}, options);
  if (error || !value.is_object()) {
    return fail(ErrorCode::kInvalidInput, "media.json: not a JSON object");
  }
  const json::object& o = value.get_object();
  ConditionReport r;
  r.id = text(o, "id");
  r.digest = text(o, "digest");
  r.units = static_cast<int>(std::clamp<std::int64_t>(number(o, "units"), 0, 9999));
  if (!package::isName(r.id) || !package::isHex(r.digest, 64) || r.units < 1) {
    return fail(ErrorCode::kInvalidInput, "media.json: id, digest or units is missing");
  }
  if (const auto* p = o.if_contains("profile"); p != nullptr && p->is_object()) {
    r.profile = text(p->get_object(), "id");
    r.profileRevision = static_cast<int>(number(p->get_object(), "revision"));
  }
  if (const auto* t = o.if_contains("tracks"); t != nullptr && t->is_object()) {
    for (const auto& [track, name] : t->get_object()) {
      if (name.is_string()) {
        r.tracks[std::string(track)] = std::string(name.get_string());
      }
    }
  }
  if (const auto* s = o.if_contains("source"); s != nullptr && s->is_object()) {
    const json::object& source = s->get_object();
    r.source = text(source, "file");
    const auto* audio = source.if_contains("audio");
    r.hasAudio = audio != nullptr && audio->is_bool() && audio->get_bool();
    if (source.contains("loudness_lufs")) {
      r.loudness = real(source, "loudness_lufs");
    }
    r.gain = real(source, "gain_db");
    r.trimmedMs = static_cast<int>(number(source, "trimmed_ms"));
    r.paddedMs = static_cast<int>(number(source, "padded_ms"));
    r.damagedPackets = static_cast<int>(number(source, "damaged_packets"));
    if (const auto* notes = source.if_contains("notes"); notes != nullptr && notes->is_array()) {
      for (const auto& note : notes->get_array()) {
        if (note.is_string()) {
          r.notes.emplace_back(note.get_string());
        }
      }
    }
  }
  return r;
}

}  // namespace impl

base::Result<ConditionReport> readReport(const std::string& folder) {
  std::ifstream in(std::filesystem::path(folder) / "media.json", std::ios::binary);
  if (!in) {
    return base::fail(base::ErrorCode::kNotFound, "media.json: cannot be opened");
  }
  std::string text(impl::kMaxDocument + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  DVPE_TRY(auto report, impl::fromJson(text));
  std::error_code error;
  report.folder = std::filesystem::absolute(folder, error).string();
  return report;
}

}  // namespace dvpe::condition
