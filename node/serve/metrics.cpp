// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

namespace dvpe::serve {
namespace {

bool isName(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto inner = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !text.empty() && letter(text.front()) && std::all_of(text.begin(), text.end(), inner);
}

void append(std::string& out, double v) {
  if (std::isnan(v)) {
    out += "NaN";
  } else if (std::isinf(v)) {
    out += v > 0 ? "+Inf" : "-Inf";
  } else {
    char text[32];
    out.append(text, std::to_chars(text, text + sizeof text, v).ptr);
  }
}

void append(std::string& out, std::uint64_t v) {
  char text[20];
  out.append(text, std::to_chars(text, text + sizeof text, v).ptr);
}

// Help knows two escapes, a label's value three.
std::string escape(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
  return out;
}

std::string render(const Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    if (!isName(name)) throw std::invalid_argument("not a label's name: " + name);
    if (!out.empty()) out += ',';
    out.append(name).append("=\"").append(escape(value, true)).append("\"");
  }
  return out;
}

template <class T>
void line(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels, T value) {
  out.append(name).append(suffix);
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out += ' ';
  append(out, value);
  out += '\n';
}

void lines(std::string& out, std::string_view name, std::string_view labels, const Histogram& h) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= h.bounds().size(); ++i) {
    total += h.inBucket(i);
    std::string all(labels);
    if (!all.empty()) all += ',';
    all += "le=\"";
    append(all, i < h.bounds().size() ? h.bounds()[i] : INFINITY);
    all += '"';
    line(out, name, "_bucket", all, total);
  }
  line(out, name, "_sum", labels, h.sum());
  line(out, name, "_count", labels, total);
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), buckets_(new std::atomic<std::uint64_t>[bounds_.size() + 1]()) {
  if (!std::is_sorted(bounds_.begin(), bounds_.end())) throw std::invalid_argument("bounds must ascend");
}

void Histogram::observe(double v) {
  const auto i = static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), v) - bounds_.begin());
  buckets_[i].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(v, std::memory_order_relaxed);
}

Metrics::Series& Metrics::find(std::string_view name, std::string_view help, const char* type, const Labels& labels) {
  if (!isName(name)) throw std::invalid_argument("not a metric's name: " + std::string(name));
  const std::string text = serve::render(labels);
  auto family = std::find_if(families_.begin(), families_.end(), [&](const Family& f) { return f.name == name; });
  if (family == families_.end()) {
    families_.push_back({std::string(name), std::string(help), type, {}});
    family = std::prev(families_.end());
  }
  if (std::string_view(family->type) != type) throw std::invalid_argument(family->name + " is of another kind");
  for (Series& s : family->series) {
    if (s.labels == text) return s;
  }
  family->series.emplace_back();
  family->series.back().labels = text;
  return family->series.back();
}

Counter& Metrics::counter(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  Series& s = find(name, help, "counter", labels);
  if (!s.counter) s.counter = std::make_unique<Counter>();
  return *s.counter;
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  Series& s = find(name, help, "gauge", labels);
  if (!s.gauge) s.gauge = std::make_unique<Gauge>();
  return *s.gauge;
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                              const Labels& labels) {
  const std::lock_guard lock(mutex_);
  Series& s = find(name, help, "histogram", labels);
  if (!s.histogram) s.histogram = std::make_unique<Histogram>(std::move(bounds));
  return *s.histogram;
}

void Metrics::observe(Kind kind, std::string_view name, std::string_view help, const Labels& labels,
                      std::function<double()> read) {
  const std::lock_guard lock(mutex_);
  find(name, help, kind == Kind::kCounter ? "counter" : "gauge", labels).read = std::move(read);
}

std::string Metrics::render() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const Family& family : families_) {
    out.append("# HELP ").append(family.name).append(" ").append(escape(family.help, false)).append("\n");
    out.append("# TYPE ").append(family.name).append(" ").append(family.type).append("\n");
    for (const Series& s : family.series) {
      if (s.read) {
        line(out, family.name, "", s.labels, s.read());
      } else if (s.counter) {
        line(out, family.name, "", s.labels, s.counter->value());
      } else if (s.gauge) {
        line(out, family.name, "", s.labels, s.gauge->value());
      } else if (s.histogram) {
        lines(out, family.name, s.labels, *s.histogram);
      }
    }
  }
  return out;
}

}  // namespace dvpe::serve
