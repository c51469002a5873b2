// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/command_table.h"

namespace dvpe::node {

namespace {

constexpr OptionSpec kSessions{"--sessions", "FILE", "the recording, a session a line: docs/reference/sessions.md",
                               true};
constexpr OptionSpec kPlan{"--plan", "FILE",
                           "a plan of pacing, as JSON; default: every line in flight plays and is worth its price"};
constexpr OptionSpec kMedia{"--media", "DIR",
                            "a folder of conditioned media: how long each is, beside the folder's media documents"};

}  // namespace

const std::vector<CommandSpec>& rulesCommands() {
  static const std::vector<CommandSpec> commands{
      {"rules",
       "test",
       "decide every session of a recording by a folder of documents, and say what is not as it expects",
       "dvpe-node rules test documents --sessions evening.jsonl\n"
       "dvpe-node rules test documents --sessions tests.jsonl --expect",
       {kSessions,
        kPlan,
        kMedia,
        {"--expect", "", "print only what is not as expected; a recording that expects nothing is a mistake"},
        {"--json", "", "a line of JSON for each session on standard output"}},
       "FOLDER",
       1,
       1,
       {},
       rulesTestCommand},
      {"rules",
       "explain",
       "say why a session of a recording gets what it gets",
       "dvpe-node rules explain documents --sessions evening.jsonl --session 12\n"
       "dvpe-node rules explain documents --sessions evening.jsonl --session anna-tv --json",
       {kSessions,
        {"--session", "LINE", "the number of a line, or a session's id: its last line", true},
        kPlan,
        kMedia,
        kJson},
       "FOLDER",
       1,
       1,
       {},
       rulesExplainCommand},
      {"rules",
       "replay",
       "run a recording through two folders of documents: who changes, fill, revenue, caps, variants",
       "dvpe-node rules replay --from on-air --to proposed --sessions evening.jsonl\n"
       "dvpe-node rules replay --from on-air --to proposed --sessions evening.jsonl --plan plan.json --json",
       {{"--from", "DIR", "the documents to compare with", true},
        {"--to", "DIR", "the documents to try", true},
        kSessions,
        kPlan,
        {"--to-plan", "FILE", "another plan for --to; default: that of --plan"},
        kMedia,
        {"--examples", "N", "sessions that change to show; default: 5"},
        kJson},
       "",
       0,
       0,
       {},
       rulesReplayCommand},
      {"rules",
       "hits",
       "say in how many of 100 breaks of the decision sample's viewers each rule held, by two folders of documents",
       "dvpe-node rules hits --from on-air --to proposed --channel news --server db:5432 --root-certificate ca.pem "
       "--user p_5f0c",
       signedIn({{"--from", "DIR", "the documents to compare with", true},
                 {"--to", "DIR", "the documents to try", true},
                 {"--channel", "ID", "whose viewers", true}}),
       "",
       0,
       0,
       {},
       rulesHitsCommand},
  };
  return commands;
}

}  // namespace dvpe::node
