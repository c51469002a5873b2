// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// Frames -> messages: strict, bounded before anything is parsed.
#include <array>
#include <string_view>

#include "shared/model/reader.h"
#include "shared/protocol/impl/text.h"
#include "shared/protocol/messages.h"

namespace dvpe::protocol {

using base::ErrorCode;
using base::fail;
using model::ObjectReader;
using model::Place;
using Required = model::Need;  // our own Need is a message

namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 53;  // what every JSON reader keeps exactly
constexpr std::size_t kMaxDocuments = 1000;            // in one message

// The header, and the frames that its members take one after the other.
struct Reader {
  ObjectReader& in;
  const Frames& frames;
  std::size_t next = 1;

  // The next frame, of at most so many bytes.
  std::string take(const Place& place, std::size_t most, std::string_view what) {
    if (next >= frames.size()) {
      place.mistake("the frame of " + std::string(what) + " is missing");
      return {};
    }
    const std::string& frame = frames[next++];
    if (frame.size() > most) {
      place.mistake(std::string(what) + " has " + std::to_string(frame.size()) + " bytes, at most " +
                    std::to_string(most) + " are allowed");
      return {};
    }
    return frame;
  }

  release::Signed signedText(const Place& by, std::size_t most, std::string_view what) {
    auto signatures = release::parseSignatures(*by.value);
    if (!signatures) by.mistake(signatures.error().message);
    return {take(by, most, what), signatures ? std::move(signatures).value() : std::vector<release::Signed::By>{}};
  }
  release::Signed signedText(std::size_t most, std::string_view what) {
    if (in.find("by", Required::kRequired) == nullptr) return {};
    return signedText(in.at("by"), most, what);
  }

