// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/protocol/curve.h"

#include <openssl/crypto.h>
#include <zmq.h>

#include <array>
#include <cstdint>
#include <cstdlib>

namespace dvpe::protocol {

using base::ErrorCode;
using base::fail;

namespace {

using Text = std::array<char, kCurveKeySize + 1>;  // libzmq ends its texts with a zero

// A text of 40 characters as libzmq wants it. The copy is wiped.
class Copy {
 public:
  explicit Copy(std::string_view text) { text.copy(text_.data(), kCurveKeySize); }
  ~Copy() { OPENSSL_cleanse(text_.data(), text_.size()); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  const char* c_str() const { return text_.data(); }

 private:
  Text text_{};
};

}  // namespace

CurveKeys::~CurveKeys() { OPENSSL_cleanse(secretKey.data(), secretKey.size()); }

CurveKeys generateCurve() {
  Text publicKey{}, secretKey{};
  if (zmq_curve_keypair(publicKey.data(), secretKey.data()) != 0) std::abort();
  CurveKeys out{{publicKey.data(), kCurveKeySize}, {secretKey.data(), kCurveKeySize}};
  OPENSSL_cleanse(secretKey.data(), secretKey.size());
  return out;
}

bool isCurveKey(std::string_view text) {
  if (text.size() != kCurveKeySize || text.find('\0') != std::string_view::npos) return false;
  const Copy copy(text);
  std::array<std::uint8_t, 32> bytes{};
  const bool good = zmq_z85_decode(bytes.data(), copy.c_str()) != nullptr;
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return good;
}

base::Result<std::string> curvePublic(std::string_view secret) {
  if (!isCurveKey(secret)) return fail(ErrorCode::kInvalidInput, "a CURVE key has 40 characters (Z85)");
  const Copy copy(secret);
  Text out{};
  if (zmq_curve_public(out.data(), copy.c_str()) != 0) {
    return fail(ErrorCode::kInternal, std::string("the public half cannot be computed: ") + zmq_strerror(errno));
  }
  return std::string(out.data(), kCurveKeySize);
}

base::Result<CurveKeys> parseCurve(std::string_view publicKey, std::string_view secretKey) {
  if (!isCurveKey(publicKey)) return fail(ErrorCode::kInvalidInput, "a CURVE key has 40 characters (Z85)");
  DVPE_TRY(const auto computed, curvePublic(secretKey));
  if (computed != publicKey) {
    return fail(ErrorCode::kInvalidInput, "the public and the secret CURVE key do not belong together");
  }
  return CurveKeys{std::string(publicKey), std::string(secretKey)};
}

}  // namespace dvpe::protocol
