// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The secrets of somebody who is added: made here, written to files of mode 0600 that are handed to them, and known to
// the database as a verifier, digests, and the secret of their one-time passwords.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace dvpe::node {

struct NewPerson {
  std::string name;
  std::string password, verifier;
  std::string secret;                 // of one-time passwords, 20 bytes in hexadecimal; empty: a machine, has none
  std::string otpauth;                // the same as an authenticator app reads it
  std::vector<std::string> codes;     // recovery codes: 80 random bits in base32, each works once
  std::vector<std::string> recovery;  // their SHA-256, in hexadecimal
};

// kInvalidInput: names have up to 64 letters, digits, '_' and '-'.
base::Result<NewPerson> makePerson(const std::string& name, base::Random& random);

// NAME.password, NAME.otpauth and NAME.recovery, of what there is, in a folder, which is made. kConflict: one is there;
// then none is written.
base::Result<void> writeSecrets(const NewPerson& person, const std::filesystem::path& folder);
// Takes back what writeSecrets wrote.
void removeSecrets(const NewPerson& person, const std::filesystem::path& folder);

}  // namespace dvpe::node
