// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rules/impl/index.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

namespace dvpe::rules::impl {

namespace {

constexpr std::size_t kMostFields = 60'000;    // beyond, conditions are evaluated as they are
constexpr std::size_t kMostAlternatives = 64;  // facts that one condition hangs on
constexpr std::size_t kMostForms = 50'000;     // of one condition

// A form while it is made.
struct Draft {
  Form form;
  std::vector<Draft> parts;
};

// Facts of which a condition needs at least one.
struct Handle {
  std::vector<Fact> facts;
  double chance = 2;  // that a viewer has one of them, guessed; above 1: there is no handle
};

class Maker {
 public:
  Maker(const std::vector<Condition>& conditions, const std::vector<const AttributeSource*>& samples)
      : conditions_(conditions), samples_(samples) {
    out_.purposes.emplace_back();
  }

  IndexData run() {
    std::vector<Draft> drafts;
    drafts.reserve(conditions_.size());
    for (const Condition& condition : conditions_) drafts.push_back(draftOf(condition));
    out_.byPath.resize(out_.fields.size());
    std::iota(out_.byPath.begin(), out_.byPath.end(), std::uint16_t{0});
    std::sort(out_.byPath.begin(), out_.byPath.end(),
              [this](auto a, auto b) { return out_.fields[a].use.path < out_.fields[b].use.path; });
    layOutFollowers();
    learn(drafts);
    std::vector<std::vector<Entry>> hung(out_.facts);
    out_.hangsOnSeveral.resize(drafts.size());
    for (std::uint32_t i = 0; i < drafts.size(); ++i) {
      sort(drafts[i]);
      hang(drafts[i], i, hung);
    }
    for (const auto& entries : hung) {
      out_.entriesOf.push_back(static_cast<std::uint32_t>(out_.entries.size()));
      out_.entries.insert(out_.entries.end(), entries.begin(), entries.end());
    }
    out_.entriesOf.push_back(static_cast<std::uint32_t>(out_.entries.size()));
    out_.entries.shrink_to_fit();
    out_.forms.shrink_to_fit();
    return std::move(out_);
  }

 private:
  Draft draftOf(const Condition& condition) {
    if (condition.program() == nullptr) return both(Test::kOr, {});  // never
    out_.programs.push_back(condition.share());
    Draft out = lower(*condition.program(), 0, true);
    return sizeOf(out) <= kMostForms ? std::move(out) : generic(*condition.program(), 0, true);
  }
  static std::size_t sizeOf(const Draft& draft) {
    std::size_t out = 1;
    for (const Draft& part : draft.parts) out += sizeOf(part);
    return out;
  }

  // Facts that follow from others, by these.
  void layOutFollowers() {
    std::vector<std::vector<Fact>> of(out_.facts);
    for (const auto& [members, fact] : oneOf_) {
      for (const Fact member : members) of[member].push_back(fact);
    }
    for (const auto& facts : of) {
      out_.followersOf.push_back(static_cast<std::uint32_t>(out_.followers.size()));
      out_.followers.insert(out_.followers.end(), facts.begin(), facts.end());
    }
    out_.followersOf.push_back(static_cast<std::uint32_t>(out_.followers.size()));
  }

