// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/playlists/assemble.h"

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

// The viewer's own pieces for a cell inside a span. False, and nothing appended: the programme is shown.
bool conditioned(const ChannelFacts& facts, const CellText& text, std::size_t rendition, const BoundPod& pod, std::string& body) {
  const timeline::Cell& cell = *text.cell;
  const Ticks unit = facts.grid.unit();
  const Ticks into = cell.start - pod.start;
  // Cuts of a span are whole units from its start, but where a break that comes moves one (law 2): the clip is over then.
  if (into % unit != Ticks{0}) return false;
  const int first = static_cast<int>(into / unit) - pod.firstUnit;
  const int end = first + static_cast<int>((cell.end - cell.start + unit - Ticks{1}) / unit);
  if (first < 0) return false;
  int at = 0;  // of the pod, where the next piece begins
  bool any = false;
  for (const auto& p : pod.pieces) {
    const int from = std::max(first, at), to = std::min(end, at + p.units);
    if (from < to) {
      if (any) {
        body += '+';
      } else {
        body += text.conditioned[rendition];
      }
      any = true;
      piece(body, p.name, p.from + from - at, p.from + to - at);
    }
    at += p.units;
  }
  if (at < end) {  // the pod is over: a break's rest is slate, and so is a cell that has begun with a clip
    if (!any && pod.kind == timeline::SpanKind::kEvent) return false;
    if (any) {
      body += '+';
    } else {
      body += text.conditioned[rendition];
    }
    appendSlate(facts, end - std::max(first, at), body);
  }
  body += ".m4s\n";
  return true;
}

}  // namespace

void assemble(const ChannelFacts& facts, const Window& window, std::size_t rendition, const personalize::SessionView& session, std::string& body) {
  body += window.headers[rendition];
  const bool text = facts.renditions[rendition].kind == Rendition::Kind::kText;
  const bool video = facts.renditions[rendition].kind == Rendition::Kind::kVideo;
  // Cells of one span follow each other and share its start: looked up once, not once per cell.
  Ticks spanStart{-1};
  const BoundPod* pod = nullptr;
  for (const auto& cellText : window.cells) {
    const timeline::Cell& cell = *cellText->cell;
    const auto& entries = cellText->entries[rendition];
    if (cell.msn >= session.fromMsn) {
      if (cell.span && !text) {
        if (cell.span->start != spanStart) {
          spanStart = cell.span->start;
          pod = session.podOf(cell.span->id);
        }
        if (pod != nullptr && conditioned(facts, *cellText, rendition, *pod, body)) continue;
      }
      if (video && !cell.hole && session.cohort < cell.variantOfCohort.size()) {
        body += entries[cell.variantOfCohort[session.cohort]];
        continue;
      }
    }
    body += entries[0];
  }
}

}  // namespace dvpe::serve
