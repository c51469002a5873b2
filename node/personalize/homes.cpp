// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/personalize/homes.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace dvpe::personalize {

namespace {

// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebULL;
  x ^= x >> 31;
  return x;
}

// FNV-1a, 64 bits.
std::uint64_t hashOf(std::string_view name) {
  std::uint64_t h = 0xcbf29ce484222325ULL;
  for (const char c : name) {
    h ^= static_cast<unsigned char>(c);
    h *= 0x100000001b3ULL;
  }
  return h;
}

std::uint64_t half(const privacy::Pseudonym& viewer, std::size_t first) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 8; ++i) out |= std::uint64_t{viewer[first + i]} << 8 * i;
  return out;
}

std::uint64_t weight(std::uint64_t name, const privacy::Pseudonym& viewer) {
  return mix(mix(name ^ half(viewer, 0)) ^ half(viewer, 8));
}

}  // namespace

base::Result<Origin> parseOrigin(std::string_view url) {
  constexpr std::size_t kMostCharacters = 255;
  const auto wrong = [] { return base::fail(base::ErrorCode::kInvalidInput, "not https://HOST[:PORT]"); };
  const auto parsed = boost::urls::parse_uri({url.data(), url.size()});
  if (url.size() > kMostCharacters || !parsed) return wrong();
  const boost::urls::url_view& u = *parsed;
  const bool tls = u.scheme_id() == boost::urls::scheme::https;
  // The host goes into an address as it is: neither escapes nor what would end a header's line.
  const std::string encoded(u.encoded_host().data(), u.encoded_host().size());
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == ':' || c == '[' || c == ']';
  };
  if ((!tls && u.scheme_id() != boost::urls::scheme::http) || encoded.empty() ||
      !std::all_of(encoded.begin(), encoded.end(), plain) || u.has_userinfo() || !u.encoded_path().empty() ||
      u.has_query() || u.has_fragment() || (u.has_port() && u.port_number() == 0)) {
    return wrong();
  }
  Origin out;
  out.tls = tls;
  out.host = encoded.front() == '[' ? encoded.substr(1, encoded.size() - 2) : encoded;
  out.port = u.has_port() ? u.port_number() : tls ? 443 : 80;
  return out;
}

std::uint64_t homeWeight(std::string_view node, const privacy::Pseudonym& viewer) {
  return weight(hashOf(node), viewer);
}

Homes::Homes(std::string_view self, std::vector<Peer> peers) : peers_(std::move(peers)) {
  const auto own = std::find_if(peers_.begin(), peers_.end(), [&](const Peer& p) { return p.name == self; });
  self_ = static_cast<std::size_t>(own - peers_.begin());
  if (own == peers_.end()) peers_.push_back({std::string(self), {}});
  for (const Peer& peer : peers_) hashes_.push_back(hashOf(peer.name));
  up_ = std::make_unique<std::atomic<bool>[]>(peers_.size());
  setUp(self_, true);
}

std::size_t Homes::of(const privacy::Pseudonym& viewer) const {
  std::size_t best = 0;
  std::uint64_t highest = weight(hashes_[0], viewer);
  for (std::size_t i = 1; i < peers_.size(); ++i) {
    const std::uint64_t mine = weight(hashes_[i], viewer);
    if (mine > highest || (mine == highest && peers_[i].name < peers_[best].name)) {
      best = i;
      highest = mine;
    }
  }
  return best;
}

const Peer* Homes::elsewhere(const privacy::Pseudonym& viewer) const {
  if (!several()) return nullptr;
  const std::size_t home = of(viewer);
  return home != self_ && up(home) ? &peers_[home] : nullptr;
}

}  // namespace dvpe::personalize