  // How often viewers have each fact: counted in the samples; without any, guessed by how often it is asked for.
  void learn(const std::vector<Draft>& drafts) {
    chance_.assign(out_.facts, 0);
    if (samples_.empty()) {
      std::vector<double> asked(out_.fields.size());
      for (const Draft& draft : drafts) countAsked(draft, asked);
      for (const IndexField& field : out_.fields) {
        for (const auto& [key, fact] : field.facts) chance_[fact] /= asked[&field - out_.fields.data()] + 1;
        chance_[field.known] = 0.9;
      }
      for (const auto& [members, fact] : oneOf_) {
        for (const Fact member : members) chance_[fact] = std::min(0.89, chance_[fact] + chance_[member]);
      }
      return;
    }
    WorkspaceData work;
    work.has.resize(out_.facts / 64 + 1);
    work.values.resize(out_.fields.size());
    work.allowed.resize(out_.purposes.size());
    out_.entriesOf.assign(out_.facts + 1, 0);
    for (const AttributeSource* sample : samples_) {
      Scratch scratch;
      lookAtViewer(out_, *sample, scratch, work);
      for (Fact fact = 0; fact < out_.facts; ++fact)
        chance_[fact] += static_cast<double>(work.has[fact / 64] >> (fact % 64) & 1);
    }
    out_.entriesOf.clear();
    const double all = static_cast<double>(samples_.size()) + 1;
    for (double& each : chance_) each = (each + 0.1) / all;
  }
  void countAsked(const Draft& draft, std::vector<double>& asked) {
    const auto members = oneOfFact_.find(draft.form.index);
    if (draft.form.test == Test::kFact && members == oneOfFact_.end()) {
      chance_[draft.form.index] += 1;
      asked[draft.form.field] += 1;
    } else if (draft.form.test == Test::kFact) {
      for (const Fact member : *members->second) chance_[member] += 1;
      asked[draft.form.field] += static_cast<double>(members->second->size());
    }
    for (const Draft& part : draft.parts) countAsked(part, asked);
  }

  // ---- conditions -> forms

  static Draft both(Test test, std::vector<Draft> parts) {
    Draft out;
    out.form.test = test;
    for (Draft& part : parts) {  // a && (b && c) is a && b && c
      if (part.form.test == test) {
        std::move(part.parts.begin(), part.parts.end(), std::back_inserter(out.parts));
      } else {
        out.parts.push_back(std::move(part));
      }
    }
    if (out.parts.size() != 1) return out;
    Draft only = std::move(out.parts.front());
    return only;
  }

  static std::vector<std::uint32_t> partsOf(const Program& program, std::uint32_t at) {
    std::vector<std::uint32_t> out;
    for (std::uint32_t child = program.ops[at].first; child != 0; child = program.ops[child].next) out.push_back(child);
    return out;
  }

  // That the part is true (want), or that it is false.
  Draft lower(const Program& program, std::uint32_t at, bool want) {
    const Op& op = program.ops[at];
    const auto parts = partsOf(program, at);
    const bool logic = op.kind == NodeKind::kAnd || op.kind == NodeKind::kOr || op.kind == NodeKind::kNot;
    if (!logic && out_.fields.size() >= kMostFields) return generic(program, at, want);
    switch (op.kind) {
      case NodeKind::kAnd:
      case NodeKind::kOr: {
        std::vector<Draft> drafts;
        drafts.reserve(parts.size());
        for (const std::uint32_t part : parts) drafts.push_back(lower(program, part, want));
        return both((op.kind == NodeKind::kAnd) == want ? Test::kAnd : Test::kOr, std::move(drafts));
      }
      case NodeKind::kNot:
        return lower(program, parts[0], !want);
      case NodeKind::kConditional: {
        std::vector<Draft> ways;
        for (const bool way : {true, false}) {
          std::vector<Draft> steps;
          steps.push_back(lower(program, parts[0], way));
          steps.push_back(lower(program, parts[way ? 1 : 2], want));
          ways.push_back(both(Test::kAnd, std::move(steps)));
        }
        return both(Test::kOr, std::move(ways));
      }
      case NodeKind::kLiteral:  // true && nothing; nothing at all
        return both(program.literals[op.index].flag == want ? Test::kAnd : Test::kOr, {});
      case NodeKind::kField:
        if (isField(op) && scalar(program, at)) return fact(program.fields[op.index], ofBool(want), true);
        break;
      case NodeKind::kHas:
        // Of `now` it is not the attributes that know.
        if (!op.local && program.fields[op.index].path != "now") return has(program.fields[op.index], want);
        break;
      case NodeKind::kEqual:
      case NodeKind::kNotEqual:
        if (auto draft = equality(program, parts, (op.kind == NodeKind::kEqual) == want)) return std::move(*draft);
        break;
      case NodeKind::kIn:
        if (auto draft = membership(program, parts, want)) return std::move(*draft);
        break;
      case NodeKind::kLess:
      case NodeKind::kLessEqual:
      case NodeKind::kGreater:
      case NodeKind::kGreaterEqual:
        if (auto draft = order(program, op.kind, parts, want)) return std::move(*draft);
        break;
      case NodeKind::kCall:
        if (op.function == Function::kSegment) return lower(*program.segments[op.extra].second, 0, want);
        break;
      default:
        break;
    }
    return generic(program, at, want);
  }

