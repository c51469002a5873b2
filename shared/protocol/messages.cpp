// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/protocol/messages.h"

#include <boost/json/serialize.hpp>
#include <utility>

namespace dvpe::protocol {

namespace json = boost::json;

namespace {

// Grows with the message: the header's members, and the frames after it.
struct Writer {
  json::object header;
  Frames texts;

  json::value signatures(const release::Signed& document) {
    texts.push_back(document.bytes);
    return release::toJson(document.by);
  }
  void order(const release::Order& order) {
    header["keys"] = order.keys;
    header["sequence"] = order.sequence;
  }

  void operator()(const Offer& m) {
    header["type"] = "offer";
    header["by"] = signatures(m.release);
  }
  void operator()(const Need& m) {
    header["type"] = "need";
    order(m.order);
    header["keys_after"] = m.keysAfter;
    for (const auto* digests : {&m.documents, &m.rollbacks}) {
      std::string& text = texts.emplace_back();
      for (const auto& digest : *digests) text += digest;
    }
  }
  void operator()(const Documents& m) {
    header["type"] = "documents";
    header["last"] = m.last;
    json::array keys, documents, rollbacks;
    for (const auto& k : m.keys) keys.push_back(signatures(k));
    for (const auto& [digest, d] : m.documents) {
      json::object one{{"by", signatures(d.document)}};
      if (d.countersignature) one["second"] = signatures(*d.countersignature);
      documents.push_back(std::move(one));
    }
    for (const auto& [digest, r] : m.rollbacks) rollbacks.push_back(signatures(r));
    header["keys"] = std::move(keys);
    header["documents"] = std::move(documents);
    header["rollbacks"] = std::move(rollbacks);
  }
  void operator()(const Prepared& m) {
    header["type"] = "prepared";
    order(m.order);
  }
  void operator()(const Refused& m) {
    header["type"] = "refused";
    order(m.order);
    texts.push_back(m.reason);
  }
  void operator()(const CommandMessage& m) {
    header["type"] = "command";
    header["by"] = signatures(m.command);
  }
  void operator()(const Answer& m) {
    header["type"] = "answer";
    header["id"] = m.id;
    header["ok"] = m.ok;
    texts.push_back(m.error);
    texts.push_back(m.data);
  }
  void operator()(const Subscribe& m) {
    header["type"] = "subscribe";
    header["on"] = m.on;
  }
  void operator()(const Telemetry& m) {
    header["type"] = "telemetry";
    texts.push_back(m.json);
  }
  void operator()(const MadeMessage& m) {
    header["type"] = m.what == Made::kPlan ? "plan" : "model";
    header["by"] = signatures(m.text);
  }
  void operator()(const Counts& m) {
    header["type"] = "counts";
    texts.push_back(m.json);
  }
};

// What something adds to a message, counted generously.
struct Cost {
  std::size_t header = 0, bytes = 0, frames = 0;
  Cost& operator+=(const release::Signed& s) {
    header += 24 + 200 * s.by.size();  // one signature: 16 and 128 digits and their names; the text's size
    bytes += s.bytes.size();
    ++frames;
    return *this;
  }
  Cost operator+(const Cost& o) const { return {header + o.header, bytes + o.bytes, frames + o.frames}; }
  bool fits() const { return header <= kMaxHeaderBytes && bytes <= kMaxDocumentsBytes && frames < kMaxFrames; }
};
constexpr Cost kEmpty{128, 0, 1};

}  // namespace

release::Domain domainOf(Made what) { return what == Made::kPlan ? release::Domain::kPlan : release::Domain::kModel; }

Frames encode(const Message& message) {
  Writer out;
  std::visit(out, message);
  json::array sizes;
  for (const auto& text : out.texts) sizes.emplace_back(text.size());
  out.header["sizes"] = std::move(sizes);
  out.texts.insert(out.texts.begin(), json::serialize(out.header));
  return std::move(out.texts);
}

std::vector<Documents> split(Documents all) {
  std::vector<Documents> out(1);
  Cost used = kEmpty;
  const auto roomFor = [&](const Cost& more) -> Documents& {
    if (!(used + more).fits() || out.back().keys.size() == kMaxKeyRevisions ||
        out.back().rollbacks.size() == kMaxRollbacks) {
      out.emplace_back();
      used = kEmpty;
    }
    used = used + more;
    return out.back();
  };
  for (auto& k : all.keys) roomFor(Cost{} += k).keys.push_back(std::move(k));
  for (auto& [digest, d] : all.documents) {
    Cost cost;
    cost += d.document;
    if (d.countersignature) cost += *d.countersignature;
    cost.header += 16;
    roomFor(cost).documents.emplace(digest, std::move(d));
  }
  for (auto& [digest, r] : all.rollbacks) roomFor(Cost{} += r).rollbacks.emplace(digest, std::move(r));
  out.back().last = all.last;
  return out;
}

}  // namespace dvpe::protocol
