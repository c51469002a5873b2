// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The decision thread: makes sessions, holds a decided pod ready for each, binds it in breaks (and clips in events)
// before the first segment of it can be listed, counts what was delivered, tells render which cohorts are watching, and
// explains. The request path only reads what it leaves.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/fwd.hpp>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "node/events/naming.h"
#include "node/events/sample.h"
#include "node/events/sink.h"
#include "node/personalize/homes.h"
#include "node/personalize/profile.h"
#include "node/personalize/session_store.h"
#include "node/personalize/session_table.h"
#include "node/timeline/feed.h"
#include "shared/base/clock.h"
#include "shared/decisions/breaks.h"
#include "shared/privacy/erasure.h"
#include "shared/privacy/token.h"

namespace dvpe::personalize {

struct BindEntry;
struct SettleEntry;
struct Outcome;

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
  // The node's name in plans, and whose viewers' caps are known here.
  std::shared_ptr<const Homes> homes = std::make_shared<Homes>("node");
  // Where it tells what happened, and how it names whom; both null: nowhere. Both outlive the director.
  events::Sink* events = nullptr;
  events::Naming* naming = nullptr;
  // The decision sample that sessions go into, with a naming; null: none. It outlives the director.
  events::Sample* sample = nullptr;
  // privacy::erasureKey(), of the names under which viewers are kept in files and asked to be forgotten. Nothing, in
  // tests: their pseudonyms are kept.
  std::optional<privacy::SecretKey> erasure;
};

// Who wants to watch what: the platform's claims, or a persona's, already checked.
struct NewSession {
  std::string channel;
  privacy::SessionId id{};
  privacy::Pseudonym pseudonym{};
  model::Map attributes;
  std::vector<std::string> purposes;
};

// What a viewer says of what they see.
struct Feedback {
  Verb verb = Verb::kLike;
  std::shared_ptr<const PlacedCreative> about;  // an advertisement that was bound to the session; null: content
  std::string content;                          // at most Profile::kLongest bytes; empty: the programme as it is
  std::vector<std::string> topics;              // of the content: at most Profile::kMostTopics
  std::uint64_t number = 0;                     // the player's own, so that what is sent twice is told once
  std::int32_t day = 0;                         // of `about`: as in its impression
  std::int64_t breakNumber = 0;
  std::uint16_t slot = 0;
};

// An answer that can cross coroutines, which want a default.
struct Reply {
  base::Result<std::string> result = base::fail(base::ErrorCode::kUnavailable, "the node is stopping");
};

// The same of explain(). stranger: whose session it is, when the token is good and the session not known here.
struct Explained : Reply {
  std::optional<privacy::Pseudonym> stranger;
};

// What a channel is decided by, for status.
struct ChannelRelease {
  std::string channel, release;
  Ticks from{};
};

// Impressions of a line on this node since it began.
struct LineCounts {
  std::int64_t eligible = 0;   // sessions that could have had it in a break, but for the draw
  std::int64_t bound = 0;      // promised, in a playlist or about to be
  std::int64_t delivered = 0;  // of these: seen in time (design, section 5)
  std::int64_t returned = 0;   // of these: not delivered, and given back
  bool operator==(const LineCounts&) const = default;
};
struct Counts {
  std::int64_t breaks = 0;  // of sessions, decided
  std::map<std::string, LineCounts> lines;
};

// Who watches a channel now: sessions that asked for something lately, by their tokens.
struct Watching {
  std::shared_ptr<const decisions::Compiled> compiled;  // in force at the newest cut
  std::vector<std::string> tokens;
};

