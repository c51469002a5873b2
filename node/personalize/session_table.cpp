// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/personalize/session_table.h"

#include <bit>
#include <cstring>
#include <utility>

namespace dvpe::personalize {

SessionTable::SessionTable(std::size_t buckets, int readers)
    : buckets_(std::bit_ceil(std::max<std::size_t>(buckets, 16))),
      epochs_(static_cast<std::size_t>(std::max(readers, 1))) {}

SessionTable::~SessionTable() {
  for (auto& head : buckets_) {
    for (Node* n = head.load(); n != nullptr;) nodes_.delete_object(std::exchange(n, n->next.load()));
  }
  for (const Retired& r : retired_) nodes_.delete_object(r.node);
}

// Loads are ordered after the scope's epoch, so that the writer either sees the scope or is seen (a load like any other
// on x86).
SessionTable::Place SessionTable::seek(const privacy::SessionId& id) const {
  std::uint64_t h = 0;  // an HMAC: its bytes are as good as any hash of them
  std::memcpy(&h, id.data(), sizeof h);
  Link* link = &buckets_[h & (buckets_.size() - 1)];
  Node* node = link->load(std::memory_order_seq_cst);
  while (node != nullptr && node->view.id != id) {
    link = &node->next;
    node = link->load(std::memory_order_seq_cst);
  }
  return {link, node};
}

const SessionView* SessionTable::find(const privacy::SessionId& id, std::uint32_t now, Listed** listed) const {
  Node* n = seek(id).node;
  if (n == nullptr) return nullptr;
  if (listed != nullptr) *listed = &n->listed;
  if (n->lastSeen.load(std::memory_order_relaxed) != now) n->lastSeen.store(now, std::memory_order_relaxed);
  return &n->view;
}

const SessionView* SessionTable::peek(const privacy::SessionId& id) const {
  const Node* n = seek(id).node;
  return n != nullptr ? &n->view : nullptr;
}

std::uint32_t SessionTable::lastSeen(const privacy::SessionId& id) const {
  const Node* n = seek(id).node;
  return n != nullptr ? n->lastSeen.load(std::memory_order_relaxed) : 0;
}

SessionTable::Seen SessionTable::seen(const privacy::SessionId& id) const {
  const Node* n = seek(id).node;
  if (n == nullptr) return {};
  // What was listed first: the request that noted it was seen no later than what is read after.
  const Ticks listed{n->listed.load(std::memory_order_acquire)};
  return {n->lastSeen.load(std::memory_order_relaxed), listed};
}

// A loop that marks the old node as seen meanwhile is forgotten until its viewer's next request.
void SessionTable::put(SessionView&& view, std::uint32_t now) {
  const auto [link, old] = seek(view.id);
  auto* const fresh = nodes_.new_object<Node>(std::move(view), old != nullptr ? old->lastSeen.load() : now);
  if (old != nullptr) {
    fresh->next.store(old->next.load(), std::memory_order_relaxed);
    fresh->listed.store(old->listed.load(), std::memory_order_relaxed);
  }
  link->store(fresh, std::memory_order_seq_cst);
  if (old != nullptr) {
    retire(old);
  } else {
    size_.fetch_add(1, std::memory_order_relaxed);
  }
}

void SessionTable::erase(const privacy::SessionId& id) {
  const auto [link, old] = seek(id);
  if (old == nullptr) return;
  link->store(old->next.load(), std::memory_order_seq_cst);
  retire(old);
  size_.fetch_sub(1, std::memory_order_relaxed);
}

void SessionTable::retire(Node* node) {
  Retired r{{}, node};
  r.seen.reserve(epochs_.size());
  for (const auto& e : epochs_) r.seen.push_back(e.value.load(std::memory_order_seq_cst));
  retired_.push_back(std::move(r));
}

bool SessionTable::passed(const Retired& retired) const {
  for (std::size_t i = 0; i < epochs_.size(); ++i) {
    const bool reading = retired.seen[i] % 2 == 1;
    if (reading && epochs_[i].value.load(std::memory_order_seq_cst) == retired.seen[i]) return false;
  }
  return true;
}

void SessionTable::reclaim() {
  for (; !retired_.empty() && passed(retired_.front()); retired_.pop_front()) {
    nodes_.delete_object(retired_.front().node);
  }
}

}  // namespace dvpe::personalize
