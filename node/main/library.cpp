// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/library.h"

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "node/condition/condition.h"
#include "node/control/media_store.h"
#include "shared/base/log.h"
#include "shared/media/video.h"
#include "shared/model/json.h"

namespace dvpe::node {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

Result<std::string> readText(const fs::path& path, std::size_t limit) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return fail(ErrorCode::kNotFound, path.string() + " cannot be read");
  if (text.str().size() > limit) return fail(ErrorCode::kLimitExceeded, path.string() + " is too large");
  return text.str();
}

// The id and profile that a conditioned folder names; the rest is Creative's to check.
Result<std::pair<std::string, std::string>> mediaNames(const fs::path& folder) {
  DVPE_TRY(auto text, readText(folder / "media.json", 1 << 20));
  try {
    const auto json = boost::json::parse(text);
    return std::pair(std::string(json.at("id").as_string()), std::string(json.at("profile").at("id").as_string()));
  } catch (const std::exception& e) {
    return fail(ErrorCode::kInvalidInput, (folder / "media.json").string() + ": " + e.what());
  }
}

// Loads one conditioned folder and checks that it can share the channel's init segment.
Result<std::shared_ptr<const package::Creative>> loadCreative(const fs::path& folder,
                                                              const std::map<std::string, model::Profile>& profiles) {
  DVPE_TRY(auto names, mediaNames(folder));
  const auto profile = profiles.find(names.second);
  if (profile == profiles.end())
    return fail(ErrorCode::kNotFound, "its profile '" + names.second + "' is not among the documents");
  DVPE_TRY(auto creative, package::Creative::load(folder, profile->second));
  for (const auto& rung : profile->second.rungs) {
    DVPE_TRY(auto avcc, media::h264Parameters(rung, profile->second.fps));
    if (creative->video(rung.name)->info.config.config != avcc) {
      return fail(ErrorCode::kConflict,
                  "rung " + rung.name + " was encoded with other settings than the profile's: condition it again");
    }
  }
  return creative;
}

// Conditioned on this machine: media.json says what it is called.
Result<void> addCreative(const fs::path& folder, const std::map<std::string, model::Profile>& profiles,
                         Library& library) {
  DVPE_TRY(auto creative, loadCreative(folder, profiles));
  DVPE_TRY(const auto names, mediaNames(folder));
  const std::string name(creative->name());
  library.local[names.second][names.first] = personalize::MediaRef{name, creative->units()};
  library.creatives[name] = std::move(creative);
  return base::success();
}

std::vector<fs::path> conditionedIn(const fs::path& root) {
  std::error_code error;
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(root, error)) {
    if (entry.is_directory(error) && fs::exists(entry.path() / "media.json", error)) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

void addFolder(const fs::path& root, const std::map<std::string, model::Profile>& profiles, Library& library) {
  for (const auto& folder : conditionedIn(root)) {
    if (const auto added = addCreative(folder, profiles, library); !added) {
      spdlog::warn("conditioned media is left out folder={} reason=\"{}\"", folder.filename().string(),
                   added.error().message);
    }
  }
}

// Named by a media document, which says what it is called: two may have the same tracks.
Result<void> addReleased(const fs::path& state, const model::Media& media,
                         const std::map<std::string, model::Profile>& profiles, Library& library) {
  const std::string name = media.digest.substr(0, 16);
  auto known = library.creatives.find(name);
  if (known == library.creatives.end()) {
    DVPE_TRY(auto creative, loadCreative(control::MediaStore::folderOf(state, media), profiles));
    known = library.creatives.emplace(std::string(creative->name()), std::move(creative)).first;
  }
  if (known->second->digest() != media.digest || known->second->units() != media.units)
    return fail(ErrorCode::kConflict, "its files are not what its document says");
  library.media[media.profile][media.id] = personalize::MediaRef{name, media.units};
  return base::success();
}

// The catalog of these documents: what is on this machine, and over it what the release names.
void addMedia(const fs::path& state, const model::Documents& documents, Library& library) {
  library.media = library.local;
  for (const auto& [id, media] : documents.media) {
    if (media.files.empty()) continue;
    if (const auto added = addReleased(state, media, documents.profiles, library); !added)
      spdlog::warn("media of the release is left out media={} reason=\"{}\"", id, added.error().message);
  }
}

// What former releases named: the window may list it still.
void addFormer(const fs::path& state, const model::Documents& documents, Library& library) {
  for (const auto& folder : conditionedIn(state / "media")) {
    if (library.creatives.contains(folder.filename().string())) continue;
    if (auto creative = loadCreative(folder, documents.profiles))
      library.creatives.emplace(std::string(creative.value()->name()), creative.value());
  }
}

Result<void> addSlates(const Config& config, const model::Documents& documents, Library& library) {
  for (const auto& [id, channel] : documents.channels) {
    personalize::MediaCatalog& media = library.media[channel.profile];
    if (const auto own = media.find(channel.slate); !channel.slate.empty() && own != media.end()) {
      library.slates[id] = own->second.name;
      continue;
    }
    if (!channel.slate.empty())
      spdlog::warn("the slate is not conditioned, the built-in one is used channel={} slate={}", id, channel.slate);
    const model::Profile& profile = documents.profiles.at(channel.profile);
    const std::string slate = "slate-" + package::profileName(profile);
    const fs::path root = config.node.state / "slate";
    std::error_code error;
    fs::create_directories(root, error);
    if (!media.contains(slate)) {
      DVPE_TRY(auto report, condition::conditionSlate(profile, slate, root.string()));
      DVPE_CHECK(addCreative(report.folder, documents.profiles, library));
      media[slate] = library.local.at(channel.profile).at(slate);
    }
    library.slates[id] = media.at(slate).name;
  }
  return base::success();
}

// {"personas":[{"name","title","attributes":{...},"consent":[...]}]} or the array alone
Result<void> addPersonas(const fs::path& file, Library& library) {
  if (file.empty()) return base::success();
  DVPE_TRY(auto text, readText(file, 1 << 20));
  try {
    const auto json = boost::json::parse(text);
    const auto& list = json.is_array() ? json.as_array() : json.at("personas").as_array();
    for (const auto& p : list) {
      serve::Persona persona;
      if (const auto* title = p.as_object().if_contains("title")) persona.title = std::string(title->as_string());
      DVPE_TRY(auto attributes, model::parseValue(boost::json::serialize(p.at("attributes"))));
      if (const auto* map = std::get_if<std::shared_ptr<const model::Map>>(&attributes.v)) persona.attributes = **map;
      for (const auto& word : p.at("consent").as_array()) persona.purposes.emplace_back(word.as_string());
      library.personas[std::string(p.at("name").as_string())] = std::move(persona);
    }
  } catch (const std::exception& e) {
    return fail(ErrorCode::kInvalidInput, file.string() + ": " + e.what());
  }
  return base::success();
}

}  // namespace

