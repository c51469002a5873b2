// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A folder of its own for each test, and an environment made by hand.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "node/main/config.h"

namespace dvpe::node {

class WithFolder : public ::testing::Test {
 protected:
  WithFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "dvpe-main-XXXXXX").string();
    folder = ::mkdtemp(name.data());
  }
  ~WithFolder() override { std::filesystem::remove_all(folder); }
  std::filesystem::path write(const std::string& name, const std::string& content) {
    std::ofstream(folder / name, std::ios::binary) << content;
    return folder / name;
  }
  static std::string read(const std::filesystem::path& path) {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
  }
  std::filesystem::path folder;
};

inline Environment environmentOf(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

}  // namespace dvpe::node
