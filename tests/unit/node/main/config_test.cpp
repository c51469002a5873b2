// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/config.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <set>

#include "node/main/config_table.h"
#include "tests/unit/node/main/support.h"

namespace dvpe::node {
namespace {

const Environment kNone = environmentOf({});

LoadedConfig parse(std::string_view text, const Environment& environment = kNone) {
  return parseConfig(text, "t.toml", "/etc/dvpe", environment);
}

std::vector<std::string> described(const LoadedConfig& loaded) {
  std::vector<std::string> out;
  for (const auto& m : loaded.mistakes) out.push_back(describe(m));
  return out;
}

using Lines = std::vector<std::string>;

TEST(AnEmptyConfig, IsTheDefaults) {
  const auto loaded = parse("");
  EXPECT_EQ(described(loaded), Lines{});
  EXPECT_EQ(loaded.config.http.port, 8080);
  EXPECT_EQ(loaded.config.limits.encodeBudget, Config::kAutoBudget);
  EXPECT_FALSE(loaded.config.documents.allowUnsigned);
  EXPECT_EQ(loaded.origins.size(), configKeys().size());
}

TEST(AConfig, SetsWhatItNames) {
  const auto loaded = parse(R"([node]
name = "edge.1"
state = "state"
[http]
address = "::1"
port = 0
certificate = "/tls/c.pem"
key = "tls/../k.pem"
[documents]
unsigned = true
[limits]
encode_budget = 2
[demo]
personas_file = "personas.json"
)");
  ASSERT_EQ(described(loaded), Lines{});
  const Config& c = loaded.config;
  EXPECT_EQ(c.node.name, "edge.1");
  EXPECT_EQ(c.node.state, "/etc/dvpe/state");
  EXPECT_EQ(c.http.address, "::1");
  EXPECT_EQ(c.http.port, 0);
  EXPECT_EQ(c.http.certificate, "/tls/c.pem");
  EXPECT_EQ(c.http.key, "/etc/dvpe/k.pem");
  EXPECT_TRUE(c.documents.allowUnsigned);
  EXPECT_EQ(c.limits.encodeBudget, 2);
  EXPECT_EQ(c.demo.personasFile, "/etc/dvpe/personas.json");
  EXPECT_TRUE(c.record.folder.empty());
}

TEST(AConfig, IsToldAllItsMistakesAtOnceEachWithItsPlace) {
  const auto loaded = parse(R"([htttp]
port = 1
[http]
prot = 80
port = "80"
threads = 300
address = "localhost"
[log]
level = "inof"
format = 3
[documents]
unsigned = "yes"
port = 1
[node]
name = "a b"
state = 5
[limits]
encode_budget = 2.5
max_sessions = 1.5
[rtmp]
port = [1]
[record]
folder = {}
)");
  EXPECT_THAT(
      described(loaded),
      ::testing::UnorderedElementsAre(
          "t.toml:1:2: htttp: unknown section; did you mean http?",
          "t.toml:4:1: http.prot: unknown key; did you mean port?",
          "t.toml:5:8: http.port: found the text \"80\", expected a whole number from 0 to 65535",
          "t.toml:6:11: http.threads: found the number 300, expected a whole number from 0 to 256",
          "t.toml:7:11: http.address: found the text \"localhost\", expected an IP address",
          "t.toml:9:9: log.level: found the text \"inof\", expected one of \"error\", \"warn\", \"info\", \"debug\"; "
          "did you mean info?",
          "t.toml:10:10: log.format: found the number 3, expected one of \"text\", \"json\"",
          "t.toml:12:12: documents.unsigned: found the text \"yes\", expected true or false",
          "t.toml:13:1: documents.port: unknown key; did you mean http.port?",
          "t.toml:15:8: node.name: found the text \"a b\", expected 1 to 64 letters, digits, '_', '-' or '.'",
          "t.toml:16:9: node.state: found the number 5, expected the path of a folder",
          "t.toml:18:17: limits.encode_budget: found the number 2.500000, expected \"auto\", or a whole number "
          "from 0 to 1000",
          "t.toml:19:16: limits.max_sessions: found the number 1.500000, expected a whole number from 1 to 10000000",
          "t.toml:21:8: rtmp.port: found a list, expected a whole number from 0 to 65535",
          "t.toml:23:10: record.folder: found a table, expected the path of a folder"));
}

TEST(AConfig, NamesTheSectionOfAKeyThatStandsOutside) {
  EXPECT_EQ(described(parse("personas_file = \"x\"\n")),
            Lines{"t.toml:1:1: personas_file: this key belongs into [demo]"});
  EXPECT_EQ(described(parse("http = 8080\n")),
            Lines{"t.toml:1:8: http: found the number 8080, expected the section [http]"});
}

TEST(AConfig, ThatIsNotTomlIsToldWhere) {
  const auto loaded = parse("[http]\nport = = 1\n");
  ASSERT_EQ(loaded.mistakes.size(), 1u);
  EXPECT_EQ(loaded.mistakes[0].line, 2);
  EXPECT_GT(loaded.mistakes[0].column, 0);
  for (const std::string& text :
       {std::string(2 << 20, '#'), std::string(100'000, '['), std::string("a = \"\xff\xfe\"", 8),
        std::string("a\0b = 1", 7), "x = " + std::string(5000, '[')}) {
    EXPECT_FALSE(parse(text).mistakes.empty());
  }
}

TEST(AConfig, WantsKeysThatBelongTogetherTogether) {
  EXPECT_EQ(described(parse("[http]\ncertificate = \"c\"\n")),
            Lines{"t.toml:2:15: http.certificate: found this without http.key, expected both or neither"});
  EXPECT_EQ(described(parse("[rtmp]\nkey = \"c\"\n")),
            Lines{"t.toml:2:7: rtmp.key: found this without rtmp.certificate, expected both or neither"});
  EXPECT_EQ(described(parse("[rtmp]\nport = 8080\n")),
            Lines{"t.toml:2:8: rtmp.port: found the same port as http.port, expected another"});
  EXPECT_EQ(described(parse("[http]\nport=0\n[rtmp]\nport = 0\n")), Lines{}) << "any free port twice is two ports";
}

// Two nodes that share viewers.
constexpr const char* kSharing = R"([node]
name = "a"
[secrets]
session_key_file = "s"
pseudonym_key_file = "p"
[viewers]
peers = [{ name = "a", url = "https://a.example" }, { name = "b", url = "https://b.example:8443" }]
)";

// The same with other peers.
std::string sharing(const std::string& peers) {
  std::string text = kSharing;
  return text.substr(0, text.find("peers =")) + "peers = " + peers + "\n";
}

TEST(Peers, AreListedWithNameAndUrl) {
  const std::vector<personalize::Peer> both{{"a", "https://a.example"}, {"b", "https://b.example:8443"}};
  const auto loaded = parse(kSharing);
  EXPECT_EQ(described(loaded), Lines{});
  EXPECT_EQ(loaded.config.viewers.peers, both);
  EXPECT_TRUE(parse("").config.viewers.peers.empty());
  EXPECT_EQ(described(parse("[viewers]\npeers = []\n")), Lines{});
  const auto tables = parse("[node]\nname = \"a\"\n[[viewers.peers]]\nname = \"a\"\nurl = \"http://a\"\n");
  EXPECT_EQ(described(tables), Lines{}) << "alone, it shares no keys";
  EXPECT_EQ(tables.config.viewers.peers.size(), 1U);
  const auto again = parse(showConfig(loaded, ShowFormat::kToml, ShowOrigin::kYes));
  EXPECT_EQ(described(again), Lines{});
  EXPECT_EQ(again.config.viewers.peers, both);
  const auto json = boost::json::parse(showConfig(loaded, ShowFormat::kJson, ShowOrigin::kNo));
  EXPECT_EQ(json.at("viewers").at("peers").at(1).at("url").as_string(), "https://b.example:8443");
}

TEST(Peers, MayComeFromTheEnvironment) {
  const auto loaded =
      parse(sharing("[]"), environmentOf({{"DVPE_VIEWERS_PEERS", "a=http://a:80,b=http://[::1]:8080"}}));
  EXPECT_EQ(described(loaded), Lines{});
  EXPECT_EQ(loaded.config.viewers.peers,
            (std::vector<personalize::Peer>{{"a", "http://a:80"}, {"b", "http://[::1]:8080"}}));
  EXPECT_EQ(parse(kSharing, environmentOf({{"DVPE_VIEWERS_PEERS", ""}})).config.viewers.peers.size(), 0U);
  for (const char* wrong : {"a", "=http://a", "a=a", "a=http://a/"}) {
    EXPECT_EQ(parse(sharing("[]"), environmentOf({{"DVPE_VIEWERS_PEERS", wrong}})).mistakes.size(), 1U) << wrong;
  }
}

TEST(Peers, AreNodesWithNamesAndOrigins) {
  for (const char* wrong : {"5", "\"a\"", "[\"a\"]", "[{ name = \"a\" }]", "[{ name = \"a\", url = 5 }]",
                            "[{ name = \"a\", url = \"https://a\", port = 1 }]",
                            "[{ name = \"a b\", url = \"https://a\" }]", "[{ name = \"a\", url = \"https://a/\" }]",
                            "[{ name = \"a\", url = \"https://u@a\" }]", "[{ name = \"a\", url = \"ftp://a\" }]"}) {
    EXPECT_EQ(parse(sharing(wrong)).mistakes.size(), 1U) << wrong;
  }
  std::string many = "[";
  for (int i = 0; i < 65; ++i) many += "{ name = \"n" + std::to_string(i) + "\", url = \"http://n\" },";
  EXPECT_THAT(described(parse(sharing(many + "]"))), ::testing::ElementsAre(::testing::HasSubstr("of at most 64")));
  EXPECT_THAT(described(parse(sharing("[{ name = \"a\", url = \"https://a/x\" }]"))),
              ::testing::ElementsAre(::testing::HasSubstr("\"https://a/x\" is not such a url")));
}

TEST(Peers, AreToldApartAndKnowEachOther) {
  const auto said = [](const std::string& peers) { return described(parse(sharing(peers))); };
  EXPECT_THAT(said(R"([{ name = "b", url = "http://b" }])"),
              ::testing::ElementsAre(::testing::HasSubstr("found no \"a\"")));
  EXPECT_THAT(said(R"([{ name = "a", url = "http://a" }, { name = "a", url = "http://b" }])"),
              ::testing::ElementsAre(::testing::HasSubstr("found \"a\" twice")));
  EXPECT_THAT(said(R"([{ name = "a", url = "http://a" }, { name = "b", url = "http://a" }])"),
              ::testing::ElementsAre(::testing::HasSubstr("found \"http://a\" twice")));
  EXPECT_THAT(said(R"([{ name = "a", url = "http://a" }, { name = "b", url = "https://b" }])"),
              ::testing::ElementsAre(::testing::HasSubstr("found https and http")));
  EXPECT_EQ(said(R"([{ name = "a", url = "HTTPS://a" }, { name = "b", url = "https://b" }])"), Lines{});
  std::string text = kSharing;
  text.erase(text.find("[secrets]"), text.find("[viewers]") - text.find("[secrets]"));
  EXPECT_THAT(described(parse(text)),
              ::testing::UnorderedElementsAre(::testing::HasSubstr("secrets.session_key_file"),
                                              ::testing::HasSubstr("secrets.pseudonym_key_file")));
}

TEST(TheEnvironment, OverridesTheFile) {
  const auto loaded = parse("[http]\nport = 1\nthreads = 2\n", environmentOf({{"DVPE_HTTP_PORT", "9000"},
                                                                              {"DVPE_DOCUMENTS_UNSIGNED", "true"},
                                                                              {"DVPE_LIMITS_ENCODE_BUDGET", "auto"},
                                                                              {"DVPE_DEMO_PERSONAS_FILE", "/p.json"}}));
  ASSERT_EQ(described(loaded), Lines{});
  EXPECT_EQ(loaded.config.http.port, 9000);
  EXPECT_EQ(loaded.config.http.threads, 2);
  EXPECT_TRUE(loaded.config.documents.allowUnsigned);
  EXPECT_EQ(loaded.config.demo.personasFile, "/p.json");
}

TEST(TheEnvironment, IsCheckedLikeTheFile) {
  const auto loaded = parse("", environmentOf({{"DVPE_HTTP_PORT", "80x"},
                                               {"DVPE_DOCUMENTS_UNSIGNED", "1"},
                                               {"DVPE_LIMITS_ENCODE_BUDGET", "-1"},
                                               {"DVPE_RTMP_PORT", ""}}));
  EXPECT_THAT(
      described(loaded),
      ::testing::UnorderedElementsAre(
          "DVPE_HTTP_PORT: http.port: found the text \"80x\", expected a whole number from 0 to 65535",
          "DVPE_DOCUMENTS_UNSIGNED: documents.unsigned: found the text \"1\", expected true or false",
          "DVPE_LIMITS_ENCODE_BUDGET: limits.encode_budget: found the number -1, expected \"auto\", or a whole number "
          "from 0 to 1000",
          "DVPE_RTMP_PORT: rtmp.port: found the text \"\", expected a whole number from 0 to 65535"));
}

TEST(TheEnvironment, NeverSetsSecrets) {
  for (const ConfigKey& key : configKeys()) {
    EXPECT_EQ(key.environment().empty(), key.secret()) << key.path();
  }
  const auto loaded = parse("", environmentOf({{"DVPE_SECRETS_SESSION_KEY_FILE", "/x"}}));
  EXPECT_TRUE(loaded.config.secrets.sessionKey.empty());
}

TEST(Secrets, MayLieInTheCredentialsFolderOfSystemd) {
  const std::string text = "[secrets]\noperator_key_file = \"$CREDENTIALS_DIRECTORY/operator\"\n";
  EXPECT_EQ(parse(text, environmentOf({{"CREDENTIALS_DIRECTORY", "/run/c"}})).config.secrets.operatorKey,
            "/run/c/operator");
  EXPECT_EQ(parse(text).mistakes.size(), 1u);
}

TEST(Show, SaysWhereEachValueComesFrom) {
  const auto loaded = parse("[http]\nport = 1\n", environmentOf({{"DVPE_LOG_LEVEL", "debug"}}));
  const std::string shown = showConfig(loaded, ShowFormat::kToml, ShowOrigin::kYes);
  EXPECT_THAT(shown, ::testing::HasSubstr("\nport = 1  # t.toml:2\n"));
  EXPECT_THAT(shown, ::testing::HasSubstr("\nlevel = \"debug\"  # environment DVPE_LOG_LEVEL\n"));
  EXPECT_THAT(shown, ::testing::HasSubstr("\nformat = \"text\"  # default\n"));
  const auto json = boost::json::parse(showConfig(loaded, ShowFormat::kJson, ShowOrigin::kYes));
  EXPECT_EQ(json.at("http").at("port").at("value").as_int64(), 1);
  EXPECT_EQ(json.at("http").at("port").at("origin").at("line").as_int64(), 2);
  EXPECT_EQ(json.at("log").at("level").at("origin").at("variable").as_string(), "DVPE_LOG_LEVEL");
}

TEST(Show, PrintsWhatCanBeReadBack) {
  const auto loaded = parse("[node]\nname = \"x\"\nstate = '/a \"b\"\\c'\n[limits]\nencode_budget = 3\n");
  ASSERT_EQ(described(loaded), Lines{});
  const auto again = parse(showConfig(loaded, ShowFormat::kToml, ShowOrigin::kYes));
  EXPECT_EQ(described(again), Lines{});
  EXPECT_EQ(showConfig(again, ShowFormat::kJson, ShowOrigin::kNo),
            showConfig(loaded, ShowFormat::kJson, ShowOrigin::kNo));
}

TEST(TheTable, HasDefaultsThatItWouldTake) {
  EXPECT_EQ(described(parse(exampleConfig())), Lines{});
  const auto loaded = parse(exampleConfig());
  const auto defaults = parse("");
  EXPECT_EQ(showConfig(loaded, ShowFormat::kJson, ShowOrigin::kNo),
            showConfig(defaults, ShowFormat::kJson, ShowOrigin::kNo));
}

TEST(TheTable, WritesEveryKeyIntoItsOwnPlace) {
  std::set<std::string> paths;
  std::set<const void*> places;
  Config c;
  for (const ConfigKey& key : configKeys()) {
    EXPECT_TRUE(paths.insert(key.path()).second) << key.path();
    const void* place = std::visit([&](auto at) -> const void* { return &at(c); }, key.target);
    EXPECT_TRUE(places.insert(place).second) << key.path();
    EXPECT_FALSE(key.purpose.empty());
  }
}

class FilesOfAConfig : public WithFolder {};

TEST_F(FilesOfAConfig, MustBeThereAndBeWhatTheyShould) {
  const auto file = write("dvpe.toml", R"([node]
state = "made-later"
[documents]
folder = "dvpe.toml"
[http]
certificate = "absent.pem"
key = "."
[secrets]
session_key_file = "made-later.key"
platform_keys_file = "absent.jwks"
)");
  std::vector<std::string> keys;
  for (const auto& m : checkConfig(file, kNone)) {
    keys.push_back(m.key + ":" + std::to_string(m.line));
    EXPECT_GT(m.column, 0);
  }
  EXPECT_THAT(keys, ::testing::UnorderedElementsAre("documents.folder:4", "http.certificate:6", "http.key:7",
                                                    "secrets.platform_keys_file:10"));
}

TEST_F(FilesOfAConfig, MustHoldWhatTheirNamesSay) {
  const auto secret = [&](const char* name, const char* text) {
    std::filesystem::permissions(write(name, text), std::filesystem::perms::owner_read);
  };
  secret("session", "no number here\n");
  secret("viewer", "0123\n");
  secret("streams", "{\"keys\": 5}");
  secret("operator", "short\n");
  secret("platforms", "{\"keys\": [{\"kty\": 1}]}");
  secret("pepper", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n");
  const auto file = write("dvpe.toml", R"([secrets]
session_key_file = "session"
viewer_key_file = "viewer"
stream_keys_file = "streams"
stream_key_pepper_file = "pepper"
operator_key_file = "operator"
platform_keys_file = "platforms"
[documents]
folder = "."
)");
  std::vector<int> lines;
  for (const auto& m : checkConfig(file, kNone)) lines.push_back(m.line);
  EXPECT_THAT(lines, ::testing::UnorderedElementsAre(2, 3, 4, 6, 7));
}

TEST_F(FilesOfAConfig, IncludeItself) {
  EXPECT_EQ(checkConfig(folder / "absent.toml", kNone).size(), 1u);
  EXPECT_EQ(checkConfig(folder, kNone).size(), 1u);
}

}  // namespace
}  // namespace dvpe::node
