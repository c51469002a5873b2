// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "node/events/ledger.h"
#include "node/main/cli.h"
#include "tests/unit/node/main/support.h"

namespace dvpe::node {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// One impression, as a spool would give it.
class OneEvent final : public events::SpoolSource {
 public:
  events::Id id() const override { return {1}; }
  base::Result<events::Spool::Batch> read(std::uint64_t from, std::size_t, std::size_t) override {
    events::Event e;
    e.kind = events::Kind::kAdDelivered;
    e.at = base::SystemClock().wall();
    e.day = events::dayOf(e.at);
    e.place.campaign = "spring";
    events::Spool::Batch batch{from, 1, {}};
    if (from == 0) write(e, batch.events);
    return batch;
  }
  bool wait(std::uint64_t from, std::chrono::milliseconds) override { return from == 0; }
  void shipped(std::uint64_t) override {}
};

class Impressions : public WithFolder {
 protected:
  Impressions() {
    OneEvent source;
    const base::SystemClock clock;
    auto ledger = events::Ledger::open({.folder = folder / "ledger"}, source, key_, privacy::SecretKey({}), clock);
    EXPECT_TRUE(ledger && ledger.value()->step({}) && ledger.value()->finish());
    write("n1.public", base::hex(key_.publicKey()) + "\n");
  }
  int verify(const std::string& what, std::vector<std::string> more = {}) {
    out.str("");
    err.str("");
    Console console{out, err, environmentOf({}), false, false, {}, {}, {}};
    std::vector<std::string> words{"impressions", "verify", what};
    if (more.empty()) more = {"--key", (folder / "n1.public").string()};
    words.insert(words.end(), more.begin(), more.end());
    return runCli(words, console);
  }
  fs::path file() const {
    for (const auto& entry : fs::recursive_directory_iterator(folder / "ledger")) {
      if (entry.path().extension() == ".ndjson") return entry.path();
    }
    return {};
  }
  const release::PrivateKey key_ = release::PrivateKey::generate();
  std::ostringstream out, err;
};

TEST_F(Impressions, AreVerifiedWithAPublicKeyAlone) {
  const std::string ledger = (folder / "ledger").string();
  EXPECT_EQ(verify(ledger), kExitOk) << err.str();
  EXPECT_THAT(out.str(), HasSubstr("ok\t"));
  EXPECT_EQ(verify(file().string()), kExitOk) << err.str();
  EXPECT_EQ(verify(ledger, {"--json", "--key", (folder / "n1.public").string()}), kExitOk);
  const auto said = boost::json::parse(out.str());
  EXPECT_TRUE(said.at("ok").as_bool());
  EXPECT_EQ(said.at("lines").as_int64(), 1);
  EXPECT_EQ(said.at("files").at(0).at("campaign").as_string(), "spring");
}

TEST_F(Impressions, ThatAreNotAsTheyWereEndWithOne) {
  const std::string ledger = (folder / "ledger").string();
  const fs::path path = file();
  std::string text = read(path);
  text[text.find("delivered")] = 'D';
  std::ofstream(path, std::ios::binary) << text;
  EXPECT_EQ(verify(ledger), kExitFailed);
  EXPECT_THAT(out.str(), HasSubstr("broken\t"));
  fs::remove(path);
  EXPECT_EQ(verify(ledger), kExitFailed);
  EXPECT_THAT(out.str(), HasSubstr("missing\t"));
  write("other.public", std::string(64, 'a'));
  EXPECT_EQ(verify(ledger, {"--key", (folder / "other.public").string()}), kExitFailed);
  EXPECT_THAT(out.str(), HasSubstr("is not known"));
}

TEST_F(Impressions, NeedOneWayToKnowTheKey) {
  const std::string ledger = (folder / "ledger").string();
  EXPECT_EQ(verify(ledger, {"--quiet"}), kExitUsage);
  EXPECT_EQ(verify(ledger, {"--keys", "keys.json"}), kExitUsage);
  EXPECT_NE(verify((folder / "nothing").string()), kExitOk);
}

}  // namespace
}  // namespace dvpe::node
