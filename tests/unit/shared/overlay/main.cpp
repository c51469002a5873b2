// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The text engine must stand before any test and outlive all. "--digest FOLDER" prints the digest of the sample
// overlay, painted by this process alone: determinism_test runs it under other conditions.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string_view>

#include "shared/overlay/text_engine.h"
#include "tests/unit/shared/overlay/sample.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const auto engine = dvpe::overlay::TextEngine::create(DVPE_BINARY_DIR "/resources/fonts");
  if (!engine) {
    std::fprintf(stderr, "%s\n", engine.error().message.c_str());
    return 1;
  }
  if (argc == 3 && std::string_view(argv[1]) == "--digest") {
    namespace sample = dvpe::overlay::sample;
    std::printf("%s\n", sample::digest(sample::paint(sample::everything(), 1280, 720, argv[2])).c_str());
    const auto* features = static_cast<const unsigned long long*>(dlsym(RTLD_DEFAULT, "qt_cpu_features"));
    std::printf("%llx\n", features ? *features : 0);
    return 0;
  }
  return RUN_ALL_TESTS();
}
