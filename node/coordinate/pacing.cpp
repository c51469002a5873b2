// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/coordinate/pacing.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "shared/base/log.h"
#include "shared/model/reader.h"
#include "shared/protocol/messages.h"

namespace dvpe::coordinate {

using base::Result;

namespace {

void readLine(const model::Place& place, std::string_view name, decisions::NodeReport& out) {
  const boost::json::array* counts = place.value->if_array();
  std::array<std::int64_t, 4> values{};
  bool good = counts != nullptr && counts->size() == values.size();
  for (std::size_t i = 0; good && i < values.size(); ++i) {
    const std::int64_t* value = (*counts)[i].if_int64();
    good = value != nullptr && *value >= 0;
    if (good) values[i] = *value;
  }
  if (!good) return place.mistake("expected four whole numbers: eligible, bound, delivered, returned");
  out.lines.push_back({std::string{name}, values[0], values[1], values[2], values[3]});
}

}  // namespace

Result<decisions::NodeReport> readCounts(std::string_view json, const std::string& node, base::WallTime at) {
  DVPE_TRY(auto out,
           model::readObject<decisions::NodeReport>(
               json, protocol::kMaxPlanBytes, "counts", [](model::ObjectReader& in, decisions::NodeReport& report) {
                 std::int64_t plan = 0;
                 in.integer("plan", plan, 0, std::int64_t{1} << 53, model::Need::kRequired);
                 report.plan = static_cast<std::uint64_t>(plan);
                 in.integer("breaks", report.breaks, 0, std::int64_t{1} << 53, model::Need::kRequired);
                 in.members("lines", decisions::kMaxPlanLines,
                            [&](const model::Place& place, std::string_view name) { readLine(place, name, report); });
               }));
  out.node = node;
  out.at = at;
  return out;
}

void Pacing::hear(const std::string& node, std::string_view counts, base::WallTime at) {
  if (!pacer_) return;
  const auto report = readCounts(counts, node, at);
  if (report) {
    pacer_->hear(report.value());
  } else {
    spdlog::warn("what a node has counted cannot be read node={} reason=\"{}\"", node, report.error().message);
  }
}

// Plans for the newest release. False: there is none.
Result<bool> Pacing::follow(Registry& registry) {
  DVPE_TRY(const auto newest, registry.newest());
  if (!newest) return false;
  DVPE_TRY(const auto release, release::parseRelease(newest->release.bytes));
  if (pacer_ && release.order == release_) return true;
  std::vector<std::string> digests;
  for (const auto& [name, entry] : release.documents) digests.push_back(entry.digest);
  DVPE_CHECK(registry.fetch(digests));
  const auto source = registry.source();
  std::vector<model::DocumentText> texts;
  for (const auto& [name, entry] : release.documents) {
    const auto* document = source.document(entry.digest);
    if (document == nullptr) return false;  // not whole yet
    texts.push_back({name.kind + " " + name.id, document->document.bytes});
  }
  auto documents = std::make_shared<const model::Documents>(std::move(model::readDocuments(texts).documents));
  if (pacer_) {
    pacer_->use(std::move(documents), toText(release.order));
  } else {
    decisions::Pacer pacer{std::move(documents), toText(release.order)};
    DVPE_TRY(const auto state, registry.pacing());
    if (state) {
      if (const auto restored = pacer.restore(*state); !restored) {
        spdlog::error("what plans have promised cannot be read; they begin anew reason=\"{}\"",
                      restored.error().message);
      }
    }
    pacer_ = std::move(pacer);
  }
  release_ = release.order;
  return true;
}

Result<std::shared_ptr<const release::Signed>> Pacing::next(Registry& registry, const release::PrivateKey& key,
                                                            base::WallTime now, std::int64_t epoch) {
  DVPE_TRY(const bool some, follow(registry));
  if (!some) return std::shared_ptr<const release::Signed>{};
  const decisions::Plan plan = pacer_->plan(now);
  if (plan.lines.empty()) return std::shared_ptr<const release::Signed>{};
  DVPE_CHECK(registry.storePacing(pacer_->state(), epoch));
  release::Signed made{decisions::toJson(plan), {}};
  addSignature(made, release::Domain::kPlan, key);
  return std::make_shared<const release::Signed>(std::move(made));
}

}  // namespace dvpe::coordinate
