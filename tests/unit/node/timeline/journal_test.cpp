// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/timeline/journal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace dvpe::timeline {
namespace {

class JournalTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "dvpe-journal-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    path_ = folder_ / "journal";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_, path_;
};

std::shared_ptr<const Cell> cell(std::int64_t msn) {
  Cell c;
  c.msn = msn;
  c.start = Ticks{msn * 960000};
  c.end = Ticks{(msn + 1) * 960000};
  c.span = Span{SpanKind::kBreak, "b", "", Ticks{0}, Ticks{5}};
  c.variants = {"base", "abc"};
  c.variantOfCohort = {0, 1, 1};
  return std::make_shared<const Cell>(c);
}

TEST_F(JournalTest, GivesBackWhatWasWrittenAfterACrash) {
  {
    auto journal = Journal::open(path_).value();
    ASSERT_TRUE(journal->cohort(0, "base"));
    ASSERT_TRUE(journal->cut(CutState{Ticks{7}, Cut{5, Ticks{3}, std::nullopt}, std::nullopt, std::nullopt, {}}));
    ASSERT_TRUE(journal->cell(cell(4)));
  }
  std::ofstream(path_, std::ios::app) << R"({"cell":{"msn":5,"sta)";  // kill -9 in the middle of a line
  auto journal = Journal::open(path_).value();
  ASSERT_EQ(journal->content().cells.size(), 1U);
  EXPECT_EQ(journal->content().cells[0]->variantOfCohort, (std::vector<std::uint16_t>{0, 1, 1}));
  EXPECT_EQ(journal->content().cells[0]->span->kind, SpanKind::kBreak);
  EXPECT_EQ(journal->content().state->last->msn, 5);
  EXPECT_EQ(journal->content().cohorts, std::vector<std::string>{"base"});
}

TEST_F(JournalTest, KeepsItsSizeOverManyCells) {
  auto journal = Journal::open(path_).value();
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(journal->cell(cell(i)));
  EXPECT_LT(std::filesystem::file_size(path_), 1000000U);
  EXPECT_EQ(Journal::open(path_).value()->content().cells.back()->msn, 4999);
}

TEST_F(JournalTest, RefusesAFileThatIsNotAJournal) {
  std::ofstream(path_) << "precious\n";
  EXPECT_EQ(Journal::open(path_).error().code, base::ErrorCode::kInvalidInput);
  std::string text;
  std::getline(std::ifstream(path_), text);
  EXPECT_EQ(text, "precious");
}

TEST_F(JournalTest, SaysSoWhenTheFolderIsNotThere) {
  EXPECT_EQ(Journal::open(folder_ / "no" / "journal").error().code, base::ErrorCode::kIo);
}

}  // namespace
}  // namespace dvpe::timeline
