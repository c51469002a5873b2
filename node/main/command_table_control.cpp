// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/command_table.h"

namespace dvpe::node {

namespace {

// How commands reach a node.
std::vector<OptionSpec> toNode(std::vector<OptionSpec> options) {
  options.insert(options.begin(), {{"--endpoint", "HOST:PORT", "where the node listens for control", true},
                                   {"--node", "NAME", "the node's name", true},
                                   {"--curve-key", "FILE", "one's own secret CURVE key", true}});
  options.insert(options.end(),
                 {{"--server-key", "KEY", "the node's public CURVE key"},
                  {"--keys", "FILE", "instead of it: the keys document that names the node; revisions with commas"},
                  {"--root", "HEX", "the root's public key, by which --keys is checked"},
                  {"--timeout", "SECONDS", "how long to wait for the node; default: 5"}});
  return options;
}

// The same for commands, which are signed.
std::vector<OptionSpec> ordered(std::vector<OptionSpec> options) {
  options.insert(options.end(), {{"--key", "FILE", "one's own private signing key", true}, kPassphrase});
  return toNode(std::move(options));
}
std::vector<OptionSpec> plainOrder(std::vector<OptionSpec> options) {
  options = ordered(std::move(options));
  options.push_back(kJson);
  return options;
}

// And for those that take a grant.
std::vector<OptionSpec> grantedOrder(std::vector<OptionSpec> options) {
  options = signedIn(ordered(std::move(options)));
  for (OptionSpec& o : options) {
    if (o.name == "--user") o = {"--user", "LOGIN", "who asks the database for the grant"};
  }
  options.emplace_back(OptionSpec{"--grant", "ID", "instead of it: a grant for exactly this command"});
  return options;
}

constexpr OptionSpec kChannel{"--channel", "ID", "the channel", true};

}  // namespace

const std::vector<CommandSpec>& controlCommands() {
  static const std::vector<CommandSpec> commands{
      {"node",
       "status",
       "ask a running node how it is",
       "dvpe-node node status --endpoint n1:9001 --node n1 --server-key \"$N1\" --curve-key my.curve --key my.pem "
       "--passphrase-file my.phrase\n"
       "dvpe-node node status --endpoint n1:9001 --node n1 --keys keys.json --root $(cat root.public) --curve-key "
       "my.curve --key my.pem --passphrase-file my.phrase --json",
       plainOrder({}),
       "",
       0,
       0,
       {},
       nodeStatusCommand},
      {"node",
       "watch",
       "print each second how a node is, until interrupted",
       "dvpe-node node watch --endpoint n1:9001 --node n1 --server-key \"$N1\" --curve-key my.curve",
       [] {
         auto options = toNode({{"--count", "N", "end after so many lines"}});
         options.push_back(kJson);
         return options;
       }(),
       "",
       0,
       0,
       {},
       nodeWatchCommand},
      {"node",
       "drain",
       "send viewers elsewhere: /readyz says no, those who are there stay",
       "dvpe-node node drain --endpoint n1:9001 --node n1 --server-key \"$N1\" --curve-key my.curve --key my.pem "
       "--passphrase-file my.phrase --server db:5432 --root-certificate ca.pem --user p_5f0c",
       grantedOrder({}),
       "",
       0,
       0,
       {},
       nodeDrainCommand},
      {"node",
       "undrain",
       "take viewers again",
       "dvpe-node node undrain --endpoint n1:9001 --node n1 --server-key \"$N1\" --curve-key my.curve --key my.pem "
       "--passphrase-file my.phrase --server db:5432 --root-certificate ca.pem --user p_5f0c",
       grantedOrder({}),
       "",
       0,
       0,
       {},
       nodeUndrainCommand},
      {"node",
       "restart-channel",
       "take a channel's source off and its decoders down; its viewers and its time go on",
       "dvpe-node node restart-channel --channel news --endpoint n1:9001 --node n1 --server-key \"$N1\" --curve-key "
       "my.curve --key my.pem --passphrase-file my.phrase --server db:5432 --root-certificate ca.pem --user p_5f0c",
       grantedOrder({kChannel}),
       "",
       0,
       0,
       {},
       nodeRestartChannelCommand},
      {"node",
       "break",
       "start a break on a channel, or end it",
       "dvpe-node node break start --channel news --units 60 --endpoint n1:9001 --node n1 --server-key \"$N1\" "
       "--curve-key my.curve --key my.pem --passphrase-file my.phrase\n"
       "dvpe-node node break stop --channel news --endpoint n1:9001 --node n1 --server-key \"$N1\" --curve-key "
       "my.curve --key my.pem --passphrase-file my.phrase",
       plainOrder({kChannel,
                   {"--units", "N", "how long it is, in the grid's units: 1 to 600; to start one"},
                   {"--id", "ID", "what it is called; default: the node names it"}}),
       "WHAT",
       1,
       1,
       {"start", "stop"},
       nodeBreakCommand},
      {"node",
       "clean",
       "show everybody the programme as it comes, or personalise again",
       "dvpe-node node clean on --channel news --endpoint n1:9001 --node n1 --server-key \"$N1\" --curve-key my.curve "
       "--key my.pem --passphrase-file my.phrase",
       plainOrder({kChannel}),
       "WHAT",
       1,
       1,
       {"on", "off"},
       nodeCleanCommand},
      {"node",
       "log",
       "set how much a node writes to its log",
       "dvpe-node node log debug --endpoint n1:9001 --node n1 --server-key \"$N1\" --curve-key my.curve --key my.pem "
       "--passphrase-file my.phrase",
       plainOrder({}),
       "LEVEL",
       1,
       1,
       {"trace", "debug", "info", "warn", "error"},
       nodeLogCommand},
      {"audience",
       "count",
       "say how many viewers who watch now fulfil a condition, on all nodes that are named",
       "dvpe-node audience count --channel news --when 'viewer.country == \"DE\"' --node n1,n2 --endpoint "
       "n1:9001,n2:9001 --keys keys.json --root $(cat root.public) --curve-key my.curve --key my.pem "
       "--passphrase-file my.phrase",
       [] {
         auto options = plainOrder({kChannel, {"--when", "CONDITION", "over forecastable fields", true}});
         for (OptionSpec& o : options) {
           if (o.name == "--endpoint") o = {"--endpoint", "HOST:PORT,...", "where the nodes listen for control", true};
           if (o.name == "--node") o = {"--node", "NAME,...", "the nodes' names, in the same order", true};
         }
         return options;
       }(),
       "",
       0,
       0,
       {},
       audienceCountCommand},
      {"impressions",
       "verify",
       "find any change, removal or omission in signed impressions, offline; PATH: a node's folder, or one file of it",
       "dvpe-node impressions verify ledger --key n1.public\n"
       "dvpe-node impressions verify ledger --keys keys.json --root $(cat root.public) --manifest manifest.last-week",
       {{"--key", "FILE", "the node's public signing key: 64 hexadecimal digits"},
        {"--keys", "FILE", "instead of it: the keys document that names the node; revisions with commas"},
        {"--root", "HEX", "the root's public key, by which --keys is checked"},
        {"--manifest", "FILE", "a manifest that was kept: what it lists must be there still"},
        kJson},
       "PATH",
       1,
       1,
       {},
       impressionsVerifyCommand},
      {"release",
       "list",
       "list releases, newest first, and what nodes say of them",
       "dvpe-node release list --server db:5432 --root-certificate ca.pem --user p_5f0c",
       signedIn({{"--most", "N", "the newest ones; default: 20"}}),
       "",
       0,
       0,
       {},
       releaseListCommand},
      {"release",
       "show",
       "list the documents of a release",
       "dvpe-node release show 12 --server db:5432 --root-certificate ca.pem --user p_5f0c",
       signedIn({}),
       "SEQUENCE",
       0,
       1,
       {},
       releaseShowCommand},
      {"release",
       "diff",
       "say what changed between two releases; default: the two newest",
       "dvpe-node release diff 11 12 --server db:5432 --root-certificate ca.pem --user p_5f0c",
       signedIn({}),
       "SEQUENCE",
       0,
       2,
       {},
       releaseDiffCommand},
      {"release",
       "left-out",
       "list revisions that the coordinator could not put into a release, and why",
       "dvpe-node release left-out --server db:5432 --root-certificate ca.pem --user p_5f0c",
       signedIn({}),
       "",
       0,
       0,
       {},
       releaseLeftOutCommand},
      {"release",
       "rollback",
       "go back to the documents of an earlier release, as an admin",
       "dvpe-node release rollback --to 11 --key ada.pem --passphrase-file ada.phrase --wait --server db:5432 "
       "--root-certificate ca.pem --user p_5f0c",
       signedIn({{"--to", "SEQUENCE", "the release whose revisions come back", true},
                 {"--key", "FILE", "one's own private signing key", true},
                 kPassphrase,
                 {"--dry-run", "", "only say what would change"},
                 {"--wait", "", "until a release with it is in force"},
                 {"--timeout", "SECONDS", "how long to wait; default: 60"}}),
       "",
       0,
       0,
       {},
       releaseRollbackCommand},
      {"release",
       "stages",
       "print on which nodes a change is first, and what is halted; with a FILE: set it, as an admin",
       "dvpe-node release stages --server db:5432 --root-certificate ca.pem --user p_5f0c\n"
       "dvpe-node release stages plan.json --server db:5432 --root-certificate ca.pem --user p_5f0c",
       signedIn({}),
       "FILE",
       0,
       1,
       {},
       releaseStagesCommand},
      {"release",
       "resume",
       "let a release that was halted go on to the next stage, as an admin",
       "dvpe-node release resume 12 --server db:5432 --root-certificate ca.pem --user p_5f0c",
       signedIn({}),
       "SEQUENCE",
       1,
       1,
       {},
       releaseResumeCommand},
      {"release",
       "schedule",
       "say when a revision of one's own may go on air",
       "dvpe-node release schedule overlay/welcome 7 --at 2026-03-01T20:00:00Z --server db:5432 --root-certificate "
       "ca.pem --user p_5f0c",
       signedIn({{"--at", "TIME", "not before; without a zone: UTC", true}}),
       "DOCUMENT REVISION",
       2,
       2,
       {},
       releaseScheduleCommand},
  };
  return commands;
}

}  // namespace dvpe::node
