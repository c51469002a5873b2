// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What conditions are evaluated on: values under dotted paths, and the purposes that a viewer has consented to.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/result.h"
#include "shared/base/ticks.h"
#include "shared/model/documents.h"

namespace dvpe::rules {

// Where evaluate() finds values. Const methods may be called from several threads at once.
class AttributeSource {
 public:
  virtual ~AttributeSource() = default;
  // The value at exactly this path, or null. It stays valid while the source is unchanged.
  virtual const model::Value* find(std::string_view path) const = 0;
  struct Entry {
    std::string path;
    model::Value value;
  };
  // All of them sorted by path, for those who look at many; null: ask find().
  virtual const std::vector<Entry>* entriesByPath() const { return nullptr; }
  // Whether there is a value at this path or below it.
  virtual bool holds(std::string_view path) const = 0;
  // Whether data may be used for this purpose. An empty purpose needs no consent and is never asked for.
  virtual bool consents(std::string_view purpose) const = 0;

  // The moment for which is decided: the field `now`.
  virtual std::optional<base::WallTime> now() const { return std::nullopt; }
  // What percent() is sticky to; empty: there is nothing, and percent() is unknown.
  virtual std::string_view identity() const { return {}; }
  // How often the viewer has seen a campaign within the time before now: frequency().
  virtual std::optional<std::int64_t> frequency(std::string_view /*campaign*/, std::chrono::seconds /*within*/) const {
    return std::nullopt;
  }
};

// A viewer's attributes: a sorted vector, since there are few and they are read far more often than written.
// Maps are stored flat: {"interests": {"sports": 0.8}} under "viewer" is "viewer.interests.sports".
class Attributes final : public AttributeSource {
 public:
  static constexpr std::size_t kMaxEntries = 256;
  static constexpr std::size_t kMaxPathBytes = 256;
  static constexpr std::size_t kMaxTextBytes = 4096;
  static constexpr std::size_t kMaxListItems = 256;
  static constexpr std::size_t kMaxPurposes = 64;

  // Stores a scalar or list; a map is stored member by member. Replaces what was there; null removes it.
  // Refuses paths that are not names joined by dots, and what exceeds the limits above; then nothing is changed
  // except, for a map, the members before the refused one.
  base::Result<void> set(std::string_view path, const model::Value& value);
  base::Result<void> consent(std::string_view purpose);
  // What percent() is sticky to: the same for a viewer on every node.
  void setIdentity(std::string identity) { identity_ = std::move(identity); }

  const model::Value* find(std::string_view path) const override;
  bool holds(std::string_view path) const override;
  bool consents(std::string_view purpose) const override;
  std::string_view identity() const override { return identity_; }
  const std::vector<Entry>* entriesByPath() const override { return &entries_; }

  const std::vector<Entry>& entries() const { return entries_; }          // sorted by path
  const std::vector<std::string>& purposes() const { return purposes_; }  // sorted

 private:
  base::Result<void> setAt(const std::string& path, const model::Value& value, int depth);

  std::vector<Entry> entries_;
  std::vector<std::string> purposes_;
  std::string identity_;
};

}  // namespace dvpe::rules
