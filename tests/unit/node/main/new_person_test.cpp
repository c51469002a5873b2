// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/new_person.h"

#include <set>

#include "shared/base/bytes.h"
#include "tests/unit/node/main/support.h"

namespace dvpe::node {
namespace {

class FixedRandom : public base::Random {
 public:
  void fill(std::span<std::uint8_t> out) override {
    for (auto& b : out) b = next_++;
  }

 private:
  std::uint8_t next_ = 0;
};

class ANewPerson : public WithFolder {};

TEST_F(ANewPerson, HasSecretsThatAnAuthenticatorReads) {
  FixedRandom random;
  const auto p = makePerson("ada", random);
  ASSERT_TRUE(p.has_value());
  EXPECT_EQ(p.value().password, "AAAQEAYEAUDAOCAJBIFQYDIO") << "base32 (RFC 4648) of 0 to 14";
  EXPECT_EQ(p.value().secret, "1f202122232425262728292a2b2c2d2e2f303132");
  EXPECT_EQ(p.value().otpauth, "otpauth://totp/DVPE:ada?secret=D4QCCIRDEQSSMJZIFEVCWLBNFYXTAMJS&issuer=DVPE");
  EXPECT_EQ(std::set(p.value().codes.begin(), p.value().codes.end()).size(), 10U);
  EXPECT_EQ(p.value().recovery[0], base::sha256(base::view(p.value().codes[0])));
  for (const char* bad : {"", "a b", "../a", "a.b"}) EXPECT_FALSE(makePerson(bad, random).has_value()) << bad;
}

TEST_F(ANewPerson, TakesNobodysFiles) {
  base::SystemRandom random;
  const auto p = makePerson("ada", random).value();
  ASSERT_TRUE(writeSecrets(p, folder / "out").has_value());
  EXPECT_EQ(read(folder / "out" / "ada.password"), p.password + "\n");
  EXPECT_EQ(std::filesystem::status(folder / "out" / "ada.recovery").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::remove(folder / "out" / "ada.password");
  EXPECT_EQ(writeSecrets(makePerson("ada", random).value(), folder / "out").error().code, base::ErrorCode::kConflict);
  EXPECT_FALSE(std::filesystem::exists(folder / "out" / "ada.password")) << "all or none";
  EXPECT_EQ(read(folder / "out" / "ada.otpauth"), p.otpauth + "\n");
  removeSecrets(p, folder / "out");
  EXPECT_TRUE(std::filesystem::is_empty(folder / "out"));
}

}  // namespace
}  // namespace dvpe::node
