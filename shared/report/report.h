// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A table of figures and how it is written: CSV, JSON, HTML. Pure functions; values are safe to read from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dvpe::report {

// What a column holds. All values are texts as the database gives them: numbers with a point and without groups.
enum class Form {
  kText,
  kTime,    // "2026-03-01T20:00:00+01:00"
  kCount,   // how many; weights can make it broken
  kNumber,  // shown with two decimals
  kShare,   // 1 is all of it; shown as per cent
  kMoney,   // millionths of `currency` as a whole number; written as a decimal number of the currency, exactly
};

struct Column {
  std::string name;   // in CSV and JSON: "stall_ratio"
  std::string title;  // for people: "Time stalled"
  Form form = Form::kText;
};

using Cell = std::optional<std::string>;  // nothing: not known

// How the page draws it.
struct Picture {
  enum class Kind { kNone, kLines, kBars } kind = Kind::kNone;
  std::vector<std::size_t> labels;  // columns: what stands along the axis; of lines the first
  std::vector<std::size_t> values;  // columns of numbers of one unit; bars have one
};

struct Report {
  std::string name;                // "concurrents"
  std::string title;               // "Viewers at the same time"
  std::string about;               // what it is of: "channel news, 2026-03-01 to 2026-03-08, Europe/Berlin"
  std::vector<std::string> notes;  // what a reader must know: how it is defined, what is left out
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  // each as long as columns
  Picture picture;
};

// RFC 4180 with a line of names. A text that a spreadsheet would take for a formula begins with an apostrophe instead.
std::string csv(const Report& report);
// One line: {"report","title","about","notes":[],"columns":[{"name","title"}],"rows":[{name: value}]}. Numbers are
// numbers, money is text, what is not known is null.
std::string json(const Report& report);
// One page that fetches nothing and runs nothing: the picture, and the same figures as a table.
std::string html(const Report& report);

// ---- for the writers

// The value as it is written: money with its point ("-0.000001"), everything else as it is.
std::string exact(const std::string& value, Form form);
// The value as people read it: "12 345", "3.14", "12.3 %".
std::string shown(const std::string& value, Form form);
// A finite number; nothing when it is none.
std::optional<double> number(const std::string& value);
// For text and attributes of HTML and SVG; characters that they may not hold become '?'.
std::string escaped(std::string_view text);

}  // namespace dvpe::report
