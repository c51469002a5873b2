// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/playlists/assemble.h"

#include <algorithm>
#include <charconv>

namespace dvpe::serve {

namespace {

using personalize::BoundPod;

void number(std::string& out, int n) {
  char text[12];
  const auto end = std::to_chars(text, text + sizeof text, n).ptr;
  out.append(text, end);
}

void piece(std::string& out, const std::string& name, int from, int to) {
  out += name;
  out += '.';
  number(out, from);
  out += '-';
  number(out, to);
}

void append(std::string& out, const JoinedText& text, std::size_t first, std::size_t end) {
  out.append(text.bytes, text.at[first], text.at[end] - text.at[first]);
}

// The viewer's own pieces for cell i inside a span. False, and nothing appended: the programme is shown.
bool conditioned(const ChannelFacts& facts, const Window& window, std::size_t i, std::size_t rendition,
                 const BoundPod& pod, std::string& body) {
  const auto [cellStart, cellEnd] = window.times[i];
  const Ticks unit = facts.grid.unit();
  const Ticks into = cellStart - pod.start;
  // Cuts of a span are whole units from its start, but where a break that comes moves one (law 2): the clip is over
  // then.
  if (into % unit != Ticks{0}) return false;
  const int first = static_cast<int>(into / unit) - pod.firstUnit;
  const int end = first + static_cast<int>((cellEnd - cellStart + unit - Ticks{1}) / unit);
  if (first < 0) return false;
  int at = 0;  // of the pod, where the next piece begins
  bool any = false;
  for (const auto& p : pod.pieces) {
    const int from = std::max(first, at), to = std::min(end, at + p.units);
    if (from < to) {
      if (any) {
        body += '+';
      } else {
        append(body, window.conditioned[rendition], i, i + 1);
      }
      any = true;
      piece(body, p.what->name, p.from + from - at, p.from + to - at);
    }
    at += p.units;
  }
  if (at < end) {  // the pod is over: a break's rest is slate, and so is a cell that has begun with a clip
    if (!any && pod.kind == timeline::SpanKind::kEvent) return false;
    if (any) {
      body += '+';
    } else {
      append(body, window.conditioned[rendition], i, i + 1);
    }
    appendSlate(facts, end - std::max(first, at), body);
  }
  body += ".m4s\n";
  return true;
}

}  // namespace

void assemble(const ChannelFacts& facts, const Window& window, std::size_t rendition,
              const personalize::SessionView& session, std::string& body) {
  body += window.headers[rendition];
  const std::size_t cells = window.cells.size();
  const bool text = facts.renditions[rendition].kind == Rendition::Kind::kText;
  const auto& looks = window.looks[rendition];
  const auto lookOf = [&](std::uint16_t cohort) -> const JoinedText& {
    return looks[looks.size() > 1 && cohort < window.lookOfCohort.size() ? window.lookOfCohort[cohort] : 0];
  };
  const JoinedText& newest = lookOf(session.cohort);
  // The programme in cells [first, end), each as the cohort saw it that the session was in.
  const auto programme = [&](std::size_t first, std::size_t end) {
    for (const auto& former : session.former) {
      const std::size_t begin = first;
      while (first < end && window.times[first].first < former.until) ++first;
      append(body, lookOf(former.cohort), begin, first);
    }
    append(body, newest, first, end);
  };
  const std::int64_t before =
      std::clamp<std::int64_t>(session.fromMsn - window.firstMsn, 0, static_cast<std::int64_t>(cells));
  std::size_t done = static_cast<std::size_t>(before);
  append(body, looks[0], 0, done);
  for (const SpanRun& span : window.spans) {
    if (span.end <= done) continue;
    const BoundPod* pod = session.podOf(span.id);
    if (pod == nullptr) continue;
    for (std::size_t i = std::max(span.first, done); i < span.end; ++i) {
      const std::size_t size = body.size();
      programme(done, i);
      const std::size_t own = body.size();
      if (conditioned(facts, window, i, rendition, *pod, body)) {
        if (text) {  // the programme's captions are not for who is shown something else
          body.resize(own);
          append(body, window.conditioned[rendition], i, i + 1);
          body += kNoCaptions;
          body += '\n';
        }
        done = i + 1;
      } else {
        body.resize(size);
      }
    }
  }
  programme(done, cells);
}

}  // namespace dvpe::serve
