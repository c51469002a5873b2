// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/control/erasures.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "shared/base/log.h"
#include "shared/database/check.h"

namespace dvpe::control {

using base::ErrorCode;
using base::fail;
using base::Result;
using std::chrono::steady_clock;
namespace fs = std::filesystem;

namespace {

constexpr auto kWait = std::chrono::milliseconds(200);  // for a hint, before requests of our own are looked for
constexpr auto kLook = std::chrono::seconds(5);         // without a hint
constexpr auto kRetry = std::chrono::seconds(2);
constexpr std::size_t kMostInASecond = 5;  // each costs the database a reading of its events
constexpr std::size_t kPage = 1000;        // requests that are done at once
constexpr std::string_view kWaiting = ".request", kDone = "done";

std::string uuid(base::Random& random) {
  std::array<std::uint8_t, 16> bytes{};
  random.fill(bytes);
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0FU) | 0x40U);  // RFC 4122: random
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3FU) | 0x80U);
  std::string out = base::hex(bytes);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) out.insert(at, 1, '-');
  return out;
}

std::optional<privacy::ViewerDigest> digestOf(std::string_view text) {
  privacy::ViewerDigest out{};
  if (text.size() != out.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto end = text.data() + 2 * i + 2;
    if (std::from_chars(end - 2, end, out[i], 16).ptr != end) return std::nullopt;
  }
  return out;
}

std::string toText(const Erasure& erasure) {
  boost::json::array visitors;
  for (const std::uint64_t each : erasure.visitors) visitors.emplace_back(each);
  return boost::json::serialize(boost::json::object{{"digest", base::hex(erasure.digest)}, {"visitors", visitors}});
}

Result<Erasure> parse(const fs::path& path) {
  DVPE_TRY(const std::string text, privacy::readSecretFile(path, 4096));
  boost::system::error_code error;
  const auto json = boost::json::parse(text, error);
  const auto* object = error ? nullptr : json.if_object();
  const auto* digest = object ? object->if_contains("digest") : nullptr;
  const auto* visitors = object ? object->if_contains("visitors") : nullptr;
  const auto known = digest && digest->is_string() ? digestOf(digest->get_string()) : std::nullopt;
  Erasure out{path.stem().string(), known.value_or(privacy::ViewerDigest{}), {}};
  bool good = known && visitors && visitors->is_array() && visitors->get_array().size() <= 16;
  for (std::size_t i = 0; good && i < visitors->get_array().size(); ++i) {
    boost::system::error_code none;
    out.visitors.push_back(visitors->get_array()[i].to_number<std::uint64_t>(none));
    good = !none;
  }
  if (!good) return fail(ErrorCode::kInvalidInput, path.string() + " is not a request to erase a viewer");
  return out;
}

}  // namespace

// ---- the store

Result<std::unique_ptr<ErasureStore>> ErasureStore::open(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail(ErrorCode::kIo, folder.string() + " cannot be made: " + error.message());
  fs::permissions(folder, fs::perms::owner_all, error);
  std::unique_ptr<ErasureStore> out(new ErasureStore(folder));
  DVPE_CHECK(out->load());
  return out;
}

Result<void> ErasureStore::load() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const fs::path& path = entry.path();
    if (path.extension() == kWaiting) {
      DVPE_TRY(auto erasure, parse(path));
      waiting_.emplace(erasure.request, std::move(erasure));
    } else if (path.filename() != kDone) {
      fs::remove(path, error);  // what a crash left of a draft
    }
  }
  if (error) return fail(ErrorCode::kIo, folder_.string() + " cannot be read: " + error.message());
  const auto text = privacy::readSecretFile(folder_ / kDone, 32);
  if (!text) return text.error().code == ErrorCode::kNotFound ? base::success() : Result<void>(text.as_failure());
  const char* const end = text.value().data() + text.value().size();
  if (std::from_chars(text.value().data(), end, doneUpTo_).ptr != end)
    return fail(ErrorCode::kInvalidInput, (folder_ / kDone).string() + " is not a number");
  return base::success();
}

Result<std::string> ErasureStore::add(Erasure erasure) {
  const std::lock_guard lock(mutex_);
  const auto same = std::find_if(waiting_.begin(), waiting_.end(),
                                 [&](const auto& each) { return each.second.digest == erasure.digest; });
  if (same != waiting_.end()) return same->first;
  if (waiting_.size() >= kMost) return fail(ErrorCode::kUnavailable, "too many requests are waiting: ask later");
  DVPE_CHECK(privacy::writeSecretFile(folder_ / (erasure.request + std::string(kWaiting)), toText(erasure),
                                      privacy::IfExists::kFail));
  std::string request = erasure.request;
  waiting_.emplace(request, std::move(erasure));
  return request;
}

std::vector<Erasure> ErasureStore::waiting() const {
  const std::lock_guard lock(mutex_);
  std::vector<Erasure> out;
  for (const auto& [request, erasure] : waiting_) out.push_back(erasure);
  return out;
}

Result<void> ErasureStore::forwarded(const std::string& request) {
  const std::lock_guard lock(mutex_);
  const fs::path path = folder_ / (request + std::string(kWaiting));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail(ErrorCode::kIo, path.string() + " cannot be deleted");
  waiting_.erase(request);
  return base::success();
}

std::int64_t ErasureStore::doneUpTo() const {
  const std::lock_guard lock(mutex_);
  return doneUpTo_;
}

Result<void> ErasureStore::done(std::int64_t upTo) {
  const std::lock_guard lock(mutex_);
  DVPE_CHECK(privacy::writeSecretFile(folder_ / kDone, std::to_string(upTo), privacy::IfExists::kReplace));
  doneUpTo_ = upTo;
  return base::success();
}

