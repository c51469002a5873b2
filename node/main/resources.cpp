// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/resources.h"

namespace dvpe::node {

std::filesystem::path resourcesFolder() {
  std::error_code error;
  const std::filesystem::path own =
      std::filesystem::read_symlink("/proc/self/exe", error).parent_path().parent_path() / "resources";
  return std::filesystem::exists(own, error) ? own : std::filesystem::path("/usr/share/dvpe");
}

}  // namespace dvpe::node
