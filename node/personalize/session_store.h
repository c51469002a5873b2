// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The session journal: what was decided for each session, sealed, in LMDB; and the viewers' wrapped keys in an LMDB of
// their own (design, sections 7 and 8). Written before a decision is served, read once at start-up.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/privacy/key_store.h"
#include "shared/privacy/sealer.h"

namespace dvpe::personalize {

// Used by the decision thread alone. Several puts between begin() and commit() cost one flush to disk.
class SessionStore {
 public:
  // folder: sessions/ and keys/ are made in it. megabytes: the most that the sessions may take on disk.
  static base::Result<std::unique_ptr<SessionStore>> open(const std::filesystem::path& folder,
                                                          privacy::WrappingKeys keys, base::Random& random,
                                                          std::size_t megabytes);
  ~SessionStore();

  base::Result<void> put(const privacy::SessionId& id, const privacy::Pseudonym& viewer, base::ByteView record);
  base::Result<void> erase(const privacy::SessionId& id);
  // Everything since the last commit is on disk when this returns well; else nothing of it is.
  base::Result<void> commit();

  // Each record that can be opened; one whose viewer was erased is removed, and so is one for which take says false.
  // What does not open for another reason (a wrapping key that is not ours) is left. put() is not allowed meanwhile.
  base::Result<void> each(const std::function<bool(const privacy::SessionId&, base::ByteView)>& take);

  // Deletes the viewer's key: none of their records opens from now on.
  base::Result<void> eraseViewer(const privacy::Pseudonym& viewer);

 private:
  struct Impl;
  explicit SessionStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dvpe::personalize