  static bool isField(const Op& op) { return op.kind == NodeKind::kField && !op.local; }
  static bool scalar(const Program& program, std::uint32_t at) {
    const Type type = program.fields[program.ops[at].index].type;
    return type != Type::kList && type != Type::kMap;
  }
  static bool isLiteral(const Op& op) { return op.kind == NodeKind::kLiteral; }

  std::optional<Draft> equality(const Program& program, const std::vector<std::uint32_t>& parts, bool want) {
    for (const int left : {0, 1}) {
      const Op &field = program.ops[parts[left]], &literal = program.ops[parts[1 - left]];
      if (isField(field) && scalar(program, parts[left]) && isLiteral(literal))
        return fact(program.fields[field.index], program.literals[literal.index], want);
    }
    return std::nullopt;
  }

  std::optional<Draft> membership(const Program& program, const std::vector<std::uint32_t>& parts, bool want) {
    const Op &left = program.ops[parts[0]], &right = program.ops[parts[1]];
    if (isLiteral(left) && isField(right) && program.fields[right.index].type == Type::kList)
      return fact(program.fields[right.index], program.literals[left.index], want);
    if (!isField(left) || !scalar(program, parts[0]) || right.kind != NodeKind::kList || right.extra == 0)
      return std::nullopt;
    const FieldUse& use = program.fields[left.index];
    std::vector<Fact> facts;
    const std::uint16_t field = fieldOf(use);
    for (const std::uint32_t item : partsOf(program, parts[1])) {
      if (const auto each = factOf(field, program.literals[program.ops[item].index])) facts.push_back(*each);
    }
    std::sort(facts.begin(), facts.end());
    facts.erase(std::unique(facts.begin(), facts.end()), facts.end());
    if (facts.empty() && want) return both(Test::kOr, {});  // nothing is in []
    Draft out;
    out.form.test = want ? Test::kFact : Test::kNotFact;
    out.form.field = field;
    if (facts.empty()) {  // whatever is known is not
      out.form.test = Test::kFact;
      out.form.index = out_.fields[field].known;
    } else {
      out.form.index = facts.size() == 1 ? facts.front() : oneOf(std::move(facts));
    }
    return out;
  }

  // The fact that one of these is there.
  Fact oneOf(std::vector<Fact> members) {
    const auto [found, fresh] = oneOf_.try_emplace(std::move(members), out_.facts);
    if (fresh) oneOfFact_.emplace(out_.facts++, &found->first);
    return found->second;
  }

  std::optional<Draft> order(const Program& program, NodeKind kind, const std::vector<std::uint32_t>& parts,
                             bool want) {
    for (const int left : {0, 1}) {
      const Op &field = program.ops[parts[left]], &literal = program.ops[parts[1 - left]];
      if (!isField(field) || !scalar(program, parts[left]) || !isLiteral(literal)) continue;
      constexpr std::array<NodeKind, 4> kTurned = {NodeKind::kGreater, NodeKind::kGreaterEqual, NodeKind::kLess,
                                                   NodeKind::kLessEqual};
      const Datum& value = program.literals[literal.index];
      Draft out;
      out.form.want = want;
      out.form.field = fieldOf(program.fields[field.index]);
      out.form.kind =
          left == 0 ? kind : kTurned[static_cast<std::size_t>(kind) - static_cast<std::size_t>(NodeKind::kLess)];
      if (value.is(Type::kInt) && program.fields[field.index].type == Type::kInt) {
        return atLeast(std::move(out), value.whole);
      } else {
        out.form.test = Test::kOrder;
        out.form.index = static_cast<std::uint32_t>(out_.literals.size());
        out_.literals.push_back(value);
      }
      return out;
    }
    return std::nullopt;
  }

