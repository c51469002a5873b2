// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <algorithm>
#include <numeric>
#include <span>

#include "shared/decisions/breaks.h"
#include "shared/decisions/impl/draw.h"
#include "shared/decisions/impl/wide.h"

namespace dvpe::decisions {

namespace {

using model::CapPeriod;

constexpr std::size_t kMostSpare = 4;
constexpr std::size_t kMostCandidates = 1'024;  // of more, those of the highest priority and worth take part
constexpr const char* kTooMany = "very many others are worth more";
constexpr int kManyLeft = 255;

std::chrono::seconds within(CapPeriod period) {
  switch (period) {
    case CapPeriod::kHour:
      return std::chrono::hours{1};
    case CapPeriod::kDay:
      return std::chrono::hours{24};
    case CapPeriod::kFlight:
      return std::chrono::seconds::max();
  }
  return std::chrono::seconds::max();
}

std::string describe(const CapOf& cap) {
  static constexpr const char* kLevel[] = {"the creative", "the line", "the campaign", "the advertiser"};
  static constexpr const char* kPeriod[] = {"an hour", "a day", "the flight"};
  return std::string{kLevel[static_cast<std::size_t>(cap.level)]} + " has been shown " +
         std::to_string(cap.cap.impressions) + " times in " + kPeriod[static_cast<std::size_t>(cap.cap.per)];
}

// Why a line is not shown to a viewer, before the draw.
struct No {
  enum class Why : std::uint8_t {
    kNone,
    kClosed,
    kArm,
    kHidden,
    kCreatives,
    kLong,
    kCapsUnknown,
    kCap
  } why = Why::kNone;
  const CapOf* cap = nullptr;
};

std::string describe(Closed closed, const CompiledLine& line) {
  switch (closed) {
    case Closed::kOpen:
      break;
    case Closed::kNever:
      return line.never;
    case Closed::kHeld:
      return "held";
    case Closed::kEarly:
      return "its flight has not begun";
    case Closed::kOver:
      return "its flight is over";
    case Closed::kDaypart:
      return "not at this time of the day";
    case Closed::kNoPlan:
      return "no plan for it yet";
    case Closed::kStopped:
      return "the plan stops it: its goal or budget is reached";
  }
  return {};
}

std::string describe(const No& no, Closed closed, const CompiledLine& line) {
  switch (no.why) {
    case No::Why::kNone:
      break;
    case No::Why::kClosed:
      return describe(closed, line);
    case No::Why::kArm:
      return "the viewer is not in its arm of the experiment";
    case No::Why::kHidden:
      return "the viewer does not want to see it";
    case No::Why::kCreatives:
      return "none of its creatives can be shown";  // the explanation tells why of each
    case No::Why::kLong:
      return "longer than any break";
    case No::Why::kCapsUnknown:
      return "its caps cannot be known here";
    case No::Why::kCap:
      return describe(*no.cap);
  }
  return {};
}

Refusal refusal(const No& no, Closed closed) {
  switch (no.why) {
    case No::Why::kNone:
      return Refusal::kNone;
    case No::Why::kClosed:
      return closed == Closed::kNoPlan || closed == Closed::kStopped ? Refusal::kPlan : Refusal::kClosed;
    case No::Why::kArm:
      return Refusal::kArm;
    case No::Why::kHidden:
      return Refusal::kHidden;
    case No::Why::kCreatives:
    case No::Why::kLong:
      return Refusal::kCreatives;
    case No::Why::kCapsUnknown:
    case No::Why::kCap:
      return Refusal::kCap;
  }
  return Refusal::kNone;
}

// One priority above another counts 2^13 times as much: more than prices and urgency differ. Within one the worth
// decides, and of equal worth the longer; a sponsorship without a price for impressions counts like one at a CPM of 8.
std::int64_t withPriority(const CompiledLine& line, std::int64_t worth, int units) {
  switch (line.line->priority) {
    case model::Priority::kSponsorship:
      return (std::max<std::int64_t>(worth, 1 << 13) << 26) + units;
    case model::Priority::kStandard:
      return (worth << 13) + units;
    case model::Priority::kBulk:
      break;
  }
  return worth;
}

std::uint32_t inMillionths(std::uint64_t draw) {
  return static_cast<std::uint32_t>(static_cast<impl::UnsignedWide>(draw) * kWholeRate >> 64);
}

}  // namespace

struct Decider::Impl {
  struct Candidate {
    std::uint32_t line = 0;
    std::uint64_t order = 0;
    std::uint64_t rotation = 0;
  };
  struct Offer {
    Slot slot;
    std::int64_t worth = 0;  // with priority
    bool spare = true;       // could stand in for another
  };
  // Room that is shared by what has the same key: a campaign's, an advertiser's, a creative's.
  struct Shared {
    Key key = 0;
    std::uint16_t group = 0;
    std::size_t at = 0;  // in sharedAt
  };

