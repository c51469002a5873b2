// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "day_run.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <thread>
#include <unordered_map>

#include "day_caps.h"
#include "shared/decisions/breaks.h"
#include "shared/decisions/pace.h"

namespace dvpe::bench {

using decisions::Plan;
using std::chrono::seconds;

namespace {

constexpr int kStep = 5;                                    // everything happens at multiples of it
constexpr int kLate = 10;                                   // reports and plans
constexpr double kLost = 0.05;                              // of either
constexpr double kLeaves = 0.02;                            // of a break's viewers, before its end
constexpr std::array<int, 3> kDecidedBefore = {0, 10, 20};  // a break; the plan may be as much older

struct Count {
  std::int64_t eligible = 0, bound = 0, delivered = 0, returned = 0;
};

struct Node {
  std::string name;
  std::vector<Count> counts;  // by line
  std::int64_t breaks = 0;
  struct InForce {
    int since = 0;
    std::shared_ptr<const Plan> plan;
  };
  std::deque<InForce> plans;           // newest last
  std::vector<std::int64_t> ceilings;  // of the newest, by line
  bool alive = true;
  const Plan* at(int time) const {
    for (auto it = plans.rbegin(); it != plans.rend(); ++it) {
      if (it->since <= time) return it->plan.get();
    }
    return nullptr;
  }
};

struct Session {
  std::uint32_t viewer = 0;
  std::uint8_t device = 0, left = 0, done = 0, node = 0;
  std::vector<std::uint32_t> lines;  // Choice::lines
};

// A slot that was bound and has not ended.
struct Pending {
  std::uint32_t viewer = 0, at = 0;
  std::uint16_t line = 0;
  std::uint8_t creative = 0, units = 0, node = 0;
  bool seen = true;  // to its end
  decisions::Key key = 0;
};

class Run {
 public:
  Run(const World& world, const std::vector<std::int64_t>& goals, const DayOptions& options)
      : world_(world),
        options_(options),
        chance_(options.seed * 977 + 5),
        documents_(world.documents(goals)),
        compiled_(compile(documents_)),
        pacer_(documents_, "day"),
        histories_(world.people.size()),
        goals_(goals) {
    for (const auto& [id, media] : documents_->media) lengths_.emplace(id, media.units);
    for (std::size_t i = 0; i < world.lines.size(); ++i) byName_.emplace(world.lines[i].name, i);
    for (int n = 0; n < kNodes; ++n) {
      Node& node = nodes_[static_cast<std::size_t>(n)];
      node.name = "node" + std::to_string(n);
      node.counts.resize(world.lines.size());
      node.ceilings.resize(world.lines.size());
    }
    for (int channel = 0; channel < kChannels; ++channel) {
      const auto* found = compiled_->channel("ch" + std::to_string(channel));
      channels_.push_back(found);
      auto& numbers = numbers_.emplace_back();
      for (const auto& line : found->lines)
        numbers.push_back(line.line == nullptr ? -1 : static_cast<int>(byName_.at(line.name)));
    }
    for (int t = 0; t < options.threads; ++t) {
      Thread& thread = threads_.emplace_back();
      for (const auto* channel : channels_) thread.workspaces.emplace_back(*channel);
    }
    arrivals_.resize(static_cast<std::size_t>(kChannels));
    for (auto& each : arrivals_) each.resize(kDaySeconds / kBreakEvery + 1);
    for (std::uint32_t viewer = 0; viewer < world.people.size(); ++viewer) {
      const Person& who = world.people[viewer];
      for (std::uint8_t device = 0; device < who.devices; ++device) {
        const std::uint8_t channel = device == 0 ? who.channel : who.second;
        const int first = firstBreak(channel, static_cast<int>(who.arrival));
        arrivals_[channel][static_cast<std::size_t>(first / kBreakEvery)].push_back({viewer, device});
      }
    }
    watching_.resize(static_cast<std::size_t>(kChannels));
    result_.delivered.resize(world.lines.size());
    minutes_.resize(kDaySeconds / 60 + 60);
    if (options.yesterday) yesterday();
  }

