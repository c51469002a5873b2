// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/release/bundle.h"

#include <boost/json.hpp>

namespace dvpe::release {

namespace json = boost::json;
using base::ErrorCode;
using base::fail;

namespace {

json::object toObject(const Signed& document) { return {{"text", document.bytes}, {"by", toJson(document.by)}}; }

// Throws when something is missing: a node's own file is whole or it is of no use.
Signed toSigned(const json::value& value) {
  auto by = parseSignatures(value.at("by"));
  if (!by) throw std::invalid_argument(by.error().message);
  return {std::string(value.at("text").as_string()), std::move(by).value()};
}

std::string digestOf(const std::string& bytes) { return base::sha256(base::view(bytes)); }

}  // namespace

base::Result<Verified> verifyBundle(const Bundle& bundle, const KeyRing& ring, const Known& known,
                                    std::string_view node, Time now, const Release* believed) {
  Verified out{ring, {}, {}, known};
  // One that does not count stands in nobody's way: whether the right ones are here, checkRelease says.
  std::string passedOver;
  for (const Signed& keys : bundle.keys) {
    if (const auto taken = out.ring.advance(keys, now); !taken) passedOver = "; " + taken.error().message;
  }
  auto checked = checkRelease(bundle.release, out.ring, known, node, now);
  if (!checked) return fail(checked.error().code, checked.error().message + passedOver);
  out.release = std::move(checked).value();
  const Source source{[&](const std::string& digest) -> const StoredDocument* {
                        const auto it = bundle.documents.find(digest);
                        return it == bundle.documents.end() ? nullptr : &it->second;
                      },
                      [&](const std::string& digest) -> const Signed* {
                        const auto it = bundle.rollbacks.find(digest);
                        return it == bundle.rollbacks.end() ? nullptr : &it->second;
                      }};
  std::string refused;
  for (const Refusal& r : checkDocuments(out.release, out.ring, known, source, now, believed)) {
    refused += (refused.empty() ? "" : "\n") + r.part + ": " + r.reason;
  }
  if (!refused.empty()) return fail(ErrorCode::kRefused, refused);
  for (const auto& [name, entry] : out.release.documents) {
    out.texts[name] = source.document(entry.digest)->document.bytes;
    out.known.revisions[name] = entry.revision;  // higher than before, or an admin has agreed
  }
  out.known.order = out.release.order;
  return out;
}

std::string toJson(const Bundle& bundle, const Known& known) {
  json::array keys, documents, rollbacks, revisions;
  for (const auto& k : bundle.keys) keys.push_back(toObject(k));
  for (const auto& [digest, stored] : bundle.documents) {
    json::object o{{"document", toObject(stored.document)}};
    if (stored.countersignature) o["countersignature"] = toObject(*stored.countersignature);
    documents.push_back(std::move(o));
  }
  for (const auto& [digest, statement] : bundle.rollbacks) rollbacks.push_back(toObject(statement));
  for (const auto& [name, revision] : known.revisions) revisions.push_back(json::array{name.kind, name.id, revision});
  return json::serialize(json::object{{"keys", std::move(keys)},
                                      {"release", toObject(bundle.release)},
                                      {"documents", std::move(documents)},
                                      {"rollbacks", std::move(rollbacks)},
                                      {"known", json::object{{"keys", known.order.keys},
                                                             {"sequence", known.order.sequence},
                                                             {"revisions", std::move(revisions)}}}});
}

base::Result<Kept> parseKept(std::string_view text) {
  if (text.size() > kMaxBundleBytes) return fail(ErrorCode::kLimitExceeded, "the kept release is too large");
  try {
    const json::value parsed = json::parse(text);
    Kept out;
    for (const auto& k : parsed.at("keys").as_array()) out.bundle.keys.push_back(toSigned(k));
    out.bundle.release = toSigned(parsed.at("release"));
    for (const auto& d : parsed.at("documents").as_array()) {
      StoredDocument stored{toSigned(d.at("document")), {}};
      if (const auto* second = d.as_object().if_contains("countersignature"))
        stored.countersignature = toSigned(*second);
      const std::string digest = digestOf(stored.document.bytes);
      out.bundle.documents.emplace(digest, std::move(stored));
    }
    for (const auto& r : parsed.at("rollbacks").as_array()) {
      Signed statement = toSigned(r);
      const std::string digest = digestOf(statement.bytes);
      out.bundle.rollbacks.emplace(digest, std::move(statement));
    }
    const auto& known = parsed.at("known");
    out.known.order = {known.at("keys").to_number<int>(), known.at("sequence").to_number<std::int64_t>()};
    for (const auto& r : known.at("revisions").as_array()) {
      const auto& line = r.as_array();
      out.known.revisions[{std::string(line.at(0).as_string()), std::string(line.at(1).as_string())}] =
          line.at(2).to_number<int>();
    }
    return out;
  } catch (const std::exception& e) {
    return fail(ErrorCode::kInvalidInput, std::string("the kept release cannot be read: ") + e.what());
  }
}

}  // namespace dvpe::release