  Ready decide(const Terms& terms, const Choice& choice, const Viewer& viewer, const Moment& moment,
               std::vector<std::uint32_t>* eligible, std::vector<Consideration>* report);
  void judge(std::vector<std::uint32_t>* eligible);
  No refuse(std::uint32_t line) const;
  No refuse(const CompiledCreative& creative, int units, bool house) const;
  int room(const CapOf& cap) const;
  const CapOf* reached(const std::vector<CapOf>& caps) const;
  void takeDraws(const Moment& moment);
  void fewer();
  void offer(const Candidate& candidate);
  void offer(const Candidate& candidate, std::uint16_t creative);
  std::uint16_t turn(std::uint32_t number, std::span<const std::uint16_t> of, std::uint64_t draw);
  std::uint16_t rank(std::uint32_t number, std::span<const std::uint16_t> of, std::uint64_t draw);
  void keepRankings(Ready& out);
  std::uint16_t sharedRoom(Key key, const std::vector<CapOf>* caps = nullptr);
  std::size_t sharedPlace(Key key) const;
  void growShared();
  void house(Ready& out);
  int houseRoom(const CompiledLine& line, const Ready& out) const;
  void pods(Ready& out);
  void tell(const Ready& out);
  Consideration* told(std::uint32_t line);

  const Terms* terms = nullptr;
  const Viewer* viewer = nullptr;
  const Choice* choice = nullptr;
  std::uint32_t now = 0;
  int longest = 0;     // break
  bool known = false;  // what the viewer has seen
  std::vector<Consideration>* report = nullptr;

  impl::Draws draws;
  std::vector<impl::Draws::Ask> asks;
  std::vector<Candidate> candidates;
  std::vector<std::uint32_t> houseLines;
  std::vector<std::uint16_t> able;
  std::vector<Offer> offers;
  std::vector<Bid> bids;
  std::vector<Ranked> ranked;
  std::optional<learning::Features> facts;  // of the viewer, once a line asks for them
  std::vector<learning::Candidate> ranking;
  learning::Ranking weights;
  std::vector<std::uint8_t> rooms;
  std::vector<Shared> shared;
  std::vector<std::uint32_t> sharedAt;  // by hash of the key: place in `shared`, from 1; 0: none
  PodSolver solver;
};

Decider::Decider() : impl_(std::make_unique<Impl>()) {}
Decider::~Decider() = default;

Ready Decider::decide(const Terms& terms, const Choice& choice, const Viewer& viewer, const Moment& moment,
                      std::vector<std::uint32_t>* eligible) {
  return impl_->decide(terms, choice, viewer, moment, eligible, nullptr);
}

Ready Decider::decide(const Terms& terms, const Choice& choice, const Viewer& viewer, const Moment& moment,
                      std::vector<Consideration>& report) {
  return impl_->decide(terms, choice, viewer, moment, nullptr, &report);
}

Ready Decider::Impl::decide(const Terms& t, const Choice& c, const Viewer& v, const Moment& moment,
                            std::vector<std::uint32_t>* eligible, std::vector<Consideration>* r) {
  terms = &t;
  viewer = &v;
  choice = &c;
  report = r;
  const base::WallTime at = v.at.value_or(t.at());
  now = static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count());
  known = v.history && v.history->complete();
  longest =
      t.channel().channel && !t.channel().channel->breakLengths.empty() ? t.channel().channel->breakLengths.back() : 0;
  candidates.clear();
  houseLines.clear();
  offers.clear();
  bids.clear();
  ranked.clear();
  facts.reset();
  for (const Shared& each : shared) sharedAt[each.at] = 0;
  shared.clear();
  rooms.assign(t.channel().categories.size() + 2, 1);  // of each category one; one first, one last
  Ready out;
  out.breakNumber = moment.breakNumber;
  out.plan = t.plan() ? t.plan()->number : 0;
  out.historyVersion = v.history ? v.history->version() : 0;
  judge(eligible);
  takeDraws(moment);
  for (const Candidate& candidate : candidates) offer(candidate);
  pods(out);
  keepRankings(out);
  house(out);
  if (report) tell(out);
  return out;
}

