// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/told.h"

#include <boost/json.hpp>

namespace dvpe::serve {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Ticks;
using boost::json::object;
using boost::json::value;

Result<std::int64_t> toldNumber(const object& o, std::string_view key, std::int64_t most,
                                std::optional<std::int64_t> instead) {
  const value* v = o.if_contains({key.data(), key.size()});
  if (v == nullptr && instead) return *instead;
  if (v == nullptr || !v->is_int64() || v->get_int64() < 0 || v->get_int64() > most) {
    return fail(ErrorCode::kInvalidInput,
                "'" + std::string(key) + "': a whole number from 0 to " + std::to_string(most) + " is expected");
  }
  return v->get_int64();
}

Result<std::string_view> toldText(const object& o, std::string_view key, std::size_t most) {
  const value* v = o.if_contains({key.data(), key.size()});
  if (v == nullptr) return std::string_view{};
  if (!v->is_string() || v->get_string().size() > most) {
    return fail(ErrorCode::kInvalidInput,
                "'" + std::string(key) + "': a text of at most " + std::to_string(most) + " bytes is expected");
  }
  return std::string_view{v->get_string().data(), v->get_string().size()};
}

Result<boost::json::object> toldBody(std::string_view body, std::size_t most) {
  if (body.size() > most)
    return fail(ErrorCode::kLimitExceeded, "a body of at most " + std::to_string(most >> 10U) + " KB is expected");
  boost::system::error_code error;
  boost::json::parse_options options;
  options.max_depth = 8;
  auto json = boost::json::parse({body.data(), body.size()}, error, {}, options);
  if (error || !json.is_object()) return fail(ErrorCode::kInvalidInput, "a JSON object is expected");
  return std::move(json.as_object());
}

namespace {

Result<ToldSlot> slotNamed(const object& told, const personalize::SessionView& view) {
  DVPE_TRY(const std::string_view span, toldText(told, "break", 64));
  DVPE_TRY(const std::int64_t slot, toldNumber(told, "slot", 0xFFFF));
  const personalize::BoundPod* pod = view.podOf(std::string(span));
  if (pod == nullptr || pod->kind != timeline::SpanKind::kBreak || slot < 1 ||
      slot > static_cast<std::int64_t>(pod->pieces.size()))
    return fail(ErrorCode::kNotFound, "this session has no such slot");
  return ToldSlot{pod, slot};
}

Result<ToldSlot> slotAt(const object& told, const personalize::SessionView& view, Ticks length) {
  DVPE_TRY(const std::int64_t tick, toldNumber(told, "tick", kMostToldNumber));
  for (const auto& pod : view.pods) {
    if (pod->kind != timeline::SpanKind::kBreak || Ticks{tick} < pod->start || Ticks{tick} >= pod->end) continue;
    auto unit = (Ticks{tick} - pod->start) / length - pod->firstUnit;
    if (unit < 0) break;
    for (std::size_t i = 0; i < pod->pieces.size(); ++i) {
      if (unit < pod->pieces[i].units) return ToldSlot{pod.get(), static_cast<std::int64_t>(i + 1)};
      unit -= pod->pieces[i].units;
    }
  }
  return fail(ErrorCode::kNotFound, "this session has no slot then");
}

}  // namespace

Result<ToldSlot> slotOf(const object& told, const personalize::SessionView& view, Ticks unit) {
  return told.contains("tick") ? slotAt(told, view, unit) : slotNamed(told, view);
}

}  // namespace dvpe::serve
