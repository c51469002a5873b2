// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/event_recorder.h"

#include "node/main/database_options.h"

namespace dvpe::node {

using base::Result;

EventRecorder::EventRecorder(const Secrets& secrets, const std::filesystem::path& folder, base::Random& random,
                             std::unique_ptr<events::Spool> spool)
    : naming_(secrets.pseudonym, folder / "days", random),
      sample_(secrets.pseudonym),
      spool_(std::move(spool)),
      source_(events::sourceOf(*spool_)) {}

std::optional<events::LedgerCounters> EventRecorder::ledger() const {
  if (!ledger_) return std::nullopt;
  return ledger_->counters();
}

Result<void> EventRecorder::keepLedger(const Config& config, const Secrets& secrets,
                                       const std::filesystem::path& folder, const base::Clock& clock) {
  DVPE_TRY(auto key, openKey(config.events.key, config.events.passphrase));
  key_.emplace(std::move(key));
  shared_.emplace(*source_);
  events::LedgerOptions options;
  options.folder = folder / "impressions";
  DVPE_TRY(auto ledger, events::Ledger::open(options, shared_->second(), *key_, secrets.pseudonym, clock));
  ledger_ = std::make_unique<events::LedgerThread>(std::move(ledger));
  return base::success();
}

Result<std::unique_ptr<EventRecorder>> EventRecorder::start(const Config& config, const Secrets& secrets,
                                                            base::Random& random, const base::Clock& clock) {
  if (config.database.server.empty()) return std::unique_ptr<EventRecorder>();
  const auto folder = config.events.folder.empty() ? config.node.state / "events" : config.events.folder;
  std::error_code error;
  std::filesystem::create_directories(folder / "days", error);
  if (error) return base::fail(base::ErrorCode::kIo, folder.string() + " cannot be made: " + error.message());
  DVPE_TRY(auto database, databaseOptions(config.database));
  database.application = "dvpe events";
  events::SpoolOptions options;
  options.folder = folder / "spool";
  options.mostBytes = static_cast<std::uint64_t>(config.events.diskBytes);
  DVPE_TRY(auto spool, events::Spool::open(options, random));
  spool->turn();  // somebody may have been erased while the node was away
  std::unique_ptr<EventRecorder> out(new EventRecorder(secrets, folder, random, std::move(spool)));
  if (!config.events.key.empty()) DVPE_CHECK(out->keepLedger(config, secrets, folder, clock));
  events::SpoolSource& source = out->shared_ ? out->shared_->first() : *out->source_;
  out->shipper_ = std::make_unique<events::Shipper>(source, events::databaseWarehouse(database), clock);
  database.application = "dvpe sample";
  out->sampleShipper_ =
      std::make_unique<events::SampleShipper>(out->sample_, events::databaseSampleStore(database), clock);
  return out;
}

void watchEvents(serve::Metrics& metrics, const EventRecorder& recorder) {
  using Kind = serve::Metrics::Kind;
  const auto spool = [&](Kind kind, std::string_view name, std::string_view help,
                         std::uint64_t events::SpoolCounters::*field, const serve::Labels& labels = {}) {
    metrics.observe(kind, name, help, labels,
                    [&recorder, field] { return static_cast<double>(recorder.spooled().*field); });
  };
  const auto shipper = [&](Kind kind, std::string_view name, std::string_view help,
                           std::uint64_t events::ShipperCounters::*field, const serve::Labels& labels = {}) {
    metrics.observe(kind, name, help, labels,
                    [&recorder, field] { return static_cast<double>(recorder.shipped().*field); });
  };
  using S = events::SpoolCounters;
  using H = events::ShipperCounters;
  constexpr auto kTotal = "dvpe_events_total";
  constexpr auto kFate =
      "What became of events: on disk (\"accepted\"), refused because there was no room, lost by a "
      "disk that said no, left out because the disk was nearly full (others stand for them), damaged "
      "on disk.";
  spool(Kind::kCounter, kTotal, kFate, &S::accepted, {{"fate", "accepted"}});
  spool(Kind::kCounter, kTotal, kFate, &S::refused, {{"fate", "refused"}});
  spool(Kind::kCounter, kTotal, kFate, &S::lost, {{"fate", "lost"}});
  spool(Kind::kCounter, kTotal, kFate, &S::sampledOut, {{"fate", "sampled_out"}});
  spool(Kind::kCounter, kTotal, kFate, &S::damaged, {{"fate", "damaged"}});
  spool(Kind::kGauge, "dvpe_events_spool_bytes", "Bytes of the spool on disk.", &S::bytes);
  spool(Kind::kGauge, "dvpe_events_waiting_bytes", "Bytes of events that are not on disk yet.", &S::waiting);
  spool(Kind::kCounter, "dvpe_events_write_failures_total", "Writes of the spool that the disk said no to.",
        &S::failures);
  constexpr auto kShipped = "dvpe_events_shipped_total";
  constexpr auto kWhere =
      "Events that came to the database: new ones, those that it had already, those that it does "
      "not take; and those that could not be read any more.";
  metrics.observe(Kind::kCounter, kShipped, kWhere, {{"fate", "new"}}, [&recorder] {
    const events::ShipperCounters c = recorder.shipped();
    return static_cast<double>(c.shipped - c.repeated);
  });
  shipper(Kind::kCounter, kShipped, kWhere, &H::repeated, {{"fate", "repeated"}});
  shipper(Kind::kCounter, kShipped, kWhere, &H::refused, {{"fate", "refused"}});
  shipper(Kind::kCounter, kShipped, kWhere, &H::unreadable, {{"fate", "unreadable"}});
  shipper(Kind::kCounter, "dvpe_events_ship_failures_total", "Batches that could not be shipped; they are tried again.",
          &H::errors);
  metrics.observe(Kind::kGauge, "dvpe_events_lag_seconds",
                  "Since the oldest event happened that is not in the database yet.", {},
                  [&recorder] { return recorder.shipped().lagSeconds; });
  const auto sample = [&](std::string_view fate, std::function<std::uint64_t()> count) {
    metrics.observe(
        Kind::kCounter, "dvpe_sample_sessions_total",
        "Sessions of the decision sample: in the database (\"new\"), not taken by it, or let go because there "
        "was no room.",
        {{"fate", std::string(fate)}}, [count = std::move(count)] { return static_cast<double>(count()); });
  };
  sample("new", [&recorder] { return recorder.sampled().inserted; });
  sample("refused", [&recorder] { return recorder.sampled().refused; });
  sample("dropped", [&recorder] { return recorder.sample().dropped(); });
  metrics.observe(Kind::kGauge, "dvpe_sample_waiting", "Sessions of the decision sample that wait to be shipped.", {},
                  [&recorder] { return static_cast<double>(recorder.sample().waiting()); });
  if (!recorder.ledger()) return;
  metrics.observe(Kind::kCounter, "dvpe_impressions_signed_total", "Impressions in signed files.", {},
                  [&recorder] { return static_cast<double>(recorder.ledger()->impressions); });
  metrics.observe(Kind::kCounter, "dvpe_impressions_errors_total", "Tries to write signed files that failed.", {},
                  [&recorder] { return static_cast<double>(recorder.ledger()->errors); });
  metrics.observe(Kind::kGauge, "dvpe_impressions_full",
                  "1 while there is no room for signed files: the spool keeps what is not written.", {},
                  [&recorder] { return recorder.ledger()->full ? 1 : 0; });
}

}  // namespace dvpe::node