Consideration* Decider::Impl::told(std::uint32_t line) {
  const auto found =
      std::find_if(report->begin(), report->end(), [&](const Consideration& each) { return each.line == line; });
  return found == report->end() ? nullptr : &*found;
}

// Everything but the draw.
void Decider::Impl::judge(std::vector<std::uint32_t>* eligible) {
  for (const std::uint32_t line : choice->lines) {
    const LineTerms& of = terms->of(line);
    const No no = refuse(line);
    if (report) {
      report->push_back(
          {line, describe(no, of.closed, terms->channel().lines[line]), refusal(no, of.closed), of.worth, 0, 0, 0});
    }
    if (no.why != No::Why::kNone) continue;
    if (terms->channel().lines[line].house()) {
      houseLines.push_back(line);
      continue;
    }
    if (eligible) ++(*eligible)[line];
    candidates.push_back({line, 0, 0});
  }
}

// The first reason for which a line is not shown to this viewer.
No Decider::Impl::refuse(std::uint32_t number) const {
  using Why = No::Why;
  const CompiledLine& line = terms->channel().lines[number];
  const LineTerms& of = terms->of(number);
  if (of.closed != Closed::kOpen) return {Why::kClosed};
  if (!inArm(line.arm, viewer->attributes.identity())) return {Why::kArm};
  if (viewer->hidden != nullptr &&
      std::find(viewer->hidden->begin(), viewer->hidden->end(), line.campaign->id) != viewer->hidden->end())
    return {Why::kHidden};
  if (!line.caps.empty()) {
    if (!known) return {Why::kCapsUnknown};
    if (const CapOf* cap = reached(line.caps)) return {Why::kCap, cap};
  }
  No out{Why::kCreatives};
  for (std::size_t i = 0; i < line.creatives.size(); ++i) {
    const No no = refuse(line.creatives[i], of.units[i], line.house());
    if (no.why == Why::kNone) return {};
    if (out.why == Why::kCreatives) out = no;
  }
  return out;
}

No Decider::Impl::refuse(const CompiledCreative& creative, int units, bool house) const {
  using Why = No::Why;
  if (units == 0) return {Why::kCreatives};
  if (units > longest && !house) return {Why::kLong};
  if (creative.caps.empty()) return {};
  if (!known) return {Why::kCapsUnknown};
  const CapOf* cap = reached(creative.caps);
  return cap ? No{Why::kCap, cap} : No{};
}

// How often a cap still allows what it counts.
int Decider::Impl::room(const CapOf& cap) const {
  return std::clamp(cap.cap.impressions - viewer->history->count(cap.key, now, within(cap.cap.per)), 0, kManyLeft);
}

// The first cap that allows no more.
const CapOf* Decider::Impl::reached(const std::vector<CapOf>& caps) const {
  const auto found = std::find_if(caps.begin(), caps.end(), [this](const CapOf& cap) { return room(cap) == 0; });
  return found == caps.end() ? nullptr : &*found;
}

// Leaves the candidates that are under their rate, in the order of their draws: chance decides between equals.
void Decider::Impl::takeDraws(const Moment& moment) {
  draws.begin(moment.session, terms->channel().channel ? terms->channel().channel->id : std::string_view{},
              moment.breakNumber);
  asks.clear();
  // A line is in a break at most once, so its slot is always its first.
  for (const Candidate& each : candidates) asks.push_back({terms->channel().lines[each.line].drawKey, 0});
  const auto drawn = draws.draw(asks);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    Candidate each = candidates[i];
    const std::uint32_t draw = inMillionths(drawn[i][0]);
    const bool in = draw < terms->of(each.line).rate;
    if (report) {
      Consideration* about = told(each.line);
      about->draw = draw;
      if (!in) {
        about->refusal = Refusal::kDraw;
        about->why = "not drawn: " + std::to_string(draw) + " is not under its rate of " +
                     std::to_string(terms->of(each.line).rate) + " millionths";
      }
    }
    if (!in) continue;
    each.order = drawn[i][0] / std::max(terms->of(each.line).rate, 1U);
    each.rotation = drawn[i][1];
    candidates[kept++] = each;
  }
  candidates.resize(kept);
  if (candidates.size() > kMostCandidates) fewer();
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.order != b.order ? a.order < b.order : a.line < b.line;
  });
}