struct DirectorCounters {
  std::atomic<std::uint64_t> created{0}, repeated{0}, refused{0}, bound{0}, storeErrors{0}, expired{0};
  std::atomic<std::uint64_t> lastBindMicroseconds{0}, lastTakeoverMicroseconds{0};
  std::atomic<std::uint64_t> seconds{0};        // in each what is due was settled and committed
  std::atomic<std::uint64_t> away{0};           // of those created: with caps unknown, because home is another node
  std::atomic<std::uint64_t> contingencies{0};  // breaks of a session that were not bound as decided
  std::atomic<std::uint64_t> refreshed{0}, refreshMicroseconds{0};  // pods decided ahead, CPU time for it
  std::atomic<std::uint64_t> podAgeSeconds{0};                      // of the oldest pod that is held
  std::atomic<std::uint64_t> plan{0};                               // number of the plan that is decided by
  std::atomic<std::uint64_t> model{0};                              // the same of the model
  std::atomic<std::uint64_t> untold{0};                             // events that nobody took
  std::atomic<std::uint64_t> viewerBytes{0};                        // memory of what viewers have been shown
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
  // Why the viewer sees what they see, as JSON (docs/reference/http.md). token: as in the session's URLs. at: the break
  // that was on air then, or the last one before, as it is decided with what the viewer had been shown until it began;
  // nothing: the break to come.
  boost::asio::awaitable<Explained> explain(std::string token, std::optional<base::WallTime> at = std::nullopt);

  // Changes the session's profile, journals it, and decides anew what is to come for it: what is listed from then on is
  // by the new profile. What is bound stays. The answer is "heard" or "undone". kNotFound: no such session, or nothing
  // to undo; kUnavailable: it could not be kept, or is more than one at a time.
  boost::asio::awaitable<Reply> feedback(privacy::SessionId id, Feedback feedback);

  // Forgets viewers: their sessions here end, what was kept of them is deleted and their keys with it. What was told of
  // them before stays told; of the end nothing is. The answer: how many sessions ended. kIo: not all of it could be
  // deleted; asked for again it is.
  boost::asio::awaitable<Reply> eraseViewers(std::vector<privacy::ViewerDigest> viewers);

  // Takes over other documents while sessions go on. Every session is decided anew for what begins at or after the
  // moment; what began before stays as it was. One at a time. What was listed is never decided again: segments of the
  // new documents are not listed before every session has been through.
  boost::asio::awaitable<InForce> takeOver(Takeover next);
  // A plan that is decided by from now on; older ones than the one in force are passed over.
  void setPlan(std::shared_ptr<const decisions::Plan> plan);
  // The model that chooses from its `from` on; what is not newer than the one before is passed over. Any thread.
  void setModel(std::shared_ptr<const learning::Model> model);
  // What was counted for each line, for telemetry.
  boost::asio::awaitable<Counts> counts();

  // Sessions of viewers who agreed to audience_statistics and watch this channel now, in steps between which everything
  // else goes on. kNotFound is an empty `compiled`.
  boost::asio::awaitable<Watching> watching(std::string channel);

  // The documents of the newest cut of each channel.
  boost::asio::awaitable<std::vector<ChannelRelease>> releases();

  const DirectorCounters& counters() const { return counters_; }
  std::size_t sessions() const { return table_.size(); }

 private:
  class Feed;
  struct ChannelState;
  struct Record;
  struct Batch;

  struct ViewerState;
  struct Promise;
  struct LineCounter;
  struct Binding;

  base::Result<std::size_t> channelOf(const std::string& id) const;
  struct Era;
  // director_takeover.cpp: documents, plan, and what they make of a viewer
  Era makeEra(const ChannelState& channel, Ticks from, std::string release,
              std::shared_ptr<const decisions::Compiled> compiled, MediaCatalog media);
  std::shared_ptr<const decisions::Terms> termsOf(const ChannelState& channel, const Era& era) const;
  void renewTerms();
  void countEligible();
  std::uint32_t counterOf(const decisions::CompiledLine& line);
  decisions::Viewer viewerOf(const Record& record, const rules::Attributes& attributes) const;
  decisions::Choice choose(const ChannelState& channel, const Era& era, const decisions::Viewer& viewer) const;
  std::uint16_t cohortOf(std::size_t channel, const decisions::Choice& choice);
  bool changeCohort(ChannelState& channel, const decisions::Choice& choice, Ticks from, SessionView& view);
  bool decideAnew(ChannelState& channel, Era& era, const rules::Attributes& attributes, Record& record,
                  SessionView& view, Binding& log);
  std::size_t decideSome(std::optional<privacy::SessionId>& after, bool& more);

