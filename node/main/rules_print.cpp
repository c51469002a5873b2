// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/rules_print.h"

#include <boost/json/array.hpp>

namespace dvpe::node {

namespace json = boost::json;

json::object sessionJson(const rehearsal::Session& session) {
  json::object out{{"line", session.line}, {"session", session.id}};
  if (!session.viewer.empty()) out["viewer"] = session.viewer;
  out["channel"] = session.channel;
  out["at"] = moment(session.at);
  out["break"] = session.breakNumber;
  return out;
}

json::object namedJson(const rehearsal::Named& named) {
  json::array overlays, slots;
  for (const std::string& each : named.overlays) overlays.emplace_back(each);
  for (const auto& each : named.slots)
    slots.push_back(json::object{{"line", each.line}, {"media", each.media}, {"units", each.units}});
  json::object clips;
  for (const auto& [event, media] : named.clips) clips[event] = media;
  return {{"cohort", named.cohort}, {"overlays", std::move(overlays)}, {"clips", std::move(clips)},
          {"audio", named.audio},   {"slots", std::move(slots)},       {"slateUnits", named.slateUnits}};
}

std::string moment(base::WallTime at) {
  std::string out = base::isoDate(at);
  if (const std::size_t point = out.find(".000Z"); point != std::string::npos) out.erase(point, 4);
  return out;
}

std::string counted(std::int64_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string share(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return "-";
  const std::int64_t thousandths = (part * 2000 + whole) / (whole * 2);
  return std::to_string(thousandths / 10) + "." + std::to_string(thousandths % 10) + " %";
}

}  // namespace dvpe::node
