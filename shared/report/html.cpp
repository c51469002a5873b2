// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/report/chart.h"
#include "shared/report/report.h"

namespace dvpe::report {

namespace {

// Text has a contrast of 7:1 and more with its ground, lines and bars 3:1 and more, light and dark.
constexpr const char* kStyle = R"css(
:root { color-scheme: light dark; --ground: #ffffff; --raised: #f3f5f8; --line: #c9d0d9; --text: #14171c; --soft: #414a57;
  --s0: #0b5cad; --s1: #a84300; --s2: #11693a; --s3: #7a2a8c; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171c; --raised: #1e232b; --line: #3b4450; --text: #f1f3f6; --soft: #bcc4cf;
  --s0: #7cc4ff; --s1: #ffb070; --s2: #6fd89a; --s3: #d9a2ec; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 3rem; max-width: 68rem; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, "Noto Sans", sans-serif; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.25; }
.about { margin: .25rem 0 1.5rem; color: var(--soft); }
figure { margin: 0 0 1.5rem; padding: 1rem; background: var(--raised); border-radius: .5rem; }
figure svg { display: block; width: 100%; height: auto; }
svg text { font: 13px system-ui, "Noto Sans", sans-serif; fill: var(--soft); }
svg .value { fill: var(--text); }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .zero { stroke: var(--soft); stroke-width: 1; }
svg .l { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .l0 { stroke: var(--s0); } svg .l1 { stroke: var(--s1); stroke-dasharray: 7 4; }
svg .l2 { stroke: var(--s2); stroke-dasharray: 2 4; } svg .l3 { stroke: var(--s3); stroke-dasharray: 10 4 2 4; }
svg .p0 { fill: var(--s0); } svg .p1 { fill: var(--s1); } svg .p2 { fill: var(--s2); } svg .p3 { fill: var(--s3); }
.notes { margin: 0 0 1.5rem; padding-left: 1.2rem; color: var(--soft); }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 3px solid var(--s0); outline-offset: 2px; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { padding: 0 0 .5rem; text-align: left; font-weight: 600; }
th, td { padding: .375rem .75rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; font-weight: 400; }
thead th { font-weight: 600; vertical-align: bottom; white-space: normal; min-width: 6.5rem; border-bottom: 2px solid var(--soft); }
th.n, td.n { text-align: right; }
tbody tr:nth-child(even) { background: var(--raised); }
.none { color: var(--soft); }
@media print { body { max-width: none; padding: 0; } figure { break-inside: avoid; } thead { display: table-header-group; } }
)css";

bool numeric(Form form) { return form != Form::kText && form != Form::kTime; }

std::string cellOf(const Cell& cell, Form form) {
  if (!cell) return "<span class=\"none\" title=\"not known\">–</span>";
  const std::string own = exact(*cell, form), seen = shown(*cell, form);
  if (form == Form::kTime) {
    // 2026-03-01T20:00:00+01:00: people read the clock, and the offset where it is not that of the page's zone.
    const bool whole = own.size() >= 19 && own[10] == 'T';
    const std::string words = whole ? own.substr(0, 10) + " " + own.substr(11, 5) : own;
    return "<time datetime=\"" + escaped(own) + "\">" + escaped(words) + "</time>";
  }
  if (form == Form::kText) return seen.empty() ? "<span class=\"none\">(none)</span>" : escaped(seen);
  return "<data value=\"" + escaped(own) + "\">" + escaped(seen) + "</data>";
}

std::string table(const Report& report) {
  std::string out =
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"figures\">\n<table>\n<caption "
      "id=\"figures\">The figures";
  out += "</caption>\n<thead><tr>";
  for (const Column& c : report.columns) {
    out += numeric(c.form) ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">";
    out += escaped(c.title) + "</th>";
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : report.rows) {
    out += "<tr>";
    for (std::size_t n = 0; n < row.size(); ++n) {
      const Form form = report.columns[n].form;
      const std::string tag = n == 0 ? "th scope=\"row\"" : "td";
      out += "<" + tag + (numeric(form) ? " class=\"n\">" : ">") + cellOf(row[n], form) + (n == 0 ? "</th>" : "</td>");
    }
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table>\n</div>\n";
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
  }
  return out;
}

std::string html(const Report& report) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
      "<meta name=\"referrer\" content=\"no-referrer\">\n<title>";
  out += escaped(report.title) + ": " + escaped(report.about) + "</title>\n<style>" + kStyle +
         "</style>\n</head>\n<body>\n<main>\n";
  out += "<h1>" + escaped(report.title) + "</h1>\n<p class=\"about\">" + escaped(report.about) + "</p>\n";
  if (const std::string picture = chart(report); !picture.empty()) out += "<figure>\n" + picture + "</figure>\n";
  if (!report.notes.empty()) {
    out += "<ul class=\"notes\">\n";
    for (const std::string& note : report.notes) out += "<li>" + escaped(note) + "</li>\n";
    out += "</ul>\n";
  }
  out += report.rows.empty()
             ? "<p>There is nothing to tell: nothing happened then, or too few took part for it to be told.</p>\n"
             : table(report);
  return out + "</main>\n</body>\n</html>\n";
}

}  // namespace dvpe::report
