// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "node/main/cli.h"
#include "shared/release/release.h"
#include "tests/unit/node/main/support.h"

namespace dvpe::node {
namespace {

using ::testing::HasSubstr;

class SigningKeys : public WithFolder {
 protected:
  int run(const std::vector<std::string>& words) {
    out.str("");
    err.str("");
    Console console{out, err, environmentOf({}), false, false, {}, {}, {}};
    return runCli(words, console);
  }
  std::string at(const std::string& name) const { return (folder / name).string(); }
  // Makes a key, in the keys document when there are roles; returns its public half.
  std::string create(const std::string& person, const std::string& roles) {
    write(person + ".phrase", person + " keeps this\n");
    std::filesystem::permissions(folder / (person + ".phrase"), std::filesystem::perms::owner_read);
    std::vector<std::string> words{
        "keys", "create", "--out", at(person + ".key"), "--passphrase-file", at(person + ".phrase"), "--json"};
    if (!roles.empty()) {
      for (const auto& word : {std::string("--keys"), at("keys.json"), std::string("--person"), person,
                               std::string("--organisation"), std::string("demo"), std::string("--roles"), roles}) {
        words.push_back(word);
      }
    }
    EXPECT_EQ(run(words), kExitOk) << err.str();
    const auto said = boost::json::parse(out.str());
    ids[person] = std::string(said.at("id").as_string());
    return std::string(said.at("public").as_string());
  }
  int sign(const std::string& file, const std::string& person) {
    return run({"keys", "sign", at(file), "--key", at(person + ".key"), "--passphrase-file", at(person + ".phrase")});
  }
  void keep(const std::string& name) {
    std::filesystem::copy(at("keys.json"), at(name));
    std::filesystem::copy(at("keys.json.sig"), at(name + ".sig"));
  }
  std::ostringstream out, err;
  std::map<std::string, std::string> ids;
};

TEST_F(SigningKeys, GoFromTheRootToTwoAdminsToARevocation) {
  const std::string root = create("root", "");
  create("ada", "admin");
  create("ben", "admin");
  create("cleo", "creator");
  EXPECT_EQ(sign("keys.json", "root"), kExitOk);
  keep("keys-1.json");
  EXPECT_EQ(run({"keys", "verify", "--root", root, at("keys-1.json")}), kExitOk) << err.str();
  EXPECT_THAT(out.str(), HasSubstr(ids["cleo"] + " cleo demo creator\n"));

  EXPECT_EQ(run({"keys", "revoke", "--keys", at("keys.json"), "--key", ids["cleo"], "--from", "1000"}), kExitOk);
  EXPECT_FALSE(std::filesystem::exists(at("keys.json.sig"))) << "the old signatures were for another text";
  EXPECT_EQ(sign("keys.json", "ada"), kExitOk);
  EXPECT_EQ(run({"keys", "verify", "--root", root, at("keys-1.json"), at("keys.json")}), kExitNotPermitted);
  EXPECT_THAT(err.str(), HasSubstr("neither by the root nor by two admins"));
  EXPECT_EQ(sign("keys.json", "ada"), kExitOk) << "twice is once";
  EXPECT_EQ(sign("keys.json", "ben"), kExitOk);
  EXPECT_EQ(run({"keys", "verify", "--root", root, at("keys-1.json"), at("keys.json")}), kExitOk) << err.str();
  EXPECT_THAT(out.str(), HasSubstr("cleo demo creator (not valid now)"));
  EXPECT_EQ(run({"keys", "verify", "--root", root, at("keys.json")}), kExitNotPermitted)
      << "not without what was before";
}

TEST_F(SigningKeys, AreNeverOverwrittenAndNeverInTheClear) {
  create("ada", "admin");
  EXPECT_THAT(read(folder / "ada.key"), HasSubstr("ENCRYPTED PRIVATE KEY"));
  EXPECT_EQ(std::filesystem::status(folder / "ada.key").permissions() & std::filesystem::perms::mask,
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_NE(run({"keys", "create", "--out", at("ada.key"), "--passphrase-file", at("ada.phrase")}), kExitOk);
  write("open.phrase", "everybody reads this\n");
  EXPECT_EQ(run({"keys", "create", "--out", at("x.key"), "--passphrase-file", at("open.phrase")}), kExitNotPermitted);
  EXPECT_FALSE(std::filesystem::exists(at("x.key")));
}

TEST_F(SigningKeys, RefuseWhatTheKeysDocumentCannotSay) {
  create("ada", "admin");
  const auto bad = [&](const std::string& option, const std::string& value) {
    std::map<std::string, std::string> with{{"--person", "eve"}, {"--organisation", "demo"}, {"--roles", "creator"}};
    with[option] = value;
    std::vector<std::string> words{"keys",           "create", "--out",        at("eve.key"), "--passphrase-file",
                                   at("ada.phrase"), "--keys", at("keys.json")};
    for (const auto& [name, text] : with) words.insert(words.end(), {name, text});
    return run(words);
  };
  const std::string before = read(folder / "keys.json");
  EXPECT_NE(bad("--roles", "root"), kExitOk);
  EXPECT_THAT(err.str(), HasSubstr("there is no role \"root\""));
  EXPECT_NE(bad("--person", "e/ve"), kExitOk);
  EXPECT_NE(bad("--days", "many"), kExitOk);
  EXPECT_EQ(read(folder / "keys.json"), before);
  EXPECT_FALSE(std::filesystem::exists(at("eve.key"))) << "nothing is half made";
}

TEST_F(SigningKeys, SignDocuments) {
  create("cleo", "creator");
  write("main.json", R"({"kind":"ruleset","id":"main","organisation":"demo","revision":1,"body":{}})");
  EXPECT_EQ(sign("main.json", "cleo"), kExitOk) << err.str();
  const auto signatures = boost::json::parse(read(folder / "main.json.sig"));
  ASSERT_EQ(signatures.as_array().size(), 1U);
  const auto keys = release::parseKeys(read(folder / "keys.json"));
  ASSERT_TRUE(keys.has_value());
  const auto& key = keys.value().keys.at(ids["cleo"]);
  const auto signature = release::parseSignature(signatures.at(0).at("signature").as_string());
  EXPECT_TRUE(
      verify(key.publicKey, release::Domain::kDocument, base::view(read(folder / "main.json")), signature.value()));
  write("nonsense.json", "{}");
  EXPECT_NE(sign("nonsense.json", "cleo"), kExitOk);
}

}  // namespace
}  // namespace dvpe::node