  DayResult run() {
    std::int64_t all = 0;
    for (const Person& who : world_.people) all += who.devices == 1 ? kBreaks : who.breaksOf(0) + who.breaksOf(1);
    for (time_ = 0; time_ <= kDaySeconds + 3 * kBreakUnits; time_ += kStep) {
      if (time_ >= kDeathAt) nodes_[kDeadNode].alive = false;
      settle();
      if (time_ % 10 == 0) report();
      carry();
      if (time_ % 10 == 5) makePlan();
      for (int channel = 0; channel < kChannels; ++channel) {
        if (time_ % kBreakEvery == channel * (kBreakEvery / kChannels)) play(channel);
      }
      if (result_.atHalf.empty() && result_.views * 2 >= all) result_.atHalf = result_.delivered;
      if (options_.talk && time_ % 3600 == 0) talk();
    }
    finish();
    return std::move(result_);
  }

 private:
  struct Thread {
    decisions::Decider decider;
    std::vector<decisions::Workspace> workspaces;             // by channel
    std::array<std::vector<std::uint32_t>, kNodes> eligible;  // by line of the channel at hand
  };
  struct Arrival {
    std::uint32_t viewer = 0;
    std::uint8_t device = 0;
  };

  static std::shared_ptr<const decisions::Compiled> compile(const std::shared_ptr<const model::Documents>& documents) {
    auto built = decisions::build(documents);
    for (const auto& each : built.errors)
      std::fprintf(stderr, "%s %s %s\n", each.document.c_str(), each.path.c_str(), each.message.c_str());
    if (!built.compiled) std::abort();
    return built.compiled;
  }
  base::WallTime wall(int time) const { return kDayBegins + seconds{time}; }
  std::uint32_t stamp(int time) const {
    return static_cast<std::uint32_t>(std::chrono::floor<seconds>(wall(time)).time_since_epoch().count());
  }
  bool lostHome(const Person& who) const { return !nodes_[who.home].alive; }

  // An ordinary day before this one, a tenth below it and without the spike: how many breaks there were, and no more.
  void yesterday() {
    constexpr int kEvery = 300;
    std::vector<double> breaks(kDaySeconds / kEvery + 1);
    for (const Person& who : world_.people) {
      const int arrival = static_cast<int>(who.arrival);
      if (arrival >= kSpikeAt && arrival < kSpikeAt + kSpikeArrives) continue;
      for (int i = 0; i < kBreaks; ++i)
        breaks[static_cast<std::size_t>((arrival + i * kBreakEvery) / kEvery)] += 0.9 / kNodes;
    }
    double all = 0;
    for (int at = 0; at < kDaySeconds; at += kEvery) {
      for (Node& node : nodes_) {
        node.breaks = static_cast<std::int64_t>(all);
        pacer_.hear({node.name, wall(at - kDaySeconds), 0, node.breaks, {}});
      }
      all += breaks[static_cast<std::size_t>(at / kEvery)];
    }
  }

  // ---- what nodes and the coordinator send one another

  void report() {
    for (int n = 0; n < kNodes; ++n) {
      const Node& node = nodes_[static_cast<std::size_t>(n)];
      if (!node.alive || chance_.in(kLost)) continue;
      decisions::NodeReport out{
          node.name, wall(time_), node.plans.empty() ? 0 : node.plans.back().plan->number, node.breaks, {}};
      for (std::size_t i = 0; i < node.counts.size(); ++i) {
        const Count& of = node.counts[i];
        if (of.eligible != 0 || of.bound != 0)
          out.lines.push_back({world_.lines[i].name, of.eligible, of.bound, of.delivered, of.returned});
      }
      reports_.emplace_back(time_ + kLate, std::move(out));
    }
  }

  void carry() {
    while (!reports_.empty() && reports_.front().first <= time_) {
      pacer_.hear(reports_.front().second);
      reports_.pop_front();
    }
    while (!sent_.empty() && sent_.front().time <= time_) {
      Node& node = nodes_[static_cast<std::size_t>(sent_.front().node)];
      const std::shared_ptr<const Plan> plan = sent_.front().plan;
      sent_.pop_front();
      if (!node.alive) continue;
      node.plans.push_back({time_, plan});
      if (node.plans.size() > 8) node.plans.pop_front();
      for (std::size_t i = 0; i < node.ceilings.size(); ++i)
        node.ceilings[i] = plan->ceiling(node.name, world_.lines[i].name);
    }
  }

  void makePlan() {
    const auto plan = std::make_shared<const Plan>(pacer_.plan(wall(time_)));
    for (int n = 0; n < kNodes; ++n) {
      if (!chance_.in(kLost)) sent_.push_back({time_ + kLate, n, plan});
    }
  }

