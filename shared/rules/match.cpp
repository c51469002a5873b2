// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rules/match.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "shared/rules/impl/index.h"

namespace dvpe::rules {

namespace impl {

std::size_t FactKeyHash::operator()(const FactKey& key) const {
  const std::size_t mixed =
      (static_cast<std::size_t>(key.number) ^ static_cast<std::size_t>(key.kind) << 61) * 0x9e3779b97f4a7c15U;
  return mixed ^ (mixed >> 32) ^ std::hash<std::string_view>{}(key.text);
}

bool factKey(const Datum& value, FactKey& out) {
  out = {};
  switch (value.type) {
    case Type::kBool:
      out.number = value.flag;
      return true;
    case Type::kInt:
      out.kind = FactKey::Kind::kWhole;
      out.number = value.whole;
      return true;
    case Type::kDouble: {
      if (std::isnan(value.real)) return false;
      constexpr double kTwoTo63 = 9223372036854775808.0;
      const bool whole = value.real >= -kTwoTo63 && value.real < kTwoTo63 && std::floor(value.real) == value.real;
      out.kind = whole ? FactKey::Kind::kWhole : FactKey::Kind::kReal;
      out.number = whole ? static_cast<std::int64_t>(value.real) : std::bit_cast<std::int64_t>(value.real);
      return true;
    }
    case Type::kString:
      out.kind = FactKey::Kind::kText;
      out.text = value.text();
      return true;
    case Type::kTimestamp:
    case Type::kDuration:
      out.kind = value.type == Type::kTimestamp ? FactKey::Kind::kTime : FactKey::Kind::kSpan;
      out.number = value.whole;
      return true;
    default:
      return false;
  }
}

namespace {

// Takes a viewer's values field by field.
class Looker {
 public:
  Looker(const IndexData& index, const AttributeSource& attributes, Scratch& scratch, WorkspaceData& work)
      : index_(index), work_(work), reader_(none(), attributes, scratch) {
    std::fill(work_.has.begin(), work_.has.end(), 0);
    work_.set.clear();
    set(kAlways);
    for (std::size_t i = 0; i < index_.purposes.size(); ++i)
      work_.allowed[i] = i == 0 || attributes.consents(index_.purposes[i]);
    const std::size_t mark = scratch.mark();
    const auto* entries = attributes.entriesByPath();
    auto at = entries != nullptr ? entries->begin() : decltype(entries->begin()){};
    for (const std::uint16_t i : index_.byPath) {
      const IndexField& field = index_.fields[i];
      const model::Value* found = nullptr;
      if (entries != nullptr) {
        while (at != entries->end() && at->path < field.use.path) ++at;
        if (at != entries->end() && at->path == field.use.path) found = &at->value;
      }
      if (entries == nullptr || isBuiltIn(field.use.path)) {
        work_.values[i] = reader_.read(field.use);
      } else {
        work_.values[i] = work_.allowed[field.purpose] ? reader_.take(field.use, found) : unknown(Why::kNoConsent);
      }
      if (work_.values[i].known()) facts(field, work_.values[i]);
      scratch.giveBack(mark);  // lists are facts by now: nobody looks at their items any more
    }
  }

 private:
  static const Program& none() {
    static const Program program;
    return program;
  }
  // These may come from elsewhere than the viewer's attributes.
  static bool isBuiltIn(std::string_view path) { return path == "now" || path == "channel.id"; }

  void bit(Fact fact) { work_.has[fact / 64] |= std::uint64_t{1} << (fact % 64); }
  void set(Fact fact) {
    if ((work_.has[fact / 64] >> (fact % 64) & 1) != 0) return;
    bit(fact);
    work_.set.push_back(fact);
    const Fact* const end = index_.followers.data() + index_.followersOf[fact + 1];
    for (const Fact* f = index_.followers.data() + index_.followersOf[fact]; f != end; ++f) bit(*f);
    __builtin_prefetch(index_.entries.data() + index_.entriesOf[fact]);
  }

  void facts(const IndexField& field, const Datum& value) {
    set(field.known);
    const bool list = field.use.type == Type::kList;
    FactKey key;
    for (std::uint32_t n = 0; n < (list ? value.count : 1); ++n) {
      if (!factKey(list ? value.items[n] : value, key)) continue;
      if (const auto found = field.facts.find(key); found != field.facts.end()) set(found->second);
    }
  }

  const IndexData& index_;
  WorkspaceData& work_;
  Evaluator reader_;
};

}  // namespace

void lookAtViewer(const IndexData& index, const AttributeSource& attributes, Scratch& scratch, WorkspaceData& work) {
  Looker(index, attributes, scratch, work);
}

namespace {

// One viewer, whose facts are in the workspace, against an index.
class Matcher {
 public:
  Matcher(const IndexData& index, WorkspaceData& work, const AttributeSource& attributes)
      : index_(index), work_(work), attributes_(attributes) {}

  void run(std::vector<std::uint32_t>& out) {
    out.clear();
    if (++work_.viewer == 0) {  // once in four thousand million viewers
      std::fill(work_.seen.begin(), work_.seen.end(), 0);
      std::fill(work_.genericOf.begin(), work_.genericOf.end(), 0);
      work_.viewer = 1;
    }
    work_.passed.clear();
    for (const Fact fact : work_.set) test(fact);
    for (const Entry* entry : work_.passed) {
      if (entry->rest == Entry::kNothing || holdsWhole(&index_.forms[entry->rest])) out.push_back(entry->condition);
    }
    std::sort(out.begin(), out.end());
  }

