// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// dvpe-node report: what the database's analytics functions tell, as CSV, JSON or a page.
#include <algorithm>

#include "node/main/reports.h"
#include "node/main/sign_in.h"

namespace dvpe::node {

using base::ErrorCode;
using base::fail;
using base::Result;
using database::Connection;
using database::Rows;

namespace {

constexpr std::size_t kMostText = 128;  // of any option: the database looks at it only then

std::string listed(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

// Which one is meant: by its name, whose it is, and its metric.
Result<const ReportSpec*> specOf(const Arguments& arguments) {
  const std::string& name = arguments.rest.at(0);
  std::vector<const ReportSpec*> found;
  for (const ReportSpec& spec : reportSpecs())
    if (spec.name == name) found.push_back(&spec);
  if (found.empty())
    return fail(ErrorCode::kInvalidInput,
                "there is no report " + printable(name) + "; there are " + listed(reportNames()));
  std::vector<std::string_view> subjects;
  for (const std::string_view subject : {"channel", "campaign", "experiment"})
    if (arguments.values.contains("--" + std::string(subject))) subjects.push_back(subject);
  if (subjects.size() != 1)
    return fail(ErrorCode::kInvalidInput, "a report is of one --channel, one --campaign or one --experiment");
  const std::string_view other = found.front()->subject;
  std::erase_if(found, [&](const ReportSpec* spec) { return spec->subject != subjects.front(); });
  if (found.empty()) return fail(ErrorCode::kInvalidInput, name + " is a report of one --" + std::string(other));
  const std::string metric = arguments.value("--metric");
  if (metric.empty()) return found.front();
  std::vector<std::string_view> metrics;
  for (const ReportSpec* spec : found) {
    for (const std::string_view word : spec->metrics) {
      if (word == metric) return spec;
      metrics.push_back(word);
    }
  }
  return fail(ErrorCode::kInvalidInput,
              metrics.empty() ? name + " has no --metric" : "--metric is one of " + listed(metrics));
}

enum class Format { kCsv, kJson, kHtml };
Result<Format> formatOf(const Arguments& arguments) {
  const std::string word = arguments.flag("--json") ? "json" : arguments.value("--format");
  if (word.empty() || word == "csv") return Format::kCsv;
  if (word == "json") return Format::kJson;
  if (word == "html") return Format::kHtml;
  return fail(ErrorCode::kInvalidInput, "--format is csv, json or html");
}

struct Range {
  std::string first, last, step, zone;  // moments with their offset
  std::string words;                    // "2026-03-01 00:00 to 2026-03-08 00:00, Europe/Berlin"
};

// From now on the connection reads and writes times by the zone's clock. Without --to it is the hour that has just
// begun, without --from a week before.
Result<Range> rangeOf(const Arguments& arguments, const ReportSpec& spec, Connection& c) {
  Range out;
  out.zone = arguments.values.contains("--tz") ? arguments.value("--tz") : "UTC";
  DVPE_TRY(const auto known, c.query("SELECT 1 FROM pg_timezone_names WHERE name = $1::text", {out.zone}));
  if (known.empty()) return fail(ErrorCode::kInvalidInput, "there is no time zone " + printable(out.zone));
  DVPE_CHECK(c.query("SELECT set_config('TimeZone', $1::text, false), set_config('DateStyle', 'ISO, YMD', false)",
                     {out.zone}));
  DVPE_TRY(
      const auto r,
      c.query(
          "WITH b AS (SELECT coalesce(nullif($2::text, '')::timestamptz, date_trunc('hour', now())) AS last), "
          "a AS (SELECT coalesce(nullif($1::text, '')::timestamptz, last - interval '7 days') AS first, last FROM b) "
          "SELECT first, last, CASE WHEN last - first > interval '3 days' THEN 'day' WHEN last - first > interval '3 "
          "hours' "
          "THEN 'hour' ELSE 'minute' END, to_char(first, 'YYYY-MM-DD HH24:MI'), to_char(last, 'YYYY-MM-DD HH24:MI') "
          "FROM a",
          {arguments.value("--from"), arguments.value("--to")}));
  out.first = r.text(0, 0);
  out.last = r.text(0, 1);
  out.step = spec.name == "reach" ? "day" : std::string(r.text(0, 2));
  if (arguments.values.contains("--step")) out.step = arguments.value("--step");
  out.words = std::string(r.text(0, 3)) + " to " + std::string(r.text(0, 4)) + ", " + out.zone;
  return out;
}

report::Report reportOf(const ReportSpec& spec, const Rows& rows) {
  report::Report out;
  out.name = spec.name;
  out.title = spec.title;
  out.notes.assign(spec.notes.begin(), spec.notes.end());
  out.columns = spec.columns;
  out.picture = spec.picture;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<report::Cell> row;
    row.reserve(static_cast<std::size_t>(rows.columns()));
    for (int n = 0; n < rows.columns(); ++n)
      row.push_back(rows.null(i, n) ? report::Cell() : report::Cell(rows.text(i, n)));
    out.rows.push_back(std::move(row));
  }
  return out;
}

Result<report::Report> ask(const Arguments& arguments, const ReportSpec& spec, Connection& c) {
  DVPE_TRY(const auto range, rangeOf(arguments, spec, c));
  const std::string subject = arguments.value("--" + std::string(spec.subject));
  const std::string dimension = arguments.value("--dimension");
  std::string metric = arguments.value("--metric");
  if (metric.empty() && !spec.metrics.empty()) metric = spec.metrics.front();
  DVPE_TRY(const auto rows, c.query("WITH p AS (SELECT $1::text AS subject, $2::timestamptz AS first, $3::timestamptz "
                                    "AS last, $4::text AS step, $5::text AS zone, "
                                    "$6::text AS dimension, $7::text AS metric, ($2::timestamptz)::date AS first_day, "
                                    "($3::timestamptz)::date AS last_day) " +
                                        std::string(spec.select),
                                    {subject, range.first, range.last, range.step, range.zone, dimension, metric}));
  report::Report out = reportOf(spec, rows);
  out.about = std::string(spec.subject) + " " + subject + ", " + range.words;
  if (spec.dimension) out.about += ", by " + dimension;
  if (!spec.metrics.empty()) out.about += ", " + metric;
  return out;
}

Result<void> write(const Arguments& arguments, Console& console) {
  for (const auto& [name, value] : arguments.values)
    if (value.size() > kMostText && !name.ends_with("file") && name != "--root-certificate")
      return fail(ErrorCode::kLimitExceeded, name + " is too long");
  DVPE_TRY(const auto format, formatOf(arguments));
  DVPE_TRY(const ReportSpec* const spec, specOf(arguments));
  if (spec->dimension != arguments.values.contains("--dimension"))
    return fail(ErrorCode::kInvalidInput,
                std::string(spec->name) + (spec->dimension ? " needs a --dimension: country, device, variant or rule"
                                                           : " has no --dimension"));
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  DVPE_TRY(const auto report, ask(arguments, *spec, who.connection()));
  console.out << (format == Format::kCsv    ? report::csv(report)
                  : format == Format::kJson ? report::json(report)
                                            : report::html(report));
  if (report.rows.empty() && !console.quiet) console.err << "There is nothing to tell.\n";
  return base::success();
}

}  // namespace

int reportCommand(const Arguments& arguments, Console& console) { return exitOf(console, write(arguments, console)); }

}  // namespace dvpe::node
