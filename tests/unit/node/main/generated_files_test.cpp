// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// Files that are made from the table of keys. DVPE_REGENERATE=1 writes them anew.
#include <gtest/gtest.h>

#include "node/main/config_table.h"
#include "tests/unit/node/main/support.h"

namespace dvpe::node {
namespace {

class GeneratedFiles : public WithFolder {
 protected:
  void expectSame(const std::string& path, const std::string& content) {
    const std::filesystem::path file = std::filesystem::path(DVPE_SOURCE_DIR) / path;
    if (std::getenv("DVPE_REGENERATE") != nullptr) {
      std::filesystem::create_directories(file.parent_path());
      std::ofstream(file, std::ios::binary) << content;
    }
    EXPECT_EQ(read(file), content) << path
                                   << " is not what the table of keys says: run this test with DVPE_REGENERATE=1";
  }
};

TEST_F(GeneratedFiles, TheCommentedConfigurationSaysWhatTheTableSays) {
  expectSame("installer/dvpe.toml", exampleConfig());
}

TEST_F(GeneratedFiles, TheReferenceSaysWhatTheTableSays) {
  expectSame("docs/reference/configuration.md", configReference());
}

}  // namespace
}  // namespace dvpe::node
