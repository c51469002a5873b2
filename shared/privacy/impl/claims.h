// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Claims as bytes, and back. Integers marked v are LEB128; text is its length in one byte and then itself.
//
//   claims     1, session id (16), pseudonym (16), expiry v, purposes v, channel text, n v, n * purpose text,
//              n v, n * (name text, value)
//   value      0 null | 1 false | 2 true | 3 integer, zigzag v | 4 double (8, big-endian) | 5 float (4): the double has
//              exactly this value | 6 length v, text | 7 n v, n * value | 8 n v, n * (name text, value)
#pragma once

#include "shared/privacy/token.h"

namespace dvpe::privacy::impl {

// kLimitExceeded: more than kMaxClaims bytes. kInvalidInput: a bound of SessionClaims is broken.
base::Result<base::Bytes> encodeClaims(const SessionClaims& claims);

// False: these bytes are not claims. Looks at everything but the attributes' values; allocates nothing.
bool decodeClaims(base::ByteView bytes, ClaimsView& out);

}  // namespace dvpe::privacy::impl