  // x < 5 is not x >= 5, x > 5 is x >= 6: whole numbers need one test, which does not ask which it is.
  static Draft atLeast(Draft out, std::int64_t literal) {
    const NodeKind kind = out.form.kind;
    // The border belongs to the lower side.
    const bool next = kind == NodeKind::kGreater || kind == NodeKind::kLessEqual;
    const bool upper = kind == NodeKind::kGreater || kind == NodeKind::kGreaterEqual;
    out.form.test = Test::kAtLeast;
    out.form.want = upper == out.form.want;
    // Nothing is above the greatest: the other way round, always.
    if (next && literal == std::numeric_limits<std::int64_t>::max()) {
      out.form.want = !out.form.want;
      out.form.whole = std::numeric_limits<std::int64_t>::min();
    } else {
      out.form.whole = literal + (next ? 1 : 0);
    }
    return out;
  }

  // value: of a literal, which is no list, no map and no NaN.
  Draft fact(const FieldUse& use, const Datum& value, bool want) {
    Draft out;
    out.form.field = fieldOf(use);
    const auto found = factOf(out.form.field, value);
    out.form.test = want ? Test::kFact : Test::kNotFact;
    out.form.index = found.value_or(kAlways);
    return out;
  }

  Draft has(const FieldUse& use, bool want) {
    const auto same = std::find_if(out_.hases.begin(), out_.hases.end(), [&](const FieldUse& each) {
      return each.path == use.path && each.purpose == use.purpose;
    });
    Draft out;
    out.form.test = Test::kHas;
    out.form.want = want;
    out.form.index = static_cast<std::uint32_t>(same - out_.hases.begin());
    if (same == out_.hases.end()) out_.hases.push_back(use);
    return out;
  }

  Draft generic(const Program& program, std::uint32_t at, bool want) {
    const Span span = program.ops[at].span;
    std::string key = program.text.substr(span.offset, span.length);
    for (const FieldUse& use : program.fields)
      key += "\n" + use.path + ":" + use.purpose + ":" + std::to_string(static_cast<int>(use.type));
    for (const FieldUse& use : program.guarded) key += "\n!" + use.path + ":" + use.purpose;
    for (const auto& [name, segment] : program.segments)
      key += "\n" + name + "=" + std::to_string(reinterpret_cast<std::uintptr_t>(segment.get()));
    const auto [found, fresh] = generics_.try_emplace(std::move(key), static_cast<std::uint32_t>(out_.generics.size()));
    if (fresh) out_.generics.push_back({&program, at});
    Draft out;
    out.form.test = Test::kGeneric;
    out.form.want = want;
    out.form.index = found->second;
    return out;
  }

  std::uint16_t fieldOf(const FieldUse& use) {
    const std::string key = use.path + "\n" + use.purpose + "\n" + std::to_string(static_cast<int>(use.type));
    const auto [found, fresh] = fields_.try_emplace(key, static_cast<std::uint16_t>(out_.fields.size()));
    if (fresh) {
      IndexField field;
      field.use = use;
      field.known = out_.facts++;
      const auto purpose = std::find(out_.purposes.begin(), out_.purposes.end(), use.purpose);
      field.purpose = static_cast<std::uint16_t>(purpose - out_.purposes.begin());
      if (purpose == out_.purposes.end()) out_.purposes.push_back(use.purpose);
      out_.fields.push_back(std::move(field));
    }
    return found->second;
  }

  std::optional<Fact> factOf(std::uint16_t field, const Datum& value) {
    FactKey key;
    if (!factKey(value, key)) return std::nullopt;
    const auto [found, fresh] = out_.fields[field].facts.try_emplace(key, out_.facts);
    if (fresh) ++out_.facts;
    return found->second;
  }

  // ---- what a condition hangs on

