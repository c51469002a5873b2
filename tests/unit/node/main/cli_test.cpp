// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/cli.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <cstdio>

#include "node/main/secrets.h"
#include "tests/unit/node/main/support.h"

namespace dvpe::node {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class TheCommandLine : public WithFolder {
 protected:
  int run(const std::vector<std::string>& words) {
    out.str("");
    err.str("");
    Console console{out, err, environmentOf(variables), false, false, runNode, condition, replay};
    return runCli(words, console);
  }
  std::ostringstream out, err;
  std::map<std::string, std::string> variables{{"DVPE_CONFIG", (folder / "dvpe.toml").string()}};
  std::function<int(const Config&, const std::filesystem::path&)> runNode;
  std::function<int(const ConditionRequest&, std::ostream&, std::ostream&)> condition;
  std::function<int(const Config&, const ReplayRequest&, std::ostream&, std::ostream&)> replay;
};

TEST_F(TheCommandLine, WithoutACommandExplainsItself) {
  EXPECT_EQ(run({}), kExitUsage);
  EXPECT_EQ(out.str(), "");
  EXPECT_THAT(err.str(), HasSubstr("config check"));
  EXPECT_EQ(run({"--help"}), kExitOk);
  EXPECT_THAT(out.str(), HasSubstr("Examples:"));
  EXPECT_EQ(err.str(), "");
}

TEST_F(TheCommandLine, SaysWhatWasProbablyMeant) {
  EXPECT_EQ(run({"confg"}), kExitUsage);
  EXPECT_THAT(err.str(), HasSubstr("there is no command confg; did you mean config?"));
  EXPECT_EQ(run({"config", "chekc"}), kExitUsage);
  EXPECT_THAT(err.str(), HasSubstr("there is no command config chekc; did you mean check?"));
  EXPECT_EQ(run({"config", "show", "--orign"}), kExitUsage);
  EXPECT_THAT(err.str(), HasSubstr("there is no option --orign; did you mean --origin?"));
  EXPECT_EQ(run({"config", "show", "--oirgin=x"}), kExitUsage);
  EXPECT_THAT(err.str(), HasSubstr("did you mean --origin?"));
  EXPECT_EQ(run({"conf", "check"}), kExitUsage) << "no abbreviations";
  EXPECT_EQ(run({"run", "more"}), kExitUsage);
  EXPECT_EQ(run({"config", "show", "--config"}), kExitUsage);
  EXPECT_EQ(out.str(), "");
}

TEST_F(TheCommandLine, ShowsExamplesFirstAndEveryOptionInTheHelpOfEveryCommand) {
  for (const CommandSpec& c : commandTable()) {
    std::vector<std::string> words{std::string(c.noun)};
    if (!c.verb.empty()) words.emplace_back(c.verb);
    words.emplace_back("--help");
    EXPECT_EQ(run(words), kExitOk);
    EXPECT_LT(out.str().find("Examples:"), out.str().find("Options:")) << out.str();
    EXPECT_THAT(out.str(), HasSubstr(std::string(c.summary)));
    for (const OptionSpec& o : c.options) EXPECT_THAT(out.str(), HasSubstr(std::string(o.name)));
  }
}

TEST_F(TheCommandLine, NamesEveryOptionInTheCompletionOfEveryShell) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_EQ(run({"completion", shell}), kExitOk);
    for (const CommandSpec& c : commandTable()) {
      EXPECT_THAT(out.str(), HasSubstr(std::string(c.noun)));
      EXPECT_THAT(out.str(), HasSubstr(std::string(c.verb)));
      for (const OptionSpec& o : c.options) EXPECT_THAT(out.str(), HasSubstr(std::string(o.name.substr(2))));
    }
  }
  EXPECT_EQ(run({"completion", "tcsh"}), kExitUsage);
  EXPECT_EQ(run({"completion"}), kExitUsage);
}

TEST_F(TheCommandLine, NamesEveryCommandAndOptionInItsManual) {
  EXPECT_EQ(run({"man"}), kExitOk);
  std::string page;  // as it is read: without roff's escapes
  for (std::size_t i = 0; i < out.str().size(); ++i) {
    const char c = out.str()[i];
    if (c != '\\') {
      page += c;
    } else if (out.str()[i + 1] == '-') {
      page += out.str()[++i];
    }
  }
  for (const char* section :
       {"NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"})
    EXPECT_THAT(page, HasSubstr("\n.SH " + std::string(section) + "\n"));
  for (const CommandSpec& c : commandTable()) {
    const std::string title =
        "\n.SS dvpe-node " + std::string(c.noun) + (c.verb.empty() ? "" : " ") + std::string(c.verb) + "\n";
    const std::size_t at = page.find(title);
    ASSERT_NE(at, std::string::npos) << title;
    const std::string own = page.substr(at, page.find("\n.S", at + 1) - at);
    for (const OptionSpec& o : c.options) EXPECT_THAT(own, HasSubstr("\n.B " + std::string(o.name)));
    EXPECT_THAT(own, HasSubstr("Example:"));
  }
  for (const OptionSpec& o : commonOptions()) EXPECT_THAT(page, HasSubstr("\n.B " + std::string(o.name)));
}

