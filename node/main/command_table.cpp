// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/command.h"

#include <array>

namespace dvpe::node {

namespace {

constexpr OptionSpec kConfig{"--config", "FILE", "the configuration; default: $DVPE_CONFIG, or /etc/dvpe/dvpe.toml"};
constexpr OptionSpec kJson{"--json", "", "one line of JSON on standard output"};

constexpr OptionSpec kPassphrase{"--passphrase-file", "FILE",
                                 "a file that only its owner may read; its first line counts", true};

constexpr std::array kCommon{
    OptionSpec{"--quiet", "", "say nothing on standard error but errors"},
    OptionSpec{"--no-color", "", "no colour (also: NO_COLOR set, TERM=dumb, or no terminal)"},
};

// How commands reach the database as somebody other than the node.
const std::vector<OptionSpec>& databaseOptions() {
  static const std::vector<OptionSpec> options{
      {"--server", "HOST:PORT", "the database server, or the folder of its local socket; default: 127.0.0.1:5432"},
      {"--database", "NAME", "default: dvpe"},
      {"--user", "LOGIN", "who connects", true},
      {"--password-file", "FILE", "a file with the login's password that only its owner may read"},
      {"--root-certificate", "FILE", "who vouches for the server (PEM); needed over TCP"},
      kJson};
  return options;
}
std::vector<OptionSpec> withDatabase(std::vector<OptionSpec> options) {
  options.insert(options.end(), databaseOptions().begin(), databaseOptions().end());
  return options;
}

const std::vector<CommandSpec>& table() {
  static const std::vector<CommandSpec> commands{
      {"run",
       "",
       "run the node until it is told to stop",
       "dvpe-node run --config /etc/dvpe/dvpe.toml\n"
       "DVPE_HTTP_PORT=9000 dvpe-node run --config dvpe.toml",
       {kConfig, {"--role", "ROLE", "all or coordinator, whatever node.role says"}},
       "",
       0,
       0,
       {},
       runCommand},
      {"config",
       "check",
       "name every mistake in the configuration",
       "dvpe-node config check --config dvpe.toml\n"
       "dvpe-node config check --json",
       {kConfig, kJson},
       "",
       0,
       0,
       {},
       configCheckCommand},
      {"config",
       "show",
       "print the configuration in force",
       "dvpe-node config show --origin\n"
       "dvpe-node config show --json",
       {kConfig, kJson, {"--origin", "", "say where each value comes from: file and line, variable, or default"}},
       "",
       0,
       0,
       {},
       configShowCommand},
      {"config",
       "example",
       "print a configuration file with every key, explained",
       "dvpe-node config example > dvpe.toml",
       {},
       "",
       0,
       0,
       {},
       configExampleCommand},
      {"condition",
       "",
       "make conditioned media of files, for breaks and replacements",
       "dvpe-node condition spot.mp4 --profile hd --documents documents --out media\n"
       "dvpe-node condition --slate --id slate --profile hd --documents documents --out media",
       {{"--profile", "ID", "the profile to condition for", true},
        {"--documents", "DIR", "the folder with the profile's document", true},
        {"--out", "DIR", "the media folder to write to", true},
        {"--id", "ID", "the id of what is made; default: the file's name without its ending"},
        {"--slate", "", "make a plain slate instead of reading files"},
        kJson},
       "FILE",
       0,
       1000,
       {},
       conditionCommand},
      {"replay",
       "",
       "run a channel from a recording of its stamped stream and print the digest of each segment",
       "dvpe-node replay news-1700000000.stamped --config dvpe.toml\n"
       "DVPE_NODE_STATE=/tmp/second dvpe-node replay news-1700000000.stamped --from 20 --config dvpe.toml",
       {kConfig,
        {"--channel", "ID", "the channel whose documents apply; default: the only one"},
        {"--from", "SECONDS", "join so long after the recording's beginning; default: 0"}},
       "RECORDING",
       1,
       1,
       {},
       replayCommand},
      {"keys",
       "stream",
       "make a stream key for a channel and print it, once",
       "dvpe-node keys stream --channel news\n"
       "dvpe-node keys stream --channel news --json",
       {kConfig, kJson, {"--channel", "ID", "the channel that it may publish on", true}},
       "",
       0,
       0,
       {},
       keysStreamCommand},
      {"keys",
       "session",
       "make a new session key; the former one goes on opening sessions",
       "dvpe-node keys session",
       {kConfig},
       "",
       0,
       0,
       {},
       keysSessionCommand},
      {"keys",
       "create",
       "make a signing key, and a line for it in the keys document",
       "dvpe-node keys create --out root.key --passphrase-file root.phrase\n"
       "dvpe-node keys create --out ada.key --passphrase-file ada.phrase --keys keys.json --person ada --organisation "
       "demo "
       "--roles admin",
       {{"--out", "FILE", "where the private key goes; it must not exist yet", true},
        kPassphrase,
        {"--keys", "FILE", "the keys document to add it to; made when it is missing"},
        {"--person", "NAME", "whose it is, or the machine's name"},
        {"--organisation", "ID", "for which it signs"},
        {"--roles", "LIST",
         "with commas: creator, advertiser, ad_operations, analyst, broadcaster, admin, coordinator, ..."},
        {"--channels", "LIST", "the only ones that it may sign for; default: all"},
        {"--days", "N", "how long it is valid; default: 365"},
        {"--curve", "KEY", "the public CURVE key that goes with it"},
        kJson},
       "",
       0,
       0,
       {},
       keysCreateCommand},
      {"keys",
       "revoke",
       "say in the keys document from when a key no longer counts",
       "dvpe-node keys revoke --keys keys.json --key 9f86d081884c7d65 --from 1790000000",
       {{"--keys", "FILE", "the keys document", true},
        {"--key", "ID", "the key's name", true},
        {"--from", "SECONDS", "since 1970: what the database accepted from then on does not count; default: now"}},
       "",
       0,
       0,
       {},
       keysRevokeCommand},
      {"keys",
       "sign",
       "sign documents, the keys document or a rollback statement; the signature goes to FILE.sig",
       "dvpe-node keys sign keys.json --key root.key --passphrase-file root.phrase",
       {{"--key", "FILE", "the private key", true}, kPassphrase},
       "FILE",
       1,
       10000,
       {},
       keysSignCommand},
      {"keys",
       "countersign",
       "sign campaigns and creatives as ad operations; statement and signature go to FILE.second and FILE.second.sig",
       "dvpe-node keys countersign campaign-tea.json --channels demo --key olga.key --passphrase-file olga.phrase",
       {{"--key", "FILE", "the private key", true},
        kPassphrase,
        {"--channels", "LIST", "with commas: the only ones that it may run on; default: all"},
        {"--days", "N", "how long that counts; default: 365"}},
       "FILE",
       1,
       10000,
       {},
       keysCountersignCommand},
      {"keys",
       "curve",
       "make a CURVE key, with which a machine or person may speak to nodes, and print its public half",
       "dvpe-node keys curve --out /etc/dvpe/keys/control.key",
       {{"--out", "FILE", "where the secret key goes; it must not exist yet", true}, kJson},
       "",
       0,
       0,
       {},
       keysCurveCommand},
      {"keys",
       "verify",
       "check revisions of the keys document one after the other, and list who may sign",
       "dvpe-node keys verify --root $(cat root.public) keys-1.json keys-2.json",
       {{"--root", "HEX", "the root's public key", true}},
       "FILE",
       1,
       1000,
       {},
       keysVerifyCommand},
      {"db",
       "migrate",
       "bring the database's schema to this program's version",
       "dvpe-node db migrate --server /var/run/postgresql --user postgres\n"
       "dvpe-node db migrate --server db:5432 --user postgres --password-file superuser --root-certificate ca.pem",
       withDatabase({{"--migrations", "DIR", "the folder of scripts; default: the product's own"}}),
       "",
       0,
       0,
       {},
       dbMigrateCommand},
      {"db",
       "check",
       "say whether anybody has loosened the database's rights",
       "dvpe-node db check --server db:5432 --user postgres --password-file superuser --root-certificate ca.pem --json",
       withDatabase({}),
       "",
       0,
       0,
       {},
       dbCheckCommand},
      {"version", "", "print the version", "dvpe-node version --json", {kJson}, "", 0, 0, {}, versionCommand},
      {"completion",
       "",
       "print a completion script for a shell",
       "dvpe-node completion bash > /etc/bash_completion.d/dvpe-node",
       {},
       "SHELL",
       1,
       1,
       {"bash", "zsh", "fish"},
       completionCommand},
  };
  return commands;
}

}  // namespace

std::span<const CommandSpec> commandTable() { return table(); }
std::span<const OptionSpec> commonOptions() { return kCommon; }

int exitCode(base::ErrorCode code) {
  switch (code) {
    case base::ErrorCode::kRefused:
      return kExitNotPermitted;
    case base::ErrorCode::kUnsupported:
      return kExitNotImplemented;
    default:
      return kExitFailed;
  }
}

}  // namespace dvpe::node
