// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The configuration of a node: one commented TOML file, each key of which (but for secrets) an environment variable
// overrides. What the keys are, stands once, in config_keys.cpp; reading, checking, showing, the example file and the
// reference are made from that table.
//
// Start-up only, on the main thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/personalize/homes.h"
#include "shared/base/result.h"

namespace dvpe::node {

// Values in force, defaults included. Paths are absolute, or empty for "none".
struct Config {
  static constexpr std::int64_t kAutoBudget = -1;  // as many as the machine carries, measured while it runs
  struct Node {
    std::string name = "node";
    std::filesystem::path state = "/var/lib/dvpe";
    std::string cpu = "auto";  // auto, baseline
    std::string role = "all";  // all, coordinator, condition
  } node;
  struct Log {
    std::string level = "info";   // error, warn, info, debug
    std::string format = "text";  // text, json
  } log;
  struct Http {
    std::string address = "0.0.0.0";
    std::int64_t port = 8080;  // 0: any free one
    std::int64_t threads = 0;  // 0: one per core
    std::int64_t maxConnections = 15000;
    std::filesystem::path certificate, key;  // both set: the port speaks TLS
  } http;
  struct Rtmp {
    std::string address = "0.0.0.0";
    std::int64_t port = 1935;
    std::int64_t tlsPort = 1936;  // opened when certificate and key are set
    std::filesystem::path certificate, key;
  } rtmp;
  struct DocumentsFolder {
    std::filesystem::path folder = "/etc/dvpe/documents";
    bool allowUnsigned = false;
  } documents;
  // The control plane; without a root there is none.
  struct Control {
    std::string root;  // the offline root's public key, 64 hexadecimal digits
    std::string address = "127.0.0.1";
    std::int64_t port = 5570;        // 0: any free one
    std::string endpoint;            // what others reach it by; empty: tcp://address:port
    std::filesystem::path curveKey;  // empty: <state>/keys/control.key
  } control;
  struct Database {
    std::string server;  // HOST[:PORT], or the folder of a local socket; empty: no database
    std::string name = "dvpe";
    std::string user;
    std::filesystem::path password, rootCertificate;
  } database;
  // Without a key this process does not coordinate.
  struct Coordinator {
    std::string name = "coordinator", user;
    std::filesystem::path key, passphrase, curveKey, password;
  } coordinator;
  // Without a key this process conditions nothing.
  struct Condition {
    std::string name = "conditioner", user;
    std::filesystem::path key, passphrase, password;
  } condition;
  struct Media {
    std::filesystem::path folder = "/var/lib/dvpe/media";  // conditioned media
  } media;
  struct Platforms {
    std::string audience;  // what a platform's token must name as `aud`; empty: not looked at
  } platforms;
  struct Viewers {
    std::vector<personalize::Peer> peers;  // this node among them; empty: every viewer belongs here
  } viewers;
  // Files. An empty one is made in <state>/keys at the first start, see secrets.h; platformKeys has no such default.
  struct Secrets {
    std::filesystem::path sessionKey, viewerKey, pseudonymKey, streamKeys, streamKeyPepper, operatorKey, platformKeys;
  } secrets;
  // Recorded only with a database.
  struct Events {
    std::filesystem::path folder;  // empty: <state>/events
    std::int64_t diskBytes = std::int64_t{4} << 30;
    std::filesystem::path key, passphrase;  // of signed impressions; empty: none are written
  } events;
  struct Limits {
    std::int64_t maxSessions = 50000;
    std::int64_t encodeBudget = kAutoBudget;  // variants at a time, over all channels
    std::int64_t ingestQueue = 512;
    std::int64_t mediaBytes = std::int64_t{100} << 30;  // of all media of a release
  } limits;
  struct Record {
    std::filesystem::path folder;  // empty: nothing is recorded
  } record;
  struct Demo {
    std::filesystem::path personasFile;
  } demo;
};

// One thing that is wrong, in words for whoever wrote the file.
struct ConfigMistake {
  std::string source;  // the file, or the name of an environment variable
  int line = 0;        // from 1; 0: not at a place in a file
  int column = 0;
  std::string key;  // "http.port"; empty: the file as a whole
  std::string message;
};

// "dvpe.toml:12:8: http.port: found ..., expected ..."
std::string describe(const ConfigMistake& mistake);

// Where a value comes from.
struct ConfigOrigin {
  enum class Kind { kDefault, kFile, kEnvironment };
  Kind kind = Kind::kDefault;
  std::string source;  // the file, or the variable
  int line = 0;
  int column = 0;
};

// What loading came to. config is usable only when there are no mistakes.
struct LoadedConfig {
  Config config;
  std::vector<ConfigOrigin> origins;  // in the order of configKeys()
  std::vector<ConfigMistake> mistakes;
};

// Looks up an environment variable; injected so that tests own it.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment processEnvironment();

// file: empty means defaults and environment alone. Relative paths in the file are relative to its folder, those in the
// environment to the working directory.
LoadedConfig loadConfig(const std::filesystem::path& file, const Environment& environment);
// The same from text; source names it in messages, folder is what relative paths are relative to.
LoadedConfig parseConfig(std::string_view text, const std::string& source, const std::filesystem::path& folder,
                         const Environment& environment);

// What the values name on this machine: folders and files that must be there. Looks; changes nothing.
std::vector<ConfigMistake> checkFiles(const LoadedConfig& loaded);

// All mistakes of a file: those of loadConfig; if there are none, those of checkFiles and of what is in the files of
// [secrets].
std::vector<ConfigMistake> checkConfig(const std::filesystem::path& file, const Environment& environment);

// The values in force: as TOML, or as JSON. With origins each line (or value) says where it comes from. Of secrets, the
// names of their files.
enum class ShowFormat { kToml, kJson };
enum class ShowOrigin { kNo, kYes };
std::string showConfig(const LoadedConfig& loaded, ShowFormat format, ShowOrigin origin);

}  // namespace dvpe::node
