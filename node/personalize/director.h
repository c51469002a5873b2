// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The decision thread: makes sessions, binds what each of them sees in breaks and events before the first segment of
// it can be listed, tells render which cohorts are watching, and explains. The request path only reads what it leaves.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/fwd.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "node/personalize/session_store.h"
#include "node/personalize/session_table.h"
#include "node/timeline/feed.h"
#include "shared/base/clock.h"
#include "shared/decisions/breaks.h"
#include "shared/privacy/token.h"

namespace dvpe::personalize {

// A conditioned file as decisions and playlists name it.
struct MediaRef {
  std::string name;  // 16 hex digits
  int units = 0;
};
using MediaCatalog = std::map<std::string, MediaRef, std::less<>>;  // by media id

// A channel as the director needs it. channel numbers are places in the list it is given.
struct DirectedChannel {
  std::string id;
  timeline::Grid grid;
  base::WallTime epoch{};
  std::vector<std::string> languages;  // of audio tracks, in track order
  std::string slate;                   // a name in URLs
  timeline::Demand* demand = nullptr;
  std::vector<std::string> cohorts;         // the journal's: index -> id
  std::optional<timeline::CutState> state;  // the journal's
  std::function<void(std::size_t index, const std::string& id)> newCohort;
  std::function<void(std::shared_ptr<const timeline::Cell>)> listed;  // after every decision that it needs is made
  MediaCatalog media;                                                 // conditioned for the channel's profile
  Ticks window{60 * base::kTicksPerSecond};                           // how long a segment stays listed
};

// Documents that take the place of those in force.
struct Takeover {
  std::string release;  // its name, for explanations and status: "3.17"; empty: documents without one
  std::shared_ptr<const decisions::Compiled> compiled;
  std::vector<MediaCatalog> media;  // by channel
  base::WallTime effective{};       // on each channel from its first cut at or after this moment on
};

// From which tick on a release is in force, by channel.
struct InForce {
  std::vector<Ticks> from;
  bool late = false;        // its moment had passed: it begins a second from now
  std::size_t changed = 0;  // sessions that it gives something else
};

struct DirectorOptions {
  std::size_t maxSessions = 50000;
  std::chrono::seconds sessionLife{6 * 3600};
  std::string release;                // of the documents that it begins with, as in Takeover
  std::chrono::seconds watching{20};  // since its last request: a session whose variant is kept
  int readers = 1;                    // loops
};

// Who wants to watch what: the platform's claims, or a persona's, already checked.
struct NewSession {
  std::string channel;
  privacy::SessionId id{};
  privacy::Pseudonym pseudonym{};
  model::Map attributes;
  std::vector<std::string> purposes;
};

// An answer that can cross coroutines, which want a default.
struct Reply {
  base::Result<std::string> result = base::fail(base::ErrorCode::kUnavailable, "the node is stopping");
};

// What a channel is decided by, for status.
struct ChannelRelease {
  std::string channel, release;
  Ticks from{};
};

struct DirectorCounters {
  std::atomic<std::uint64_t> created{0}, repeated{0}, refused{0}, bound{0}, storeErrors{0}, expired{0};
  std::atomic<std::uint64_t> lastBindMicroseconds{0}, lastTakeoverMicroseconds{0};
};

// start() begins its thread; create() and explain() may be asked from any coroutine; they run on the director's thread.
class Director {
 public:
  Director(DirectorOptions options, std::shared_ptr<const decisions::Compiled> compiled,
           std::vector<DirectedChannel> channels, SessionStore& store, privacy::TokenSealer& tokens,
           const base::Clock& clock);
  ~Director();

  // Takes the sessions of the journal back; then runs. Before any feed or request.
  base::Result<void> start();
  void stop();

  // The listener for a channel's feed.
  timeline::FeedListener& feed(std::size_t channel);
  SessionTable& table() { return table_; }
  boost::asio::io_context::executor_type executor() { return context_.get_executor(); }

  // A token for the session, decided and journalled. A repeated id gives a token for the same session.
  boost::asio::awaitable<Reply> create(NewSession request);
  // Why the viewer sees what they see, as JSON (docs/reference/http.md). token: as in the session's URLs.
  boost::asio::awaitable<Reply> explain(std::string token);

  // Takes over other documents while sessions go on. Every session is decided anew for what begins at or after the
  // moment; what began before stays as it was. One at a time. What was listed is never decided again: segments of the
  // new documents are not listed before every session has been through.
  boost::asio::awaitable<InForce> takeOver(Takeover next);
  // The documents of the newest cut of each channel.
  boost::asio::awaitable<std::vector<ChannelRelease>> releases();

  const DirectorCounters& counters() const { return counters_; }
  std::size_t sessions() const { return table_.size(); }

 private:
  class Feed;
  struct ChannelState;
  struct Record;
  struct Batch;

  base::Result<std::size_t> channelOf(const std::string& id) const;
  struct Era;
  Era era(const ChannelState& channel, Ticks from, std::string release,
          std::shared_ptr<const decisions::Compiled> compiled, MediaCatalog media) const;
  decisions::Choice choose(const ChannelState& channel, const Era& era, const rules::Attributes& viewer) const;
  std::shared_ptr<const decisions::Terms> termsOf(const ChannelState& channel, const Era& era) const;
  std::uint16_t cohortOf(std::size_t channel, const decisions::Choice& choice);
  std::shared_ptr<const BoundPod> bind(ChannelState& channel, const Era& era, const timeline::Span& span, int firstUnit,
                                       const rules::Attributes& viewer, const privacy::SessionId& session,
                                       const decisions::Choice& choice);
  bool decideAnew(ChannelState& channel, const Era& era, const rules::Attributes& viewer, SessionView& view);
  std::size_t decideSome(std::optional<privacy::SessionId>& after, bool& more);
  std::shared_ptr<const BoundPod> intern(ChannelState& channel, BoundPod pod);
  void spanAnnounced(std::size_t channel, const timeline::Span& span);
  bool commitBound(std::string_view what, std::vector<SessionView>& bound);
  void cutMade(std::size_t channel, const timeline::Cut& cut);
  void cellFinished(std::size_t channel, std::shared_ptr<const timeline::Cell> cell);
  void list(ChannelState& channel, std::shared_ptr<const timeline::Cell> cell);
  base::Result<void> journal(const privacy::SessionId& id, const Record& record, const SessionView& view);
  boost::asio::awaitable<base::Result<void>> committed();
  void commitSoon();
  void publishDemand(std::size_t channel);
  boost::asio::awaitable<void> housekeeping();
  bool restore(const privacy::SessionId& id, base::ByteView record);
  static void restoreFormer(const ChannelState& channel, const boost::json::object& record, SessionView& view);
  std::string explanation(const privacy::SessionClaims& claims, const SessionView& view);
  std::uint32_t nowSeconds() const;

  const DirectorOptions options_;
  SessionStore& store_;
  privacy::TokenSealer& tokens_;
  const base::Clock& clock_;
  SessionTable table_;
  decisions::Decider decider_;
  DirectorCounters counters_;
  std::vector<std::unique_ptr<ChannelState>> channels_;
  std::vector<std::unique_ptr<Feed>> feeds_;
  std::map<privacy::SessionId, Record> records_;
  std::shared_ptr<Batch> batch_;
  bool takingOver_ = false;
  boost::asio::io_context context_{1};
  std::thread thread_;
};

// What a token's claims are to conditions: "viewer.…" attributes and the purposes that were consented to.
base::Result<rules::Attributes> attributesOf(const privacy::SessionClaims& claims);

}  // namespace dvpe::personalize
