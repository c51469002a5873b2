// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The audit log's chain: each line's hash runs over the hash before it and the whole line (resources/sql,
// audit.line_hash), and the coordinator signs the newest hash each minute. Whoever has a signed head can tell that
// nothing up to it was changed, removed, reordered or cut off, whatever the database says. Values; not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/release/keys.h"
#include "shared/release/signing.h"

namespace dvpe::release {

// What a coordinator signs (Domain::kAuditHead).
struct AuditHead {
  std::int64_t sequence = 0;
  std::string hash;  // 64 hexadecimal digits
  Time at = 0;
};
std::string toJson(const AuditHead& head);
base::Result<AuditHead> parseAuditHead(std::string_view json);

// A signed head as nodes keep it, one a line: {"statement", "signatures"}. Without the line's end.
std::string toLine(const Signed& head);
base::Result<Signed> parseAuditLine(std::string_view line);

// One line of the log, each field as it goes into the hash; empty for NULL.
struct AuditEntry {
  std::int64_t sequence = 0;
  std::string at, login, person, who, organisation, address, what, object, before, after;
  base::Bytes hash;
};

// SHA-256 over the hash before and the entry's fields but its own hash.
base::Bytes auditHash(const base::Bytes& before, const AuditEntry& entry);
// What stands before the first line.
base::Bytes auditStart();

// Follows the chain from its beginning: expect() what signed heads say, take() every line in order, finish().
class AuditChain {
 public:
  // Where and how the chain is broken.
  struct Break {
    std::int64_t sequence = 0;  // the first line that is not as it was
    std::string reason;
  };

  // A head that somebody entitled has signed. False: another one was expected at this place.
  bool expect(const AuditHead& head);
  // After a break nothing more is looked at.
  void take(const AuditEntry& entry);
  // sequence, hash: the head as the database has it.
  std::optional<Break> finish(std::int64_t sequence, const base::Bytes& hash);

  std::int64_t lines() const { return last_; }
  // The newest line that a signed head vouches for; 0: none.
  std::int64_t signedUpTo() const { return signed_; }

 private:
  std::map<std::int64_t, std::string> expected_;
  base::Bytes hash_ = auditStart();
  std::int64_t last_ = 0, signed_ = 0;
  std::optional<Break> broken_;
};

}  // namespace dvpe::release
