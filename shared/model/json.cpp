// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/model/json.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>
#include <fstream>
#include <map>

#include "shared/model/impl/read.h"

namespace dvpe::model {

namespace json = boost::json;

namespace {

template <class T>
using BodyReader = void (*)(ObjectReader&, T&);

// Reads the body into a T and files it under its id; the same id twice is a mistake.
template <class T>
void fileBody(ObjectReader& envelope, const std::string& id, int revision, BodyReader<T> read,
              std::map<std::string, T>& into, [[maybe_unused]] const std::string& organisation = {}) {
  const json::value* value = envelope.find("body", Need::kRequired);
  if (!value) return;
  ObjectReader body{envelope.place().child(*value, "body")};
  T document;
  document.id = id;
  document.revision = revision;
  if constexpr (requires { document.advertiser; }) document.advertiser = organisation;
  if (body.isObject()) read(body, document);
  body.finish();
  if (id.empty()) return;  // already reported
  if (!into.emplace(id, std::move(document)).second) {
    envelope.at("id").mistake("another document of this kind has the id \"" + id + "\" too");
  }
}

// The body of a policy says which one it is.
void filePolicy(ObjectReader& envelope, const std::string& id, int revision, Documents& out) {
  const json::value* value = envelope.find("body", Need::kRequired);
  if (!value) return;
  const json::object* body = value->if_object();
  const json::value* which = body ? body->if_contains("policy") : nullptr;
  if (!which || !which->is_string() || which->get_string() != "monetisation") {
    return envelope.at("body").mistake("expected an object with \"policy\": \"monetisation\"");
  }
  std::map<std::string, Monetisation> all;
  fileBody(envelope, id, revision, impl::readMonetisation, all);
  if (all.empty()) return;
  if (out.monetisation) {
    return envelope.at("body").mistake("there is a monetisation policy already: \"" + out.monetisation->id + "\"");
  }
  out.monetisation = std::move(all.begin()->second);
}

void readDocument(const Place& place, Documents& out) {
  ObjectReader envelope{place};
  if (!envelope.isObject()) return;
  std::string kind, id, organisation;
  int revision = 1;
  envelope.text("kind", kind, Need::kRequired);
  envelope.name("id", id, Need::kRequired);
  envelope.name("organisation", organisation, Need::kRequired);
  envelope.integer("revision", revision, 1, 1'000'000'000, Need::kRequired);
  if (kind == "profile") {
    fileBody(envelope, id, revision, impl::readProfile, out.profiles);
  } else if (kind == "channel") {
    fileBody(envelope, id, revision, impl::readChannel, out.channels);
  } else if (kind == "overlay") {
    fileBody(envelope, id, revision, impl::readOverlay, out.overlays);
  } else if (kind == "ruleset") {
    fileBody(envelope, id, revision, impl::readRuleset, out.rulesets);
  } else if (kind == "audience") {
    fileBody(envelope, id, revision, impl::readAudience, out.audiences);
  } else if (kind == "campaign") {
    fileBody(envelope, id, revision, impl::readCampaign, out.campaigns, organisation);
  } else if (kind == "creative") {
    fileBody(envelope, id, revision, impl::readCreative, out.creatives);
  } else if (kind == "experiment") {
    fileBody(envelope, id, revision, impl::readExperiment, out.experiments);
  } else if (kind == "policy") {
    filePolicy(envelope, id, revision, out);
  } else if (kind == "media") {
    fileBody(envelope, id, revision, impl::readMedia, out.media);
  } else {
    envelope.find("body", Need::kRequired);
    if (!kind.empty() || envelope.at("kind").value->is_string()) {
      envelope.at("kind").mistake(
          "expected one of profile, channel, overlay, ruleset, audience, campaign, creative, experiment, policy, "
          "media");
    }
  }
  envelope.finish();
}

// The bytes of a regular file, never more than the limit.
base::Result<std::string> readFile(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return base::fail(base::ErrorCode::kIo, "expected a regular file that can be read");
  }
  std::ifstream file{path, std::ios::binary};
  std::string bytes(kMaxDocumentBytes + 1, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (file.bad() || (!file && !file.eof())) return base::fail(base::ErrorCode::kIo, "the file cannot be read");
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  if (bytes.size() > kMaxDocumentBytes) {
    return base::fail(base::ErrorCode::kLimitExceeded,
                      "expected at most " + std::to_string(kMaxDocumentBytes) + " bytes, found more");
  }
  return bytes;
}

// Parses each text that `next` gives and checks the whole. One document's text is in memory at a time.
void readOne(const std::string& name, std::string_view text, Documents& out, Mistakes& mistakes) {
  auto parsed = parseJson(text, kMaxDocumentBytes);
  if (!parsed) return mistakes.add(name, "", parsed.error().message);
  readDocument(Place{&parsed.value(), name, "", &mistakes}, out);
}

Loaded finish(Documents&& documents, Mistakes& mistakes, const LoadOptions& options) {
  Loaded out;
  for (DocumentError& error : checkReferences(documents, options)) {
    mistakes.add(std::move(error.document), std::move(error.path), std::move(error.message));
  }
  out.documents = std::move(documents);
  out.dropped = mistakes.dropped();
  out.errors = mistakes.take();
  return out;
}

}  // namespace

bool isDigest(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string_view assetDigest(std::string_view path) {
  constexpr std::size_t kDigits = 64;
  const bool blob = path.size() == kDigits + 4 && isDigest(path.substr(0, kDigits)) &&
                    (path.ends_with(".png") || path.ends_with(".svg"));
  return blob ? path.substr(0, kDigits) : std::string_view{};
}

bool isName(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string_view templatePath(std::string_view value) {
  if (value.size() < 3 || value.front() != '{' || value.back() != '}') return {};
  value = value.substr(1, value.size() - 2);
  return value.find_first_of("{}") == std::string_view::npos ? value : std::string_view{};
}

std::string describe(const std::vector<DocumentError>& errors) {
  std::string out;
  for (const DocumentError& error : errors) {
    if (!out.empty()) out += '\n';
    out += error.document + (error.path.empty() ? "" : " " + error.path) + ": " + error.message;
  }
  return out;
}

Loaded readDocuments(const std::vector<DocumentText>& texts, const LoadOptions& options) {
  Mistakes mistakes;
  Documents documents;
  if (texts.size() > kMaxDocuments) {
    mistakes.add("", "", "expected at most " + std::to_string(kMaxDocuments) + " documents");
  } else {
    for (const DocumentText& text : texts) readOne(text.name, text.text, documents, mistakes);
  }
  return finish(std::move(documents), mistakes, options);
}

Loaded loadDocuments(const std::filesystem::path& folder, const LoadOptions& options) {
  Mistakes mistakes;
  Documents documents;
  std::vector<std::filesystem::path> files;
  std::error_code error;
  std::filesystem::directory_iterator entry{folder, error};
  for (const std::filesystem::directory_iterator end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() != ".json") continue;
    files.push_back(entry->path());
    if (files.size() > kMaxDocuments) break;
  }
  if (error) mistakes.add(folder.string(), "", "the folder cannot be read: " + error.message());
  if (files.size() > kMaxDocuments) {
    mistakes.add(folder.string(), "", "expected at most " + std::to_string(kMaxDocuments) + " documents");
    files.clear();
  }
  std::sort(files.begin(), files.end());
  for (const auto& path : files) {
    const std::string name = path.filename().string();
    auto text = readFile(path);
    if (!text) {
      mistakes.add(name, "", text.error().message);
    } else {
      readOne(name, text.value(), documents, mistakes);
    }
  }
  return finish(std::move(documents), mistakes, options);
}

base::Result<Documents> loadDocumentsOrFail(const std::filesystem::path& folder, const LoadOptions& options) {
  Loaded loaded = loadDocuments(folder, options);
  if (!loaded.ok()) return base::fail(base::ErrorCode::kInvalidInput, describe(loaded.errors));
  return std::move(loaded.documents);
}

base::Result<Value> parseValue(std::string_view text) {
  DVPE_TRY(json::value parsed, parseJson(text, kMaxDocumentBytes));
  return toValue(parsed);
}

std::string toJson(const Media& media, std::string_view organisation) {
  // Written line by line, so that people can read it; every text goes through the serializer.
  const auto quoted = [](std::string_view text) {
    return json::serialize(json::string_view{text.data(), text.size()});
  };
  std::string where = media.folder.empty() ? "" : ",\n    \"folder\": " + quoted(media.folder);
  std::string files;
  for (const auto& [name, file] : media.files) {
    files += (files.empty() ? "" : ",") + std::string("\n      ") + quoted(name) +
             ": {\"digest\": " + quoted(file.digest) + ", \"bytes\": " + std::to_string(file.bytes) + "}";
  }
  if (!files.empty()) where += ",\n    \"files\": {" + files + "\n    }";
  return "{\n  \"kind\": \"media\",\n  \"id\": " + quoted(media.id) + ",\n  \"organisation\": " + quoted(organisation) +
         ",\n  \"revision\": " + std::to_string(media.revision) +
         ",\n  \"body\": {\n    \"digest\": " + quoted(media.digest) + ",\n    \"profile\": " + quoted(media.profile) +
         ",\n    \"units\": " + std::to_string(media.units) + where + "\n  }\n}\n";
}

}  // namespace dvpe::model
