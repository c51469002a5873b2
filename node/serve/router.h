// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the node answers over HTTP (design, section 9): playlists, segments, sessions, explain, cues, operations.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "node/package/creative.h"
#include "node/package/window.h"
#include "node/personalize/director.h"
#include "node/serve/event_intake.h"
#include "node/serve/handles.h"
#include "node/serve/http/handler.h"
#include "node/serve/metrics.h"
#include "node/serve/placed_cache.h"
#include "node/serve/player/assets.h"
#include "node/serve/playlists/assemble.h"
#include "node/timeline/inlet.h"
#include "shared/base/clock.h"
#include "shared/privacy/secret.h"
#include "shared/privacy/token.h"

namespace dvpe::serve {

// A person of the demo: attributes and consent as a platform's token would carry them.
struct Persona {
  std::string title;
  model::Map attributes;
  std::vector<std::string> purposes;
};

// One channel as the router serves it. Pointers outlive the router.
struct ServedChannel {
  ChannelFacts facts;
  package::Window* window = nullptr;
  timeline::Inlet* inlet = nullptr;
  std::string title;
};

// Claims of a platform's token, or why it is refused. Thread-safe.
struct PlatformIdentity {
  std::string jti, subject;
  std::string channel;  // the only one that it may see; empty: any
  model::Map attributes;
  std::vector<std::string> purposes;
};
using TokenVerifier = std::function<base::Result<PlatformIdentity>(std::string_view jwt)>;

struct RouterOptions {
  std::vector<ServedChannel> channels;
  std::map<std::string, std::shared_ptr<const package::Creative>> creatives;  // by name in URLs
  std::map<std::string, Persona> personas;                                    // empty: not a demo
  TokenVerifier verifier;                                                     // empty: no platform tokens
  std::string operatorKey;                                                    // bearer for cues; empty: refused
  std::optional<privacy::SessionKeys> sessionKeys;                            // required
  std::optional<privacy::SecretKey> pseudonymKey;                             // names viewers and sessions; required
  int loops = 1;
  std::function<bool()> ready;  // for /readyz
  std::shared_ptr<const personalize::Homes> homes = std::make_shared<personalize::Homes>("node");
  // Where what players tell is kept, and how it names whom; both null: it is not taken. Both outlive the router.
  events::Sink* events = nullptr;
  events::Naming* naming = nullptr;
  // Keeps a viewer's wish to be forgotten before it answers, with the request's id, and has it done elsewhere; here the
  // director does it. Any loop. Empty: such wishes are not taken.
  using Erase = std::function<base::Result<std::string>(const privacy::Pseudonym& viewer)>;
  Erase erase;
  std::optional<privacy::SecretKey> erasure;  // privacy::erasureKey(), with it
};

class Router final : public Handler {
 public:
  Router(RouterOptions options, personalize::Director& director, const PlayerAssets& player, Metrics& metrics,
         const base::Clock& clock, base::Random& random);
  ~Router() override;

  // The bearer for cues from now on. Any thread.
  void setOperatorKey(std::string key);

  // Creatives that can be asked for from now on, besides those that there are. Any thread.
  void addCreatives(const std::map<std::string, std::shared_ptr<const package::Creative>>& creatives);

  // A cell is listed from now on. From the director's thread, in order for each channel.
  void listed(std::size_t channel, std::shared_ptr<const timeline::Cell> cell);

  bool handle(int loop, const Request& request, Response& response) override;
  boost::asio::awaitable<void> handleSlow(int loop, const Request& request, Response& response) override;

 private:
  struct Cut {
    Ticks start{}, end{};
  };
  // What loops read of a channel; replaced as a whole.
  struct Snapshot {
    std::shared_ptr<const Window> window;
    std::vector<Cut> cuts;  // ascending: which starts /c/ accepts, and where those cells end
  };
  struct ChannelState {
    explicit ChannelState(ChannelFacts f) : skeleton(std::move(f)) {}
    Skeleton skeleton;
    std::vector<std::string> multivariants;  // by default audio track
    std::mutex mutex;
    std::shared_ptr<const Snapshot> snapshot = std::make_shared<const Snapshot>();
    std::atomic<std::uint64_t> version{0};
  };
  using Creatives = std::map<std::string, std::shared_ptr<const package::Creative>, std::less<>>;
  // A loop's own: no other thread touches it.
  struct alignas(64) Loop {
    std::unique_ptr<privacy::TokenOpener> opener;
    std::vector<std::shared_ptr<const Snapshot>> snapshots;
    std::vector<std::uint64_t> versions;
    std::shared_ptr<const Creatives> creatives;
    std::uint64_t creativesVersion = 0;
    PlacedCache placed;
    std::uint64_t playlists = 0;
  };

  bool playlist(int loop, const Request& request, std::string_view path, Response& response);
  bool segment(std::string_view path, Response& response);
  bool conditioned(int loop, std::string_view path, Response& response);
  base::Result<PlacedCache::Placed> place(Loop& loop, std::string_view path);
  void operations(const Request& request, Response& response);
  const Snapshot& snapshot(Loop& loop, std::size_t channel);
  const Creatives& creatives(Loop& loop);
  std::size_t channelOf(std::string_view id) const;

  bool sentHome(const privacy::Pseudonym& viewer, const Request& request, Response& response);
  std::string_view origin() const;
  boost::asio::awaitable<void> explain(std::string_view token, const Request& request, Response& response);
  boost::asio::awaitable<void> newSession(const Request& request, Response& response);
  boost::asio::awaitable<void> live(const Request& request, Response& response);
  boost::asio::awaitable<void> events(int loop, const Request& request, Response& response);
  boost::asio::awaitable<void> erasure(int loop, const Request& request, Response& response);
  base::Result<privacy::Pseudonym> whoseToken(int loop, const boost::json::object& body);
  boost::asio::awaitable<void> feedback(int loop, const Request& request, Response& response);
  template <class T, class Look>
  base::Result<T> withSession(int loop, const boost::json::object& body, const Look& look);
  base::Result<personalize::Feedback> readFeedback(const boost::json::object& body,
                                                   const personalize::SessionView& view) const;
  boost::asio::awaitable<void> cues(const Request& request, Response& response);
  base::Result<personalize::NewSession> identify(const std::string& channel, std::string_view persona,
                                                 std::string_view jwt);
  std::string strangerAtHome(std::string subject);

  const RouterOptions options_;
  personalize::Director& director_;
  const PlayerAssets& player_;
  Metrics& metrics_;
  const base::Clock& clock_;
  base::Random& random_;
  std::vector<std::unique_ptr<ChannelState>> channels_;
  std::vector<Loop> loops_;

  std::mutex creativesMutex_;
  std::shared_ptr<const Creatives> creatives_;
  std::atomic<std::uint64_t> creativesVersion_{0};

  // What POST /v1/sessions and cues may wait for; never locked on the request path.
  std::mutex operatorMutex_;
  std::string operatorKey_;
  Handles handles_{clock_, random_};
  Histogram& assembleSeconds_;
  Counter& refusedTokens_;
  Counter& sentHome_;
  Counter& eventsAccepted_;
  Counter& eventsRefused_;
  Counter& feedbackHeard_;
  Counter& feedbackRefused_;
  std::unique_ptr<EventIntake> intake_;  // null: events are not taken
};

}  // namespace dvpe::serve
