// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Reading what players tell: fields of a JSON object within bounds, and the slots that they name.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string_view>

#include "node/personalize/session_view.h"
#include "shared/base/result.h"

namespace dvpe::serve {

inline constexpr std::int64_t kMostToldNumber = std::int64_t{1} << 53;  // JSON's numbers are exact up to there

// A request's body as a JSON object. kLimitExceeded, kInvalidInput.
base::Result<boost::json::object> toldBody(std::string_view body, std::size_t most = 16 * 1024);
// An integer in [0, most]. The field may be left out when there is something to take instead. kInvalidInput.
base::Result<std::int64_t> toldNumber(const boost::json::object& o, std::string_view key, std::int64_t most,
                                      std::optional<std::int64_t> instead = {});
// A text of at most so many bytes; empty when the field is left out. Lives as long as the object. kInvalidInput.
base::Result<std::string_view> toldText(const boost::json::object& o, std::string_view key, std::size_t most);

struct ToldSlot {
  const personalize::BoundPod* pod = nullptr;
  std::int64_t number = 0;  // from 1
};
// By "break" (its id) and "slot"; or by "tick", the channel's time: all that a player knows, which sees but the
// addresses of segments. unit: the channel's, in ticks. kInvalidInput; kNotFound: the session has no such slot.
base::Result<ToldSlot> slotOf(const boost::json::object& told, const personalize::SessionView& view, base::Ticks unit);

}  // namespace dvpe::serve
