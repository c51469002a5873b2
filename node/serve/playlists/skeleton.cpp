// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/playlists/skeleton.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>

namespace dvpe::serve {

namespace {

const char* extension(const Rendition& r) { return r.kind == Rendition::Kind::kText ? ".vtt" : ".m4s"; }

std::string format(const char* pattern, auto... values) {
  std::array<char, 400> text{};
  const int n = std::snprintf(text.data(), text.size(), pattern, values...);
  return {text.data(), static_cast<std::size_t>(n)};
}

}  // namespace

void appendSlate(const ChannelFacts& facts, int units, std::string& out) {
  for (bool first = true; units > 0; first = false) {
    const int take = std::min(units, facts.slateUnits);
    if (!first) out += '+';
    out += facts.slate;
    out += ".0-";
    out += std::to_string(take);
    units -= take;
  }
}

std::shared_ptr<const CellText> Skeleton::text(std::shared_ptr<const timeline::Cell> cell) const {
  auto text = std::make_shared<CellText>();
  const double length = base::seconds(cell->end - cell->start);
  text->head = format("#EXTINF:%.5f,\n#EXT-X-PROGRAM-DATE-TIME:%s\n", length,
                      base::isoDate(base::toWall(facts_.epoch, cell->start)).c_str());
  const std::string start = std::to_string(cell->start.count());
  const Ticks unit = facts_.grid.unit();
  const int units = static_cast<int>((cell->end - cell->start + unit - Ticks{1}) / unit);
  for (const Rendition& r : facts_.renditions) {
    text->conditioned.push_back(text->head + "/c/" + facts_.id + "/" + facts_.profile + "/" + r.name + "/" + start +
                                "/");
    auto& entries = text->entries.emplace_back();
    const bool video = r.kind == Rendition::Kind::kVideo;
    if (cell->hole && r.kind != Rendition::Kind::kText) {
      std::string entry = text->conditioned.back();
      appendSlate(facts_, units, entry);
      entries.push_back(entry + ".m4s\n");
      continue;
    }
    for (const std::string& variant : cell->variants) {
      const std::string& owner = video ? variant : timeline::kBaseVariant;
      entries.push_back(text->head + "/m/" + facts_.id + "/" + facts_.profile + "/" + owner + "/" + r.name + "/" +
                        start + extension(r) + "\n");
      if (!video) break;
    }
  }
  text->cell = std::move(cell);
  return text;
}

std::shared_ptr<const Window> Skeleton::add(std::shared_ptr<const timeline::Cell> cell) {
  // A number follows from its place in the playlist: what does not continue the list begins another.
  if (!cells_.empty() && cell->msn != cells_.back()->cell->msn + 1) cells_.clear();
  cells_.push_back(text(std::move(cell)));
  const Ticks keep{std::int64_t{facts_.windowSeconds} * base::kTicksPerSecond};
  const Ticks end = cells_.back()->cell->end;
  while (cells_.size() > 4 && cells_[1]->cell->start <= end - keep) cells_.pop_front();
  auto window = std::make_shared<Window>();
  window->cells.assign(cells_.begin(), cells_.end());
  // No segment is longer than a cell: 4 U, 4.004 s at most.
  const auto target = static_cast<int>(base::seconds(facts_.grid.cell()) + 0.5);
  for (const Rendition& r : facts_.renditions) {
    std::string head = format("#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:%" PRId64
                              "\n#EXT-X-INDEPENDENT-SEGMENTS\n",
                              r.kind == Rendition::Kind::kText ? 3 : 6, target, cells_.front()->cell->msn);
    if (r.kind != Rendition::Kind::kText) {
      head += "#EXT-X-MAP:URI=\"/m/" + facts_.id + "/" + facts_.profile + "/" + timeline::kBaseVariant + "/" + r.name +
              "/init.mp4\"\n";
    }
    window->headers.push_back(std::move(head));
  }
  join(*window);
  return window;
}

// Lays out what the cells have in pieces. A look is a cohort's sequence of variants; those who see only the base share
// it.
void Skeleton::join(Window& window) const {
  const auto variantOf = [](const timeline::Cell& cell, std::size_t cohort) -> std::size_t {
    return cell.hole || cohort >= cell.variantOfCohort.size() ? 0 : cell.variantOfCohort[cohort];
  };
  window.firstMsn = window.cells.front()->cell->msn;
  std::size_t cohorts = 0;
  for (std::size_t i = 0; i < window.cells.size(); ++i) {
    const timeline::Cell& cell = *window.cells[i]->cell;
    window.times.emplace_back(cell.start, cell.end);
    cohorts = std::max(cohorts, cell.variantOfCohort.size());
    if (!cell.span) continue;
    const bool goesOn =
        !window.spans.empty() && window.spans.back().end == i && window.spans.back().id == cell.span->id;
    if (goesOn) {
      ++window.spans.back().end;
    } else {
      window.spans.push_back({cell.span->id, i, i + 1});
    }
  }
  std::vector<std::size_t> looks{cohorts};  // by look, a cohort that has it; no cohort is as high as the base's
  for (std::size_t c = 0; c < cohorts; ++c) {
    const bool own = std::any_of(window.cells.begin(), window.cells.end(),
                                 [&](const auto& t) { return variantOf(*t->cell, c) != 0; });
    window.lookOfCohort.push_back(own ? static_cast<std::uint16_t>(looks.size()) : std::uint16_t{0});
    if (own) looks.push_back(c);
  }
  for (std::size_t r = 0; r < facts_.renditions.size(); ++r) {
    const bool video = facts_.renditions[r].kind == Rendition::Kind::kVideo;
    auto& texts = window.looks.emplace_back(video ? looks.size() : 1);
    auto& conditioned = window.conditioned.emplace_back();
    for (const auto& cell : window.cells) {
      conditioned.add(cell->conditioned[r]);
      for (std::size_t l = 0; l < texts.size(); ++l) texts[l].add(cell->entries[r][variantOf(*cell->cell, looks[l])]);
    }
  }
}

std::string Skeleton::multivariant(std::size_t audio) const {
  std::string out = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n";
  std::string audioCodec, text;
  std::size_t track = 0;
  for (const Rendition& r : facts_.renditions) {
    if (r.kind == Rendition::Kind::kAudio) {
      audioCodec = r.codec;
      out += "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"" + (r.language == "und" ? "Audio" : r.language) + "\"";
      if (r.language != "und") out += ",LANGUAGE=\"" + r.language + "\"";
      out += track == audio ? ",DEFAULT=YES,AUTOSELECT=YES" : ",DEFAULT=NO,AUTOSELECT=YES";
      out += ",CHANNELS=\"2\",URI=\"" + r.name + ".m3u8\"\n";
      ++track;
    } else if (r.kind == Rendition::Kind::kText) {
      text = ",SUBTITLES=\"captions\"";
      out += "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"captions\",NAME=\"" + r.language + "\",LANGUAGE=\"" + r.language +
             "\",DEFAULT=NO,AUTOSELECT=YES,URI=\"" + r.name + ".m3u8\"\n";
    }
  }
  for (const Rendition& r : facts_.renditions) {
    if (r.kind != Rendition::Kind::kVideo) continue;
    out += format("#EXT-X-STREAM-INF:BANDWIDTH=%" PRId64 ",AVERAGE-BANDWIDTH=%" PRId64
                  ",CODECS=\"%s,%s\",RESOLUTION=%dx%d,FRAME-RATE=%.3f,AUDIO=\"audio\"",
                  bandwidth(r), r.maxrate + facts_.audioBitrate, r.codec.c_str(), audioCodec.c_str(), r.width, r.height,
                  static_cast<double>(facts_.fps.num) / facts_.fps.den);
    out += text + ",CLOSED-CAPTIONS=NONE\n" + r.name + ".m3u8\n";
  }
  return out;
}

}  // namespace dvpe::serve