 private:
  bool has(Fact fact) const { return (work_.has[fact / 64] >> (fact % 64) & 1) != 0; }

  // Those on whose first tests a condition does not fail; the rest of it is on its way from memory meanwhile.
  void test(Fact fact) {
    const Entry* const end = index_.entries.data() + index_.entriesOf[fact + 1];
    for (const Entry* e = index_.entries.data() + index_.entriesOf[fact]; e != end; ++e) {
      if (!holds(e->first) || !holds(e->second)) continue;
      if (index_.hangsOnSeveral[e->condition] && std::exchange(work_.seen[e->condition], work_.viewer) == work_.viewer)
        continue;
      work_.passed.push_back(e);
      if (e->rest != Entry::kNothing) __builtin_prefetch(&index_.forms[e->rest]);
    }
  }

  static bool isTest(const Form& form) { return form.test != Test::kAnd && form.test != Test::kOr; }

  bool holdsWhole(const Form* form) {
    if (isTest(*form)) return holds(*form);
    const bool decides = form->test == Test::kOr;
    const Form* const end = form + 1 + form->parts;
    for (const Form* part = form + 1; part < end; part += 1 + part->parts) {
      if ((isTest(*part) ? holds(*part) : holdsWhole(part)) == decides) return decides;
    }
    return !decides;
  }

  // Of tests alone. Most are these two.
  bool holds(const Form& form) {
    if (form.test == Test::kFact) return has(form.index);
    if (form.test == Test::kAtLeast) {
      const Datum& value = work_.values[form.field];
      return value.known() && (value.whole >= form.whole) == form.want;
    }
    return holdsOther(form);
  }

  bool holdsOther(const Form& form) {
    switch (form.test) {
      case Test::kNotFact:
        return work_.values[form.field].known() && !has(form.index);
      case Test::kOrder: {
        const Datum& value = work_.values[form.field];
        return value.known() && isThat(compared(form.kind, value, index_.literals[form.index]), form.want);
      }
      case Test::kHas: {
        const FieldUse& use = index_.hases[form.index];
        return (use.purpose.empty() || attributes_.consents(use.purpose)) && attributes_.holds(use.path) == form.want;
      }
      default:
        return generic(form.index) == (form.want ? Verdict::kTrue : Verdict::kFalse);
    }
  }

  static bool isThat(const Datum& value, bool want) { return value.is(Type::kBool) && value.flag == want; }

  Verdict generic(std::uint32_t which) {
    if (std::exchange(work_.genericOf[which], work_.viewer) != work_.viewer) {
      const Generic& generic = index_.generics[which];
      Scratch scratch;
      work_.generic[which] = toVerdict(Evaluator{*generic.program, attributes_, scratch}.value(generic.at));
    }
    return work_.generic[which];
  }

  const IndexData& index_;
  WorkspaceData& work_;
  const AttributeSource& attributes_;
};

template <class T>
std::size_t bytesOf(const std::vector<T>& v) {
  return v.capacity() * sizeof(T);
}

}  // namespace

}  // namespace impl

Index::Index() : Index(std::vector<Condition>{}) {}
Index::Index(const std::vector<Condition>& conditions, const std::vector<const AttributeSource*>& samples)
    : data_(std::make_unique<const impl::IndexData>(impl::makeIndex(conditions, samples))) {}
Index::~Index() = default;
Index::Index(Index&&) noexcept = default;
Index& Index::operator=(Index&&) noexcept = default;

Index::Workspace::Workspace(const Index& index) : data_(std::make_unique<impl::WorkspaceData>()) {
  const impl::IndexData& d = *index.data_;
  data_->has.resize(d.facts / 64 + 1);
  data_->values.resize(d.fields.size());
  data_->allowed.resize(d.purposes.size());
  data_->seen.resize(d.hangsOnSeveral.size());
  data_->generic.resize(d.generics.size());
  data_->genericOf.resize(d.generics.size());
}
Index::Workspace::~Workspace() = default;
Index::Workspace::Workspace(Workspace&&) noexcept = default;
Index::Workspace& Index::Workspace::operator=(Workspace&&) noexcept = default;

void Index::match(const AttributeSource& attributes, Workspace& workspace, std::vector<std::uint32_t>& out) const {
  impl::Scratch scratch;
  impl::WorkspaceData& work = *workspace.data_;
  impl::lookAtViewer(*data_, attributes, scratch, work);
  impl::Matcher{*data_, work, attributes}.run(out);
}

std::size_t Index::size() const { return data_->hangsOnSeveral.size(); }

std::size_t Index::bytes() const {
  const impl::IndexData& d = *data_;
  std::size_t out = impl::bytesOf(d.forms) + impl::bytesOf(d.entriesOf) + impl::bytesOf(d.followersOf) +
                    impl::bytesOf(d.entries) + impl::bytesOf(d.followers) + impl::bytesOf(d.literals) +
                    impl::bytesOf(d.generics) + impl::bytesOf(d.programs) + d.hangsOnSeveral.size() / 8;
  for (const impl::IndexField& field : d.fields) {
    out += sizeof(field) + field.facts.size() * (sizeof(std::pair<impl::FactKey, impl::Fact>) + 2 * sizeof(void*)) +
           field.facts.bucket_count() * sizeof(void*);
  }
  return out;
}

}  // namespace dvpe::rules
