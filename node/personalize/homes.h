// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Which of several nodes a viewer belongs to (design, section 8). What a viewer has been shown is known on one node
// only, the viewer's home: others send the viewer there, or, when it is down, serve with caps unknown.
//
// Rendezvous hashing (highest random weight; Thaler and Ravishankar, 1998): each node has a weight for each viewer, and
// the home is the node with the highest. Nodes agree without asking each other, whatever the order of their lists. A
// node that comes takes its share from all others and moves nobody else; one that goes leaves its share to all others.
//
// The weight is mix(mix(h(name) ^ a) ^ b), where h is FNV-1a with 64 bits over the bytes of the node's name, a and b
// are the halves of the pseudonym (little-endian), and mix is the finaliser of SplitMix64. No key: pseudonyms are keyed
// hashes already, so that nobody chooses a home. Nodes of different versions must agree: the function never changes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/privacy/secret.h"

namespace dvpe::personalize {

// A node that shares viewers with others. The url is an origin, without a slash at its end: see parseOrigin().
struct Peer {
  std::string name;
  std::string url;
  bool operator==(const Peer&) const = default;
};

// What "https://HOST[:PORT]" says.
struct Origin {
  bool tls = false;
  std::string host;  // without the brackets of an IPv6 address
  std::uint16_t port = 0;
};

// Takes http and https with a host, and a port perhaps; neither user, path, query nor fragment. kInvalidInput else.
base::Result<Origin> parseOrigin(std::string_view url);

// The weight of a node for a viewer, as above.
std::uint64_t homeWeight(std::string_view node, const privacy::Pseudonym& viewer);

// The nodes that share viewers, and which of them are up. Names and order are fixed; whether a peer is up is said by
// one thread and read by any, without a lock. A peer is down until it is said to be up; the node itself is always up.
class Homes {
 public:
  static constexpr std::size_t kMost = 64;

  // self: this node's name, which is added to the peers when it is not among them. Without peers it is everybody's
  // home.
  explicit Homes(std::string_view self, std::vector<Peer> peers = {});

  const std::vector<Peer>& peers() const { return peers_; }
  std::size_t self() const { return self_; }
  const std::string& name() const { return peers_[self_].name; }
  bool several() const { return peers_.size() > 1; }

  // The place among peers() of the viewer's home. Of equal weights the smaller name's.
  std::size_t of(const privacy::Pseudonym& viewer) const;
  bool here(const privacy::Pseudonym& viewer) const { return !several() || of(viewer) == self_; }
  // Where the viewer is to be sent: home is another node, and up. nullptr: the viewer is served here.
  const Peer* elsewhere(const privacy::Pseudonym& viewer) const;

  bool up(std::size_t peer) const { return up_[peer].load(std::memory_order_acquire); }
  void setUp(std::size_t peer, bool up) { up_[peer].store(up, std::memory_order_release); }

 private:
  std::vector<Peer> peers_;
  std::vector<std::uint64_t> hashes_;  // of the names
  std::size_t self_ = 0;
  std::unique_ptr<std::atomic<bool>[]> up_;
};

}  // namespace dvpe::personalize