// Leaves those of the highest priority and worth.
void Decider::Impl::fewer() {
  const auto priority = [this](const Candidate& each) { return terms->channel().lines[each.line].line->priority; };
  const auto worth = [this](const Candidate& each) { return terms->of(each.line).worth; };
  std::sort(candidates.begin(), candidates.end(), [&](const Candidate& a, const Candidate& b) {
    if (priority(a) != priority(b)) return priority(a) < priority(b);
    if (worth(a) != worth(b)) return worth(a) > worth(b);
    return a.order != b.order ? a.order < b.order : a.line < b.line;
  });
  for (std::size_t i = kMostCandidates; report && i < candidates.size(); ++i) {
    Consideration& about = *told(candidates[i].line);
    about.refusal = Refusal::kOthers;
    about.why = kTooMany;
  }
  candidates.resize(kMostCandidates);
}

// Whose turn it is of some of a line's creatives.
std::uint16_t Decider::Impl::turn(std::uint32_t number, std::span<const std::uint16_t> of, std::uint64_t draw) {
  const CompiledLine& line = terms->channel().lines[number];
  switch (line.line->rotation) {
    case model::Rotation::kEven:
      break;
    case model::Rotation::kOptimised:
      if (terms->model() != nullptr && of.size() > 1) return rank(number, of, draw);
      break;
    case model::Rotation::kSequential:
      draw = viewer->history
                 ? static_cast<std::uint64_t>(viewer->history->count(line.key, now, std::chrono::seconds::max()))
                 : 0;
      break;
    case model::Rotation::kWeighted: {
      const auto weight = [&](std::uint16_t each) { return static_cast<std::uint64_t>(line.creatives[each].weight); };
      std::uint64_t all = 0;
      for (const std::uint16_t each : of) all += weight(each);
      std::size_t first = 0;
      for (draw %= all; draw >= weight(of[first]); ++first) draw -= weight(of[first]);
      return of[first];
    }
  }
  return of[draw % of.size()];
}

// Which of some of a line's creatives the model chooses. The draw is that of (session, break, line, model, length):
// with another model it is drawn anew.
std::uint16_t Decider::Impl::rank(std::uint32_t number, std::span<const std::uint16_t> of, std::uint64_t draw) {
  const LineTerms& line = terms->of(number);
  if (!facts) facts = factsOf(terms->channel(), *viewer, viewer->at.value_or(terms->at()));
  const std::size_t count = std::min(of.size(), kMaxRanked);
  const std::size_t first = of.size() > count ? draw % of.size() : 0;
  Ranked& made = ranked.emplace_back();
  made.line = number;
  ranking.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint16_t creative = of[(first + i) % of.size()];
    made.among.push_back({creative, 0});
    ranking.push_back(line.known[creative]);
  }
  asks.assign(1, {terms->channel().lines[number].drawKey, terms->model()->number << 16U | line.units[of.front()]});
  const double drawn = learning::drawOf(draws.draw(asks)[0][0]);
  const learning::Choice chosen = learning::choose(*terms->model(), ranking, *facts, drawn, weights);
  for (std::size_t i = 0; i < count; ++i) made.among[i].probability = weights.probabilities[i];
  made.chosen = made.among[chosen.index].creative;
  return made.chosen;
}

// Of what the model chose, that which may come to be shown.
void Decider::Impl::keepRankings(Ready& out) {
  const auto placed = [&](const Ranked& each) {
    const auto same = [&](const Slot& slot) { return slot.line == each.line && slot.creative == each.chosen; };
    return std::any_of(out.slots.begin(), out.slots.end(), same) ||
           std::any_of(out.spare.begin(), out.spare.end(), same);
  };
  std::erase_if(ranked, [&](const Ranked& each) { return !placed(each); });
  if (ranked.empty()) return;
  out.rankings = std::make_shared<const Rankings>(
      Rankings{terms->model()->number, terms->shared(), &terms->channel(), *facts, ranked});
}

