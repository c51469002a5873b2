// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace dvpe::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Report withText(const std::string& text) {
  Report out;
  out.name = "test";
  out.title = "A test";
  out.columns = {{"key", "Which"}, {"count", "How many", Form::kCount}};
  out.rows = {{text, std::string("1")}};
  return out;
}

std::string fieldOf(const std::string& text) {
  const std::string all = csv(withText(text)), head = "key,count\r\n", tail = ",1\r\n";
  EXPECT_TRUE(all.starts_with(head) && all.ends_with(tail)) << all;
  return all.substr(head.size(), all.size() - head.size() - tail.size());
}

TEST(Csv, FieldsAreQuotedAsRfc4180Says) {
  EXPECT_EQ(fieldOf("plain"), "plain");
  EXPECT_EQ(fieldOf(""), "");
  EXPECT_EQ(fieldOf("a,b"), "\"a,b\"");
  EXPECT_EQ(fieldOf("say \"no\""), "\"say \"\"no\"\"\"");
  EXPECT_EQ(fieldOf("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(fieldOf("Köln"), "Köln");
}

TEST(Csv, WhatASpreadsheetWouldComputeIsText) {
  EXPECT_EQ(fieldOf("=1+1"), "'=1+1");
  EXPECT_EQ(fieldOf("+49"), "'+49");
  EXPECT_EQ(fieldOf("-x"), "'-x");
  EXPECT_EQ(fieldOf("@SUM(A1)"), "'@SUM(A1)");
  EXPECT_EQ(fieldOf("\t=1"), "'\t=1");
  EXPECT_EQ(fieldOf(" =1"), "' =1");
  EXPECT_EQ(fieldOf("\r=1"), "\"'\r=1\"");
  EXPECT_EQ(fieldOf("=HYPERLINK(\"https://x\",\"y\")"), "\"'=HYPERLINK(\"\"https://x\"\",\"\"y\"\")\"");
  EXPECT_EQ(fieldOf("-5"), "'-5") << "a text column has no numbers";
}

TEST(Csv, NumbersStayNumbers) {
  Report r = withText("a");
  r.rows = {{std::string("a"), std::string("-0.25")},
            {std::string("b"), std::nullopt},
            {std::string("c"), std::string("=2")}};
  EXPECT_EQ(csv(r), "key,count\r\na,-0.25\r\nb,\r\nc,'=2\r\n");
}

TEST(Money, IsExactToTheLastMillionth) {
  EXPECT_EQ(exact("0", Form::kMoney), "0.000000");
  EXPECT_EQ(exact("1", Form::kMoney), "0.000001");
  EXPECT_EQ(exact("-1", Form::kMoney), "-0.000001");
  EXPECT_EQ(exact("12345678", Form::kMoney), "12.345678");
  EXPECT_EQ(exact("9223372036854775807", Form::kMoney), "9223372036854.775807");
  EXPECT_EQ(exact("-9223372036854775808", Form::kMoney), "-9223372036854.775808");
  EXPECT_EQ(exact("oops", Form::kMoney), "oops");
  EXPECT_EQ(shown("12500000", Form::kMoney), "12.50");
  EXPECT_EQ(shown("12345678", Form::kMoney), "12.345678");
  EXPECT_EQ(shown("1234567000000", Form::kMoney), "1\u202f234\u202f567.00");
}

TEST(Shown, NumbersAsPeopleReadThem) {
  EXPECT_EQ(shown("1234567", Form::kCount), "1\u202f234\u202f567");
  EXPECT_EQ(shown("-1234", Form::kCount), "-1\u202f234");
  EXPECT_EQ(shown("999", Form::kCount), "999");
  EXPECT_EQ(shown("2.5", Form::kCount), "2.5") << "weights make counts broken";
  EXPECT_EQ(shown("3.14159", Form::kNumber), "3.14");
  EXPECT_EQ(shown("0.1234", Form::kShare), "12.3\u202f%");
  EXPECT_EQ(shown("NaN", Form::kNumber), "NaN");
  EXPECT_EQ(shown("words", Form::kText), "words");
}

TEST(Json, NumbersAreNumbersMoneyIsTextAndNothingIsNull) {
  Report r = withText("a\"b");
  r.columns.push_back({"spent", "Spent", Form::kMoney});
  r.rows = {{std::string("a\"b"), std::string("2.5"), std::string("1500000")},
            {std::string("c"), std::nullopt, std::nullopt}};
  const std::string text = json(r);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  const auto parsed = boost::json::parse(text);
  const auto& rows = parsed.at("rows").as_array();
  EXPECT_EQ(rows.at(0).at("key").as_string(), "a\"b");
  EXPECT_EQ(rows.at(0).at("count").as_double(), 2.5);
  EXPECT_EQ(rows.at(0).at("spent").as_string(), "1.500000");
  EXPECT_TRUE(rows.at(1).at("count").is_null());
}

TEST(Html, WhatComesFromOutsideIsText) {
  Report r = withText("<script>alert('1')</script>&\"\x01");
  r.about = "channel <b>";
  r.notes = {"a<b"};
  r.picture = {Picture::Kind::kBars, {0}, {1}};
  const std::string page = html(r);
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("<b>")));
  EXPECT_THAT(page, Not(HasSubstr("\x01")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;?"));
}

TEST(Html, FetchesAndRunsNothing) {
  const std::string page = html(withText("a"));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  for (const char* word : {"http://", "https://", " src=", " href=", "url(", "@import", "onload"})
    EXPECT_THAT(page, Not(HasSubstr(word)));
}

TEST(Html, TheTableHasTheExactFigures) {
  Report r = withText("a");
  r.columns.push_back({"rate", "Rate", Form::kShare});
  r.rows = {{std::string("a"), std::nullopt, std::string("0.123456789")}};
  const std::string page = html(r);
  EXPECT_THAT(page, HasSubstr("<data value=\"0.123456789\">12.3\u202f%</data>"));
  EXPECT_THAT(page, HasSubstr("title=\"not known\""));
  EXPECT_THAT(page, HasSubstr("<th scope=\"row\">a</th>"));
}

TEST(Html, NothingToTellIsSaid) {
  Report r = withText("a");
  r.rows.clear();
  EXPECT_THAT(html(r), HasSubstr("There is nothing to tell"));
}

}  // namespace
}  // namespace dvpe::report
