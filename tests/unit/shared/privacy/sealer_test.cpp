// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/privacy/sealer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>

namespace dvpe::privacy {
namespace {

using base::ErrorCode;

SecretKey keyOf(std::uint8_t fill) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(fill);
  return SecretKey(bytes);
}

Pseudonym viewerOf(std::uint8_t fill) {
  Pseudonym p{};
  p.fill(fill);
  return p;
}

std::string textOf(const base::Bytes& b) { return {b.begin(), b.end()}; }

class TheSealer : public ::testing::Test {
 protected:
  base::SystemRandom random;
  MemoryKeyStore store;
  Sealer sealer{{keyOf(1), std::nullopt}, store, random};
  Pseudonym ann = viewerOf(1), bob = viewerOf(2);
};

TEST_F(TheSealer, OpensWhatItSealed) {
  const auto sealed = sealer.seal(ann, "profile", 3, base::view("likes football"));
  ASSERT_TRUE(sealed);
  EXPECT_EQ(sealed.value().size(), 14 + Sealer::kOverhead);
  EXPECT_EQ(textOf(sealed.value()).find("football"), std::string::npos);
  const auto opened = sealer.open(ann, "profile", 3, sealed.value());
  ASSERT_TRUE(opened);
  EXPECT_EQ(textOf(opened.value()), "likes football");
}

TEST_F(TheSealer, OpensNothingAtAnotherPlace) {
  const auto sealed = sealer.seal(ann, "profile", 3, base::view("x")).value();
  ASSERT_TRUE(sealer.seal(bob, "profile", 3, base::view("y")));
  EXPECT_EQ(sealer.open(bob, "profile", 3, sealed).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(sealer.open(ann, "consent", 3, sealed).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(sealer.open(ann, "profile", 4, sealed).error().code, ErrorCode::kInvalidInput);
}

TEST_F(TheSealer, NoticesEveryChangedBitAndEveryMissingByte) {
  const auto sealed = sealer.seal(ann, "f", 1, base::view("some text")).value();
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    auto changed = sealed;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    EXPECT_FALSE(sealer.open(ann, "f", 1, changed)) << bit;
  }
  for (std::size_t n = 0; n < sealed.size(); ++n) {
    EXPECT_FALSE(sealer.open(ann, "f", 1, base::ByteView(sealed).first(n))) << n;
  }
}

TEST_F(TheSealer, SealsEmptyValues) {
  const auto sealed = sealer.seal(ann, "f", 1, {});
  ASSERT_TRUE(sealed);
  const auto opened = sealer.open(ann, "f", 1, sealed.value());
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened.value().empty());
}

TEST_F(TheSealer, NeverUsesANonceTwice) {
  std::set<base::Bytes> nonces;
  for (int i = 0; i < 3000; ++i) {
    const auto sealed = sealer.seal(ann, "f", 1, base::view("same")).value();
    nonces.insert(base::Bytes(sealed.begin() + 1, sealed.begin() + 13));
  }
  EXPECT_EQ(nonces.size(), 3000u);
}

TEST_F(TheSealer, ErasesAViewerForGoodAndNobodyElse) {
  const auto ofAnn = sealer.seal(ann, "f", 1, base::view("a")).value();
  const auto ofBob = sealer.seal(bob, "f", 1, base::view("b")).value();
  ASSERT_TRUE(sealer.erase(ann));
  EXPECT_EQ(sealer.open(ann, "f", 1, ofAnn).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(sealer.open(bob, "f", 1, ofBob));
  ASSERT_TRUE(sealer.seal(ann, "f", 1, base::view("new"))) << "a viewer may come back";
  EXPECT_EQ(sealer.open(ann, "f", 1, ofAnn).error().code, ErrorCode::kInvalidInput) << "with a new key";
  EXPECT_TRUE(sealer.erase(viewerOf(9))) << "erasing nobody is no error";
}

TEST_F(TheSealer, OpensAfterARestartWithTheSameWrappingKeyOnly) {
  const auto sealed = sealer.seal(ann, "f", 1, base::view("a")).value();
  Sealer again({keyOf(1), std::nullopt}, store, random);
  EXPECT_TRUE(again.open(ann, "f", 1, sealed));
  Sealer stranger({keyOf(7), std::nullopt}, store, random);
  EXPECT_EQ(stranger.open(ann, "f", 1, sealed).error().code, ErrorCode::kInvalidInput);
}

TEST_F(TheSealer, DoesNotTakeOneViewersRecordForAnothers) {
  const auto sealed = sealer.seal(ann, "f", 1, base::view("a")).value();
  ASSERT_TRUE(store.save(bob, store.load(ann).value()));
  EXPECT_EQ(sealer.open(bob, "f", 1, sealed).error().code, ErrorCode::kInvalidInput);
}

TEST_F(TheSealer, RewrapsSoThatTheOldWrappingKeyCanBeDestroyed) {
  const auto sealed = sealer.seal(ann, "f", 1, base::view("a")).value();
  {
    Sealer both({keyOf(2), keyOf(1)}, store, random);
    EXPECT_TRUE(both.open(ann, "f", 1, sealed));
    ASSERT_TRUE(both.rewrap(ann));
  }
  Sealer onlyNew({keyOf(2), std::nullopt}, store, random);
  EXPECT_TRUE(onlyNew.open(ann, "f", 1, sealed));
  Sealer onlyOld({keyOf(1), std::nullopt}, store, random);
  EXPECT_FALSE(onlyOld.open(ann, "f", 1, sealed));
}

TEST_F(TheSealer, KeepsOnlySoManyKeysInMemory) {
  Sealer small({keyOf(1), std::nullopt}, store, random, 2);
  std::vector<base::Bytes> sealed;
  for (std::uint8_t i = 0; i < 10; ++i) sealed.push_back(small.seal(viewerOf(i), "f", 1, base::view("v")).value());
  for (std::uint8_t i = 0; i < 10; ++i) EXPECT_TRUE(small.open(viewerOf(i), "f", 1, sealed[i])) << int(i);
}

TEST_F(TheSealer, CountsSealsAcrossRestartsAndStopsAtTheLimit) {
  ASSERT_TRUE(sealer.seal(ann, "f", 1, base::view("a")));
  // As if nearly all had been used: the count stands in clear in the record, bytes 1 to 8.
  auto record = store.load(ann).value();
  const std::uint64_t nearly = Sealer::kMaxSeals - Sealer::kReserve;
  for (std::size_t i = 0; i < 8; ++i) record[1 + i] = static_cast<std::uint8_t>(nearly >> (56 - 8 * i));
  ASSERT_TRUE(store.save(ann, record));
  Sealer again({keyOf(1), std::nullopt}, store, random);
  for (std::uint64_t i = 0; i < Sealer::kReserve; ++i) ASSERT_TRUE(again.seal(ann, "f", 1, {})) << i;
  EXPECT_EQ(again.seal(ann, "f", 1, {}).error().code, ErrorCode::kLimitExceeded);
  Sealer later({keyOf(1), std::nullopt}, store, random);
  EXPECT_EQ(later.seal(ann, "f", 1, {}).error().code, ErrorCode::kLimitExceeded);
}

TEST_F(TheSealer, RefusesDamagedRecords) {
  ASSERT_TRUE(sealer.seal(ann, "f", 1, base::view("a")));
  const auto record = store.load(ann).value();
  for (std::size_t n = 0; n < record.size(); ++n) {
    ASSERT_TRUE(store.save(ann, base::ByteView(record).first(n)));
    Sealer again({keyOf(1), std::nullopt}, store, random);
    EXPECT_EQ(again.seal(ann, "f", 1, {}).error().code, ErrorCode::kInvalidInput) << n;
  }
}

TEST(AFileKeyStore, KeepsOneFileThatOnlyItsOwnerMayRead) {
  std::string folder = (std::filesystem::temp_directory_path() / "dvpe-keys-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  base::SystemRandom random;
  base::Bytes sealed;
  {
    FileKeyStore store(folder);
    Sealer sealer({keyOf(1), std::nullopt}, store, random);
    sealed = sealer.seal(viewerOf(5), "f", 1, base::view("kept")).value();
  }
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    ++files;
    EXPECT_EQ(entry.status().permissions(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  EXPECT_EQ(files, 1);
  FileKeyStore store(folder);
  Sealer sealer({keyOf(1), std::nullopt}, store, random);
  EXPECT_EQ(textOf(sealer.open(viewerOf(5), "f", 1, sealed).value()), "kept");
  ASSERT_TRUE(sealer.erase(viewerOf(5)));
  EXPECT_EQ(store.load(viewerOf(5)).error().code, ErrorCode::kNotFound);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace dvpe::privacy