  // ---- a break

  void play(int channel) {
    auto& watching = watching_[static_cast<std::size_t>(channel)];
    for (const Arrival& each :
         arrivals_[static_cast<std::size_t>(channel)][static_cast<std::size_t>(time_ / kBreakEvery)]) {
      const Person& who = world_.people[each.viewer];
      Session session;
      session.viewer = each.viewer;
      session.device = each.device;
      session.left = static_cast<std::uint8_t>(who.breaksOf(each.device));
      session.node = who.home;
      watching.push_back(std::move(session));
    }
    if (watching.empty()) return;
    for (Session& each : watching) {
      if (each.done == world_.people[each.viewer].moves)
        each.node = static_cast<std::uint8_t>((each.node + 1 + each.viewer % 2) % kNodes);
      if (!nodes_[each.node].alive) each.node = static_cast<std::uint8_t>((each.node + 1 + each.viewer % 2) % kNodes);
    }
    makeTerms(channel);
    ready_.resize(watching.size());
    std::vector<std::thread> others;
    const std::size_t part = (watching.size() + threads_.size() - 1) / threads_.size();
    for (std::size_t t = 0; t < threads_.size(); ++t) {
      const std::size_t from = std::min(t * part, watching.size()), until = std::min(from + part, watching.size());
      const auto work = [this, channel, t, from, until] { decide(channel, threads_[t], from, until); };
      if (t + 1 < threads_.size() && part > 200) {
        others.emplace_back(work);
      } else {
        work();
      }
    }
    for (std::thread& each : others) each.join();
    count(channel);
    soldKnown_ = soldUnknown_ = known_ = unknown_ = 0;
    batches_.push_back({time_ + kBreakUnits, {}});
    for (std::size_t i = 0; i < watching.size(); ++i) bind(channel, watching[i], ready_[i], batches_.back().second);
    const auto views = static_cast<std::int64_t>(watching.size());
    result_.views += views;
    result_.unknownViews += unknown_;
    minutes_[static_cast<std::size_t>(time_ / 60)] += views;
    sold_ += soldKnown_ + soldUnknown_;
    if (known_ > 0) {
      lostUnits_ += static_cast<double>(soldKnown_) / static_cast<double>(known_) * static_cast<double>(unknown_) -
                    static_cast<double>(soldUnknown_);
    }
    for (Session& each : watching) {
      --each.left;
      ++each.done;
    }
    std::erase_if(watching, [](const Session& each) { return each.left == 0; });
  }

  int lagOf(const Session& session) const { return static_cast<int>(session.viewer / 7 % kDecidedBefore.size()); }

  // Terms of each node and lag: of the plan that was in force there then.
  void makeTerms(int channel) {
    std::map<std::pair<const Plan*, int>, std::shared_ptr<const decisions::Terms>> made;
    for (std::size_t n = 0; n < kNodes; ++n) {
      for (std::size_t lag = 0; lag < kDecidedBefore.size(); ++lag) {
        const int at = time_ - kDecidedBefore[lag];
        std::shared_ptr<const Plan> plan;
        for (const auto& each : nodes_[n].plans) {
          if (each.since <= at) plan = each.plan;
        }
        auto& terms = made[{plan.get(), static_cast<int>(lag)}];
        if (!terms) {
          terms = std::make_shared<decisions::Terms>(
              compiled_, channels_[static_cast<std::size_t>(channel)]->channel->id, plan, wall(at),
              [this](std::string_view media) { return lengths_.find(std::string{media})->second; });
        }
        terms_[n][lag] = terms;
      }
    }
  }

  decisions::Ready decideOne(int channel, Thread& thread, const Session& session, std::size_t lag,
                             std::vector<std::uint32_t>* eligible) {
    const Person& who = world_.people[session.viewer];
    const decisions::Viewer viewer{nobody_, wall(time_ - kDecidedBefore[lag]),
                                   lostHome(who) ? nullptr : &histories_[session.viewer]};
    decisions::Choice choice;
    choice.lines = session.lines;
    const std::string id = "s" + std::to_string(session.viewer) + "-" + std::to_string(session.device);
    return thread.decider.decide(*terms_[session.node][lag], choice, viewer,
                                 {id, static_cast<std::uint64_t>(time_ / kBreakEvery * 100 + channel)}, eligible);
  }

