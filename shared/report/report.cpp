// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/report/report.h"

#include <boost/json.hpp>
#include <charconv>
#include <cmath>

namespace dvpe::report {

namespace {

bool numeric(Form form) { return form != Form::kText && form != Form::kTime; }

// Spreadsheets begin to compute at these, and some skip blanks before them.
bool looksLikeFormula(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return false;
  return first > 0 || std::string_view("=+-@|%").find(text[first]) != std::string_view::npos;
}

void addField(std::string& out, std::string text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos && (text.empty() || text.front() != ' ')) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

std::string grouped(std::string digits) {
  const std::size_t start = digits.starts_with('-') ? 1 : 0;
  std::size_t end = digits.find('.');
  if (end == std::string::npos) end = digits.size();
  for (std::size_t at = end; at > start + 3;) {
    at -= 3;
    digits.insert(at, "\u202f");  // a narrow blank that does not break
  }
  return digits;
}

std::string fixed(double value, int decimals) {
  char text[64];
  const auto done = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, decimals);
  return done.ec == std::errc() ? std::string(text, done.ptr) : std::string("?");
}

// Without zeros at its end.
std::string trimmed(std::string text, std::size_t keep) {
  const std::size_t point = text.find('.');
  while (point != std::string::npos && text.size() > point + 1 + keep && text.back() == '0') text.pop_back();
  if (!text.empty() && text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

std::optional<double> number(const std::string& value) {
  double out = 0;
  const auto done = std::from_chars(value.data(), value.data() + value.size(), out);
  if (done.ec != std::errc() || done.ptr != value.data() + value.size() || !std::isfinite(out)) return std::nullopt;
  return out;
}

std::string exact(const std::string& value, Form form) {
  const bool digits = value.find_first_not_of("0123456789", value.starts_with('-') ? 1 : 0) == std::string::npos;
  if (form != Form::kMoney || !digits) return value;
  const bool below = value.starts_with('-');
  std::string out = value.substr(below ? 1 : 0);
  if (out.size() < 7) out.insert(0, 7 - out.size(), '0');
  out.insert(out.size() - 6, ".");
  return (below ? "-" : "") + out;
}

std::string shown(const std::string& value, Form form) {
  const auto n = number(value);
  if (!numeric(form) || !n) return value;
  if (form == Form::kMoney) return grouped(trimmed(exact(value, form), 2));
  if (form == Form::kShare) return fixed(100 * *n, 1) + "\u202f%";
  if (std::abs(*n) >= 1e15) return value;
  return grouped(form == Form::kCount ? trimmed(fixed(*n, 1), 0) : fixed(*n, 2));
}

std::string csv(const Report& report) {
  std::string out;
  const auto add = [&out](std::size_t n, const std::string& text) {
    if (n > 0) out += ',';
    addField(out, text);
  };
  for (std::size_t n = 0; n < report.columns.size(); ++n) add(n, report.columns[n].name);
  out += "\r\n";
  for (const auto& row : report.rows) {
    for (std::size_t n = 0; n < row.size(); ++n) {
      const Form form = report.columns[n].form;
      std::string text = row[n] ? exact(*row[n], form) : "";
      // A number may begin with a minus; what should be one and is none is text.
      if (looksLikeFormula(text) && !(numeric(form) && number(text))) text.insert(0, "'");
      add(n, text);
    }
    out += "\r\n";
  }
  return out;
}

std::string json(const Report& report) {
  namespace json = boost::json;
  json::array columns, notes;
  for (const Column& c : report.columns) columns.push_back(json::object{{"name", c.name}, {"title", c.title}});
  for (const std::string& note : report.notes) notes.emplace_back(note);
  const std::string head = json::serialize(json::object{{"report", report.name},
                                                        {"title", report.title},
                                                        {"about", report.about},
                                                        {"notes", std::move(notes)},
                                                        {"columns", std::move(columns)}});
  // Rows are put together as text: numbers keep the digits that the database gave them.
  std::string rows;
  for (const auto& row : report.rows) {
    std::string one;
    for (std::size_t n = 0; n < row.size(); ++n) {
      const Column& c = report.columns[n];
      one += (n > 0 ? "," : "") + json::serialize(json::string(c.name)) + ":";
      const std::string text = row[n] ? exact(*row[n], c.form) : "";
      boost::system::error_code wrong;
      const bool digits = numeric(c.form) && c.form != Form::kMoney && number(text);
      const bool bare = digits && json::parse(text, wrong).is_number() && !wrong;
      one += !row[n] ? "null" : bare ? text : json::serialize(json::string(text));
    }
    rows += (rows.empty() ? "{" : ",{") + one + "}";
  }
  return head.substr(0, head.size() - 1) + ",\"rows\":[" + rows + "]}\n";
}

}  // namespace dvpe::report
