// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What needs no server; the rest is tried on a real one in tests/integration/database.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <numeric>

#include "shared/database/grants.h"
#include "shared/database/migrate.h"

namespace dvpe::database {
namespace {

using base::ErrorCode;

TEST(ScramVerifier, IsWhatPostgresWouldMake) {
  std::array<std::uint8_t, 16> salt{};
  std::iota(salt.begin(), salt.end(), std::uint8_t{0});
  // By Python's hashlib: PBKDF2 with HMAC-SHA-256, 4096 rounds (RFC 5802, 3).
  EXPECT_EQ(scramVerifier("correct horse battery", salt).value(),
            "SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$DSORcG4dNUxAHTEo5BL20ymSoLgt8C8jLZ09S+VUVlM="
            ":9hLrfnf7zvCtDB9drkVXkMgUsd4vpHfg5YQJDrbaZ30=");
}

TEST(ScramVerifier, RefusesPasswordsThatTwoSidesCouldReadDifferently) {
  const std::array<std::uint8_t, 16> salt{};
  EXPECT_EQ(scramVerifier("short", salt).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(scramVerifier("eine schöne Zeit", salt).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(scramVerifier(std::string(129, 'x'), salt).error().code, ErrorCode::kInvalidInput);
  EXPECT_TRUE(scramVerifier("a b c d e f g h", salt).has_value());
}

TEST(TheNameOfAChange, TellsItsArgumentsApart) {
  // By Python: SHA-256 over each part after its length as four bytes.
  EXPECT_EQ(changeName({"blob.drop", "ab"}), "e425d8493aa7d83e117ad6af61cbf3e6fb04d936662801d41c53346a3ac46c1f");
  EXPECT_NE(changeName({"a", "bc"}), changeName({"ab", "c"}));
  EXPECT_NE(changeName({"a"}), changeName({"a", ""}));
}

TEST(Connection, IsNotOpenedOverTcpWithoutKnowingTheServer) {
  ConnectOptions options;
  options.user = "somebody";
  EXPECT_EQ(Connection::open(options).error().code, ErrorCode::kInvalidInput);
  options.rootCertificate = "/nonexistent.pem";
  options.port = 1;
  EXPECT_EQ(Connection::open(options).error().code, ErrorCode::kUnavailable);
}

std::string hex(const std::string& bytes) {
  std::string out;
  for (const unsigned char c : bytes) {
    out += "0123456789abcdef"[c >> 4];
    out += "0123456789abcdef"[c & 15];
  }
  return out;
}

TEST(AList, IsWrittenAsPostgresReadsIt) {
  // By PostgreSQL's arrayfuncs.c, array_recv; tests/integration/events has it read by a server.
  Array numbers(Array::Of::kInt4);
  numbers.addInteger(1);
  numbers.addNull();
  numbers.addInteger(-2);
  EXPECT_EQ(hex(numbers.encoded()),
            "000000010000000100000017000000030000000100000004"
            "00000001ffffffff00000004fffffffe");
  Array texts(Array::Of::kText);
  texts.addText("\xc3\xa4");
  texts.addText("");
  EXPECT_EQ(hex(texts.encoded()),
            "0000000100000000000000190000000200000001"
            "00000002c3a400000000");
  Array reals(Array::Of::kFloat4);
  reals.addReal(2.5F);
  EXPECT_EQ(hex(reals.encoded()),
            "0000000100000000000002bc0000000100000001"
            "0000000440200000");
  Array truths(Array::Of::kBool);
  truths.addFlag(true);
  EXPECT_EQ(hex(truths.encoded()),
            "0000000100000000000000100000000100000001"
            "0000000101");
  EXPECT_EQ(hex(Array(Array::Of::kBytea).encoded()), "000000000000000000000011");
}

TEST(AList, TakesTheNearestNumberThatFits) {
  Array small(Array::Of::kInt2);
  small.addInteger(65535);
  small.addInteger(-65535);
  small.addInteger(-3);
  EXPECT_EQ(hex(small.encoded()).substr(40),
            "000000027fff"
            "000000028000"
            "00000002fffd");
  EXPECT_EQ(small.size(), 3U);
}

class Migrations : public ::testing::Test {
 protected:
  Migrations() {
    std::string name = (std::filesystem::temp_directory_path() / "dvpe-sql-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Migrations() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name) { std::ofstream(folder_ / name) << "SELECT 1;"; }
  std::filesystem::path folder_;
};

TEST_F(Migrations, AreReadInTheOrderOfTheirNumbers) {
  write("0002_more.sql");
  write("0001_roles.sql");
  write("notes.txt");
  const auto loaded = loadMigrations(folder_);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  ASSERT_EQ(loaded.value().size(), 2U);
  EXPECT_EQ(loaded.value()[0].name, "0001_roles");
  EXPECT_EQ(loaded.value()[1].number, 2);
  EXPECT_EQ(loaded.value()[1].digest.size(), 64U);
}

TEST_F(Migrations, HaveNoGapsAndProperNames) {
  EXPECT_EQ(loadMigrations(folder_).error().code, ErrorCode::kIo) << "none at all";
  write("0002_more.sql");
  EXPECT_EQ(loadMigrations(folder_).error().code, ErrorCode::kInvalidInput);
  write("0001_roles.sql");
  EXPECT_TRUE(loadMigrations(folder_).has_value());
  write("3_short.sql");
  EXPECT_EQ(loadMigrations(folder_).error().code, ErrorCode::kInvalidInput);
}

}  // namespace
}  // namespace dvpe::database
