// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The node's secrets, read from the files that the configuration names. A file that is missing is made (mode 0600), so
// that a node starts without a ceremony and keeps its keys across restarts; nodes that share viewers are given the same
// files beforehand.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "node/ingest/stream_keys.h"
#include "node/main/config.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/privacy/jwt.h"
#include "shared/privacy/secret.h"
#include "shared/privacy/token.h"
#include "shared/protocol/curve.h"
#include "shared/release/signing.h"

namespace dvpe::node {

// Everything secret, by use. A value of the start-up; never logged.
struct Secrets {
  privacy::SessionKeys session;
  privacy::SecretKey viewer;                          // wraps data keys (privacy::Sealer)
  privacy::SecretKey pseudonym;                       // subject -> pseudonym; also names sessions
  ingest::StreamKeys streamKeys;                      // who may publish where
  std::string operatorKey;                            // bearer for cues
  std::optional<privacy::PlatformKeys> platformKeys;  // whose tokens start sessions; empty: nobody's
};

// Those that a running node takes anew.
struct LiveSecrets {
  ingest::StreamKeys streamKeys;
  std::string operatorKey;
  std::optional<privacy::PlatformKeys> platformKeys;
};

// The files in force: those of the configuration, or the defaults below <state>/keys.
Config::Secrets secretFiles(const Config& config);

// Reads all, making what is missing. The message names the key of the configuration and the file, never a content.
base::Result<Secrets> loadSecrets(const Config& config, base::Random& random);

// The same of those that may change while the node runs; what is missing is an error then: a misspelt name must not
// turn every publisher away.
base::Result<LiveSecrets> reloadSecrets(const Config& config);

// The first line of a file of mode 0600.
base::Result<std::string> readPassword(const std::filesystem::path& path);
// The CURVE keys of a file that holds the secret one; loadCurveKeys makes the node's own when it is missing.
base::Result<protocol::CurveKeys> readCurveKeys(const std::filesystem::path& path);
base::Result<protocol::CurveKeys> loadCurveKeys(const Config& config);

// A signing key, opened with the first line of another file.
base::Result<release::PrivateKey> openKey(const std::filesystem::path& key, const std::filesystem::path& passphrase);

// Whether the file of this key of [secrets] holds what it should. The message as of loadSecrets.
base::Result<void> checkSecret(std::string_view key, const std::filesystem::path& path);

// A new stream key for the channel, of which only the keyed hash is added to the stream keys file. Returns the key; it
// is nowhere else. kInvalidInput: not a channel's id. Not for two callers at once: the later one's file stands.
base::Result<std::string> addStreamKey(const Config& config, const std::string& channel, base::Random& random);

// Makes a new current session key; the former one becomes the previous and goes on opening. Takes effect at a restart.
base::Result<void> changeSessionKey(const Config& config, base::Random& random);

}  // namespace dvpe::node
