// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/timeline/json.h"

#include <boost/json.hpp>
#include <exception>

namespace dvpe::timeline {

namespace {

using base::ErrorCode;
using base::fail;
using boost::json::object;
using boost::json::value;

// Readers throw inside this file, where one catch turns whatever is wrong into one Error.
std::int64_t number(const object& o, const char* key) { return o.at(key).to_number<std::int64_t>(); }
Ticks ticks(const object& o, const char* key) { return Ticks{number(o, key)}; }
std::string text(const object& o, const char* key) { return std::string(o.at(key).as_string()); }
std::optional<Ticks> maybeTicks(const object& o, const char* key) {
  const value* v = o.if_contains(key);
  return v != nullptr ? std::optional(Ticks{v->to_number<std::int64_t>()}) : std::nullopt;
}

SpanKind kindOf(std::string_view name) {
  if (name == "break") return SpanKind::kBreak;
  if (name == "event") return SpanKind::kEvent;
  if (name == "programme") return SpanKind::kProgramme;
  throw std::invalid_argument("unknown kind");
}
const char* nameOf(SpanKind kind) {
  return kind == SpanKind::kBreak ? "break" : kind == SpanKind::kEvent ? "event" : "programme";
}

value spanJson(const Span& s) {
  object out{
      {"kind", nameOf(s.kind)}, {"id", s.id}, {"name", s.name}, {"start", s.start.count()}, {"end", s.end.count()}};
  if (s.number != 0) out["number"] = s.number;
  return out;
}
Span spanOf(const object& o) {
  Span span{kindOf(o.at("kind").as_string()), text(o, "id"), text(o, "name"), ticks(o, "start"), ticks(o, "end")};
  if (o.contains("number")) span.number = number(o, "number");
  return span;
}
std::optional<Span> maybeSpan(const object& o, const char* key) {
  const value* v = o.if_contains(key);
  return v != nullptr ? std::optional(spanOf(v->as_object())) : std::nullopt;
}

value markJson(const Mark& m) {
  object values;
  for (const auto& [k, v] : m.values) values[k] = v;
  return object{{"name", m.name}, {"open", m.open}, {"at", m.at.count()}, {"values", std::move(values)}};
}
Mark markOf(const object& o) {
  Mark m{text(o, "name"), o.at("open").as_bool(), ticks(o, "at"), {}};
  for (const auto& [k, v] : o.at("values").as_object()) m.values[std::string(k)] = std::string(v.as_string());
  return m;
}

CutState stateOf(const object& o) {
  CutState state;
  state.newest = ticks(o, "newest");
  if (o.contains("breaks")) state.breaks = number(o, "breaks");
  state.open = maybeSpan(o, "open");
  state.ahead = maybeSpan(o, "ahead");
  if (o.contains("msn")) state.last = Cut{number(o, "msn"), ticks(o, "at"), maybeSpan(o, "span")};
  if (const value* events = o.if_contains("events")) {
    for (const auto& e : events->as_array()) {
      const object& event = e.as_object();
      Mark mark = markOf(event.at("mark").as_object());
      std::string name = mark.name;
      state.events[std::move(name)] = OpenEvent{std::move(mark), maybeTicks(event, "from"), maybeTicks(event, "closed"),
                                                maybeTicks(event, "until")};
    }
  }
  return state;
}

template <class T>
object at(const char* type, const T& message) {
  return object{{"type", type}, {"at", message.at.count()}};
}

// One for each message that is small; packets are binary and have no JSON.
struct Writer {
  value operator()(const CueOut& m) const {
    return object{{"type", "cue_out"}, {"kind", nameOf(m.kind)},   {"id", m.id},
                  {"name", m.name},    {"asked", m.asked.count()}, {"units", m.units}};
  }
  value operator()(const CueIn& m) const {
    return object{{"type", "cue_in"}, {"id", m.id}, {"asked", m.asked.count()}};
  }
  value operator()(const Mark& m) const { return object{{"type", "mark"}, {"mark", markJson(m)}}; }
  value operator()(const SourceLost& m) const { return at("lost", m); }
  value operator()(const TimePasses& m) const { return at("time", m); }
  value operator()(const SourceBack& m) const { return at("back", m); }
  value operator()(const CutState& m) const { return object{{"type", "state"}, {"state", toJson(m)}}; }
  value operator()(const Caption& m) const {
    return object{{"type", "caption"},        {"track", m.track},     {"language", m.language},
                  {"start", m.start.count()}, {"end", m.end.count()}, {"text", m.text}};
  }
  template <class Packet>
  value operator()(const Packet&) const {
    return nullptr;
  }
};

StampedMessage messageOf(const object& o) {
  const std::string type = text(o, "type");
  if (type == "cue_out") {
    return CueOut{kindOf(o.at("kind").as_string()), text(o, "id"), text(o, "name"), ticks(o, "asked"),
                  static_cast<int>(number(o, "units"))};
  }
  if (type == "cue_in") return CueIn{text(o, "id"), ticks(o, "asked")};
  if (type == "mark") return markOf(o.at("mark").as_object());
  if (type == "lost") return SourceLost{ticks(o, "at")};
  if (type == "time") return TimePasses{ticks(o, "at")};
  if (type == "back") return SourceBack{ticks(o, "at")};
  if (type == "state") return stateOf(o.at("state").as_object());
  if (type == "caption") {
    return Caption{static_cast<int>(number(o, "track")), text(o, "language"), ticks(o, "start"), ticks(o, "end"),
                   text(o, "text")};
  }
  throw std::invalid_argument("unknown type");
}

template <class F>
auto guarded(F&& read) -> base::Result<decltype(read())> {
  try {
    return read();
  } catch (const std::exception& e) {
    return fail(ErrorCode::kInvalidInput, std::string("not a record of the timeline: ") + e.what());
  }
}

}  // namespace

value toJson(const CutState& state) {
  object o{{"newest", state.newest.count()}};
  if (state.breaks != 0) o["breaks"] = state.breaks;
  if (state.last) {
    o["msn"] = state.last->msn;
    o["at"] = state.last->at.count();
    if (state.last->span) o["span"] = spanJson(*state.last->span);
  }
  if (state.open) o["open"] = spanJson(*state.open);
  if (state.ahead) o["ahead"] = spanJson(*state.ahead);
  if (!state.events.empty()) {
    boost::json::array events;
    for (const auto& [name, e] : state.events) {
      object event{{"mark", markJson(e.mark)}};
      if (e.from) event["from"] = e.from->count();
      if (e.closed) event["closed"] = e.closed->count();
      if (e.until) event["until"] = e.until->count();
      events.emplace_back(std::move(event));
    }
    o["events"] = std::move(events);
  }
  return o;
}

value toJson(const Cell& cell) {
  object o{{"msn", cell.msn}, {"start", cell.start.count()}, {"end", cell.end.count()}};
  if (cell.span) o["span"] = spanJson(*cell.span);
  if (cell.hole) o["hole"] = true;
  o["variants"] = boost::json::value_from(cell.variants);
  o["cohorts"] = boost::json::value_from(cell.variantOfCohort);
  return o;
}

base::Result<CutState> stateFromJson(const value& json) {
  return guarded([&] { return stateOf(json.as_object()); });
}

base::Result<Cell> cellFromJson(const value& json) {
  return guarded([&] {
    const object& o = json.as_object();
    Cell cell;
    cell.msn = number(o, "msn");
    cell.start = ticks(o, "start");
    cell.end = ticks(o, "end");
    cell.span = maybeSpan(o, "span");
    cell.hole = o.contains("hole");
    cell.variants = boost::json::value_to<std::vector<std::string>>(o.at("variants"));
    cell.variantOfCohort = boost::json::value_to<std::vector<std::uint16_t>>(o.at("cohorts"));
    for (const std::uint16_t v : cell.variantOfCohort) {
      if (v >= cell.variants.size()) throw std::out_of_range("a cohort's variant");
    }
    return cell;
  });
}

value toJson(const StampedMessage& message) { return std::visit(Writer{}, message); }

base::Result<StampedMessage> messageFromJson(const value& json) {
  return guarded([&] { return messageOf(json.as_object()); });
}

}  // namespace dvpe::timeline
