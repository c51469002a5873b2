// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// JSON of releases and of the statements around them. Bounded, strict: unknown keys are mistakes.
#include <boost/json/serialize.hpp>

#include "shared/model/reader.h"
#include "shared/release/release.h"

namespace dvpe::release {

using base::ErrorCode;
using base::fail;
using model::Need;
using model::ObjectReader;
using model::Place;

namespace json = boost::json;

namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 53;  // what every JSON reader keeps exactly
constexpr std::size_t kMaxStatement = 1 << 20;
constexpr std::size_t kMaxSignatures = 16;

// A statement of this kind.
template <class T, class Read>
base::Result<T> readAll(std::string_view text, std::size_t limit, std::string_view kind, Read read) {
  return model::readObject<T>(text, limit, std::string(kind), [&](ObjectReader& in, T& out) {
    std::string word;
    if (in.text("kind", word, Need::kRequired) && word != kind) {
      in.at("kind").mistake("expected \"" + std::string(kind) + "\"");
    }
    read(in, out);
  });
}

bool readDigest(ObjectReader& in, std::string_view key, std::string& out) {
  if (!in.text(key, out, Need::kRequired, 64)) return false;
  const bool good = out.size() == 64 && out.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!good) in.at(key).mistake("a digest has 64 lower-case hexadecimal digits");
  return good;
}

void readEntry(const Place& place, Release& out) {
  ObjectReader in(place);
  if (!in.isObject()) return;
  DocumentName name;
  Entry entry;
  std::int64_t bytes = 0;
  in.name("kind", name.kind, Need::kRequired);
  in.name("id", name.id, Need::kRequired);
  in.name("organisation", entry.organisation, Need::kRequired);
  in.integer("revision", entry.revision, 1, 1'000'000'000, Need::kRequired);
  readDigest(in, "digest", entry.digest);
  in.integer("bytes", bytes, 1, static_cast<std::int64_t>(kMaxReleaseDocument), Need::kRequired);
  in.integer("accepted", entry.accepted, 0, kMost, Need::kRequired);
  in.finish();
  entry.bytes = static_cast<std::size_t>(bytes);
  const std::string what = name.kind + "/" + name.id;
  if (!out.documents.emplace(std::move(name), std::move(entry)).second) place.mistake(what + " stands here twice");
}

}  // namespace

json::array toJson(const std::vector<Signed::By>& by) {
  json::array out;
  for (const auto& one : by) out.push_back(json::object{{"key", one.key}, {"signature", base::hex(one.signature)}});
  return out;
}

base::Result<std::vector<Signed::By>> parseSignatures(const json::value& list) {
  if (!list.is_array() || list.get_array().size() > kMaxSignatures) {
    return fail(ErrorCode::kInvalidInput,
                "expected a list of at most " + std::to_string(kMaxSignatures) + " signatures");
  }
  std::vector<Signed::By> out;
  model::Mistakes mistakes;
  const Place place{&list, "signatures", "", &mistakes};
  for (std::size_t i = 0; i < list.get_array().size(); ++i) {
    ObjectReader in(place.child(list.get_array()[i], i));
    std::string key, digits;
    if (!in.isObject()) continue;
    in.text("key", key, Need::kRequired, 16);
    in.text("signature", digits, Need::kRequired, 128);
    in.finish();
    DVPE_TRY(const auto signature, parseSignature(digits));
    out.push_back({std::move(key), signature});
  }
  if (const auto errors = mistakes.take(); !errors.empty()) {
    return fail(ErrorCode::kInvalidInput, model::describe(errors));
  }
  return out;
}

