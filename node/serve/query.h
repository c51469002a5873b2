// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What stands in a request's query.
#pragma once

#include <algorithm>
#include <string_view>

namespace dvpe::serve {

// "redirected=1" marks what another node has sent here: it is answered, not sent on.
inline constexpr std::string_view kRedirected = "redirected";

// The value of name=value in a query, not decoded: names and ids need no escapes. Empty: there is none.
inline std::string_view queryValue(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
  }
  return {};
}

}  // namespace dvpe::serve