  // director_breaks.cpp: ready before the break, bound at it, settled after it
  decisions::Ready decideFor(Era& era, const privacy::SessionId& id, const decisions::Viewer& viewer,
                             const decisions::Choice& choice, std::int64_t breakNumber, bool count);
  void prepare(ChannelState& channel, Era& era, Record& record, const privacy::SessionId& id,
               const decisions::Viewer& viewer, const decisions::Choice& choice);
  std::shared_ptr<const BoundPod> bindClip(ChannelState& channel, const Era& era, const timeline::Span& span,
                                           const decisions::Choice& choice);
  std::shared_ptr<const BoundPod> bindBreak(ChannelState& channel, Era& era, const timeline::Span& span, int firstUnit,
                                            const privacy::SessionId& id, Record& record, const decisions::Ready& ready,
                                            bool current, Binding& log);
  std::shared_ptr<const BoundPod> bindReady(ChannelState& channel, Era& era, const timeline::Span& span,
                                            const privacy::SessionId& id, Record& record, Binding& log);
  void unbind(const timeline::Span& span, const privacy::SessionId& id, Record& record, Binding& log);
  void bindNothing(ChannelState& channel, const timeline::Span& span, const privacy::SessionId& id,
                   const Record& record, Binding& log);
  void seal(BindEntry& entry, const privacy::SessionId& id, int firstUnit, const Record& record, Binding& log);
  void giveBack(const privacy::SessionId& id, Record& record, const Promise& promise, Binding& log);
  void returnOne(Record& record, const Promise& promise);
  base::Result<void> write(Binding& log);
  base::Result<void> commit();
  void beginAnew();
  void transactionLost();
  void undo(const Binding& log);
  bool spend(std::uint32_t counter);
  std::shared_ptr<const BoundPod> intern(ChannelState& channel, BoundPod pod);
  static SessionView withPod(const ChannelState& channel, const SessionView& old, std::shared_ptr<const BoundPod> pod);
  void breakAnnounced(ChannelState& channel, const timeline::Span& span);
  void eventAnnounced(ChannelState& channel, const timeline::Span& span);
  void breakEnds(ChannelState& channel, const timeline::Span& span, Ticks end);
  boost::asio::awaitable<void> refresh();
  void refreshSome(std::size_t most);
  void refreshOne(const privacy::SessionId& id, Record& record, std::vector<SessionView>& changed);
  void settle();

  // director_viewers.cpp: what is known of viewers, counters, and what the log says of both
  void attach(const privacy::SessionClaims& claims, Record& record);
  void detach(Record& record);
  base::Result<void> store(const privacy::Pseudonym& key, ViewerState& state);
  base::Result<void> storeCounters();
  void viewersLost();
  bool dropLogged();
  base::Result<void> restoreLog();
  void decideRestored();
  void restoreBind(std::uint64_t number, const BindEntry& entry);
  void restoreSettle(std::uint64_t number, const SettleEntry& entry);

  // director_feedback.cpp: what viewers say of what they see
  struct Spoken;
  base::Result<rules::Attributes> attributesFor(privacy::SessionClaims claims, const Record& record) const;
  boost::asio::awaitable<void> hearSpoken();
  base::Result<void> hear(const Feedback& feedback, Record& record, const SessionView& old,
                          std::vector<SessionView>& changed);
  static std::vector<std::string> topicsOf(const model::Documents& documents, const PlacedCreative& about);

  privacy::Pseudonym storedNameOf(const privacy::Pseudonym& viewer) const;  // director_erasure.cpp

  // director_events.cpp: what is told of it
  void tellFeedback(const privacy::SessionId& id, const Record& record, const Feedback& feedback);
  void tell(events::Kind kind, const privacy::SessionId& id, const Record& record, std::int64_t value,
            std::string variant = {});
  void tell(events::Kind kind, const privacy::SessionId& id, const Record& record, const Promise& promise);
  void tellDecided(const Binding& log);
  void tellBreak(const ChannelState& channel, const timeline::Span& span);
  void tellRanked(const privacy::SessionId& id, const Record& record, const Promise& promise);
  void tellClip(const SessionView& view);
  void tellThere(const privacy::SessionId& id, Record& record);
  void tellEnd(const privacy::SessionId& id, Record& record);
  void flushEvents();
  void tellChosen(const privacy::SessionId& id, const Record& record, const decisions::Choice& choice);
  void tellArms(const privacy::SessionId& id, const Record& record, const Era& era, std::string_view identity,
                const Era* before);
  events::Event& begin(events::Kind kind, const Record& record);

