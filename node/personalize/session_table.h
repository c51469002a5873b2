// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Sessions by id: read by every request loop without a lock, written by the decision thread alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <memory_resource>
#include <vector>

#include "node/personalize/session_view.h"

namespace dvpe::personalize {

// A hash table of chains whose links are the sessions themselves, side by side in a pool: a session that is not in the
// cache costs a request one miss, and the table of pages few. Readers follow atomic pointers inside a ReadScope; what
// the writer takes out or replaces is freed when no scope that could have seen it is open any more (epochs, one counter
// per loop on a cache line of its own).
class SessionTable {
 public:
  // buckets: rounded up to a power of two. readers: how many loops there are.
  SessionTable(std::size_t buckets, int readers);
  ~SessionTable();
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;

  // Open while a loop looks at views; not across anything that waits. One per reader at a time.
  class ReadScope {
   public:
    ReadScope(SessionTable& table, int reader) : epoch_(table.epochs_[static_cast<std::size_t>(reader)].value) {
      epoch_.store(epoch_.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst);  // odd: reading
    }
    ~ReadScope() { epoch_.store(epoch_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
    ReadScope(const ReadScope&) = delete;
    ReadScope& operator=(const ReadScope&) = delete;

   private:
    std::atomic<std::uint64_t>& epoch_;
  };

  // Up to which tick segments were in the newest media playlist that a session was given.
  using Listed = std::atomic<std::int64_t>;

  // Any reader inside its scope. nullptr: unknown. Marks the session as seen at `now`. listed: where to note what a
  // media playlist tells it, valid as the view is.
  const SessionView* find(const privacy::SessionId& id, std::uint32_t now, Listed** listed = nullptr) const;

  // The writer only: adds the session, or replaces its view.
  void put(SessionView&& view, std::uint32_t now);
  void erase(const privacy::SessionId& id);
  // The writer, or a reader inside its scope: does not mark the session as seen.
  const SessionView* peek(const privacy::SessionId& id) const;
  std::uint32_t lastSeen(const privacy::SessionId& id) const;
  struct Seen {
    std::uint32_t at = 0;  // steady seconds of its last request
    Ticks listed{};
  };
  Seen seen(const privacy::SessionId& id) const;
  // Frees what nobody can see any more; call now and then.
  void reclaim();
  std::size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  struct alignas(64) Epoch {
    std::atomic<std::uint64_t> value{0};
  };
  struct alignas(64) Node {
    Node(SessionView&& v, std::uint32_t now) : lastSeen(now), view(std::move(v)) {}
    std::atomic<Node*> next{nullptr};
    std::atomic<std::uint32_t> lastSeen;  // seconds of the steady clock, written by loops
    Listed listed{0};                     // likewise
    const SessionView view;
  };
  struct Retired {
    std::vector<std::uint64_t> seen;  // the readers' epochs when it was taken out
    Node* node;
  };
  using Link = std::atomic<Node*>;
  struct Place {
    Link* link;  // points to the node, or ends the chain; for the writer: a reader's may change at any time
    Node* node;  // nullptr: unknown
  };
  Place seek(const privacy::SessionId& id) const;
  void retire(Node* node);
  bool passed(const Retired& retired) const;

  std::pmr::unsynchronized_pool_resource pool_;  // the writer's; nodes are all that is in it
  std::pmr::polymorphic_allocator<> nodes_{&pool_};
  mutable std::vector<Link> buckets_;
  std::vector<Epoch> epochs_;
  std::deque<Retired> retired_;
  std::atomic<std::size_t> size_{0};
};

}  // namespace dvpe::personalize