TEST_F(TheCommandLine, WritesAManualThatGroffTakesWithoutAWarning) {
  if (std::system("command -v groff > /dev/null") != 0) GTEST_SKIP() << "no groff";
  ASSERT_EQ(run({"man"}), kExitOk);
  const auto page = write("dvpe-node.1", out.str());
  const std::string command = "groff -ww -man -Tutf8 -P-c " + page.string() + " 2>&1 > " + (folder / "page").string();
  std::string said(4096, '\0');
  FILE* pipe = ::popen(command.c_str(), "r");
  said.resize(std::fread(said.data(), 1, said.size(), pipe));
  EXPECT_EQ(::pclose(pipe), 0);
  EXPECT_EQ(said, "");
  EXPECT_THAT(read(folder / "page"), HasSubstr("dvpe-node node drain"));
}

// What is refused before anything is sent; the rest is in tests/integration/control/commands_test.py.
TEST_F(TheCommandLine, RefusesOrdersToNodesThatItCannotSend) {
  const std::vector<std::string> all{"--endpoint", "127.0.0.1:1",       "--node", "n1", "--curve-key", "none", "--key",
                                     "none",       "--passphrase-file", "none"};
  const auto order = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "node");
    words.insert(words.end(), all.begin(), all.end());
    return run(words);
  };
  EXPECT_EQ(run({"node", "status"}), kExitUsage);
  EXPECT_EQ(order({"break", "begin", "--channel", "news"}), kExitUsage);
  EXPECT_EQ(order({"break", "start", "--channel", "news"}), kExitUsage) << "how long?";
  EXPECT_EQ(order({"clean", "yes", "--channel", "news"}), kExitUsage);
  EXPECT_EQ(order({"log", "loud"}), kExitFailed);
  EXPECT_THAT(err.str(), HasSubstr("level"));
  EXPECT_EQ(order({"status"}), kExitFailed);
  EXPECT_THAT(err.str(), HasSubstr("--server-key"));
  EXPECT_EQ(order({"status", "--timeout", "soon", "--server-key", "x"}), kExitFailed);
  EXPECT_THAT(err.str(), HasSubstr("--timeout"));
}

// What bash itself answers to a line with the cursor at its end.
TEST_F(TheCommandLine, CompletesInBash) {
  ASSERT_EQ(run({"completion", "bash"}), kExitOk);
  const auto script = write("completion.bash", out.str());
  const auto complete = [&](const std::string& words, int at) {
    const std::string command = "bash -c '. \"" + script.string() + "\"; COMP_WORDS=(dvpe-node " + words +
                                "); COMP_CWORD=" + std::to_string(at) + "; _dvpe_node; echo \"${COMPREPLY[*]}\"'";
    std::string answer(4096, '\0');
    FILE* pipe = ::popen(command.c_str(), "r");
    answer.resize(std::fread(answer.data(), 1, answer.size(), pipe));
    ::pclose(pipe);
    return answer;
  };
  EXPECT_EQ(complete("con", 1), "config condition\n");
  EXPECT_EQ(complete("config \"\"", 2), "check show example\n");
  EXPECT_EQ(complete("config sh", 2), "show\n");
  EXPECT_EQ(complete("config show --o", 3), "--origin\n");
  EXPECT_EQ(complete("completion f", 2), "fish\n");
  EXPECT_EQ(complete("run --c", 2), "--config\n");
}

TEST_F(TheCommandLine, ChecksTheConfiguration) {
  std::filesystem::create_directory(folder / "documents");
  write("dvpe.toml", "[documents]\nfolder = \"documents\"\n");
  EXPECT_EQ(run({"config", "check"}), kExitOk) << err.str();
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(run({"config", "check", "--quiet"}), kExitOk);
  EXPECT_EQ(err.str(), "");
  write("dvpe.toml", "[http]\nport = -1\nprot = 2\n");
  EXPECT_EQ(run({"config", "check"}), kExitConfig);
  EXPECT_EQ(out.str(), "");
  EXPECT_THAT(err.str(), HasSubstr("dvpe.toml:2:8: http.port"));
  EXPECT_THAT(err.str(), HasSubstr("2 mistakes"));
  EXPECT_EQ(run({"config", "check", "--json"}), kExitConfig);
  const auto json = boost::json::parse(out.str());
  EXPECT_FALSE(json.at("ok").as_bool());
  EXPECT_EQ(json.at("mistakes").as_array().size(), 2u);
  EXPECT_EQ(run({"config", "show"}), kExitConfig);
  EXPECT_EQ(run({"run"}), kExitConfig);
}

