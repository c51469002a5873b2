// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What needs no server; the rest is in tests/integration/database/cli_test.py.
#include "node/main/sign_in.h"

#include "tests/unit/node/main/support.h"

namespace dvpe::node {
namespace {

class SigningIn : public WithFolder {
 protected:
  std::filesystem::path secret(const std::string& name, const std::string& text) {
    auto path = write(name, text);
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return path;
  }
  std::ostringstream out, err;
  Console console{out, err, environmentOf({}), false, false, {}, {}, {}, {}};
  Arguments arguments;
};

TEST_F(SigningIn, ReadsWhereAndAsWhom) {
  arguments.values = {{"--server", "db.example:5433"},
                      {"--user", "p_1"},
                      {"--password-file", secret("password", "hello hello\n").string()},
                      {"--root-certificate", "ca.pem"}};
  const auto options = connectOptions(arguments, console);
  ASSERT_TRUE(options.has_value()) << options.error().message;
  EXPECT_EQ(options.value().host, "db.example");
  EXPECT_EQ(options.value().port, 5433);
  EXPECT_EQ(options.value().password, "hello hello");
  arguments.values["--server"] = "db.example:x";
  EXPECT_FALSE(connectOptions(arguments, console).has_value());
  arguments.values["--server"] = "/run/postgresql";
  EXPECT_EQ(connectOptions(arguments, console).value().host, "/run/postgresql");
}

TEST_F(SigningIn, AsksForAPasswordWhereThereIsSomebodyToAsk) {
  std::string asked;
  console.ask = [&](std::string_view prompt) {
    asked = prompt;
    return std::optional<std::string>("typed");
  };
  EXPECT_EQ(connectOptions(arguments, console).value().password, "typed");
  EXPECT_EQ(asked, "Password: ");
  console.ask = [](std::string_view) { return std::nullopt; };
  EXPECT_FALSE(connectOptions(arguments, console).has_value());
  arguments.values["--server"] = "/run/postgresql";
  EXPECT_TRUE(connectOptions(arguments, console).has_value()) << "a local socket may need none";
}

TEST_F(SigningIn, TakesEachOneTimePasswordOnce) {
  arguments.values["--code-file"] = secret("codes", "111111\n\n222222").string();
  auto codes = OneTimeCodes::of(arguments, console);
  ASSERT_TRUE(codes.has_value());
  EXPECT_EQ(codes.value().next("").value(), "111111");
  EXPECT_EQ(codes.value().next("").value(), "222222");
  EXPECT_EQ(codes.value().next("").error().code, base::ErrorCode::kInvalidInput);
  arguments.values["--code-file"] = write("loose", "1").string();
  std::filesystem::permissions(folder / "loose", std::filesystem::perms(0644));
  EXPECT_FALSE(OneTimeCodes::of(arguments, console).has_value()) << "others may read it";
}

}  // namespace
}  // namespace dvpe::node
