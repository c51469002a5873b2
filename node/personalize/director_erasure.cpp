// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// Viewers who want to be forgotten (docs/decisions/0014).
#include "node/personalize/director_binding.h"
#include "shared/base/log.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::personalize {

using base::Result;

privacy::Pseudonym Director::storedNameOf(const privacy::Pseudonym& viewer) const {
  return options_.erasure ? privacy::storedName(privacy::viewerDigest(*options_.erasure, viewer)) : viewer;
}

boost::asio::awaitable<Reply> Director::eraseViewers(std::vector<privacy::ViewerDigest> viewers) {
  std::set<privacy::Pseudonym> names;
  for (const auto& viewer : viewers) names.insert(privacy::storedName(viewer));
  flushEvents();
  if (options_.sample != nullptr) options_.sample->forget(names);
  beginAnew();
  std::size_t ended = 0;
  for (auto it = records_.begin(); it != records_.end();) {
    const auto session = it++;
    if (!names.contains(session->second.name)) continue;
    session->second.state->kept = false;  // or what it was shown would be stored when the last session goes
    forget(session);
    ++ended;
  }
  flushEvents();
  Result<void> done = commit();  // what others put goes by itself: it is not ours to lose
  if (!done && batch_) batch_->result = done;
  if (done) {
    done = store_.eraseViewers(names);
    if (!done) transactionLost();
  }
  table_.reclaim();
  if (!done) {
    ++counters_.storeErrors;
    spdlog::error("viewers who want to be forgotten are not yet reason=\"{}\"", done.error().message);
    co_return Reply{done.as_failure()};
  }
  co_return Reply{std::to_string(ended)};
}

}  // namespace dvpe::personalize