// The group of what has this key: one of it, or as many as the caps of the key allow.
std::uint16_t Decider::Impl::sharedRoom(Key key, const std::vector<CapOf>* caps) {
  // By open addressing: with hundreds of candidates looking through all of them is most of the work.
  if (sharedAt.size() < 4 * (shared.size() + 1)) growShared();
  const std::size_t at = sharedPlace(key);
  if (sharedAt[at] != 0) return shared[sharedAt[at] - 1].group;
  int left = caps ? kManyLeft : 1;
  for (std::size_t i = 0; caps && i < caps->size(); ++i) {
    if ((*caps)[i].key == key) left = std::min(left, room((*caps)[i]));
  }
  rooms.push_back(static_cast<std::uint8_t>(left));
  shared.push_back({key, static_cast<std::uint16_t>(rooms.size() - 1), at});
  sharedAt[at] = static_cast<std::uint32_t>(shared.size());
  return shared.back().group;
}

// Where a key is in the table, or would be. Keys are hashes already.
std::size_t Decider::Impl::sharedPlace(Key key) const {
  const std::size_t mask = sharedAt.size() - 1;
  std::size_t at = key & mask;
  while (sharedAt[at] != 0 && shared[sharedAt[at] - 1].key != key) at = (at + 1) & mask;
  return at;
}

void Decider::Impl::growShared() {
  sharedAt.assign(std::max<std::size_t>(2 * sharedAt.size(), 1024), 0);
  for (std::size_t i = 0; i < shared.size(); ++i) {
    shared[i].at = sharedPlace(shared[i].key);
    sharedAt[shared[i].at] = static_cast<std::uint32_t>(i + 1);
  }
}

// A line takes part with one creative of each length that it has: of those that can be shown, whose turn it is.
void Decider::Impl::offer(const Candidate& candidate) {
  const CompiledLine& line = terms->channel().lines[candidate.line];
  const LineTerms& of = terms->of(candidate.line);
  able.resize(line.creatives.size());
  std::iota(able.begin(), able.end(), std::uint16_t{0});
  std::erase_if(able, [&](std::uint16_t each) {
    return refuse(line.creatives[each], of.units[each], false).why != No::Why::kNone;
  });
  if (report && bids.size() >= kMaxBids) {
    told(candidate.line)->refusal = Refusal::kOthers;
    told(candidate.line)->why = kTooMany;
  }
  while (!able.empty() && bids.size() < kMaxBids) {
    const auto others = std::stable_partition(
        able.begin(), able.end(), [&, units = of.units[able.front()]](auto each) { return of.units[each] == units; });
    offer(candidate, turn(candidate.line, {able.begin(), others}, candidate.rotation));
    able.erase(able.begin(), others);
  }
}

void Decider::Impl::offer(const Candidate& candidate, std::uint16_t number) {
  const CompiledLine& line = terms->channel().lines[candidate.line];
  const LineTerms& of = terms->of(candidate.line);
  const CompiledCreative& creative = line.creatives[number];
  const auto firstPlace = static_cast<std::uint16_t>(terms->channel().categories.size());
  Bid bid;
  bid.units = of.units[number];
  bid.worth = withPriority(line, std::clamp<std::int64_t>(of.worth, 1, kMostWorth), bid.units);
  bid.join(sharedRoom(line.key));
  bid.join(sharedRoom(creative.mediaKey));
  bool alone = true;
  for (const CapOf& cap : line.caps) {
    if (cap.level == Level::kLine) continue;
    bid.join(sharedRoom(cap.key, &line.caps));
    alone = false;
  }
  for (const std::uint16_t category : creative.categories) bid.join(category);
  if (line.line->position == model::BreakPosition::kFirst) bid.join(firstPlace);
  if (line.line->position == model::BreakPosition::kLast) bid.join(static_cast<std::uint16_t>(firstPlace + 1));
  const bool spare = alone && line.line->position == model::BreakPosition::kAny;
  offers.push_back({{candidate.line, number, of.units[number]}, bid.worth, spare});
  bids.push_back(bid);
}