  // director_sample.cpp: the session's part of the decision sample, a day at a time
  void beginSample(const privacy::SessionId& id, Record& record, const model::Documents& documents,
                   const rules::Attributes& attributes);
  void renewSample(const privacy::SessionId& id, Record& record);
  void countSampled(Record& record, base::WallTime breakBegins);
  void endSample(Record& record);

  std::uint16_t wordOf(const privacy::SessionClaims& claims, std::string_view attribute);

  void spanAnnounced(std::size_t channel, const timeline::Span& span);
  bool commitBound(std::string_view what, std::vector<SessionView>& bound, Binding* log, bool clips = false);
  void cutMade(std::size_t channel, const timeline::Cut& cut);
  void cellFinished(std::size_t channel, std::shared_ptr<const timeline::Cell> cell);
  void list(ChannelState& channel, std::shared_ptr<const timeline::Cell> cell);
  base::Result<void> journal(const privacy::SessionId& id, const Record& record, const SessionView& view);
  boost::asio::awaitable<base::Result<void>> committed();
  void commitSoon();
  void publishDemand(std::size_t channel);
  boost::asio::awaitable<void> housekeeping();
  void expire();
  void commitAll();
  void forget(std::map<privacy::SessionId, Record>::iterator session);
  bool restore(const privacy::SessionId& id, base::ByteView record);
  static void restoreFormer(const ChannelState& channel, const boost::json::object& record, SessionView& view);
  std::string explanation(const privacy::SessionClaims& claims, const Record& record, const SessionView& view,
                          std::optional<base::WallTime> at);
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
  struct PseudonymHash {
    std::size_t operator()(const privacy::Pseudonym& p) const {
      std::size_t h = 0;
      std::memcpy(&h, p.data(), sizeof h);  // a keyed hash already
      return h;
    }
  };
  std::unordered_map<privacy::Pseudonym, ViewerState, PseudonymHash> viewers_;
  std::vector<LineCounter> lineCounters_;
  std::map<std::string, std::uint32_t, std::less<>> counterByLine_;
  std::shared_ptr<const decisions::Plan> plan_;
  std::shared_ptr<const learning::Model> model_, nextModel_;  // in force; from its moment on
  bool planApplied_ = true, planFresh_ = false;
  std::uint32_t eras_ = 0;     // made so far
  std::uint32_t termsAt_ = 0;  // steady seconds at which terms were made
  std::optional<privacy::SessionId> refreshedUpTo_;
  struct LoggedBreak {
    std::uint64_t entry = 0;
    std::int64_t until = 0;  // seconds since 1970: out of every window by then
  };
  std::deque<LoggedBreak> logged_;
  // Of the log: the newest; when this round began; what viewers' records tell of, and tell of on disk.
  std::uint64_t newestEntry_ = 0, roundBegan_ = 0, roundUpTo_ = 0, storedUpTo_ = 0;
  bool roundFailed_ = false;                    // not all that this round stored can be kept
  std::vector<Outcome> owed_;                   // what became of promises and is not known to be on disk
  std::size_t owedWritten_ = 0;                 // of these: in the open transaction
  std::uint64_t podAge_ = 0, viewerBytes_ = 0;  // of this round so far
  std::shared_ptr<Batch> batch_;
  std::shared_ptr<Spoken> spoken_;
  std::vector<events::Event> told_;                // not yet handed over
  std::vector<std::string> words_{std::string()};  // viewers' countries and devices; the first: not known
  bool takingOver_ = false;
  boost::asio::io_context context_{1};
  std::thread thread_;
};

// What a token's claims are to conditions: "viewer.…" attributes and the purposes that were consented to.
base::Result<rules::Attributes> attributesOf(const privacy::SessionClaims& claims);

}  // namespace dvpe::personalize
