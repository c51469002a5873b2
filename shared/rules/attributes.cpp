// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rules/attributes.h"

#include <algorithm>

namespace dvpe::rules {

namespace {

bool isWord(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool isPath(std::string_view path) {
  if (path.size() > Attributes::kMaxPathBytes) return false;
  for (std::size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
    if (!isWord(path.substr(0, dot))) return false;
    path.remove_prefix(dot + 1);
  }
  return isWord(path);
}

// A plain value, without lists or maps in it.
bool isScalar(const model::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value.v)) return text->size() <= Attributes::kMaxTextBytes;
  return std::holds_alternative<bool>(value.v) || std::holds_alternative<std::int64_t>(value.v) ||
         std::holds_alternative<double>(value.v);
}

auto lowerBound(const std::vector<Attributes::Entry>& entries, std::string_view path) {
  return std::lower_bound(entries.begin(), entries.end(), path,
                          [](const Attributes::Entry& entry, std::string_view p) { return entry.path < p; });
}

}  // namespace

base::Result<void> Attributes::set(std::string_view path, const model::Value& value) {
  if (!isPath(path)) {
    return base::fail(base::ErrorCode::kInvalidInput, "an attribute's path must be names joined by dots");
  }
  return setAt(std::string{path}, value, 0);
}

base::Result<void> Attributes::setAt(const std::string& path, const model::Value& value, int depth) {
  using base::ErrorCode;
  if (depth > 16 || path.size() > kMaxPathBytes) {
    return base::fail(ErrorCode::kLimitExceeded, "attributes are nested too deeply");
  }
  if (const auto* map = std::get_if<std::shared_ptr<const model::Map>>(&value.v)) {
    for (const auto& [key, member] : **map) {
      if (!isWord(key)) {
        return base::fail(ErrorCode::kInvalidInput,
                          "an attribute's name must be of letters, digits and _, and not begin with a digit");
      }
      DVPE_CHECK(setAt(path + "." + key, member, depth + 1));
    }
    return base::success();
  }
  const auto at = entries_.begin() + (lowerBound(entries_, path) - entries_.cbegin());
  const bool there = at != entries_.end() && at->path == path;
  if (std::holds_alternative<std::monostate>(value.v)) {
    if (there) entries_.erase(at);
    return base::success();
  }
  if (const auto* list = std::get_if<std::shared_ptr<const model::List>>(&value.v)) {
    if ((*list)->size() > kMaxListItems || !std::all_of((*list)->begin(), (*list)->end(), isScalar)) {
      return base::fail(ErrorCode::kLimitExceeded, "an attribute's list may hold 256 plain values of up to 4096 bytes");
    }
  } else if (!isScalar(value)) {
    return base::fail(ErrorCode::kLimitExceeded, "an attribute's text may have 4096 bytes");
  }
  if (there) {
    at->value = value;
  } else if (entries_.size() >= kMaxEntries) {
    return base::fail(ErrorCode::kLimitExceeded, "a viewer may have 256 attributes");
  } else {
    entries_.insert(at, Entry{path, value});
  }
  return base::success();
}

base::Result<void> Attributes::consent(std::string_view purpose) {
  if (purpose.empty() || purpose.size() > 64) {
    return base::fail(base::ErrorCode::kInvalidInput, "a purpose must be a name of 1 to 64 characters");
  }
  const auto at = std::lower_bound(purposes_.begin(), purposes_.end(), purpose);
  if (at != purposes_.end() && *at == purpose) return base::success();
  if (purposes_.size() >= kMaxPurposes) {
    return base::fail(base::ErrorCode::kLimitExceeded, "a viewer may consent to 64 purposes");
  }
  purposes_.emplace(at, purpose);
  return base::success();
}

const model::Value* Attributes::find(std::string_view path) const {
  const auto at = lowerBound(entries_, path);
  return at != entries_.end() && at->path == path ? &at->value : nullptr;
}

bool Attributes::holds(std::string_view path) const {
  for (auto at = lowerBound(entries_, path); at != entries_.end() && at->path.starts_with(path); ++at) {
    if (at->path.size() == path.size() || at->path[path.size()] == '.') return true;
  }
  return false;
}

bool Attributes::consents(std::string_view purpose) const {
  return purpose.empty() || std::binary_search(purposes_.begin(), purposes_.end(), purpose);
}

}  // namespace dvpe::rules
