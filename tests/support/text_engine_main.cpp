// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The text engine must stand before any test and outlive all.
#include <gtest/gtest.h>

#include <cstdio>

#include "shared/overlay/text_engine.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const auto engine = dvpe::overlay::TextEngine::create(DVPE_BINARY_DIR "/resources/fonts");
  if (!engine) {
    std::fprintf(stderr, "%s\n", engine.error().message.c_str());
    return 1;
  }
  return RUN_ALL_TESTS();
}
