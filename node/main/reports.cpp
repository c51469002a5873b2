// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/reports.h"

#include <algorithm>

namespace dvpe::node {

namespace {

using report::Column;
using report::Form;
using Kind = report::Picture::Kind;

// Moments as a person reads them, by the clock of the connection's time zone.
#define DVPE_MOMENT(column) "to_char(" column ", 'YYYY-MM-DD\"T\"HH24:MI:SSTZH:TZM')"

constexpr std::string_view kTwenty =
    "Cells of an hour with fewer than 20 viewers are left out, and with each the smallest of the others. Hours count "
    "from a "
    "quarter of an hour after their end.";

const Column kTime{"time", "From", Form::kTime};

std::vector<ReportSpec> channelOverTime() {
  return {
      {"concurrents",
       "Viewers at the same time",
       "channel",
       "SELECT " DVPE_MOMENT(
           "x.bucket") ", x.viewers, x.peak FROM p, analytics.viewers(p.subject, p.first, p.last, p.step, p.zone) x",
       {kTime, {"viewers", "On average", Form::kNumber}, {"peak", "In the fullest minute", Form::kNumber}},
       {Kind::kLines, {0}, {1, 2}},
       {"Seconds watched divided by seconds that passed."},
       false,
       {}},
      {"engagement",
       "Engagement",
       "channel",
       "SELECT " DVPE_MOMENT(
           "x.bucket") ", x.started, x.ended, x.watched_hours, x.minutes_per_session, x.feedback FROM p, "
                       "analytics.engagement(p.subject, p.first, p.last, p.step, p.zone) x",
       {kTime,
        {"started", "Sessions begun", Form::kCount},
        {"ended", "Sessions ended", Form::kCount},
        {"watched_hours", "Hours watched", Form::kNumber},
        {"minutes_per_session", "Minutes watched by those who left", Form::kNumber},
        {"feedback", "Said like or dislike", Form::kCount}},
       {Kind::kLines, {0}, {1, 2}},
       {},
       false,
       {}},
      {"retention",
       "Who is still there",
       "channel",
       "SELECT " DVPE_MOMENT("x.minute") ", round(x.of_hour / 100.0, 2), round(x.of_all::numeric / 100, 3) FROM p, "
                                         "analytics.retention(p.subject, p.first, p.last) x",
       {kTime,
        {"of_hour", "Of those who began the hour", Form::kShare},
        {"of_all", "Of those who began", Form::kShare}},
       {Kind::kLines, {0}, {1, 2}},
       {"Leaving is told in groups of 20 viewers and more; minutes in between are left out.",
        "Hours follow each other: of those who began is the product of what stayed of each hour."},
       false,
       {}},
      {"qoe",
       "How well it played",
       "channel",
       "SELECT " DVPE_MOMENT("x.bucket") ", x.stall_ratio, x.stalls, x.stalled_seconds, x.startups, x.startup_ms, "
                                         "x.bitrate, x.latency_ms, "
                                         "x.errors FROM p, analytics.qoe(p.subject, p.first, p.last, p.step, p.zone) x",
       {kTime,
        {"stall_ratio", "Time stalled", Form::kShare},
        {"stalls", "Stalls", Form::kCount},
        {"stalled_seconds", "Seconds stalled", Form::kNumber},
        {"startups", "Starts", Form::kCount},
        {"startup_ms", "Milliseconds to start", Form::kCount},
        {"bitrate", "Bits per second", Form::kCount},
        {"latency_ms", "Milliseconds behind live", Form::kCount},
        {"errors", "Errors", Form::kCount}},
       {Kind::kLines, {0}, {1}},
       {"Time stalled is of time stalled and watched together. The others are means."},
       false,
       {}},
      {"fill",
       "How breaks were filled",
       "channel",
       "SELECT " DVPE_MOMENT("x.bucket") ", x.filled, x.served, x.break_units, x.filled_units, x.served_units FROM p, "
                                         "analytics.fill(p.subject, p.first, p.last, p.step, p.zone) x",
       {kTime,
        {"filled", "Filled, of break time", Form::kShare},
        {"served", "Served, of what was filled", Form::kShare},
        {"break_units", "Break time", Form::kCount},
        {"filled_units", "Filled", Form::kCount},
        {"served_units", "Served", Form::kCount}},
       {Kind::kLines, {0}, {1, 2}},
       {"Times are units, about a second, of one viewer each. Filled: put into a playlist. Served: fetched."},
       false,
       {}},
  };
}

std::vector<ReportSpec> channelByAttribute() {
  return {
      {"funnel",
       "From what was shown to the click",
       "channel",
       "SELECT x.key, x.name, x.events, x.base, x.rate FROM p, analytics.funnel(p.subject, p.dimension, p.first, "
       "p.last) x",
       {{"key", "Which"},
        {"step", "Step"},
        {"events", "How many", Form::kCount},
        {"base", "Of how many shown", Form::kCount},
        {"rate", "Share", Form::kShare}},
       {Kind::kBars, {0, 1}, {4}},
       {kTwenty,
        "A share is of the hours in which both are told. It is above 100 % where one who was shown it sees several "
        "advertisements."},
       true,
       {}},
      {"breakdown",
       "What makes a difference",
       "channel",
       "SELECT x.key, x.impact, x.share, x.rate, x.mean, x.deviation FROM p, analytics.impact(p.subject, p.dimension, "
       "p.metric, p.first, p.last) x",
       {{"key", "Which"},
        {"impact", "Impact", Form::kNumber},
        {"share", "Share", Form::kShare},
        {"rate", "Rate", Form::kNumber},
        {"mean", "Mean of all", Form::kNumber},
        {"deviation", "Difference", Form::kNumber}},
       {Kind::kBars, {0}, {1}},
       {kTwenty,
        "Impact is share times difference. Rates: watched, minutes for each session; stalls, seconds for each hour; "
        "startup, milliseconds."},
       true,
       {"watched", "stalls", "startup"}},
      {"breakdown",
       "What makes a difference",
       "channel",
       "SELECT x.key, x.impact, x.share, x.rate, x.mean, x.deviation FROM p, analytics.impact(p.subject, p.dimension, "
       "p.metric, p.first, p.last) x",
       {{"key", "Which"},
        {"impact", "Impact", Form::kShare},
        {"share", "Share", Form::kShare},
        {"rate", "Rate", Form::kShare},
        {"mean", "Mean of all", Form::kShare},
        {"deviation", "Difference", Form::kShare}},
       {Kind::kBars, {0}, {1}},
       {kTwenty, "Impact is share times difference. Rates are of advertisements that began."},
       true,
       {"completion", "clicks"}},
      {"breakdown",
       "What happened, by",
       "channel",
       "SELECT x.key, coalesce(k.word, x.kind::text), x.count, x.value, x.hours FROM p, analytics.breakdown(p.subject, "
       "p.dimension, p.first, "
       "p.last) x LEFT JOIN (VALUES (1, 'session_start'), (2, 'heartbeat'), (3, 'session_end'), (10, 'variant_shown'), "
       "(11, 'clip_shown'), (12, "
       "'rule_chosen'), (13, 'arm_assigned'), (14, 'break_shown'), (15, 'creative_ranked'), (20, 'ad_decided'), (21, "
       "'ad_delivered'), (22, "
       "'ad_started'), (23, "
       "'ad_first_quartile'), (24, 'ad_midpoint'), (25, 'ad_third_quartile'), (26, 'ad_complete'), (27, 'ad_skipped'), "
       "(28, 'ad_clicked'), (40, "
       "'error'), (41, 'startup'), (42, 'stall'), (43, 'quality'), (60, 'feedback'), (61, 'recommendation_shown'), "
       "(62, "
       "'recommendation_taken'), (80, 'consent_given'), (81, 'consent_withdrawn'), (343, 'latency')) k(kind, word) ON "
       "k.kind = x.kind "
       "ORDER BY x.kind, x.count DESC, x.key",
       {{"key", "Which"},
        {"event", "Event"},
        {"count", "How many", Form::kCount},
        {"value", "Sum of values", Form::kCount},
        {"hours", "Hours told", Form::kCount}},
       {Kind::kNone, {}, {}},
       {kTwenty},
       true,
       {"events"}},
      {"reach",
       "How many viewers differ",
       "channel",
       "SELECT to_char(x.began, 'YYYY-MM-DD'), x.viewers, x.events, x.frequency FROM p, analytics.reach('channel', "
       "p.subject, p.step, p.first_day, "
       "p.last_day) x",
       {{"from", "From (UTC)", Form::kTime},
        {"viewers", "Viewers", Form::kCount},
        {"sessions", "Sessions", Form::kCount},
        {"frequency", "Sessions for each", Form::kNumber}},
       {Kind::kLines, {0}, {1}},
       {"Days and weeks are those of UTC. Viewers are told in twenties, rounded down, from 20 on."},
       false,
       {}},
  };
}

std::vector<ReportSpec> ofCampaigns() {
  return {
      {"reach",
       "How many viewers differ",
       "campaign",
       "SELECT to_char(x.began, 'YYYY-MM-DD'), x.viewers, x.events, x.frequency FROM p, analytics.reach('campaign', "
       "p.subject, p.step, "
       "p.first_day, p.last_day) x",
       {{"from", "From (UTC)", Form::kTime},
        {"viewers", "Viewers", Form::kCount},
        {"impressions", "Impressions", Form::kCount},
        {"frequency", "Impressions for each", Form::kNumber}},
       {Kind::kLines, {0}, {1}},
       {"Days and weeks are those of UTC. Viewers are told in twenties, rounded down, from 20 on."},
       false,
       {}},
      {"delivery",
       "Impressions",
       "campaign",
       "SELECT " DVPE_MOMENT("x.bucket") ", x.decided, x.delivered, x.confirmed, x.completed, x.clicked FROM p, "
                                         "analytics.delivery_over_time(p.subject, p.first, p.last, p.step, p.zone) x",
       {kTime,
        {"decided", "In a playlist", Form::kCount},
        {"delivered", "Delivered", Form::kCount},
        {"confirmed", "Confirmed", Form::kCount},
        {"completed", "Seen to the end", Form::kCount},
        {"clicked", "Clicked", Form::kCount}},
       {Kind::kLines, {0}, {1, 2, 3}},
       {},
       false,
       {}},
      {"plan",
       "Delivery against plan",
       "campaign",
       "SELECT x.line, x.goal_kind, x.goal, x.counted, x.expected, x.projected, x.projected::numeric / nullif(x.goal, "
       "0), x.per_hour, " DVPE_MOMENT("x.flight_from") ", " DVPE_MOMENT(
           "x.flight_until") ", x.spent_micros, x.budget_micros, x.currency FROM p, analytics.plan(p.subject, p.last) "
                             "x",
       {{"line", "Line"},
        {"goal_kind", "Goal"},
        {"goal", "How many", Form::kCount},
        {"counted", "So far", Form::kCount},
        {"expected", "Expected by now", Form::kCount},
        {"projected", "At the end, at this pace", Form::kCount},
        {"projected_share", "Of the goal", Form::kShare},
        {"per_hour", "An hour, of late", Form::kNumber},
        {"flight_from", "From", Form::kTime},
        {"flight_until", "Until", Form::kTime},
        {"spent", "Spent", Form::kMoney},
        {"budget", "Budget", Form::kMoney},
        {"currency", "Currency"}},
       {Kind::kBars, {0}, {6}},
       {"As it stood at the last whole hour before --to. The pace is that of the 24 hours before."},
       false,
       {}},
      {"funnel",
       "From the playlist to the click",
       "campaign",
       "SELECT x.line, x.creative, x.decided, x.delivered, x.started, x.first_quartile, x.midpoint, x.third_quartile, "
       "x.complete, x.skipped, "
       "x.clicked, x.clicked::float8 / nullif(x.started, 0) FROM p, analytics.campaign_funnel(p.subject, p.first, "
       "p.last) x",
       {{"line", "Line"},
        {"creative", "Creative"},
        {"decided", "In a playlist", Form::kCount},
        {"delivered", "Delivered", Form::kCount},
        {"started", "Started", Form::kCount},
        {"first_quartile", "A quarter", Form::kCount},
        {"midpoint", "Half", Form::kCount},
        {"third_quartile", "Three quarters", Form::kCount},
        {"complete", "To the end", Form::kCount},
        {"skipped", "Skipped", Form::kCount},
        {"clicked", "Clicked", Form::kCount},
        {"click_rate", "Clicked, of started", Form::kShare}},
       {Kind::kBars, {0, 1}, {11}},
       {},
       false,
       {}},
      {"revenue",
       "Revenue",
       "campaign",
       "SELECT x.line, x.channel, x.price_kind, x.counted, x.micros, x.currency FROM p, analytics.revenue(p.subject, "
       "p.first, p.last) x",
       {{"line", "Line"},
        {"channel", "Channel"},
        {"price", "Price"},
        {"counted", "How many count", Form::kCount},
        {"revenue", "Revenue", Form::kMoney},
        {"currency", "Currency"}},
       {Kind::kBars, {0, 1}, {4}},
       {"At the prices of the document in force. A flat price is spread evenly over the flight, on no channel."},
       false,
       {}},
  };
}

std::vector<ReportSpec> ofExperiments() {
  return {{"experiment",
           "What an experiment came to",
           "experiment",
           "SELECT to_char(x.month, 'YYYY-MM'), x.metric, x.arm, x.viewers, x.mean, x.difference, x.relative, x.low, "
           "x.high, x.p, x.decision FROM p, analytics.experiment(p.subject, date_trunc('day', p.first, 'UTC'), "
           "date_trunc('day', p.last, 'UTC')) x ORDER BY x.month, x.metric = 'sample_ratio' DESC, x.metric, x.arm",
           {{"month", "Month"},
            {"metric", "Of a viewer"},
            {"arm", "Arm"},
            {"viewers", "Viewers", Form::kCount},
            {"mean", "On average", Form::kNumber},
            {"difference", "More than the control", Form::kNumber},
            {"relative", "In parts of the control's", Form::kShare},
            {"low", "95 %: at least", Form::kNumber},
            {"high", "95 %: at most", Form::kNumber},
            {"p", "p", Form::kNumber},
            {"decision", "So far"}},
           {Kind::kBars, {0, 1, 2}, {6}},
           {"Whole days, UTC. Interval and p hold however often one looks. sample_ratio: whether viewers fell into the "
            "arms as they should; when it warns, believe none of the figures.",
            "Arms with fewer than 20 viewers on a day are not told of."},
           false,
           {}}};
}

}  // namespace

std::span<const ReportSpec> reportSpecs() {
  static const std::vector<ReportSpec> specs = [] {
    auto out = channelOverTime();
    for (auto&& more : {channelByAttribute(), ofCampaigns(), ofExperiments()})
      out.insert(out.end(), more.begin(), more.end());
    return out;
  }();
  return specs;
}

std::vector<std::string_view> reportNames() {
  std::vector<std::string_view> out;
  for (const ReportSpec& spec : reportSpecs())
    if (std::find(out.begin(), out.end(), spec.name) == out.end()) out.push_back(spec.name);
  return out;
}

}  // namespace dvpe::node
