// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The name by which a viewer is asked to be forgotten (docs/decisions/0014): every node that shares the pseudonyms' key
// can make it of a viewer whom it knows, nobody can make a viewer of it.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "shared/privacy/secret.h"

namespace dvpe::privacy {

using ViewerDigest = std::array<std::uint8_t, 32>;

// The key of these digests, of the one that makes pseudonyms.
inline SecretKey erasureKey(const SecretKey& pseudonyms) { return pseudonyms.derive("erasure"); }

// Of a viewer, by that key.
inline ViewerDigest viewerDigest(const SecretKey& erasureKey, const Pseudonym& viewer) {
  return keyedHash(erasureKey, {"viewer", {reinterpret_cast<const char*>(viewer.data()), viewer.size()}});
}

// The digest's first half: what stands for the viewer in a node's files, where the pseudonym never is.
inline Pseudonym storedName(const ViewerDigest& digest) {
  Pseudonym out{};
  std::copy_n(digest.begin(), out.size(), out.begin());
  return out;
}

}  // namespace dvpe::privacy
