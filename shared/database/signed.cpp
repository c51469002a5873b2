// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/database/signed.h"

#include <algorithm>
#include <boost/json.hpp>

namespace dvpe::database {

using base::Result;
using release::Signed;

namespace {

constexpr std::size_t kAtOnce = 500;  // documents to a query

std::string textOf(const Rows& rows, std::size_t row, int column) {
  const base::Bytes bytes = rows.bytes(row, column);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

base::Bytes bytesOf(const std::string& text) { return {text.begin(), text.end()}; }

base::Bytes signatureOf(const Signed& document) {
  const auto& signature = document.by.at(0).signature;
  return {signature.begin(), signature.end()};
}

Result<std::optional<Signed>> signedAt(const Rows& rows, std::size_t row, int column) {
  if (rows.null(row, column)) return std::optional<Signed>{};
  DVPE_TRY(const auto signature, release::parseSignature(base::hex(rows.bytes(row, column + 2))));
  return std::optional(Signed{textOf(rows, row, column), {{std::string(rows.text(row, column + 1)), signature}}});
}

Result<std::map<int, Signed>> keysAfter(Connection& connection, int revision) {
  DVPE_TRY(const auto rows, connection.query("SELECT revision, contents, signatures::text FROM dvpe.keys_revision "
                                             "WHERE revision > $1 ORDER BY revision",
                                             {std::int64_t{revision}}));
  std::map<int, Signed> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    boost::json::error_code error;
    const auto by = boost::json::parse(rows.text(i, 2), error);
    if (error) return base::fail(base::ErrorCode::kInvalidInput, "the signatures of keys cannot be read");
    DVPE_TRY(auto signatures, release::parseSignatures(by));
    out.emplace(static_cast<int>(rows.integer(i, 0)), Signed{textOf(rows, i, 1), std::move(signatures)});
  }
  return out;
}

Result<std::map<std::string, release::StoredDocument>> storedDocuments(Connection& connection,
                                                                       const std::vector<std::string>& digests) {
  std::map<std::string, release::StoredDocument> out;
  for (std::size_t at = 0; at < digests.size(); at += kAtOnce) {
    const auto begin = digests.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end = digests.begin() + static_cast<std::ptrdiff_t>(std::min(digests.size(), at + kAtOnce));
    DVPE_TRY(const auto rows,
             connection.query("SELECT encode(r.digest, 'hex'), r.contents, r.key, r.signature, c.statement, c.key, "
                              "c.signature FROM dvpe.revision r LEFT JOIN dvpe.countersignature c USING (digest) "
                              "WHERE r.digest = ANY (ARRAY(SELECT decode(d, 'hex') FROM unnest($1::text[]) d))",
                              {std::vector<std::string>(begin, end)}));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      release::StoredDocument stored;
      DVPE_TRY(auto document, signedAt(rows, i, 1));
      stored.document = std::move(document).value();
      DVPE_TRY(stored.countersignature, signedAt(rows, i, 4));
      out.insert_or_assign(std::string(rows.text(i, 0)), std::move(stored));
    }
  }
  return out;
}

}  // namespace dvpe::database
