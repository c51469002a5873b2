// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/report/chart.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace dvpe::report {

namespace {

constexpr double kWidth = 960, kHeight = 340;
constexpr double kLeft = 76, kRight = 16, kTop = 36, kBottom = 40;
constexpr std::size_t kMostPoints = 1000, kMostBars = 30, kMostLines = 4;

std::string fmt(double value) {  // a coordinate
  char text[32];
  const auto done = std::to_chars(text, text + sizeof text, std::round(value * 10) / 10, std::chars_format::fixed, 1);
  return {text, done.ptr};
}

std::string plain(double value) {
  char text[64];
  const auto done = std::to_chars(text, text + sizeof text, value);
  return {text, done.ptr};
}

// A tick's label in the column's unit; as many decimals as its neighbours need.
std::string tickLabel(double value, double step, Form form) {
  if (form == Form::kMoney) return shown(std::to_string(std::llround(value)), form);
  if (form == Form::kShare) return plain(std::round(value * 1e6) / 1e4) + "\u202f%";
  return shown(plain(std::round(value * 1e6) / 1e6), step < 1 ? Form::kNumber : Form::kCount);
}

std::string text(double x, double y, const std::string& anchor, const std::string& words, const char* more = "") {
  return "<text x=\"" + fmt(x) + "\" y=\"" + fmt(y) + "\" text-anchor=\"" + anchor + "\"" + more + ">" +
         escaped(words) + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, const char* kind) {
  return "<line x1=\"" + fmt(x1) + "\" y1=\"" + fmt(y1) + "\" x2=\"" + fmt(x2) + "\" y2=\"" + fmt(y2) + "\" class=\"" +
         kind + "\"/>\n";
}

std::string frame(const Report& report, double height, const std::string& body) {
  return "<svg viewBox=\"0 0 " + fmt(kWidth) + " " + fmt(height) +
         "\" role=\"img\" aria-labelledby=\"chart-title chart-about\">\n" + "<title id=\"chart-title\">" +
         escaped(report.title) + "</title>\n<desc id=\"chart-about\">" + escaped(report.about) +
         ". The table below has the same figures.</desc>\n" + body + "</svg>\n";
}

std::optional<double> valueAt(const Report& report, std::size_t row, std::size_t column) {
  const Cell& cell = report.rows[row][column];
  return cell ? number(*cell) : std::nullopt;
}

// "2026-03-01T20:00:00+01:00" as it stands along the axis: the day, and the time where buckets are shorter.
std::string timeLabel(const std::string& value, bool hours) {
  if (value.size() < 16 || value[10] != 'T') return value.size() > 10 ? value.substr(0, 10) : value;
  return hours ? value.substr(5, 5) + " " + value.substr(11, 5) : value.substr(0, 10);
}

struct Scale {
  double low = 0, high = 1;
  double y(double value) const { return kTop + (high - value) / (high - low) * (kHeight - kTop - kBottom); }
};

// The line in pieces: it has gaps where nothing is known. A piece of one point is a dot.
std::string path(const Report& report, std::size_t column, std::size_t step, const Scale& scale, std::size_t index) {
  const std::size_t n = report.rows.size();
  const double dx = n > 1 ? (kWidth - kLeft - kRight) / static_cast<double>(n - 1) : 0;
  std::string out, d;
  std::size_t run = 0;
  double lastX = 0, lastY = 0;
  const auto end = [&] {
    if (run == 1)
      out += "<circle cx=\"" + fmt(lastX) + "\" cy=\"" + fmt(lastY) + "\" r=\"3\" class=\"p" + std::to_string(index) +
             "\"/>\n";
    if (run > 1) out += "<path d=\"" + d + "\" class=\"l l" + std::to_string(index) + "\"/>\n";
    d.clear();
    run = 0;
  };
  for (std::size_t i = 0; i < n; i += step) {
    const auto value = valueAt(report, i, column);
    if (!value) {
      end();
      continue;
    }
    lastX = n > 1 ? kLeft + dx * static_cast<double>(i) : (kLeft + kWidth - kRight) / 2;
    lastY = scale.y(*value);
    d += (run++ == 0 ? "M" : "L") + fmt(lastX) + " " + fmt(lastY);
  }
  end();
  return out;
}

std::string legend(const Report& report, const std::vector<std::size_t>& columns) {
  std::string out;
  double x = kLeft;
  for (std::size_t s = 0; s < columns.size(); ++s) {
    const std::string& title = report.columns[columns[s]].title;
    const std::string kind = "l l" + std::to_string(s);
    out += line(x, 14, x + 28, 14, kind.c_str()) + text(x + 36, 18, "start", title, " class=\"value\"");
    x += 56 + 7.5 * static_cast<double>(title.size());
  }
  return out;
}

std::string lines(const Report& report) {
  std::vector<std::size_t> columns = report.picture.values;
  columns.resize(std::min(columns.size(), kMostLines));
  const std::size_t n = report.rows.size(), step = (n + kMostPoints - 1) / kMostPoints;
  double low = 0, high = 0;
  bool any = false;
  for (const std::size_t column : columns) {
    for (std::size_t i = 0; i < n; ++i) {
      if (const auto value = valueAt(report, i, column)) {
        low = std::min(low, *value);
        high = std::max(high, *value);
        any = true;
      }
    }
  }
  if (!any) return "";
  const auto marks = ticks(low, high);
  const Scale scale{marks.front(), marks.back()};
  const Form form = report.columns[columns.front()].form;
  std::string out = legend(report, columns);
  for (const double mark : marks) {
    out += line(kLeft, scale.y(mark), kWidth - kRight, scale.y(mark), mark == 0 ? "zero" : "grid");
    out += text(kLeft - 8, scale.y(mark) + 4, "end", tickLabel(mark, marks[1] - marks[0], form));
  }
  const std::size_t label = report.picture.labels.empty() ? 0 : report.picture.labels.front();
  const auto labelAt = [&](std::size_t i) { return report.rows[i][label].value_or(""); };
  bool hours = false;
  for (std::size_t i = 0; i < n; ++i) hours = hours || (labelAt(i).size() > 16 && labelAt(i).substr(11, 5) != "00:00");
  const std::size_t wanted = std::min<std::size_t>(n, 6);
  for (std::size_t k = 0; k < wanted; ++k) {
    const std::size_t i = wanted > 1 ? (k * (n - 1) + (wanted - 1) / 2) / (wanted - 1) : 0;
    const double x = n > 1 ? kLeft + (kWidth - kLeft - kRight) * static_cast<double>(i) / static_cast<double>(n - 1)
                           : (kLeft + kWidth - kRight) / 2;
    const char* anchor = n == 1 ? "middle" : i == 0 ? "start" : i == n - 1 ? "end" : "middle";
    out += text(x, kHeight - kBottom + 24, anchor, timeLabel(labelAt(i), hours));
  }
  for (std::size_t s = 0; s < columns.size(); ++s) out += path(report, columns[s], step, scale, s);
  return frame(report, kHeight, out);
}

std::string shortened(const std::string& words) {
  if (words.size() <= 28) return words;
  std::size_t end = 27;
  while (end > 0 && (static_cast<unsigned char>(words[end]) & 0xc0) == 0x80) --end;  // not within a character
  return words.substr(0, end) + "…";
}

std::string barLabel(const Report& report, std::size_t row) {
  std::string out;
  for (const std::size_t column : report.picture.labels) {
    const std::string words = report.rows[row][column].value_or("");
    out += (out.empty() ? "" : ", ") + (words.empty() ? std::string("(none)") : words);
  }
  return out;
}

std::string bars(const Report& report) {
  const std::size_t column = report.picture.values.front(), n = std::min(report.rows.size(), kMostBars);
  double low = 0, high = 0;
  bool any = false;
  for (std::size_t i = 0; i < n; ++i) {
    if (const auto value = valueAt(report, i, column)) {
      low = std::min(low, *value);
      high = std::max(high, *value);
      any = true;
    }
  }
  if (!any) return "";
  constexpr double kNames = 210, kValues = 90, kRow = 30;
  const double span = high > low ? high - low : 1;
  // Room for values on either side of the bars.
  const double left = kNames + (low < 0 ? kValues : 0), right = kWidth - kValues;
  const auto x = [&](double value) { return left + (value - low) / span * (right - left); };
  const double height = 28 + kRow * static_cast<double>(n) + 8;
  std::string out = text(0, 16, "start", report.columns[column].title, " class=\"value\"");
  for (std::size_t i = 0; i < n; ++i) {
    const double top = 28 + kRow * static_cast<double>(i);
    out += text(kNames - 12, top + 19, "end", shortened(barLabel(report, i)));
    const auto value = valueAt(report, i, column);
    if (!value) continue;
    const double from = x(std::min(0.0, *value)), to = x(std::max(0.0, *value));
    out += "<rect x=\"" + fmt(from) + "\" y=\"" + fmt(top + 5) + "\" width=\"" + fmt(std::max(to - from, 1.0)) +
           "\" height=\"20\" rx=\"2\" class=\"" + (*value < 0 ? "p1" : "p0") + "\"/>\n";
    const std::string seen = shown(*report.rows[i][column], report.columns[column].form);
    out += *value < 0 ? text(from - 6, top + 19, "end", seen, " class=\"value\"")
                      : text(to + 6, top + 19, "start", seen, " class=\"value\"");
  }
  out += line(x(0), 28, x(0), height - 8, "zero");
  return frame(report, height, out);
}

}  // namespace

std::vector<double> ticks(double low, double high) {
  low = std::min(low, 0.0);
  high = std::max(high, 0.0);
  if (high - low < 1e-12) high = low + 1;
  double step = std::pow(10, std::floor(std::log10((high - low) / 4)));
  for (const double times : {1.0, 2.0, 2.5, 5.0, 10.0}) {
    if ((high - low) / (step * times) <= 6) {
      step *= times;
      break;
    }
  }
  std::vector<double> out;
  for (auto k = static_cast<long>(std::floor(low / step)); k <= static_cast<long>(std::ceil(high / step)); ++k)
    out.push_back(static_cast<double>(k) * step);
  return out;
}

std::string chart(const Report& report) {
  if (report.rows.empty() || report.picture.values.empty()) return "";
  if (report.picture.kind == Picture::Kind::kLines) return lines(report);
  if (report.picture.kind == Picture::Kind::kBars) return bars(report);
  return "";
}

}  // namespace dvpe::report
