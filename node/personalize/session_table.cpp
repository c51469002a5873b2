// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/personalize/session_table.h"

#include <bit>
#include <cstring>

namespace dvpe::personalize {

SessionTable::SessionTable(std::size_t buckets, int readers)
    : buckets_(std::bit_ceil(std::max<std::size_t>(buckets, 16))),
      epochs_(static_cast<std::size_t>(std::max(readers, 1))) {}

SessionTable::~SessionTable() {
  for (auto& head : buckets_) {
    for (Node* n = head.load(); n != nullptr;) {
      const std::unique_ptr<Node> own(n);
      const std::unique_ptr<const SessionView> view(n->view.load());
      n = n->next.load();
    }
  }
}

std::atomic<SessionTable::Node*>& SessionTable::bucket(const privacy::SessionId& id) const {
  std::uint64_t h = 0;  // an HMAC: its bytes are as good as any hash of them
  std::memcpy(&h, id.data(), sizeof h);
  return buckets_[h & (buckets_.size() - 1)];
}

SessionTable::Node* SessionTable::node(const privacy::SessionId& id) const {
  // Ordered after the scope's epoch, so that the writer either sees the scope or is seen (a load like any other on
  // x86).
  for (Node* n = bucket(id).load(std::memory_order_seq_cst); n != nullptr;
       n = n->next.load(std::memory_order_seq_cst)) {
    if (n->id == id) return n;
  }
  return nullptr;
}

const SessionView* SessionTable::find(const privacy::SessionId& id, std::uint32_t now) const {
  Node* n = node(id);
  if (n == nullptr) return nullptr;
  if (n->lastSeen.load(std::memory_order_relaxed) != now) n->lastSeen.store(now, std::memory_order_relaxed);
  return n->view.load(std::memory_order_seq_cst);
}

const SessionView* SessionTable::peek(const privacy::SessionId& id) const {
  const Node* n = node(id);
  return n != nullptr ? n->view.load(std::memory_order_relaxed) : nullptr;
}

std::uint32_t SessionTable::lastSeen(const privacy::SessionId& id) const {
  const Node* n = node(id);
  return n != nullptr ? n->lastSeen.load(std::memory_order_relaxed) : 0;
}

void SessionTable::put(std::unique_ptr<const SessionView> view, std::uint32_t now) {
  if (Node* n = node(view->id)) {
    retire(std::unique_ptr<const SessionView>(n->view.exchange(view.release(), std::memory_order_seq_cst)), nullptr);
    return;
  }
  auto fresh = std::make_unique<Node>();
  fresh->id = view->id;
  fresh->lastSeen.store(now, std::memory_order_relaxed);
  auto& head = bucket(view->id);
  fresh->view.store(view.release(), std::memory_order_relaxed);
  fresh->next.store(head.load(std::memory_order_relaxed), std::memory_order_relaxed);
  head.store(fresh.release(), std::memory_order_release);
  size_.fetch_add(1, std::memory_order_relaxed);
}

void SessionTable::erase(const privacy::SessionId& id) {
  std::atomic<Node*>* at = &bucket(id);
  for (Node* n = at->load(); n != nullptr; at = &n->next, n = at->load()) {
    if (n->id != id) continue;
    at->store(n->next.load(), std::memory_order_seq_cst);
    retire(std::unique_ptr<const SessionView>(n->view.load()), std::unique_ptr<Node>(n));
    size_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
}

void SessionTable::retire(std::unique_ptr<const SessionView> view, std::unique_ptr<Node> node) {
  Retired r{{}, std::move(view), std::move(node)};
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
  while (!retired_.empty() && passed(retired_.front())) retired_.pop_front();
}

}  // namespace dvpe::personalize
