// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a node writes down of what happened, and where it goes: the parts of node/events, made together. With a key of
// its own the node also keeps impressions as signed files (docs/reference/impressions.md).
#pragma once

#include <memory>

#include "node/events/ledger.h"
#include "node/events/naming.h"
#include "node/events/sample_shipper.h"
#include "node/events/shared_source.h"
#include "node/events/shipper.h"
#include "node/main/config.h"
#include "node/main/secrets.h"
#include "node/serve/metrics.h"

namespace dvpe::node {

// Its sink and naming are used by any thread until it is destroyed; what is in the spool then is shipped the next time.
class EventRecorder {
 public:
  // nullptr: there is no database to ship to, and nothing is recorded. kIo, kConflict: of the spool's folder;
  // kInvalidInput, kRefused, kNotFound: of what the configuration says of the database.
  static base::Result<std::unique_ptr<EventRecorder>> start(const Config& config, const Secrets& secrets,
                                                            base::Random& random, const base::Clock& clock);

  events::Sink& sink() { return *spool_; }
  events::Naming& naming() { return naming_; }
  // Viewers were erased: what the spool still has of them goes as soon as it is shipped.
  void turn() { spool_->turn(); }
  events::Sample& sample() { return sample_; }
  const events::Sample& sample() const { return sample_; }
  events::SampleCounters sampled() const { return sampleShipper_->counters(); }
  events::SpoolCounters spooled() const { return spool_->counters(); }
  events::ShipperCounters shipped() const { return shipper_->counters(); }
  // Nothing: no impressions are signed here.
  std::optional<events::LedgerCounters> ledger() const;

 private:
  EventRecorder(const Secrets& secrets, const std::filesystem::path& folder, base::Random& random,
                std::unique_ptr<events::Spool> spool);
  base::Result<void> keepLedger(const Config& config, const Secrets& secrets, const std::filesystem::path& folder,
                                const base::Clock& clock);

  events::Naming naming_;
  events::Sample sample_;
  const std::unique_ptr<events::Spool> spool_;
  const std::unique_ptr<events::SpoolSource> source_;
  std::optional<release::PrivateKey> key_;
  std::optional<events::SharedSource> shared_;  // with a ledger: the spool keeps what one of the two has not done with
  std::unique_ptr<events::Shipper> shipper_;
  std::unique_ptr<events::LedgerThread> ledger_;
  std::unique_ptr<events::SampleShipper> sampleShipper_;
};

// Metrics of it, which outlives them.
void watchEvents(serve::Metrics& metrics, const EventRecorder& recorder);

}  // namespace dvpe::node
