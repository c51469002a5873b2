// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/database/connection.h"

#include <libpq-fe.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

namespace dvpe::database {

using base::ErrorCode;
using base::fail;

namespace {

// From PostgreSQL's catalogue (pg_type.dat), which keeps them for ever.
constexpr Oid kBool = 16, kBytea = 17, kInt8 = 20, kUnknown = 0, kTextArray = 1009;

std::string firstLine(const char* text) {
  std::string_view view = text == nullptr ? "" : text;
  view = view.substr(0, view.find('\n'));
  return std::string(view);
}

ErrorCode codeOf(std::string_view state) {
  if (state == "42501" || state.starts_with("28")) return ErrorCode::kRefused;
  if (state == "23505" || state == "23503" || state.starts_with("40") || state == "55P03") return ErrorCode::kConflict;
  if (state.starts_with("22") || state.starts_with("23") || state == "P0001") return ErrorCode::kInvalidInput;
  if (state.empty() || state.starts_with("08") || state.starts_with("57") || state.starts_with("53")) {
    return ErrorCode::kUnavailable;
  }
  return ErrorCode::kInternal;
}

std::string arrayLiteral(const std::vector<std::string>& list) {
  std::string out = "{";
  for (const auto& item : list) {
    if (out.size() > 1) out += ',';
    out += '"';
    for (const char c : item) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out + '}';
}

struct ArrayType {
  Oid element, array;
  int bytes;  // of an element; 0: as many as it has
};

ArrayType typeOf(Array::Of of) {
  switch (of) {
    case Array::Of::kBool:
      return {kBool, 1000, 1};
    case Array::Of::kInt2:
      return {21, 1005, 2};
    case Array::Of::kInt4:
      return {23, 1007, 4};
    case Array::Of::kInt8:
      return {kInt8, 1016, 8};
    case Array::Of::kFloat4:
      return {700, 1021, 4};
    case Array::Of::kUuid:
      return {2950, 2951, 16};
    case Array::Of::kText:
      return {25, kTextArray, 0};
    case Array::Of::kBytea:
      return {kBytea, 1001, 0};
  }
  return {};
}

void putBigEndian(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

// One parameter as libpq wants it: type, bytes, format.
struct Encoded {
  Oid type = kUnknown;
  std::string text;
  bool null = false, binary = false;
};

struct Encoder {
  Encoded operator()(std::nullptr_t) const { return {kUnknown, "", true, false}; }
  Encoded operator()(const std::string& s) const { return {kUnknown, s, false, false}; }
  Encoded operator()(std::int64_t n) const { return {kInt8, std::to_string(n), false, false}; }
  Encoded operator()(bool b) const { return {kBool, b ? "t" : "f", false, false}; }
  Encoded operator()(const base::Bytes& b) const { return {kBytea, std::string(b.begin(), b.end()), false, true}; }
  Encoded operator()(const std::vector<std::string>& l) const { return {kTextArray, arrayLiteral(l), false, false}; }
  Encoded operator()(const Array& a) const { return {typeOf(a.of()).array, a.encoded(), false, true}; }
};

const PGresult* resultOf(const std::shared_ptr<const void>& p) { return static_cast<const PGresult*>(p.get()); }

}  // namespace

// ---- lists

void Array::put(std::uint64_t value, int bytes) {
  putBigEndian(elements_, static_cast<std::uint64_t>(bytes), 4);
  putBigEndian(elements_, value, bytes);
  ++size_;
}

void Array::addFlag(bool value) { put(value ? 1 : 0, 1); }

void Array::addInteger(std::int64_t value) {
  const int bytes = typeOf(of_).bytes;
  if (bytes < 8) {
    const std::int64_t most = (std::int64_t{1} << (8 * bytes - 1)) - 1;
    value = std::clamp(value, -most - 1, most);
  }
  put(static_cast<std::uint64_t>(value), bytes);
}

void Array::addReal(float value) { put(std::bit_cast<std::uint32_t>(value), 4); }

void Array::addBytes(base::ByteView value) {
  putBigEndian(elements_, value.size(), 4);
  elements_.append(reinterpret_cast<const char*>(value.data()), value.size());
  ++size_;
}

void Array::addText(std::string_view value) { addBytes(base::view(value)); }

void Array::addNull() {
  putBigEndian(elements_, 0xffffffff, 4);
  nulls_ = true;
  ++size_;
}

// How many dimensions, whether there are NULLs, the elements' type; how many there are, from which number on.
std::string Array::encoded() const {
  std::string out;
  out.reserve(20 + elements_.size());
  putBigEndian(out, size_ == 0 ? 0 : 1, 4);
  putBigEndian(out, nulls_ ? 1 : 0, 4);
  putBigEndian(out, typeOf(of_).element, 4);
  if (size_ == 0) return out;
  putBigEndian(out, size_, 4);
  putBigEndian(out, 1, 4);
  return out += elements_;
}

// ---- rows

std::size_t Rows::size() const { return static_cast<std::size_t>(PQntuples(resultOf(result_))); }
int Rows::columns() const { return PQnfields(resultOf(result_)); }
bool Rows::null(std::size_t row, int column) const {
  return PQgetisnull(resultOf(result_), static_cast<int>(row), column) != 0;
}
std::string_view Rows::text(std::size_t row, int column) const {
  const int r = static_cast<int>(row);
  return {PQgetvalue(resultOf(result_), r, column),
          static_cast<std::size_t>(PQgetlength(resultOf(result_), r, column))};
}
std::int64_t Rows::integer(std::size_t row, int column) const {
  const std::string_view t = text(row, column);
  std::int64_t n = 0;
  std::from_chars(t.data(), t.data() + t.size(), n);
  return n;
}
bool Rows::flag(std::size_t row, int column) const { return text(row, column) == "t"; }
base::Bytes Rows::bytes(std::size_t row, int column) const {
  std::string_view t = text(row, column);  // "\x6869"
  base::Bytes out;
  if (!t.starts_with("\\x")) return out;
  t.remove_prefix(2);
  out.resize(t.size() / 2);
  const auto digit = [](char c) { return static_cast<std::uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); };
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<std::uint8_t>(digit(t[2 * i]) << 4 | digit(t[2 * i + 1]));
  }
  return out;
}
std::size_t Rows::affected() const {
  const std::string_view t = PQcmdTuples(const_cast<PGresult*>(resultOf(result_)));
  std::size_t n = 0;
  std::from_chars(t.data(), t.data() + t.size(), n);
  return n;
}

// ---- the connection

void Connection::Free::operator()(void* connection) const { PQfinish(static_cast<PGconn*>(connection)); }

namespace {
PGconn* pg(void* c) { return static_cast<PGconn*>(c); }
}  // namespace

Connection::Connection(void* connection) : connection_(connection) {}
Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

base::Result<Connection> Connection::open(const ConnectOptions& o) {
  const bool local = o.host.starts_with('/');
  if (!local && o.rootCertificate.empty()) {
    return fail(ErrorCode::kInvalidInput,
                "a database that is reached over TCP needs the certificate of who vouches for it");
  }
  const std::string port = std::to_string(o.port), timeout = std::to_string(o.timeout.count());
  std::vector<std::pair<const char*, const char*>> with{{"host", o.host.c_str()},
                                                        {"port", port.c_str()},
                                                        {"dbname", o.database.c_str()},
                                                        {"user", o.user.c_str()},
                                                        {"connect_timeout", timeout.c_str()},
                                                        {"application_name", o.application.c_str()},
                                                        {"client_encoding", "UTF8"},
                                                        {"passfile", "/dev/null"},  // nothing from the environment
                                                        {"gssencmode", "disable"}};
  if (!o.password.empty()) with.emplace_back("password", o.password.c_str());
  if (local) {
    with.emplace_back("sslmode", "disable");
  } else {
    with.emplace_back("sslmode", "verify-full");
    with.emplace_back("sslrootcert", o.rootCertificate.c_str());
    with.emplace_back("ssl_min_protocol_version", "TLSv1.2");
    with.emplace_back("channel_binding", "require");
    with.emplace_back("keepalives_idle", "10");
    with.emplace_back("tcp_user_timeout", "15000");
  }
  std::vector<const char*> names, values;
  for (const auto& [name, value] : with) {
    names.push_back(name);
    values.push_back(value);
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  Connection made(PQconnectdbParams(names.data(), values.data(), 0));
  PGconn* c = pg(made.connection_.get());
  if (c == nullptr) return fail(ErrorCode::kInternal, "no memory for a connection");
  if (PQstatus(c) != CONNECTION_OK) {
    // There is no SQLSTATE here in libpq 15; a refusal is what came after somebody answered.
    const bool refused = PQconnectionNeedsPassword(c) != 0 || PQconnectionUsedPassword(c) != 0;
    return fail(refused ? ErrorCode::kRefused : ErrorCode::kUnavailable, "database: " + firstLine(PQerrorMessage(c)));
  }
  PQsetNoticeProcessor(
      c, [](void*, const char*) {}, nullptr);
  return made;
}

bool Connection::usable() const { return PQstatus(pg(connection_.get())) == CONNECTION_OK; }

// The primary message only: details quote values.
base::Error Connection::errorOf(const void* result) {
  const auto* r = static_cast<const PGresult*>(result);
  const char* state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
  sqlState_ = state == nullptr ? "" : state;
  std::string text = message != nullptr ? message : firstLine(PQerrorMessage(pg(connection_.get())));
  if (text.empty()) text = "the connection to the database is lost";
  return {codeOf(sqlState_), "database: " + text};
}

base::Result<Rows> Connection::query(const std::string& sql, const std::vector<Param>& params) {
  std::vector<Encoded> encoded;
  encoded.reserve(params.size());
  for (const auto& p : params) encoded.push_back(std::visit(Encoder{}, p));
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
  for (const auto& e : encoded) {
    types.push_back(e.type);
    values.push_back(e.null ? nullptr : e.text.c_str());
    lengths.push_back(static_cast<int>(e.text.size()));
    formats.push_back(e.binary ? 1 : 0);
  }
  sqlState_.clear();
  const std::shared_ptr<PGresult> result(
      PQexecParams(pg(connection_.get()), sql.c_str(), static_cast<int>(params.size()), types.data(), values.data(),
                   lengths.data(), formats.data(), 0),
      [](PGresult* r) { PQclear(r); });
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) return errorOf(result.get());
  return Rows(result);
}

base::Result<void> Connection::script(const std::string& sql) {
  sqlState_.clear();
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(pg(connection_.get()), sql.c_str()), PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) return errorOf(result.get());
  return base::success();
}

