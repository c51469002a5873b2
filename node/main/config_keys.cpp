// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <array>

#include "node/main/config_table.h"

namespace dvpe::node {

namespace {

namespace fs = std::filesystem;

constexpr std::array kSections{
    ConfigSection{"node", "Who this node is and where it keeps what must survive a restart."},
    ConfigSection{"log", "Logs go to standard error. They hold no secrets and no personal data."},
    ConfigSection{"http", "Where viewers, platforms and operations ask."},
    ConfigSection{"rtmp", "Where broadcasters send to."},
    ConfigSection{"documents", "Channels, rules, overlays and campaigns, as files of JSON."},
    ConfigSection{"control", "The control plane: signed releases, and commands from those who may give them."},
    ConfigSection{"database", "PostgreSQL, where releases are published; the node serves on without it."},
    ConfigSection{
        "coordinator",
        "What one node of all does at a time: makes releases of what people have signed. With control.root and "
        "a database; several may be ready for it."},
    ConfigSection{"condition",
                  "Makes media of the files that people ask for (jobs), in a program of its own for each. With a "
                  "database; several "
                  "share the work."},
    ConfigSection{"media", "Conditioned creatives, clips and slates."},
    ConfigSection{"platforms", "Whose tokens start sessions for viewers."},
    ConfigSection{"viewers",
                  "Which node a viewer belongs to, where several serve the same viewers. What a viewer has been shown "
                  "is known on one node, and caps are kept there: the others send the viewer to it."},
    ConfigSection{"secrets",
                  "Files with secrets: of mode 0600, or in systemd's credentials folder ($CREDENTIALS_DIRECTORY/name). "
                  "No environment variable overrides these. Where none is named, one is made in the state folder's "
                  "keys/ at the first start."},
    ConfigSection{"events",
                  "What happened to sessions and advertisements: written down here before it is acknowledged, and "
                  "shipped to the database. Without a database nothing is."},
    ConfigSection{"limits", "What the node takes on before it says no."},
    ConfigSection{"record", "Recordings of the stamped stream, to be replayed."},
    ConfigSection{"demo", "For trying things out."},
};

// NOLINTBEGIN(bugprone-macro-parentheses): the argument is a member access
#define DVPE_TEXT(field) +[](Config& c) -> std::string& { return c.field; }
#define DVPE_PATH(field) +[](Config& c) -> fs::path& { return c.field; }
#define DVPE_INTEGER(field) +[](Config& c) -> std::int64_t& { return c.field; }
#define DVPE_FLAG(field) +[](Config& c) -> bool& { return c.field; }
#define DVPE_PEERS(field) +[](Config& c) -> std::vector<personalize::Peer>& { return c.field; }
// NOLINTEND(bugprone-macro-parentheses)

std::vector<ConfigKey> makeKeys() {
  using enum KeyKind;
  return {
      {"node", "name", kName, DVPE_TEXT(node.name), "The node's name in logs and metrics."},
      {"node", "state", kFolder, DVPE_PATH(node.state),
       "The state folder: segments of the live window, journals, keys. Made when missing. One node at a time uses it."},
      {"node",
       "cpu",
       kChoice,
       DVPE_TEXT(node.cpu),
       "Which instructions pictures are computed with. \"baseline\" does without the newer ones, to compare machines; "
       "the bytes of segments are the same.",
       0,
       0,
       {"auto", "baseline"}},

      {"node",
       "role",
       kChoice,
       DVPE_TEXT(node.role),
       "What this process does: all that is configured, or nothing but to coordinate or to condition.",
       0,
       0,
       {"all", "coordinator", "condition"}},

      {"log",
       "level",
       kChoice,
       DVPE_TEXT(log.level),
       "The least important message that is written.",
       0,
       0,
       {"error", "warn", "info", "debug"}},
      {"log",
       "format",
       kChoice,
       DVPE_TEXT(log.format),
       "Lines for people, or one JSON object per line.",
       0,
       0,
       {"text", "json"}},

      {"http", "address", kAddress, DVPE_TEXT(http.address),
       "The IP address to listen on: 0.0.0.0 is every IPv4 address, :: every one, 127.0.0.1 this machine only."},
      {"http", "port", kInteger, DVPE_INTEGER(http.port), "The port; 0 takes any that is free and logs which.", 0,
       65535},
      {"http", "threads", kInteger, DVPE_INTEGER(http.threads), "Request loops, each on a thread; 0 is one per core.",
       0, 256},
      {"http", "max_connections", kInteger, DVPE_INTEGER(http.maxConnections),
       "Connections open at a time; those beyond are closed at once. Keep it below the limit of open files.", 1,
       1000000},
      {"http",
       "certificate",
       kFile,
       DVPE_PATH(http.certificate),
       "A PEM file with the certificate and its chain. With http.key the port speaks HTTPS.",
       0,
       0,
       {},
       "/etc/dvpe/tls/http.pem"},
      {"http",
       "key",
       kFile,
       DVPE_PATH(http.key),
       "A PEM file with the certificate's private key.",
       0,
       0,
       {},
       "/etc/dvpe/tls/http.key"},

      {"rtmp", "address", kAddress, DVPE_TEXT(rtmp.address), "The IP address to listen on."},
      {"rtmp", "port", kInteger, DVPE_INTEGER(rtmp.port),
       "The port for RTMP, which is not encrypted: use it on a network that you trust. 0 takes any that is free.", 0,
       65535},
      {"rtmp", "tls_port", kInteger, DVPE_INTEGER(rtmp.tlsPort),
       "The port for RTMPS; opened when rtmp.certificate and rtmp.key are set. 0 takes any that is free.", 0, 65535},
      {"rtmp",
       "certificate",
       kFile,
       DVPE_PATH(rtmp.certificate),
       "A PEM file with the certificate and its chain.",
       0,
       0,
       {},
       "/etc/dvpe/tls/rtmp.pem"},
      {"rtmp",
       "key",
       kFile,
       DVPE_PATH(rtmp.key),
       "A PEM file with the certificate's private key.",
       0,
       0,
       {},
       "/etc/dvpe/tls/rtmp.key"},

      {"documents", "folder", kFolder, DVPE_PATH(documents.folder), "The folder that documents are read from."},
      {"documents", "unsigned", kFlag, DVPE_FLAG(documents.allowUnsigned),
       "Take documents that nobody has signed. For trying things out: whoever can write to the folder is on air."},

      {"control", "root", kText, DVPE_TEXT(control.root),
       "The offline root's public key, 64 hexadecimal digits as `dvpe-node keys create` prints them. With it the node "
       "takes documents from signed releases alone; node.name is what releases and keys call it.",
       0, 64},
      {"control", "address", kAddress, DVPE_TEXT(control.address),
       "The IP address to listen on for the coordinator, the studio and commands."},
      {"control", "port", kInteger, DVPE_INTEGER(control.port), "The port; 0 takes any that is free.", 0, 65535},
      {"control", "endpoint", kText, DVPE_TEXT(control.endpoint),
       "Where others reach it, \"tcp://HOST:PORT\", when that is not the address it listens on.", 0, 200},
      {"control",
       "key_file",
       kSecretFile,
       DVPE_PATH(control.curveKey),
       "The node's CURVE secret key, one line of 40 characters (Z85), as `dvpe-node keys curve` writes it. Its public "
       "half stands in the document of keys.",
       0,
       0,
       {},
       "/etc/dvpe/keys/control.key"},

      {"database", "server", kText, DVPE_TEXT(database.server), "HOST:PORT. Empty: this node has no database.", 0, 300},
      {"database", "name", kName, DVPE_TEXT(database.name), "The database's name."},
      {"database", "user", kText, DVPE_TEXT(database.user), "This node's own login.", 0, 64},
      {"database",
       "password_file",
       kSecretFile,
       DVPE_PATH(database.password),
       "Its password, one line.",
       0,
       0,
       {},
       "/etc/dvpe/keys/database.password"},
      {"database",
       "root_certificate",
       kFile,
       DVPE_PATH(database.rootCertificate),
       "A PEM file: who signs the server's certificate.",
       0,
       0,
       {},
       "/etc/dvpe/tls/database.pem"},

      {"coordinator", "name", kName, DVPE_TEXT(coordinator.name), "What the keys call it."},
      {"coordinator", "user", kText, DVPE_TEXT(coordinator.user), "Its own login.", 0, 64},
      {"coordinator",
       "password_file",
       kSecretFile,
       DVPE_PATH(coordinator.password),
       "The login's password, one line.",
       0,
       0,
       {},
       "/etc/dvpe/keys/coordinator.password"},
      {"coordinator",
       "signing_key_file",
       kSecretFile,
       DVPE_PATH(coordinator.key),
       "The key that signs releases, as `dvpe-node keys create` writes it. Unset: this process does not coordinate.",
       0,
       0,
       {},
       "/etc/dvpe/keys/coordinator.pem"},
      {"coordinator",
       "passphrase_file",
       kSecretFile,
       DVPE_PATH(coordinator.passphrase),
       "The passphrase of that key, one line.",
       0,
       0,
       {},
       "/etc/dvpe/keys/coordinator.passphrase"},
      {"coordinator",
       "key_file",
       kSecretFile,
       DVPE_PATH(coordinator.curveKey),
       "Its CURVE secret key, one line of 40 characters (Z85), as `dvpe-node keys curve` writes it.",
       0,
       0,
       {},
       "/etc/dvpe/keys/coordinator.curve"},

      {"condition", "name", kName, DVPE_TEXT(condition.name), "What the keys call it."},
      {"condition", "user", kText, DVPE_TEXT(condition.user), "Its own login.", 0, 64},
      {"condition",
       "password_file",
       kSecretFile,
       DVPE_PATH(condition.password),
       "The login's password, one line.",
       0,
       0,
       {},
       "/etc/dvpe/keys/conditioner.password"},
      {"condition",
       "signing_key_file",
       kSecretFile,
       DVPE_PATH(condition.key),
       "The key that signs media, as `dvpe-node keys create` writes it. Unset: this process conditions nothing.",
       0,
       0,
       {},
       "/etc/dvpe/keys/conditioner.pem"},
      {"condition",
       "passphrase_file",
       kSecretFile,
       DVPE_PATH(condition.passphrase),
       "The passphrase of that key, one line.",
       0,
       0,
       {},
       "/etc/dvpe/keys/conditioner.passphrase"},

      {"media", "folder", kFolder, DVPE_PATH(media.folder),
       "The folder with conditioned media, as `dvpe-node condition` writes them."},

      {"platforms", "audience", kText, DVPE_TEXT(platforms.audience),
       "What a platform's token must name as its audience (aud). Empty: aud is not looked at. Set it where a platform "
       "gives tokens to others, too.",
       0, 256},

      {"viewers", "peers", kPeers, DVPE_PEERS(viewers.peers),
       "The nodes that share viewers, the same list on each: what node.name calls them, and the address that viewers "
       "reach them by, all of https or all of http. This node is among them. They share secrets.session_key_file and "
       "secrets.pseudonym_key_file. Empty: every viewer belongs to this node."},

      {"secrets",
       "session_key_file",
       kSecretFile,
       DVPE_PATH(secrets.sessionKey),
       "Seals sessions in playlist URLs. One or two lines \"ID HEX\", the current key first; nodes that share viewers "
       "share it.",
       0,
       0,
       {},
       "/etc/dvpe/keys/session.key"},
      {"secrets",
       "viewer_key_file",
       kSecretFile,
       DVPE_PATH(secrets.viewerKey),
       "Wraps the data key of each viewer. 32 bytes or 64 hexadecimal digits. Without it personal data cannot be "
       "opened.",
       0,
       0,
       {},
       "/etc/dvpe/keys/viewer.key"},
      {"secrets",
       "pseudonym_key_file",
       kSecretFile,
       DVPE_PATH(secrets.pseudonymKey),
       "Turns a platform's subject into a pseudonym. 32 bytes or 64 hexadecimal digits. A new one makes strangers of "
       "all viewers; nodes that share viewers share it.",
       0,
       0,
       {},
       "/etc/dvpe/keys/pseudonym.key"},
      {"secrets",
       "stream_keys_file",
       kSecretFile,
       DVPE_PATH(secrets.streamKeys),
       "Which stream keys may publish where, as keyed hashes: {\"keys\":[{\"channel\":ID,\"hash\":HEX}]}, added to by "
       "`dvpe-node keys stream`.",
       0,
       0,
       {},
       "/etc/dvpe/keys/stream-keys.json"},
      {"secrets",
       "stream_key_pepper_file",
       kSecretFile,
       DVPE_PATH(secrets.streamKeyPepper),
       "The key of those hashes. 32 bytes or 64 hexadecimal digits. A new one makes all stream keys void.",
       0,
       0,
       {},
       "/etc/dvpe/keys/stream.pepper"},
      {"secrets",
       "operator_key_file",
       kSecretFile,
       DVPE_PATH(secrets.operatorKey),
       "The bearer token for POST /v1/channels/{channel}/cues: one line of at least 32 characters.",
       0,
       0,
       {},
       "/etc/dvpe/keys/operator.key"},
      {"secrets",
       "platform_keys_file",
       kSecretFile,
       DVPE_PATH(secrets.platformKeys),
       "The public keys of the platforms whose tokens start sessions, as a JSON Web Key Set (RFC 7517). None: no "
       "token starts a session.",
       0,
       0,
       {},
       "/etc/dvpe/keys/platform.jwks"},

      {"events",
       "folder",
       kFolder,
       DVPE_PATH(events.folder),
       "Where events wait until the database has them. Unset: events/ in the state folder.",
       0,
       0,
       {},
       "/var/lib/dvpe/events"},
      {"events", "disk_bytes", kInteger, DVPE_INTEGER(events.diskBytes),
       "Bytes of them on disk, at most. Near that, heartbeats and measurements are left out and those that stay stand "
       "for more; when it is full, players are told to send again later.",
       std::int64_t{64} << 20, std::int64_t{1} << 50},
      {"events",
       "signing_key_file",
       kSecretFile,
       DVPE_PATH(events.key),
       "The key that signs files of impressions, as `dvpe-node keys create` writes it. Unset: no such files are "
       "written.",
       0,
       0,
       {},
       "/etc/dvpe/keys/impressions.pem"},
      {"events",
       "passphrase_file",
       kSecretFile,
       DVPE_PATH(events.passphrase),
       "The passphrase of that key, one line.",
       0,
       0,
       {},
       "/etc/dvpe/keys/impressions.passphrase"},

      {"limits", "max_sessions", kInteger, DVPE_INTEGER(limits.maxSessions),
       "Sessions at a time; beyond them, new ones are refused.", 1, 10000000},
      {"limits", "encode_budget", kBudget, DVPE_INTEGER(limits.encodeBudget),
       "How many variants are encoded at a time besides the programme, over all channels, each with every rung of its "
       "profile; 0 is none. \"auto\" measures what the machine carries. Viewers of the variants beyond it see the "
       "programme.",
       0, 1000},
      {"limits", "ingest_queue", kInteger, DVPE_INTEGER(limits.ingestQueue),
       "Packets of a channel that wait to be decoded; when full, the source is read no further.", 16, 65536},
      {"limits", "media_bytes", kInteger, DVPE_INTEGER(limits.mediaBytes),
       "Bytes of all the media that a release may name: a node fetches them all. What names more is refused.", 1048576,
       std::int64_t{1} << 50},

      {"record",
       "folder",
       kFolder,
       DVPE_PATH(record.folder),
       "Record every channel's stamped stream here, for replay. Unset: nothing is recorded.",
       0,
       0,
       {},
       "/var/lib/dvpe/recordings"},

      {"demo",
       "personas_file",
       kFile,
       DVPE_PATH(demo.personasFile),
       "A JSON file of made-up viewers: a request may be any of them by name, without a platform's token. Never on a "
       "public node.",
       0,
       0,
       {},
       "personas.json"},
  };
}

#undef DVPE_TEXT
#undef DVPE_PATH
#undef DVPE_INTEGER
#undef DVPE_FLAG
#undef DVPE_PEERS

}  // namespace

std::span<const ConfigSection> configSections() { return kSections; }

const std::vector<ConfigKey>& configKeys() {
  static const std::vector<ConfigKey> keys = makeKeys();
  return keys;
}

}  // namespace dvpe::node