  void decide(int channel, Thread& thread, std::size_t from, std::size_t until) {
    for (auto& each : thread.eligible) each.assign(channels_[static_cast<std::size_t>(channel)]->lines.size(), 0);
    auto& watching = watching_[static_cast<std::size_t>(channel)];
    for (std::size_t i = from; i < until; ++i) {
      Session& session = watching[i];
      if (session.done == 0) {
        const rules::Attributes who = world_.attributes(session.viewer);
        session.lines = choose(*compiled_, channels_[static_cast<std::size_t>(channel)]->channel->id, who,
                               &thread.workspaces[static_cast<std::size_t>(channel)])
                            .lines;
        session.lines.shrink_to_fit();
      }
      ready_[i] =
          decideOne(channel, thread, session, static_cast<std::size_t>(lagOf(session)), &thread.eligible[session.node]);
    }
  }

  void count(int channel) {
    const auto& numbers = numbers_[static_cast<std::size_t>(channel)];
    for (Thread& thread : threads_) {
      for (std::size_t n = 0; n < kNodes; ++n) {
        for (std::size_t i = 0; i < thread.eligible[n].size(); ++i) {
          if (numbers[i] >= 0) nodes_[n].counts[static_cast<std::size_t>(numbers[i])].eligible += thread.eligible[n][i];
        }
        thread.eligible[n].clear();
      }
    }
  }

  void bind(int channel, const Session& session, decisions::Ready& ready, std::vector<Pending>& pending) {
    const Person& who = world_.people[session.viewer];
    Node& node = nodes_[session.node];
    ++node.breaks;
    const bool home = !lostHome(who);
    auto lag = static_cast<std::size_t>(lagOf(session));
    if (home && histories_[session.viewer].version() != ready.historyVersion) {
      lag = 0;
      ready = decideOne(channel, threads_[0], session, lag, nullptr);
      ++result_.decidedAgain;
    }
    for (const auto& pod : ready.pods) result_.inexact += pod.exact ? 0 : 1;
    const auto& numbers = numbers_[static_cast<std::size_t>(channel)];
    const bool inLife = !node.plans.empty() && wall(time_) - node.plans.back().plan->made <= decisions::kPlanLife;
    const auto spend = [&](std::uint32_t line) {
      const auto number = static_cast<std::size_t>(numbers[line]);
      Count& count = node.counts[number];
      if (!inLife || count.bound - count.returned >= node.ceilings[number]) return false;
      ++count.bound;
      return true;
    };
    const decisions::Terms& terms = *terms_[session.node][lag];
    const decisions::Bound bound = decisions::bind(terms, ready, kBreakUnits, true, spend);
    result_.contingencies += bound.contingency ? 1 : 0;
    const int stays = chance_.in(kLeaves) ? chance_.below(kBreakUnits) : kBreakUnits;
    int from = 0;
    std::int64_t sold = 0;
    for (const decisions::Slot& slot : bound.slots) {
      const int number = numbers[slot.line];
      const int end = from + slot.units;
      if (number >= 0) {
        sold += slot.units;
        ++result_.bound;
        const auto keys = terms.channel().lines[slot.line].keys(slot.creative);
        if (home) histories_[session.viewer].add({stamp(time_ + from), keys});
        pending.push_back({session.viewer, static_cast<std::uint32_t>(time_ + from), static_cast<std::uint16_t>(number),
                           static_cast<std::uint8_t>(slot.creative), static_cast<std::uint8_t>(slot.units),
                           session.node, end <= stays, keys.creative});
      }
      from = end;
    }
    ++(home ? known_ : unknown_);
    (home ? soldKnown_ : soldUnknown_) += sold;
  }

  // What has ended was delivered, or goes back to where it was bound.
  void settle() {
    while (!batches_.empty() && batches_.front().first <= time_) {
      for (const Pending& each : batches_.front().second) {
        Node& node = nodes_[each.node];
        Count& count = node.counts[each.line];
        const int end = static_cast<int>(each.at) + each.units;
        if (each.node == kDeadNode && end > kDeathAt) {
          ++result_.lost;  // nobody ever hears of it
          continue;
        }
        if (each.seen) {
          ++count.delivered;
          ++result_.delivered[each.line];
          impressions_.push_back({each.viewer, each.at, each.line, each.creative});
          continue;
        }
        ++count.returned;
        ++result_.returned;
        if (!lostHome(world_.people[each.viewer]))
          histories_[each.viewer].takeBack(stamp(static_cast<int>(each.at)), each.key);
      }
      batches_.pop_front();
    }
  }

