// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/release/audit.h"

#include <openssl/evp.h>

#include <boost/json.hpp>
#include <utility>

#include "shared/model/reader.h"

namespace dvpe::release {

using base::ErrorCode;
using base::fail;
using model::Need;
using model::ObjectReader;
namespace json = boost::json;

namespace {

constexpr std::size_t kMaxHead = 1000;
constexpr std::size_t kMaxLine = 10'000;

base::Bytes digestOf(base::ByteView bytes) {
  base::Bytes out(32);
  EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, EVP_sha256(), nullptr);
  return out;
}

}  // namespace

std::string toJson(const AuditHead& head) {
  return json::serialize(
      json::object{{"kind", "audit_head"}, {"sequence", head.sequence}, {"hash", head.hash}, {"at", head.at}});
}

base::Result<AuditHead> parseAuditHead(std::string_view text) {
  return model::readObject<AuditHead>(text, kMaxHead, "audit_head", [](ObjectReader& in, AuditHead& out) {
    std::string word;
    constexpr std::int64_t kMost = std::int64_t{1} << 53;
    if (in.text("kind", word, Need::kRequired) && word != "audit_head") in.at("kind").mistake("expected audit_head");
    in.integer("sequence", out.sequence, 1, kMost, Need::kRequired);
    in.integer("at", out.at, 0, kMost, Need::kRequired);
    if (in.text("hash", out.hash, Need::kRequired, 64) &&
        (out.hash.size() != 64 || out.hash.find_first_not_of("0123456789abcdef") != std::string::npos)) {
      in.at("hash").mistake("expected 64 lower-case hexadecimal digits");
    }
  });
}

std::string toLine(const Signed& head) {
  return json::serialize(json::object{{"statement", head.bytes}, {"signatures", toJson(head.by)}});
}

base::Result<Signed> parseAuditLine(std::string_view line) {
  json::error_code error;
  const json::value parsed = line.size() > kMaxLine ? json::value() : json::parse(line, error);
  const json::object* object = parsed.if_object();
  const json::value* statement = object == nullptr ? nullptr : object->if_contains("statement");
  const json::value* signatures = object == nullptr ? nullptr : object->if_contains("signatures");
  if (error || statement == nullptr || signatures == nullptr || !statement->is_string()) {
    return fail(ErrorCode::kInvalidInput, "a signed head is {\"statement\", \"signatures\"}");
  }
  Signed out;
  out.bytes = json::value_to<std::string>(*statement);
  DVPE_TRY(out.by, parseSignatures(*signatures));
  return out;
}

base::Bytes auditStart() { return digestOf(base::view("dvpe-audit-v1")); }

base::Bytes auditHash(const base::Bytes& before, const AuditEntry& e) {
  base::Bytes all = before;
  const std::string sequence = std::to_string(e.sequence);
  for (const std::string* field : {&sequence, &e.at, &e.login, &e.person, &e.who, &e.organisation, &e.address, &e.what,
                                   &e.object, &e.before, &e.after}) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
      all.push_back(static_cast<std::uint8_t>(static_cast<std::uint32_t>(field->size()) >> shift));
    }
    all.insert(all.end(), field->begin(), field->end());
  }
  return digestOf(all);
}

bool AuditChain::expect(const AuditHead& head) {
  const auto [at, added] = expected_.emplace(head.sequence, head.hash);
  return added || at->second == head.hash;
}

void AuditChain::take(const AuditEntry& entry) {
  if (broken_) return;
  if (entry.sequence != last_ + 1) {
    broken_ = Break{last_ + 1, "line " + std::to_string(last_ + 1) + " is missing: what follows " +
                                   std::to_string(last_) + " is " + std::to_string(entry.sequence)};
    return;
  }
  if (base::Bytes hash = auditHash(hash_, entry); hash == entry.hash) {
    hash_ = std::move(hash);
    last_ = entry.sequence;
  } else {
    broken_ = Break{entry.sequence, "line " + std::to_string(entry.sequence) + " is not what was written"};
    return;
  }
  if (const auto found = expected_.find(last_); found != expected_.end()) {
    if (found->second == base::hex(hash_)) {
      signed_ = last_;
    } else {
      broken_ =
          Break{signed_ + 1, "the chain holds, but it is not the one that was signed: lines " +
                                 std::to_string(signed_ + 1) + " to " + std::to_string(last_) + " were written anew"};
    }
  }
}

std::optional<AuditChain::Break> AuditChain::finish(std::int64_t sequence, const base::Bytes& hash) {
  if (broken_) return broken_;
  const std::string cut = ": what came after line " + std::to_string(last_) + " was cut off";
  if (!expected_.empty() && expected_.rbegin()->first > last_) {
    return Break{last_ + 1, "a signed head names line " + std::to_string(expected_.rbegin()->first) + cut};
  }
  if (sequence > last_) return Break{last_ + 1, "the head names line " + std::to_string(sequence) + cut};
  if (sequence < last_ || hash != hash_) return Break{last_, "the head is not that of the last line"};
  return std::nullopt;
}

}  // namespace dvpe::release