namespace {

Result<void> compile(model::Documents documents, Library& library) {
  library.documents = std::make_shared<const model::Documents>(std::move(documents));
  auto built = decisions::build(library.documents);
  if (!built.compiled) return fail(ErrorCode::kInvalidInput, model::describe(built.errors));
  library.compiled = std::move(built.compiled);
  return base::success();
}

Result<Library> beginWith(const Config& config, model::Documents documents) {
  Library library;
  addFolder(config.media.folder, documents.profiles, library);
  addMedia(config.node.state, documents, library);
  addFormer(config.node.state, documents, library);
  DVPE_CHECK(addSlates(config, documents, library));
  DVPE_CHECK(addPersonas(config.demo.personasFile, library));
  DVPE_CHECK(compile(std::move(documents), library));
  return library;
}

// What a running node cannot change about itself stays as it is.
void keepRunning(const model::Documents& running, model::Documents& next) {
  const auto differs = [](const auto& was, const auto& is) { return was.revision != is.revision; };
  for (const auto& [id, channel] : running.channels) {
    const auto found = next.channels.find(id);
    if (found == next.channels.end()) {
      spdlog::warn("a channel is in no release any more: it goes on without rules until a restart channel={}", id);
      continue;
    }
    if (differs(channel, found->second)) spdlog::warn("a changed channel takes a restart channel={}", id);
    found->second = channel;
  }
  std::erase_if(next.channels, [&](const auto& c) {
    const bool fresh = !running.channels.contains(c.first);
    if (fresh) spdlog::warn("a new channel takes a restart channel={}", c.first);
    return fresh;
  });
  for (const auto& [id, profile] : running.profiles) {
    const auto found = next.profiles.find(id);
    if (found != next.profiles.end() && differs(profile, found->second))
      spdlog::warn("a changed profile takes a restart profile={}", id);
    next.profiles.insert_or_assign(id, profile);
  }
}

}  // namespace

Result<Library> loadLibrary(const Config& config) {
  if (!config.documents.allowUnsigned) {
    return fail(ErrorCode::kRefused,
                "there are no documents that this node may take: set control.root to take signed releases, or "
                "documents.unsigned = true to try things out with a folder of documents");
  }
  spdlog::warn("documents are loaded unsigned folder={}", config.documents.folder.string());
  DVPE_TRY(auto documents, model::loadDocumentsOrFail(config.documents.folder));
  return beginWith(config, std::move(documents));
}

Result<model::Documents> readRelease(const std::map<release::DocumentName, std::string>& texts) {
  std::vector<model::DocumentText> named;
  named.reserve(texts.size());
  for (const auto& [name, text] : texts) named.push_back({name.kind + "/" + name.id, text});
  auto read = model::readDocuments(named);
  if (!read.ok()) return fail(ErrorCode::kInvalidInput, model::describe(read.errors));
  return std::move(read.documents);
}

Result<Library> libraryOf(const Config& config, model::Documents documents, const Library* running) {
  if (running == nullptr) return beginWith(config, std::move(documents));
  keepRunning(*running->documents, documents);
  Library library = *running;
  addMedia(config.node.state, documents, library);
  DVPE_CHECK(compile(std::move(documents), library));
  return library;
}

Result<Library> withHeld(const Library& library, const std::set<release::DocumentName>& held) {
  decisions::Held names;
  for (const auto& [kind, id] : held) {
    if (kind == "overlay") names.overlays.insert(id);
    if (kind == "ruleset") names.rulesets.insert(id);
    if (kind == "campaign") names.campaigns.insert(id);
    if (kind == "media") names.media.insert(id);
  }
  if (names == library.compiled->held()) return library;
  Library out = library;
  auto built = decisions::build(library.documents, std::move(names));
  if (!built.compiled) return fail(ErrorCode::kInvalidInput, model::describe(built.errors));
  out.compiled = std::move(built.compiled);
  return out;
}

}  // namespace dvpe::node
