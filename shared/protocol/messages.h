// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Messages between studio, command line, coordinator and nodes, and their frames: the first is a JSON object of at most
// kMaxHeaderBytes that names the type and the sizes of the frames that follow; texts travel in frames of their own, so
// that their exact bytes come back. docs/reference/control.md is the format.
//
// Whoever reads a message believes nothing of it: what counts is signed, and is checked where it is used. Thread-safe:
// values and functions without state.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "shared/base/result.h"
#include "shared/protocol/command.h"
#include "shared/protocol/sockets.h"
#include "shared/release/release.h"

namespace dvpe::protocol {

inline constexpr std::size_t kMaxHeaderBytes = 64 << 10;
inline constexpr std::size_t kMaxDocumentsBytes = 8 << 20;  // texts of one Documents message
inline constexpr std::size_t kMaxReasonBytes = 10'000;
inline constexpr std::size_t kMaxDataBytes = 256 << 10;  // of an answer's data, and of telemetry
inline constexpr std::size_t kMaxPlanBytes = 8 << 20;    // of a plan, and of counts
inline constexpr std::size_t kMaxModelBytes = 16 << 20;
inline constexpr std::size_t kMaxRollbacks = 100;     // of one release
inline constexpr std::size_t kMaxKeyRevisions = 100;  // in one Documents message

// Coordinator to node: this release could be yours.
struct Offer {
  release::Signed release;
};

// Node to coordinator: what it lacks for it.
struct Need {
  release::Order order;
  int keysAfter = 0;                              // revisions of `keys` that follow this one; 0: all
  std::vector<std::string> documents, rollbacks;  // digests, 64 lower-case hexadecimal digits
};

// Coordinator to node: what it asked for, in several messages.
struct Documents {
  std::vector<release::Signed> keys;                         // ascending revisions
  std::map<std::string, release::StoredDocument> documents;  // by digest, which decode() computes
  std::map<std::string, release::Signed> rollbacks;          // by digest, which decode() computes
  bool last = false;                                         // nothing more comes for that Need
};

// Node to coordinator: the release is checked and compiled, and waits for its instant.
struct Prepared {
  release::Order order;
};

// Node to coordinator: it is not taken, and why.
struct Refused {
  release::Order order;
  std::string reason;  // at most kMaxReasonBytes
};

// To a node: a signed Command (command.h).
struct CommandMessage {
  release::Signed command;
};

// From a node, to whoever sent the command with this id.
struct Answer {
  std::string id;  // 32 lower-case hexadecimal digits
  bool ok = false;
  std::string error;  // why not; at most kMaxReasonBytes
  std::string data;   // JSON, or empty
};

// To a node: send me telemetry, or no more.
struct Subscribe {
  bool on = false;
};

// From a node: how it is.
struct Telemetry {
  std::string json;
};

// What a coordinator makes for all nodes, again and again, numbered and signed: the plan of pacing
// (shared/decisions/plan.h), each ten seconds; the model (shared/learning/model.h), each minute.
enum class Made : std::uint8_t { kPlan, kModel };
inline constexpr std::size_t kMadeKinds = 2;
release::Domain domainOf(Made what);

// Coordinator to node, signed with domainOf(what). Only the newest of each counts; one that is lost is replaced by the
// next.
struct MadeMessage {
  Made what = Made::kPlan;
  release::Signed text;
};

// Node to coordinator, each five seconds: the impressions of each line since it began, cumulative
// (docs/reference/control.md).
struct Counts {
  std::string json;
};

using Message = std::variant<Offer, Need, Documents, Prepared, Refused, CommandMessage, Answer, Subscribe, Telemetry,
                             MadeMessage, Counts>;

// The frames of a message. It does not check limits: what is over them is refused by decode().
Frames encode(const Message& message);

// Frames -> a message. Sizes are looked at before anything is parsed; every mistake is named. kInvalidInput,
// kLimitExceeded.
base::Result<Message> decode(const Frames& frames);

// Cuts documents into as many messages as it takes to be within the limits, in order: keys first. `last` stands in the
// last one, if it stood in the whole. At least one message. No single document, with its countersignature, is too large
// for a message when it keeps the limits of shared/release.
std::vector<Documents> split(Documents all);

}  // namespace dvpe::protocol
