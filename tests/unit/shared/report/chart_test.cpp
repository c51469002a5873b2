// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/report/chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dvpe::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::size_t countOf(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

Report lines(const std::vector<Cell>& values) {
  Report out;
  out.title = "Lines";
  out.columns = {{"time", "From", Form::kTime}, {"n", "How many", Form::kCount}};
  for (std::size_t i = 0; i < values.size(); ++i)
    out.rows.push_back({"2026-03-0" + std::to_string(1 + i % 9) + "T00:00:00+00:00", values[i]});
  out.picture = {Picture::Kind::kLines, {0}, {1}};
  return out;
}

TEST(Ticks, AreRoundAndHoldEverything) {
  EXPECT_THAT(ticks(0, 100), ElementsAre(0, 20, 40, 60, 80, 100));
  EXPECT_THAT(ticks(3, 7), ElementsAre(0, 2, 4, 6, 8)) << "0 is among them: a bar or line begins there";
  EXPECT_THAT(ticks(0, 0), ElementsAre(0, 0.2, 0.4, 0.6000000000000001, 0.8, 1));
  for (const auto& [low, high] :
       std::vector<std::pair<double, double>>{{-3, 8}, {-0.004, 0.001}, {0, 1e12}, {-5, -1}, {0, 1e-6}}) {
    const auto marks = ticks(low, high);
    EXPECT_LE(marks.front(), low);
    EXPECT_GE(marks.back(), high);
    EXPECT_GE(marks.size(), 3U);
    EXPECT_LE(marks.size(), 9U);
    EXPECT_NE(std::find(marks.begin(), marks.end(), 0.0), marks.end());
  }
}

TEST(Lines, BreakWhereNothingIsKnown) {
  const std::string svg = chart(lines({"1", "2", std::nullopt, "3", "4", std::nullopt, "5"}));
  EXPECT_EQ(countOf(svg, "<path "), 2U);
  EXPECT_EQ(countOf(svg, "<circle "), 1U) << "one point alone";
  EXPECT_THAT(svg, HasSubstr("role=\"img\""));
}

TEST(Lines, OfManyRowsSomeAreDrawn) {
  const std::string svg = chart(lines(std::vector<Cell>(44640, "3")));
  EXPECT_LE(countOf(svg, "L") + countOf(svg, "M"), 1010U);
  EXPECT_EQ(countOf(svg, "<path "), 1U);
}

TEST(Bars, GoBothWaysFromZero) {
  Report r;
  r.title = "Bars";
  r.columns = {{"key", "Which"}, {"impact", "Impact", Form::kNumber}};
  r.rows = {
      {std::string("up"), std::string("2")}, {std::string("down"), std::string("-1")}, {std::string(""), std::nullopt}};
  r.picture = {Picture::Kind::kBars, {0}, {1}};
  const std::string svg = chart(r);
  EXPECT_EQ(countOf(svg, "<rect "), 2U);
  EXPECT_EQ(countOf(svg, "class=\"p1\""), 1U);
  EXPECT_THAT(svg, HasSubstr(">(none)</text>"));
  EXPECT_THAT(svg, HasSubstr(">-1.00</text>"));
}

TEST(Charts, OfNothingThereIsNone) {
  EXPECT_EQ(chart(lines({})), "");
  EXPECT_EQ(chart(lines({std::nullopt, std::nullopt})), "");
  Report none = lines({"1"});
  none.picture = {};
  EXPECT_EQ(chart(none), "");
  EXPECT_THAT(chart(lines({"0"})), Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace dvpe::report