  release::Order order() {
    release::Order out;
    in.integer("keys", out.keys, 1, 1'000'000'000, Required::kRequired);
    in.integer("sequence", out.sequence, 1, kMost, Required::kRequired);
    return out;
  }

  bool flag(std::string_view key) {
    bool out = false;
    if (!in.flag(key, out) && !in.has(key)) in.place().mistake("\"" + std::string(key) + "\" is missing");
    return out;
  }

  // 64 digits each, without anything between.
  std::vector<std::string> digests(std::size_t most, std::string_view what) {
    const std::string text = take(in.place(), 64 * most, what);
    std::vector<std::string> out;
    if (!impl::isHex(text, text.size() / 64 * 64)) {
      in.place().mistake(std::string(what) + " are digests of 64 lower-case hexadecimal digits");
      return out;
    }
    for (std::size_t i = 0; i < text.size(); i += 64) out.push_back(text.substr(i, 64));
    return out;
  }

  // A text that must be JSON when it is there.
  std::string jsonText(std::string_view what) {
    std::string text = take(in.place(), kMaxDataBytes, what);
    if (text.empty()) return text;
    if (const auto parsed = model::parseJson(text, kMaxDataBytes); !parsed) {
      in.place().mistake(std::string(what) + ": " + parsed.error().message);
    }
    return text;
  }
};

Message readOffer(Reader& r) { return Offer{r.signedText(release::kMaxReleaseBytes, "the release")}; }

Message readNeed(Reader& r) {
  Need out{r.order(), 0, {}, {}};
  r.in.integer("keys_after", out.keysAfter, 0, 1'000'000'000, Required::kRequired);
  out.documents = r.digests(release::kMaxReleaseDocuments, "the documents");
  out.rollbacks = r.digests(kMaxRollbacks, "the rollbacks");
  return out;
}

Message readDocuments(Reader& r) {
  Documents out;
  out.last = r.flag("last");
  r.in.array("keys", Required::kRequired, kMaxKeyRevisions, [&](const Place& place) {
    out.keys.push_back(r.signedText(place, release::kMaxKeysBytes, "a revision of the keys"));
  });
  r.in.array("documents", Required::kRequired, kMaxDocuments, [&](const Place& place) {
    ObjectReader one(place);
    if (!one.isObject()) return;
    Reader parts{one, r.frames, r.next};
    release::StoredDocument stored{parts.signedText(release::kMaxReleaseDocument, "a document"), {}};
    if (one.find("second", Required::kOptional) != nullptr) {
      stored.countersignature = parts.signedText(one.at("second"), release::kMaxReleaseDocument, "a countersignature");
    }
    one.finish();
    r.next = parts.next;
    std::string digest = base::sha256(base::view(stored.document.bytes));
    if (!out.documents.emplace(std::move(digest), std::move(stored)).second) place.mistake("this document comes twice");
  });
  r.in.array("rollbacks", Required::kRequired, kMaxRollbacks, [&](const Place& place) {
    auto statement = r.signedText(place, release::kMaxReleaseDocument, "a rollback");
    std::string digest = base::sha256(base::view(statement.bytes));
    if (!out.rollbacks.emplace(std::move(digest), std::move(statement)).second) {
      place.mistake("this rollback comes twice");
    }
  });
  return out;
}

Message readPrepared(Reader& r) { return Prepared{r.order()}; }

Message readRefused(Reader& r) {
  Refused out{r.order(), {}};
  out.reason = r.take(r.in.place(), kMaxReasonBytes, "the reason");
  return out;
}

Message readCommand(Reader& r) { return CommandMessage{r.signedText(kMaxCommandBytes, "the command")}; }

Message readAnswer(Reader& r) {
  Answer out;
  if (r.in.text("id", out.id, Required::kRequired, 32) && !impl::isHex(out.id, 32)) {
    r.in.at("id").mistake("expected 32 lower-case hexadecimal digits");
  }
  out.ok = r.flag("ok");
  out.error = r.take(r.in.place(), kMaxReasonBytes, "the error");
  out.data = r.jsonText("the data");
  return out;
}

Message readSubscribe(Reader& r) { return Subscribe{r.flag("on")}; }

Message readTelemetry(Reader& r) {
  Telemetry out{r.jsonText("the telemetry")};
  if (out.json.empty()) r.in.place().mistake("the telemetry is empty");
  return out;
}

Message readPlan(Reader& r) { return MadeMessage{Made::kPlan, r.signedText(kMaxPlanBytes, "the plan")}; }

Message readModel(Reader& r) { return MadeMessage{Made::kModel, r.signedText(kMaxModelBytes, "the model")}; }

Message readCounts(Reader& r) { return Counts{r.take(r.in.place(), kMaxPlanBytes, "the counts")}; }

struct Type {
  std::string_view name;
  std::size_t bytes;  // of all frames after the header
  Message (*read)(Reader&);
};
constexpr std::array<Type, 12> kTypes{{
    {"offer", release::kMaxReleaseBytes, readOffer},
    {"need", 64 * (release::kMaxReleaseDocuments + kMaxRollbacks), readNeed},
    {"documents", kMaxDocumentsBytes, readDocuments},
    {"prepared", 0, readPrepared},
    {"refused", kMaxReasonBytes, readRefused},
    {"command", kMaxCommandBytes, readCommand},
    {"answer", kMaxReasonBytes + kMaxDataBytes, readAnswer},
    {"subscribe", 0, readSubscribe},
    {"telemetry", kMaxDataBytes, readTelemetry},
    {"plan", kMaxPlanBytes, readPlan},
    {"model", kMaxModelBytes, readModel},
    {"counts", kMaxPlanBytes, readCounts},
}};

const Type* findType(std::string_view name) {
  for (const auto& type : kTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

// The sizes that the header tells must be those of the frames: one that was left out or added shows here.
void checkSizes(ObjectReader& in, const Frames& frames) {
  std::size_t at = 0;
  bool same = true;
  in.array("sizes", Required::kRequired, kMaxFrames, [&](const Place& place) {
    const auto* size = place.value->if_int64();
    ++at;
    same = same && size != nullptr && at < frames.size() && std::cmp_equal(*size, frames[at].size());
  });
  if (in.has("sizes") && (!same || at + 1 != frames.size())) {
    in.at("sizes").mistake("these are not the sizes of the frames that came");
  }
}

}  // namespace

base::Result<Message> decode(const Frames& frames) {
  if (frames.empty()) return fail(ErrorCode::kInvalidInput, "a message without frames");
  if (frames.size() > kMaxFrames) {
    return fail(ErrorCode::kLimitExceeded, "a message has at most " + std::to_string(kMaxFrames) + " frames");
  }
  std::size_t bytes = 0;
  for (const auto& frame : frames) bytes += frame.size();
  if (bytes > kMaxMessageBytes) {
    return fail(ErrorCode::kLimitExceeded, "a message has at most " + std::to_string(kMaxMessageBytes) + " bytes");
  }
  bytes -= frames[0].size();
  return model::readObject<Message>(frames[0], kMaxHeaderBytes, "message", [&](ObjectReader& in, Message& out) {
    std::string name;
    if (!in.text("type", name, Required::kRequired, 32)) return;
    const Type* type = findType(name);
    if (type == nullptr) return in.at("type").mistake("there is no message \"" + name + "\"");
    checkSizes(in, frames);
    if (bytes > type->bytes) {
      return in.place().mistake("expected at most " + std::to_string(type->bytes) + " bytes after the header, found " +
                                std::to_string(bytes));
    }
    Reader reader{in, frames};
    out = type->read(reader);
    if (reader.next < frames.size()) in.place().mistake("more frames than the message has texts");
  });
}

}  // namespace dvpe::protocol