TEST_F(TheCommandLine, TakesTheConfigurationNamedOnItBeforeTheVariable) {
  write("dvpe.toml", "[http]\nport = 1\n");
  const auto other = write("other.toml", "[http]\nport = 2\n");
  EXPECT_EQ(run({"config", "show"}), kExitOk);
  EXPECT_THAT(out.str(), HasSubstr("\nport = 1\n"));
  EXPECT_EQ(run({"config", "show", "--config", other.string()}), kExitOk);
  EXPECT_THAT(out.str(), HasSubstr("\nport = 2\n"));
  EXPECT_EQ(run({"config", "show", "--config=" + other.string(), "--json"}), kExitOk);
  EXPECT_EQ(boost::json::parse(out.str()).at("http").at("port").as_int64(), 2);
}

TEST_F(TheCommandLine, RunsTheNodeWithTheConfiguration) {
  std::filesystem::create_directory(folder / "documents");
  write("dvpe.toml", "[documents]\nfolder = \"documents\"\n[http]\nport = 7\n");
  EXPECT_EQ(run({"run"}), kExitNotImplemented) << "without a node linked in";
  std::filesystem::path named;
  runNode = [&named](const Config& c, const std::filesystem::path& file) {
    named = file;
    return static_cast<int>(c.http.port);
  };
  EXPECT_EQ(run({"run"}), 7);
  EXPECT_EQ(named, folder / "dvpe.toml") << "which a reload reads again";
}

TEST_F(TheCommandLine, ReplaysOneRecordingFromASecondThatIsANumber) {
  EXPECT_EQ(run({"replay", "a.stamped"}), kExitNotImplemented);
  ReplayRequest asked;
  replay = [&](const Config&, const ReplayRequest& r, std::ostream&, std::ostream&) {
    asked = r;
    return kExitOk;
  };
  EXPECT_EQ(run({"replay"}), kExitUsage);
  EXPECT_EQ(run({"replay", "a", "b"}), kExitUsage);
  for (const char* wrong : {"x", "-1", "1s", "nan", "1e99"})
    EXPECT_EQ(run({"replay", "a", std::string("--from=") + wrong}), kExitUsage) << wrong;
  EXPECT_EQ(asked.recording, "");
}

TEST_F(TheCommandLine, HandsOnWhatIsToBeConditioned) {
  EXPECT_EQ(run({"condition", "a.mp4", "--profile", "p", "--documents", "d", "--out", "o"}), kExitNotImplemented);
  ConditionRequest got;
  condition = [&](const ConditionRequest& r, std::ostream&, std::ostream&) {
    got = r;
    return kExitOk;
  };
  EXPECT_EQ(run({"condition", "a.mp4", "b.mp4", "--profile", "p", "--documents", "d", "--out", "o", "--json"}),
            kExitOk);
  EXPECT_THAT(got.files, ::testing::ElementsAre("a.mp4", "b.mp4"));
  EXPECT_EQ(got.profile, "p");
  EXPECT_TRUE(got.json);
  EXPECT_EQ(run({"condition", "--profile", "p", "--documents", "d", "--out", "o"}), kExitUsage) << "no file";
  EXPECT_EQ(run({"condition", "a", "b", "--id", "x", "--profile", "p", "--documents", "d", "--out", "o"}), kExitUsage);
  EXPECT_EQ(run({"condition", "--slate", "--id", "x", "--profile", "p", "--documents", "d", "--out", "o"}), kExitOk);
  EXPECT_TRUE(got.slate);
  EXPECT_EQ(got.id, "x");
  EXPECT_EQ(run({"condition", "a.mp4", "--profile", "p", "--documents", "d"}), kExitUsage);
}

TEST_F(TheCommandLine, MakesAStreamKeyAndShowsItOnce) {
  write("dvpe.toml", "[node]\nstate = \"state\"\n");
  EXPECT_EQ(run({"keys", "stream", "--channel", "news"}), kExitOk) << err.str();
  std::string key = out.str();
  ASSERT_EQ(key.size(), 33u);
  key.pop_back();
  EXPECT_THAT(err.str(), Not(HasSubstr(key)));
  const std::string kept = read(folder / "state" / "keys" / "stream-keys.json");
  EXPECT_THAT(kept, HasSubstr("\"news\""));
  EXPECT_THAT(kept, Not(HasSubstr(key)));
  EXPECT_EQ(run({"keys", "stream"}), kExitUsage);
  EXPECT_EQ(run({"keys", "stream", "--channel", "../x"}), kExitFailed);
}

TEST_F(TheCommandLine, KnowsItsVersion) {
  EXPECT_EQ(run({"version"}), kExitOk);
  EXPECT_THAT(out.str(), StartsWith("dvpe-node "));
  EXPECT_EQ(run({"--version"}), kExitOk);
  EXPECT_EQ(run({"version", "--json"}), kExitOk);
  EXPECT_EQ(boost::json::parse(out.str()).at("name").as_string(), "dvpe-node");
}

}  // namespace
}  // namespace dvpe::node