void Decider::Impl::pods(Ready& out) {
  if (bids.empty()) return;
  const std::vector<int>& lengths = terms->channel().channel->breakLengths;
  solver.prepare(bids, rooms, lengths.back());
  std::vector<std::uint16_t> placed;
  for (const int length : lengths) {
    const PodChoice& best = solver.solve(length);
    if (best.bids.empty()) continue;
    placed = best.bids;
    const auto position = [&](std::uint16_t bid) {
      return terms->channel().lines[offers[bid].slot.line].line->position;
    };
    const auto rank = [&](std::uint16_t bid) {
      return position(bid) == model::BreakPosition::kFirst ? 0 : position(bid) == model::BreakPosition::kAny ? 1 : 2;
    };
    std::stable_sort(placed.begin(), placed.end(), [&](std::uint16_t a, std::uint16_t b) {
      return rank(a) != rank(b) ? rank(a) < rank(b) : offers[a].worth > offers[b].worth;
    });
    out.pods.push_back({static_cast<std::uint16_t>(length), static_cast<std::uint16_t>(out.slots.size()),
                        static_cast<std::uint16_t>(placed.size()), best.exact, best.worth});
    for (const std::uint16_t bid : placed) out.slots.push_back(offers[bid].slot);
  }
  // What is left over may stand in, best first.
  std::vector<std::uint16_t> rest(offers.size());
  std::iota(rest.begin(), rest.end(), std::uint16_t{0});
  std::erase_if(rest, [&](std::uint16_t each) {
    return !offers[each].spare || std::find(placed.begin(), placed.end(), each) != placed.end();
  });
  const std::size_t most = std::min(rest.size(), kMostSpare);
  std::partial_sort(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(most), rest.end(),
                    [&](std::uint16_t a, std::uint16_t b) {
                      return offers[a].worth != offers[b].worth ? offers[a].worth > offers[b].worth : a < b;
                    });
  for (std::size_t i = 0; i < most; ++i) out.spare.push_back(offers[rest[i]].slot);
}

// House lines in the order of the rules, each one's creatives in theirs.
void Decider::Impl::house(Ready& out) {
  for (const std::uint32_t number : houseLines) {
    const CompiledLine& line = terms->channel().lines[number];
    const LineTerms& of = terms->of(number);
    int left = houseRoom(line, out);
    for (std::uint16_t i = 0; i < line.creatives.size() && left > 0; ++i) {
      if (refuse(line.creatives[i], of.units[i], true).why != No::Why::kNone) continue;
      out.house.push_back({number, i, of.units[i]});
      --left;
    }
  }
}

// What the caps leave a house line beside the pod that uses most of them, and beside the house lines before it.
int Decider::Impl::houseRoom(const CompiledLine& line, const Ready& out) const {
  std::ptrdiff_t left = kManyLeft;
  for (const CapOf& cap : line.caps) {
    const auto counts = [&](const Slot& slot) {
      return terms->channel().lines[slot.line].keys(slot.creative).has(cap.key);
    };
    std::ptrdiff_t used = 0;
    for (const Ready::Pod& pod : out.pods) {
      const auto first = out.slots.begin() + pod.first;
      used = std::max(used, std::count_if(first, first + pod.count, counts));
    }
    used += std::count_if(out.house.begin(), out.house.end(), counts);
    left = std::min(left, room(cap) - used);
  }
  return static_cast<int>(left);
}

// What came of each line that took part.
void Decider::Impl::tell(const Ready& out) {
  for (const Offer& offer : offers) {
    Consideration& about = *told(offer.slot.line);
    const auto in = [&](const auto& slots) { return std::find(slots.begin(), slots.end(), offer.slot) != slots.end(); };
    if (about.units != 0 && about.why.empty()) continue;  // another of its creatives is in a pod
    about.creative = offer.slot.creative;
    about.units = offer.slot.units;
    about.refusal = in(out.slots) ? Refusal::kNone : Refusal::kOthers;
    about.why = in(out.slots) ? "" : "others are worth more, or are of its category, advertiser or place in the break";
  }
}

}  // namespace dvpe::decisions
