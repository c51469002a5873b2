// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a node remembers of its viewers, sealed, in LMDB (design, sections 7 and 8): the session journal, written before
// a decision is served and read once at start-up; what viewers have been shown; the log of breaks, which holds what has
// happened since both; and the viewers' wrapped keys in an LMDB of their own.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/privacy/key_store.h"
#include "shared/privacy/sealer.h"

namespace dvpe::personalize {

// Used by the decision thread alone. Several puts between two commits cost one flush to disk. What a thread has begun,
// by reading too, it commits or aborts itself (LMDB's lock is the thread's): who restores leaves nothing open behind.
class SessionStore {
 public:
  // folder: sessions/ and keys/ are made in it. megabytes: the most that the sessions may take on disk.
  static base::Result<std::unique_ptr<SessionStore>> open(const std::filesystem::path& folder,
                                                          privacy::WrappingKeys keys, base::Random& random,
                                                          std::size_t megabytes);
  ~SessionStore();

  base::Result<void> put(const privacy::SessionId& id, const privacy::Pseudonym& viewer, base::ByteView record);
  base::Result<void> erase(const privacy::SessionId& id);
  // Everything since the last commit but the viewers' records is on disk when this returns well; else nothing of it
  // is, nor will the viewers' records be: they may tell of entries that are lost.
  base::Result<void> commit();
  // The same for the viewers' records. After commit(): what they tell must be in the log.
  base::Result<void> commitViewers();
  // Whether everything could be put so far; else the next commit() fails.
  base::Result<void> good() const;
  // Forgets everything since the last commit.
  void abort();

  // Each record that can be opened; one whose viewer was erased is removed, and so is one for which take says false.
  // What does not open for another reason (a wrapping key that is not ours) is left. put() is not allowed meanwhile.
  base::Result<void> each(const std::function<bool(const privacy::SessionId&, base::ByteView)>& take);

  // What the node knows of a viewer besides sessions. One that does not open is like none.
  base::Result<void> putViewer(const privacy::Pseudonym& viewer, base::ByteView record);
  base::Result<std::optional<base::Bytes>> viewer(const privacy::Pseudonym& viewer);

  // The log of breaks: entries in their order, for many sessions at once, since nothing else is fast enough when a
  // break begins. What is personal in an entry is sealed by its writer: sealFor(). Returns the entry's number, from 1.
  base::Result<std::uint64_t> append(base::ByteView entry);
  base::Result<void> eachEntry(const std::function<void(std::uint64_t number, base::ByteView entry)>& take);
  // 0: there is none.
  std::uint64_t newestEntry() const;
  // Forgets the entries up to this one, but never the newest: numbers would begin again, and records of viewers tell
  // up to which number they know.
  base::Result<void> dropEntries(std::uint64_t upTo);
  base::Result<base::Bytes> sealFor(const privacy::Pseudonym& viewer, base::ByteView plain);
  base::Result<base::Bytes> openFor(const privacy::Pseudonym& viewer, base::ByteView sealed);

  // Counters that must agree with the log: in one transaction with it.
  base::Result<void> putCounter(std::string_view name, base::ByteView value);
  base::Result<void> eachCounter(const std::function<void(std::string_view name, base::ByteView value)>& take);

  // Commits, then deletes these viewers' keys, with every trace of them in the file, their records and their sessions:
  // nothing that was sealed for them can be opened any more, here or in the log. For many at once: it reads the files
  // of sessions and of keys. Doing it again is no error.
  base::Result<void> eraseViewers(const std::set<privacy::Pseudonym>& viewers);

 private:
  struct Impl;
  explicit SessionStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dvpe::personalize
