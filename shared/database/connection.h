// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// PostgreSQL through libpq, made safe: TLS with the server's name checked and SCRAM bound to the channel, values only
// as parameters, errors as Results without values in them. Blocking: never on a frame's or a request's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace dvpe::database {

struct ConnectOptions {
  std::string host = "127.0.0.1";  // a name or address; beginning with '/': the folder of a local socket, without TLS
  std::uint16_t port = 5432;
  std::string database = "dvpe";
  std::string user;
  std::string password;         // wiped by nobody: keep it short-lived
  std::string rootCertificate;  // PEM file of who signs the server's certificate; needed for TLS
  std::chrono::seconds timeout{5};
  std::string application = "dvpe";
};

// A list of values in PostgreSQL's own binary form, for many at once: neither side reads or writes digits. One
// dimension, counted from 1. Values must be of the list's type.
class Array {
 public:
  enum class Of { kBool, kInt2, kInt4, kInt8, kFloat4, kUuid, kText, kBytea };
  explicit Array(Of of) : of_(of) {}

  void addFlag(bool value);
  void addInteger(std::int64_t value);  // what does not fit into int2 or int4 becomes the nearest that does
  void addReal(float value);
  void addBytes(base::ByteView value);   // uuid (16 bytes) or bytea
  void addText(std::string_view value);  // UTF-8 without a zero, or the statement fails
  void addNull();

  Of of() const { return of_; }
  std::size_t size() const { return size_; }
  std::string encoded() const;  // as the server takes it (array_recv)

 private:
  void put(std::uint64_t value, int bytes);
  Of of_;
  std::size_t size_ = 0;
  bool nulls_ = false;
  std::string elements_;  // each after its length
};

// NULL, text, a number, a truth value, bytes (bytea), a list of texts (text[]), or a list of many values.
using Param =
    std::variant<std::nullptr_t, std::string, std::int64_t, bool, base::Bytes, std::vector<std::string>, Array>;

// What a statement gave. Row and column must exist: they are the statement's, not the data's. A value; thread-safe to
// read.
class Rows {
 public:
  std::size_t size() const;
  bool empty() const { return size() == 0; }
  int columns() const;
  bool null(std::size_t row, int column) const;
  std::string_view text(std::size_t row, int column) const;  // "" for NULL; valid as long as this is
  std::int64_t integer(std::size_t row, int column) const;   // 0 for NULL
  bool flag(std::size_t row, int column) const;              // false for NULL
  base::Bytes bytes(std::size_t row, int column) const;      // of a bytea
  std::size_t affected() const;                              // rows that an INSERT, UPDATE or DELETE touched

 private:
  friend class Connection;
  explicit Rows(std::shared_ptr<const void> result) : result_(std::move(result)) {}
  std::shared_ptr<const void> result_;
};

// One connection; one thread at a time. After kUnavailable it is of no use any more: open another.
class Connection {
 public:
  // kRefused: the server knows us not, or has another name than its certificate; kUnavailable: nobody is there.
  static base::Result<Connection> open(const ConnectOptions& options);
  ~Connection();
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;

  // One statement with its parameters $1, $2, ... By SQLSTATE: kRefused (42501, 28xxx), kConflict (23505, 40001, 40P01,
  // 55P03, 23503), kInvalidInput (22xxx, 23xxx, P0001), kUnavailable (08xxx, 57P0x, 53xxx, 57014), kInternal (the
  // rest).
  base::Result<Rows> query(const std::string& sql, const std::vector<Param>& params = {});
  // Several statements in one text, without parameters: migrations.
  base::Result<void> script(const std::string& sql);
  // In one transaction: committed when work succeeds, else undone. An answer to COMMIT that is lost is kUnavailable;
  // what must not happen twice has a key of its own.
  base::Result<void> transaction(const std::function<base::Result<void>(Connection&)>& work);

  // Waits for a NOTIFY on a channel that was LISTENed to; false: none came in time. Hints only, never facts.
  base::Result<bool> waitForNotice(std::chrono::milliseconds most);

  bool usable() const;
  // "42501" of the last failure; empty: there was none.
  const std::string& sqlState() const { return sqlState_; }

 private:
  struct Free {
    void operator()(void* connection) const;
  };
  explicit Connection(void* connection);
  base::Error errorOf(const void* result);
  std::unique_ptr<void, Free> connection_;
  std::string sqlState_;
};

// A SCRAM-SHA-256 verifier (RFC 5803) of a password, so that the password itself never reaches the server. 4096 rounds.
base::Result<std::string> scramVerifier(std::string_view password, base::ByteView salt);

}  // namespace dvpe::database