base::Result<Release> parseRelease(std::string_view text) {
  return readAll<Release>(text, kMaxReleaseBytes, "release", [](ObjectReader& in, Release& out) {
    in.integer("keys", out.order.keys, 1, 1'000'000'000, Need::kRequired);
    in.integer("sequence", out.order.sequence, 1, kMost, Need::kRequired);
    in.integer("base", out.base, 0, kMost, Need::kRequired);
    in.integer("created", out.created, 0, kMost, Need::kRequired);
    in.integer("expires", out.expires, 0, kMost, Need::kRequired);
    in.names("nodes", out.nodes, Need::kOptional, 10'000);
    in.array("documents", Need::kRequired, kMaxReleaseDocuments, [&out](const Place& p) { readEntry(p, out); });
    in.array("blobs", Need::kOptional, 100'000, [&out](const Place& place) {
      ObjectReader blob(place);
      if (!blob.isObject()) return;
      BlobRef ref;
      std::int64_t bytes = 0;
      readDigest(blob, "digest", ref.digest);
      blob.integer("bytes", bytes, 0, kMost, Need::kRequired);
      blob.finish();
      ref.bytes = static_cast<std::uint64_t>(bytes);
      out.blobs.push_back(std::move(ref));
    });
    in.names("rollbacks", out.rollbacks, Need::kOptional, 100);
  });
}

std::string toJson(const Release& release) {
  json::array documents;
  for (const auto& [name, entry] : release.documents) {
    documents.push_back(json::object{{"kind", name.kind},
                                     {"id", name.id},
                                     {"organisation", entry.organisation},
                                     {"revision", entry.revision},
                                     {"digest", entry.digest},
                                     {"bytes", entry.bytes},
                                     {"accepted", entry.accepted}});
  }
  json::array blobs;
  for (const auto& blob : release.blobs) blobs.push_back(json::object{{"digest", blob.digest}, {"bytes", blob.bytes}});
  json::object out{{"kind", "release"},
                   {"keys", release.order.keys},
                   {"sequence", release.order.sequence},
                   {"base", release.base},
                   {"created", release.created},
                   {"expires", release.expires},
                   {"documents", std::move(documents)}};
  if (!release.nodes.empty()) out["nodes"] = json::array(release.nodes.begin(), release.nodes.end());
  if (!blobs.empty()) out["blobs"] = std::move(blobs);
  if (!release.rollbacks.empty()) out["rollbacks"] = json::array(release.rollbacks.begin(), release.rollbacks.end());
  return json::serialize(out);
}

base::Result<Header> parseHeader(std::string_view text) {
  return model::readObject<Header>(text, kMaxReleaseDocument, "document", [](ObjectReader& in, Header& out) {
    in.name("kind", out.name.kind, Need::kRequired);
    in.name("id", out.name.id, Need::kRequired);
    in.name("organisation", out.organisation, Need::kRequired);
    in.integer("revision", out.revision, 1, 1'000'000'000, Need::kRequired);
    if (const json::value* body = in.find("body", Need::kRequired); body != nullptr && body->is_object()) {
      // "channel" of a ruleset; "channels" of what may run on several.
      if (const auto* one = body->as_object().if_contains("channel"); one != nullptr && one->is_string()) {
        out.channels.emplace_back(one->as_string());
      }
      if (const auto* many = body->as_object().if_contains("channels"); many != nullptr && many->is_array()) {
        for (const auto& c : many->as_array()) {
          if (c.is_string()) out.channels.emplace_back(c.as_string());
        }
      }
      if (out.name.kind == "channel") out.channels.push_back(out.name.id);
    }
  });
}

base::Result<Countersignature> parseCountersignature(std::string_view text) {
  return readAll<Countersignature>(text, kMaxStatement, "countersignature",
                                   [](ObjectReader& in, Countersignature& out) {
                                     readDigest(in, "digest", out.digest);
                                     in.names("channels", out.channels, Need::kOptional, 10'000);
                                     in.integer("expires", out.expires, 0, kMost, Need::kRequired);
                                   });
}

std::string toJson(const Countersignature& statement) {
  return json::serialize(json::object{{"kind", "countersignature"},
                                      {"digest", statement.digest},
                                      {"channels", json::array(statement.channels.begin(), statement.channels.end())},
                                      {"expires", statement.expires}});
}

base::Result<Rollback> parseRollback(std::string_view text) {
  return readAll<Rollback>(text, kMaxStatement, "rollback", [](ObjectReader& in, Rollback& out) {
    in.integer("base", out.base, 0, kMost, Need::kRequired);
    in.array("documents", Need::kRequired, kMaxReleaseDocuments, [&out](const Place& place) {
      ObjectReader one(place);
      if (!one.isObject()) return;
      DocumentName name;
      int revision = 0;
      one.name("kind", name.kind, Need::kRequired);
      one.name("id", name.id, Need::kRequired);
      one.integer("revision", revision, 1, 1'000'000'000, Need::kRequired);
      one.finish();
      out.revisions[std::move(name)] = revision;
    });
  });
}

std::string toJson(const Rollback& statement) {
  json::array documents;
  for (const auto& [name, revision] : statement.revisions) {
    documents.push_back(json::object{{"kind", name.kind}, {"id", name.id}, {"revision", revision}});
  }
  return json::serialize(
      json::object{{"kind", "rollback"}, {"base", statement.base}, {"documents", std::move(documents)}});
}

}  // namespace dvpe::release
