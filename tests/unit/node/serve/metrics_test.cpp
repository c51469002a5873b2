// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/metrics.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace dvpe::serve {
namespace {

TEST(Metrics, RendersTheTextFormat) {
  Metrics metrics;
  metrics.counter("dvpe_requests_total", "Requests answered", {{"class", "2xx"}}).add(3);
  metrics.counter("dvpe_requests_total", "Requests answered", {{"class", "4xx"}}).add();
  metrics.gauge("dvpe_open", "Open connections").set(2.5);
  metrics.observe(Metrics::Kind::kGauge, "dvpe_age_seconds", "Age", {}, [] { return 7.0; });
  EXPECT_EQ(metrics.render(),
            "# HELP dvpe_requests_total Requests answered\n"
            "# TYPE dvpe_requests_total counter\n"
            "dvpe_requests_total{class=\"2xx\"} 3\n"
            "dvpe_requests_total{class=\"4xx\"} 1\n"
            "# HELP dvpe_open Open connections\n"
            "# TYPE dvpe_open gauge\n"
            "dvpe_open 2.5\n"
            "# HELP dvpe_age_seconds Age\n"
            "# TYPE dvpe_age_seconds gauge\n"
            "dvpe_age_seconds 7\n");
}

TEST(Metrics, CountsCumulativelyInHistograms) {
  Metrics metrics;
  Histogram& h = metrics.histogram("dvpe_seconds", "Time", {0.1, 1}, {{"what", "encode"}});
  for (const double v : {0.05, 0.1, 0.5, 3.0}) h.observe(v);
  EXPECT_EQ(metrics.render(),
            "# HELP dvpe_seconds Time\n"
            "# TYPE dvpe_seconds histogram\n"
            "dvpe_seconds_bucket{what=\"encode\",le=\"0.1\"} 2\n"
            "dvpe_seconds_bucket{what=\"encode\",le=\"1\"} 3\n"
            "dvpe_seconds_bucket{what=\"encode\",le=\"+Inf\"} 4\n"
            "dvpe_seconds_sum{what=\"encode\"} 3.65\n"
            "dvpe_seconds_count{what=\"encode\"} 4\n");
}

TEST(Metrics, EscapesWhatLabelsAndHelpMayNotHold) {
  Metrics metrics;
  metrics.counter("a_total", "one\ntwo \\", {{"l", "say \"hi\"\\\n"}});
  EXPECT_EQ(metrics.render(),
            "# HELP a_total one\\ntwo \\\\\n# TYPE a_total counter\na_total{l=\"say \\\"hi\\\"\\\\\\n\"} 0\n");
}

TEST(Metrics, GivesTheSameSeriesForTheSameNameAndLabels) {
  Metrics metrics;
  Counter& a = metrics.counter("a_total", "", {{"x", "1"}});
  EXPECT_EQ(&a, &metrics.counter("a_total", "", {{"x", "1"}}));
  EXPECT_NE(&a, &metrics.counter("a_total", "", {{"x", "2"}}));
  EXPECT_THROW(metrics.gauge("a_total", ""), std::invalid_argument);
  EXPECT_THROW(metrics.counter("not a name", ""), std::invalid_argument);
  EXPECT_THROW(metrics.counter("b_total", "", {{"1x", ""}}), std::invalid_argument);
}

TEST(Metrics, LosesNoCountBetweenThreads) {
  Metrics metrics;
  Counter& counter = metrics.counter("a_total", "");
  Gauge& gauge = metrics.gauge("b", "");
  Histogram& histogram = metrics.histogram("c", "", {1});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10000; ++i) {
        counter.add();
        gauge.add(1);
        histogram.observe(0.5);
      }
    });
  }
  for (int i = 0; i < 20; ++i) metrics.render();
  for (auto& t : threads) t.join();
  EXPECT_EQ(counter.value(), 40000u);
  EXPECT_EQ(gauge.value(), 40000);
  EXPECT_EQ(histogram.inBucket(0), 40000u);
  EXPECT_EQ(histogram.sum(), 20000);
}

}  // namespace
}  // namespace dvpe::serve