  Handle handleOf(const Draft& draft) const {
    const Form& form = draft.form;
    Handle out;
    switch (form.test) {
      case Test::kFact: {
        const auto members = oneOfFact_.find(form.index);
        if (members == oneOfFact_.end()) return {{form.index}, chance_[form.index]};
        return {*members->second, chance_[form.index]};
      }
      case Test::kNotFact:
      case Test::kAtLeast:
      case Test::kOrder: {
        const Fact known = out_.fields[form.field].known;
        return {{known}, chance_[known]};
      }
      case Test::kAnd:
        for (const Draft& part : draft.parts) {
          if (Handle each = handleOf(part); each.chance < out.chance) out = std::move(each);
        }
        return out;
      case Test::kOr:
        out.chance = 0;
        for (const Draft& part : draft.parts) {
          Handle each = handleOf(part);
          out.chance += each.chance;
          out.facts.insert(out.facts.end(), each.facts.begin(), each.facts.end());
          if (each.chance > 1 || out.facts.size() > kMostAlternatives) return {};
        }
        return out;
      default:
        return out;
    }
  }

  void hang(Draft& draft, std::uint32_t condition, std::vector<std::vector<Entry>>& hung) {
    Handle best = handleOf(draft);
    if (best.chance > 1) best.facts = {kAlways};
    std::sort(best.facts.begin(), best.facts.end());
    best.facts.erase(std::unique(best.facts.begin(), best.facts.end()), best.facts.end());
    Entry entry;
    entry.condition = condition;
    entry.first.test = Test::kFact;  // always
    entry.second = entry.first;
    std::size_t tests = 0;
    // What it hangs on is there when it is come upon. Of the rest, which is sorted, the entry takes two tests.
    const auto isDone = [&](const Draft& part) {
      if (part.form.test == Test::kAnd || part.form.test == Test::kOr) return false;
      if (part.form.test == Test::kFact && handleOf(part).facts == best.facts) return true;
      if (tests == 2) return false;
      (tests++ == 0 ? entry.first : entry.second) = part.form;
      return true;
    };
    if (draft.form.test == Test::kAnd) {
      std::erase_if(draft.parts, isDone);
      if (!draft.parts.empty()) entry.rest = layOut(draft.parts.size() == 1 ? draft.parts.front() : draft);
    } else if (!isDone(draft)) {
      entry.rest = layOut(draft);
    }
    for (const Fact fact : best.facts) hung[fact].push_back(entry);
    out_.hangsOnSeveral[condition] = best.facts.size() > 1;
  }

  // ---- layout

  // What it costs to test, and how seldom it holds: the first that does not hold ends an And.
  double rank(const Draft& draft) const {
    switch (draft.form.test) {
      case Test::kFact:
        return chance_[draft.form.index];
      case Test::kAtLeast:
      case Test::kOrder:
        return 0.6;
      case Test::kNotFact:
        return 0.8;
      case Test::kHas:
        return 2;
      case Test::kGeneric:
        return 1000;
      default:
        break;
    }
    double most = 1;
    for (const Draft& part : draft.parts) most = std::max(most, rank(part) + 1);
    return most;
  }

  void sort(Draft& draft) {
    for (Draft& part : draft.parts) sort(part);
    const bool likeliest = draft.form.test == Test::kOr;
    const auto key = [&](const Draft& part) {
      const double each = rank(part);
      return likeliest && each < 1 ? 1 - each : each;
    };
    std::stable_sort(draft.parts.begin(), draft.parts.end(),
                     [&](const Draft& a, const Draft& b) { return key(a) < key(b); });
  }

  std::uint32_t layOut(const Draft& draft) {
    const std::size_t at = out_.forms.size();
    out_.forms.push_back(draft.form);
    for (const Draft& part : draft.parts) layOut(part);
    out_.forms[at].parts = static_cast<std::uint16_t>(out_.forms.size() - at - 1);
    return static_cast<std::uint32_t>(at);
  }

  const std::vector<Condition>& conditions_;
  const std::vector<const AttributeSource*>& samples_;
  IndexData out_;
  std::unordered_map<std::string, std::uint16_t> fields_;
  std::unordered_map<std::string, std::uint32_t> generics_;
  std::map<std::vector<Fact>, Fact> oneOf_;
  std::unordered_map<Fact, const std::vector<Fact>*> oneOfFact_;
  std::vector<double> chance_;  // by fact
};

}  // namespace

IndexData makeIndex(const std::vector<Condition>& conditions, const std::vector<const AttributeSource*>& samples) {
  return Maker{conditions, samples}.run();
}

}  // namespace dvpe::rules::impl
