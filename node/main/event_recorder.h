// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a node writes down of what happened, and where it goes: the parts of node/events, made together.
#pragma once

#include <memory>

#include "node/events/naming.h"
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
  events::SpoolCounters spooled() const { return spool_->counters(); }
  events::ShipperCounters shipped() const { return shipper_.counters(); }

 private:
  EventRecorder(const Secrets& secrets, const std::filesystem::path& folder, base::Random& random,
                std::unique_ptr<events::Spool> spool, const database::ConnectOptions& database,
                const base::Clock& clock);

  events::Naming naming_;
  const std::unique_ptr<events::Spool> spool_;
  const std::unique_ptr<events::SpoolSource> source_;
  events::Shipper shipper_;
};

// Metrics of it, which outlives them.
void watchEvents(serve::Metrics& metrics, const EventRecorder& recorder);

}  // namespace dvpe::node
