// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The program's own files.
#pragma once

#include <filesystem>

namespace dvpe::node {

// Where the program's own files are (fonts, the player, the schema): beside the program's folder, or /usr/share/dvpe.
std::filesystem::path resourcesFolder();

}  // namespace dvpe::node