  void finish() {
    const auto units = static_cast<double>(result_.views) * kBreakUnits;
    result_.filled = static_cast<double>(sold_) / units;
    result_.lostToCapsUnknown = std::max(lostUnits_, 0.0) / units;
    result_.most = *std::max_element(minutes_.begin(), minutes_.end());
    const auto tenMinutes = [&](int from) {
      std::int64_t out = 0;
      for (int m = 0; m < 10; ++m) out += minutes_[static_cast<std::size_t>(from) / 60 + static_cast<std::size_t>(m)];
      return static_cast<double>(out);
    };
    result_.spike = tenMinutes(kSpikeAt + 2 * kSpikeArrives) / std::max(tenMinutes(kSpikeAt - kSpikeArrives), 1.0);
    const CapCheck check = checkCaps(world_, std::move(impressions_), options_.threads);
    result_.capsBroken = check.broken;
    result_.capsChecked = check.checked;
  }

  void talk() const {
    std::fprintf(stderr, "%02d:00 views %lld filled %.3f contingencies %lld again %lld inexact %lld\n", time_ / 3600,
                 static_cast<long long>(result_.views),
                 static_cast<double>(sold_) / std::max(1.0, static_cast<double>(result_.views) * kBreakUnits),
                 static_cast<long long>(result_.contingencies), static_cast<long long>(result_.decidedAgain),
                 static_cast<long long>(result_.inexact));
    if (time_ % (3 * 3600) != 0) return;
    std::vector<std::pair<double, std::size_t>> behind;
    for (std::size_t i = 0; i < world_.lines.size(); ++i) {
      if (const auto of = pacer_.standing(world_.lines[i].name)) behind.emplace_back(-of->needed, i);
    }
    std::sort(behind.begin(), behind.end());
    for (std::size_t k = 0; k < 6 && k < behind.size(); ++k) {
      const std::size_t i = behind[k].second;
      const auto of = pacer_.standing(world_.lines[i].name);
      std::fprintf(stderr, "   %-8s goal %lld spent %lld needed %.3f won %.3f urgency %.2f worth %lld u%d\n",
                   world_.lines[i].name.c_str(), static_cast<long long>(of->most), static_cast<long long>(of->spent),
                   of->needed, of->won, of->urgency, static_cast<long long>(world_.lines[i].worth),
                   world_.lines[i].longest());
    }
  }

  const World& world_;
  DayOptions options_;
  Chance chance_;
  std::shared_ptr<const model::Documents> documents_;
  std::shared_ptr<const decisions::Compiled> compiled_;
  decisions::Pacer pacer_;
  std::vector<decisions::History> histories_;  // by viewer: at the home
  std::vector<std::int64_t> goals_;
  rules::Attributes nobody_;  // what is decided after choosing asks for no attribute

  std::unordered_map<std::string, int> lengths_;
  std::unordered_map<std::string, std::size_t> byName_;
  std::array<Node, kNodes> nodes_;
  std::vector<const decisions::Compiled::CompiledChannel*> channels_;
  std::vector<std::vector<int>> numbers_;  // by channel and its line: of the world's, -1: house
  std::deque<Thread> threads_;
  std::vector<std::vector<std::vector<Arrival>>> arrivals_;  // by channel and break
  std::vector<std::vector<Session>> watching_;               // by channel
  std::vector<decisions::Ready> ready_;
  std::array<std::array<std::shared_ptr<const decisions::Terms>, kDecidedBefore.size()>, kNodes> terms_;

  struct Sent {
    int time = 0, node = 0;
    std::shared_ptr<const Plan> plan;
  };
  std::deque<Sent> sent_;
  std::deque<std::pair<int, decisions::NodeReport>> reports_;
  std::deque<std::pair<int, std::vector<Pending>>> batches_;
  std::vector<Impression> impressions_;

  int time_ = 0;
  std::int64_t soldKnown_ = 0, soldUnknown_ = 0, known_ = 0, unknown_ = 0, sold_ = 0;
  double lostUnits_ = 0;
  std::vector<std::int64_t> minutes_;
  DayResult result_;
};

}  // namespace

DayResult playDay(const World& world, const std::vector<std::int64_t>& goals, const DayOptions& options) {
  return Run{world, goals, options}.run();
}

}  // namespace dvpe::bench
