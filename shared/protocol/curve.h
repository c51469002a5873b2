// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// CURVE keys (ZeroMQ RFC 26: Curve25519) as text in Z85 (ZeroMQ RFC 32), 40 characters each: who speaks on a socket.
// They say nothing about what may be signed; that is release::PrivateKey. Thread-safe: values and functions without
// state.
#pragma once

#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace dvpe::protocol {

inline constexpr std::size_t kCurveKeySize = 40;  // characters of Z85

// A pair of keys. A destroyed one wipes its secret; each copy is wiped by itself.
struct CurveKeys {
  std::string publicKey, secretKey;
  ~CurveKeys();
};

// A new pair. Ends the program when there is no randomness, or when libzmq was built without CURVE.
CurveKeys generateCurve();

// Whether this is the Z85 text of 32 bytes.
bool isCurveKey(std::string_view text);

// The public half of a secret key. kInvalidInput: not a key; the message does not repeat it.
base::Result<std::string> curvePublic(std::string_view secret);

// A pair from its two texts, which must belong together. kInvalidInput; the message does not repeat them.
base::Result<CurveKeys> parseCurve(std::string_view publicKey, std::string_view secretKey);

}  // namespace dvpe::protocol