// ---- the line to the database

Erasures::Erasures(std::unique_ptr<ErasureStore> store, std::optional<database::ConnectOptions> connect,
                   base::Random& random)
    : store_(std::move(store)), options_(std::move(connect)), random_(random) {}

Erasures::~Erasures() { stop(); }

Result<std::string> Erasures::ask(const privacy::ViewerDigest& digest, std::vector<std::uint64_t> visitors) {
  {
    const std::lock_guard lock(mutex_);
    const auto now = steady_clock::now();
    while (!recent_.empty() && recent_.front() < now - std::chrono::seconds(1)) recent_.pop_front();
    if (recent_.size() >= kMostInASecond) return fail(ErrorCode::kUnavailable, "too many ask at once: ask again later");
    recent_.push_back(now);
  }
  DVPE_TRY(auto request, store_->add({uuid(random_), digest, std::move(visitors)}));
  ++counters_.asked;
  {
    const std::lock_guard lock(mutex_);
    asked_ = true;
  }
  wake_.notify_all();
  return request;
}

Result<bool> Erasures::catchUp(const Forget& forget, std::chrono::seconds most) {
  const auto until = steady_clock::now() + most;
  std::vector<privacy::ViewerDigest> own;
  for (const Erasure& each : store_->waiting()) own.push_back(each.digest);
  if (!own.empty()) DVPE_CHECK(forget(own));  // it may have stopped before it was done
  if (!options_) return true;
  Result<bool> more = false;
  do {
    Result<void> done = connection_ ? base::success() : connect();
    if (done) done = forward();
    more = done ? take(forget) : Result<bool>(done.as_failure());
  } while (more && more.value() && steady_clock::now() < until);
  if (more) return !more.value();
  const bool reached = connection_ && connection_->usable();
  connection_.reset();
  if (reached) return more;
  spdlog::warn("whether viewers are to be erased cannot be asked yet reason=\"{}\"", more.error().message);
  return false;
}

void Erasures::start(Forget forget) {
  forget_ = std::move(forget);
  if (!options_) return;
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "erasures");
    run();
  });
}

void Erasures::stop() {
  stopping_ = true;
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<void> Erasures::connect() {
  DVPE_TRY(auto opened, database::openStrict(*options_));
  DVPE_CHECK(opened.query("LISTEN dvpe_erasure"));
  connection_ = std::move(opened);
  return base::success();
}

// Each is in the database before this node lets go of it. There it is known by its id: again is no harm.
Result<void> Erasures::forward() {
  {
    const std::lock_guard lock(mutex_);
    asked_ = false;
  }
  for (const Erasure& each : store_->waiting()) {
    database::Array visitors(database::Array::Of::kInt8);
    for (const std::uint64_t visitor : each.visitors) visitors.addInteger(static_cast<std::int64_t>(visitor));
    DVPE_CHECK(connection_->query("SELECT registry.request_erasure($1::uuid, $2, $3)",
                                  {each.request, base::Bytes(each.digest.begin(), each.digest.end()), visitors}));
    DVPE_CHECK(store_->forwarded(each.request));
  }
  return base::success();
}

// Done, then remembered, then told: whatever is cut short is done again.
Result<bool> Erasures::take(const Forget& forget) {
  const std::int64_t after = store_->doneUpTo();
  DVPE_TRY(const auto rows, connection_->query("SELECT sequence, digest FROM registry.erasures($1, $2::int)",
                                               {after, static_cast<std::int64_t>(kPage)}));
  std::vector<privacy::ViewerDigest> viewers;
  std::int64_t upTo = after;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    upTo = rows.integer(i, 0);
    if (rows.null(i, 1)) continue;  // too long ago
    const base::Bytes digest = rows.bytes(i, 1);
    privacy::ViewerDigest viewer{};
    if (digest.size() != viewer.size()) return fail(ErrorCode::kInvalidInput, "a digest has 32 bytes");
    std::copy(digest.begin(), digest.end(), viewer.begin());
    viewers.push_back(viewer);
  }
  if (!viewers.empty()) {
    DVPE_CHECK(forget(viewers));
    spdlog::info("viewers who want to be forgotten are requests={}", viewers.size());
    counters_.done += viewers.size();
  }
  if (!rows.empty()) DVPE_CHECK(store_->done(upTo));
  if (upTo > 0 && upTo != acknowledged_) {
    DVPE_CHECK(connection_->query("SELECT registry.acknowledge_erasures($1)", {upTo}));
    acknowledged_ = upTo;
  }
  return rows.size() == kPage;
}

void Erasures::run() {
  auto nextLook = steady_clock::now();
  while (!stopping_) {
    Result<void> done = connection_ ? base::success() : connect();
    if (done) {
      bool asked = false;
      {
        const std::lock_guard lock(mutex_);
        asked = asked_;
      }
      if (asked || steady_clock::now() >= nextLook) {
        done = forward();
        bool more = done.has_value();
        while (done && more && !stopping_) {
          auto taken = take(forget_);
          more = taken && taken.value();
          if (!taken) done = taken.as_failure();
        }
        nextLook = steady_clock::now() + kLook;
      }
    }
    if (done) {
      const auto hint = connection_->waitForNotice(kWait);
      if (!hint) {
        done = hint.as_failure();
      } else if (hint.value()) {
        nextLook = steady_clock::now();
      }
    }
    if (done) {
      lastError_.clear();
      continue;
    }
    ++counters_.errors;
    if (std::exchange(lastError_, done.error().message) != done.error().message)
      spdlog::warn("viewers who want to be forgotten must wait reason=\"{}\"", lastError_);
    connection_.reset();
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, kRetry, [this] { return stopping_.load(); });
  }
}

}  // namespace dvpe::control
