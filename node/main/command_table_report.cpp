// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/command_table.h"
#include "node/main/reports.h"

namespace dvpe::node {

const std::vector<CommandSpec>& reportCommands() {
  static const std::vector<CommandSpec> commands{
      {"report", "",
       "say what was seen: concurrents, reach, engagement, retention, qoe, fill, delivery, plan, funnel, revenue, "
       "breakdown, experiment",
       "dvpe-node report concurrents --channel news --from 2026-03-01 --to 2026-03-08 --tz Europe/Berlin --format html "
       "--server db:5432 "
       "--root-certificate ca.pem --user p_5f0c > news.html\n"
       "dvpe-node report breakdown --channel news --dimension device --metric stalls --server db:5432 "
       "--root-certificate ca.pem --user p_5f0c",
       signedIn({{"--channel", "ID", "of this channel"},
                 {"--campaign", "ID", "of this campaign"},
                 {"--experiment", "ID", "of this experiment"},
                 {"--from", "TIME", "such as 2026-03-01 or 2026-03-01T20:00; default: a week before --to"},
                 {"--to", "TIME", "before this moment; default: the beginning of this hour"},
                 {"--tz", "ZONE", "whose clock times and days are by, such as Europe/Berlin; default: UTC"},
                 {"--step", "WORD", "minute, hour or day, of reach day or week; default: by the length of time"},
                 {"--dimension", "WORD", "of breakdown and funnel: country, device, variant or rule"},
                 {"--metric", "WORD",
                  "of breakdown: watched, stalls, startup, completion, clicks, events; default: watched"},
                 {"--format", "WORD", "csv, json or html; default: csv"}}),
       "NAME", 1, 1, reportNames(), reportCommand},
  };
  return commands;
}

}  // namespace dvpe::node
