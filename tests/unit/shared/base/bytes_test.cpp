// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/base/bytes.h"

#include <gtest/gtest.h>

namespace dvpe::base {
namespace {

// FIPS 180-2, appendix B, and the empty message.
TEST(Sha256, GivesTheKnownDigests) {
  EXPECT_EQ(sha256({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256(view("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(view("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Hex, WritesTwoLowerCaseDigitsAByte) {
  EXPECT_EQ(hex({}), "");
  EXPECT_EQ(hex(Bytes{0x00, 0x0f, 0xf0, 0xff, 0xa5}), "000ff0ffa5");
}

TEST(SharedBytes, AreTheBytesThatWereMovedIn) {
  Bytes bytes{1, 2, 3};
  const auto* data = bytes.data();
  const SharedBytes shared = share(std::move(bytes));
  EXPECT_EQ(shared->data(), data);
  EXPECT_EQ(shared->size(), 3u);
}

}  // namespace
}  // namespace dvpe::base
