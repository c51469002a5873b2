// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a node serves from: its documents, the conditioned media that they name, and the demo's personas. Loaded at
// start-up, on the main thread.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "node/main/config.h"
#include "node/package/creative.h"
#include "node/personalize/director.h"
#include "node/serve/router.h"
#include "shared/decisions/decisions.h"
#include "shared/release/release.h"

namespace dvpe::node {

struct Library {
  std::shared_ptr<const model::Documents> documents;
  std::shared_ptr<const decisions::Compiled> compiled;
  std::map<std::string, personalize::MediaCatalog> local;                     // profile -> id -> name, units
  std::map<std::string, personalize::MediaCatalog> media;                     // the same with the release's
  std::map<std::string, std::shared_ptr<const package::Creative>> creatives;  // by name in URLs
  std::map<std::string, std::string> slates;                                  // channel -> name in URLs
  std::map<std::string, serve::Persona> personas;
};

// Reads everything from the configured folders. A document's mistakes are all in the one error; a creative that is
// broken is left out, with a line in the log that says why. A channel without a slate of its own gets the built-in one,
// made in <state>/slate.
base::Result<Library> loadLibrary(const Config& config);

// The documents of a release. All mistakes are in the one error.
base::Result<model::Documents> readRelease(const std::map<release::DocumentName, std::string>& texts);

// The same as loadLibrary of a release's documents, whose media are in <state>/media (control::MediaStore). running:
// what the node serves from now; nullptr: it begins with this. A running node keeps its channels and profiles as they
// are (the log says which of them take a restart) and all creatives that it has: they may be listed still.
base::Result<Library> libraryOf(const Config& config, model::Documents documents, const Library* running);

// The same library, decided as if what is held were not there.
base::Result<Library> withHeld(const Library& library, const std::set<release::DocumentName>& held);

}  // namespace dvpe::node