base::Result<void> Connection::transaction(const std::function<base::Result<void>(Connection&)>& work) {
  DVPE_CHECK(script("BEGIN"));
  if (auto done = work(*this); !done) {
    const std::string state = sqlState_;
    if (usable()) (void)script("ROLLBACK");
    sqlState_ = state;
    return done;
  }
  return script("COMMIT");
}

base::Result<bool> Connection::waitForNotice(std::chrono::milliseconds most) {
  const auto until = std::chrono::steady_clock::now() + most;
  PGconn* c = pg(connection_.get());
  for (;;) {
    if (PQconsumeInput(c) != 1) return fail(ErrorCode::kUnavailable, "the connection to the database is lost");
    if (PGnotify* notice = PQnotifies(c)) {
      PQfreemem(notice);
      while (PGnotify* more = PQnotifies(c)) PQfreemem(more);  // one hint is as good as ten
      return true;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd ready{PQsocket(c), POLLIN, 0};
    ::poll(&ready, 1, static_cast<int>(left.count()));
  }
}

// ---- SCRAM

namespace {

constexpr int kRounds = 4096;
using Digest = std::array<unsigned char, 32>;

Digest hmac(base::ByteView key, std::string_view text) {
  Digest out{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), out.data(), &size);
  return out;
}

std::string base64(base::ByteView bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int n =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes.data(), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

}  // namespace

base::Result<std::string> scramVerifier(std::string_view password, base::ByteView salt) {
  // What SASLprep (RFC 4013) leaves as it is; other characters would be normalised by one side and not by the other.
  for (const char c : password) {
    if (c < 0x20 || c > 0x7e) return fail(ErrorCode::kInvalidInput, "a password is made of printable ASCII characters");
  }
  if (password.size() < 12 || password.size() > 128) {
    return fail(ErrorCode::kInvalidInput, "a password has 12 to 128 characters");
  }
  Digest salted{};
  if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(), static_cast<int>(salt.size()),
                        kRounds, EVP_sha256(), static_cast<int>(salted.size()), salted.data()) != 1) {
    return fail(ErrorCode::kInternal, "the password cannot be hashed");
  }
  const Digest client = hmac(salted, "Client Key"), server = hmac(salted, "Server Key");
  Digest stored{};
  unsigned int size = 0;
  EVP_Digest(client.data(), client.size(), stored.data(), &size, EVP_sha256(), nullptr);
  return "SCRAM-SHA-256$" + std::to_string(kRounds) + ":" + base64(salt) + "$" + base64(stored) + ":" + base64(server);
}

}  // namespace dvpe::database
