# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""The rules a live stream must keep, checked event by event: the same code judges a running node and a recording.

Feed a Checker with what a client saw, in the order it saw it (multivariant, playlist, init, segment); read its faults. Each
fault names its rule and carries its evidence. Not thread-safe: whoever feeds it from several threads holds a lock.

Rules (sections of draft-pantos-hls-rfc8216bis in brackets; the others are the project's own laws):
  playlist_syntax     the text is a playlist                                             [4]
  http_status         playlists answer 200
  content_type        and say that they are playlists                                    [4]
  msn_uri             a media sequence number never changes its URI or EXTINF             [6.2.1]
  target_duration     round(EXTINF) <= TARGETDURATION, which never changes               [4.4.3.1]
  tfdt_gap, tfdt_overlap  decode times run on without hole or overlap, inside a segment and from one to the next
  date_continuity     PROGRAM-DATE-TIME runs on with EXTINF and the media's own clock, never changes for a number
  bandwidth           bits of a segment / its duration, video and audio together, <= BANDWIDTH     [4.4.6.2]
  msn_backwards       neither the first nor the last media sequence number goes back      [6.2.2]
  head_removal        MEDIA-SEQUENCE counts each removed segment, one by one              [6.2.2]
  window_short        never below three target durations again once it was that long     [6.2.2]
  listed_404          what is listed can be fetched                                       [6.2.1]
  removed_404         a removed segment can be fetched for its own and the window's duration more  [6.2.2]
  stale               a new segment within 1.5 target durations                           [6.2.1]
  init_changed        EXT-X-MAP and its bytes never change
  codecs              CODECS, RESOLUTION and FRAME-RATE say what init and samples hold    [4.4.6.2]
  independent         each video segment starts with a sync sample that is an IDR picture
  discontinuity       there is no EXT-X-DISCONTINUITY
  av_skew             audio starts within half an AAC frame of video, segment by segment
  renditions_disagree one number has one EXTINF and one date in all renditions, video one decode time
  extinf_media        EXTINF is the duration of the samples
  timescale           video 1/240000 s, audio 1/48000 s
  segment_boxes       init and segments are well-formed fragments
  webvtt              text segments are WebVTT with a timestamp map and cues in order     [3.1.4]
  cross_viewer        (compare) all viewers see the same numbers, EXTINF and dates
"""
from __future__ import annotations

import dataclasses
import hashlib
import pathlib
import re
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import boxes  # noqa: E402
import m3u8  # noqa: E402

AAC_FRAME_SECONDS = 1024 / 48000


@dataclasses.dataclass
class Fault:
    rule: str
    message: str
    rendition: str = ""
    msn: int | None = None
    t: float = 0.0  # seconds since the client started
    evidence: dict = dataclasses.field(default_factory=dict)

    def as_dict(self) -> dict:
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        where = f" {self.rendition}" if self.rendition else ""
        number = f" #{self.msn}" if self.msn is not None else ""
        return f"[{self.rule}]{where}{number} at {self.t:.1f} s: {self.message}"


@dataclasses.dataclass
class Settings:
    """Tolerances, in seconds. None of the timescales: any."""
    date_tolerance: float = 0.0011
    skew_tolerance: float = AAC_FRAME_SECONDS / 2 + 0.0005
    extinf_tolerance: float = 0.0011
    stale_slack: float = 0.0
    video_timescale: int | None = 240000
    audio_timescale: int | None = 48000
    allow_discontinuity: bool = False
    fault_limit: int = 1000  # per rule: later ones are only counted


@dataclasses.dataclass
class SegmentRecord:
    """What is known of one media sequence number in one rendition."""
    uri: str
    extinf: float
    date: float | None
    first_seen: float
    gap: bool = False
    bits: int = 0
    facts: boxes.SegmentFacts | None = None


@dataclasses.dataclass
class RenditionState:
    name: str
    url: str
    kind: str = ""                       # video, audio or text, from the multivariant playlist or the init
    segments: dict = dataclasses.field(default_factory=dict)
    target: int | None = None
    first: int | None = None             # MEDIA-SEQUENCE of the newest snapshot
    last: int | None = None
    last_new: float = 0.0                # when the newest number was first seen
    stale_reported: int | None = None
    was_long: bool = False
    map_uri: str | None = None
    init_digest: str | None = None
    init: boxes.InitFacts | None = None
    epoch: float | None = None           # date minus decode time
    snapshots: int = 0
    ended: bool = False


def name_of(uri: str) -> str:
    """v360 of ../s/abc/v360.m3u8?x=1."""
    path = urllib.parse.urlsplit(uri).path
    leaf = path.rsplit("/", 1)[-1]
    return leaf.rsplit(".", 1)[0] or path


_CUE = re.compile(r"^(?:(\d+):)?(\d\d):(\d\d)\.(\d{3}) --> (?:(\d+):)?(\d\d):(\d\d)\.(\d{3})(?: .*)?$")


def webvtt_problem(data: bytes) -> str | None:
    """What is wrong with a text segment, or None."""
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        return "not UTF-8"
    if not lines or lines[0].lstrip("\ufeff").split(" ")[0] != "WEBVTT":
        return "does not start with WEBVTT"
    head = lines[1:lines.index("")] if "" in lines else lines[1:]
    if not any(re.fullmatch(r"X-TIMESTAMP-MAP=(?=.*LOCAL:)(?=.*MPEGTS:\d).*", line) for line in head):
        return "no X-TIMESTAMP-MAP in the header"
    before = 0
    for line in lines:
        if "-->" not in line:
            continue
        match = _CUE.match(line)
        if not match:
            return f"bad cue times {line[:60]!r}"
        h1, m1, s1, f1, h2, m2, s2, f2 = (int(v or 0) for v in match.groups())
        start, end = ((h1 * 60 + m1) * 60 + s1) * 1000 + f1, ((h2 * 60 + m2) * 60 + s2) * 1000 + f2
        if end <= start or start < before:
            return f"cue out of order: {line[:60]!r}"
        before = start
    return None


class Checker:
    def __init__(self, settings: Settings | None = None):
        self.settings = settings or Settings()
        self.faults: list[Fault] = []
        self.counts: dict[str, int] = {}
        self.multivariant: m3u8.Multivariant | None = None
        self.multivariant_url = ""
        self.renditions: dict[str, RenditionState] = {}
        self.bytes = 0
        self.fetched = 0
        self.peak: dict[str, float] = {}  # variant -> highest bits/s seen
        self._seen: set = set()
        self._common: dict[int, tuple] = {}

    # -- results

    def fault(self, rule: str, message: str, rendition: str = "", msn: int | None = None, t: float = 0.0, key=None, **evidence) -> None:
        """Records a fault once per (rule, rendition, number, key)."""
        mark = (rule, rendition, msn, key)
        if mark in self._seen:
            return
        self._seen.add(mark)
        self.counts[rule] = self.counts.get(rule, 0) + 1
        if self.counts[rule] <= self.settings.fault_limit:
            self.faults.append(Fault(rule, message, rendition, msn, round(t, 3), evidence))

    def summary(self) -> dict:
        return {
            "faults": sum(self.counts.values()), "rules": dict(sorted(self.counts.items())),
            "segments": self.fetched, "bytes": self.bytes,
            "peak_bits_per_second": {k: round(v) for k, v in self.peak.items()},
            "renditions": {r.name: {"kind": r.kind, "snapshots": r.snapshots, "first": min(r.segments, default=None),
                                    "last": r.last, "segments": len(r.segments)} for r in self.renditions.values()},
        }

    # -- events

    def on_multivariant(self, t: float, url: str, status: int, text: str) -> m3u8.Multivariant | None:
        if status != 200:
            self.fault("http_status", f"multivariant playlist answered {status}", t=t, url=url, status=status)
            return None
        try:
            parsed = m3u8.parse_multivariant(text)
        except m3u8.PlaylistError as error:
            self.fault("playlist_syntax", f"multivariant: {error}", t=t, url=url)
            return None
        self.multivariant, self.multivariant_url = parsed, url
        for variant in parsed.variants:
            state = self.rendition(variant.uri)
            state.kind = "video" if variant.resolution or any(c.startswith(("avc", "hvc", "hev", "av01", "vp09")) for c in variant.codecs) else "audio"
            for kind in ("AUDIO", "SUBTITLES"):
                group = variant.attributes.get(kind)
                if group and not any(r.group == group and r.type == kind for r in parsed.renditions):
                    self.fault("playlist_syntax", f"variant {variant.uri} names {kind} group {group}, which is missing", t=t)
        for rendition in parsed.renditions:
            if rendition.uri and rendition.type in ("AUDIO", "SUBTITLES"):
                self.rendition(rendition.uri).kind = "audio" if rendition.type == "AUDIO" else "text"
        return parsed

    def rendition(self, uri: str) -> RenditionState:
        """The state of a rendition by its URI in the multivariant playlist (or its name)."""
        name = name_of(uri)
        if name not in self.renditions:
            self.renditions[name] = RenditionState(name, urllib.parse.urljoin(self.multivariant_url, uri))
        return self.renditions[name]

    def on_playlist(self, sent: float, t: float, name: str, url: str, status: int, text: str, content_type: str | None = None) -> m3u8.Media | None:
        """sent: when it was asked for; t: when it was complete. Returns the playlist, to be fetched from."""
        state = self.rendition(name)
        if status != 200:
            self.fault("http_status", f"media playlist answered {status}", name, None, t, key=status, url=url, status=status)
            return None
        try:
            media = m3u8.parse_media(text)
        except m3u8.PlaylistError as error:
            self.fault("playlist_syntax", str(error), name, None, t, key=str(error), url=url)
            return None
        state.snapshots += 1
        if content_type is not None and content_type.split(";")[0].strip().lower() not in ("application/vnd.apple.mpegurl", "audio/mpegurl"):
            self.fault("content_type", f"Content-Type is {content_type!r}", name, None, t, key=content_type, url=url)
        self._target(state, media, t)
        shifted = self._numbers(state, media, url, sent, t)
        if not shifted:
            for segment in media.segments:
                self._listed(state, media, segment, url, t)
            self._dates(state, media, t)
        if media.discontinuity_sequence and not self.settings.allow_discontinuity:
            self.fault("discontinuity", f"EXT-X-DISCONTINUITY-SEQUENCE is {media.discontinuity_sequence}", name, None, t, key="sequence")
        state.ended = media.endlist
        return media

    def on_init(self, t: float, name: str, url: str, status: int, data: bytes) -> None:
        state = self.rendition(name)
        if status != 200:
            self.fault("listed_404", f"init answered {status}", name, None, t, key=url, url=url, status=status)
            return
        self.bytes += len(data)
        digest = hashlib.sha256(data).hexdigest()
        if state.init_digest not in (None, digest):
            self.fault("init_changed", f"init has other bytes ({digest[:12]}, first {state.init_digest[:12]})", name, None, t, key=digest, url=url)
            return
        first = state.init_digest is None
        state.init_digest = digest
        if not first:
            return
        try:
            state.init = boxes.parse_init(data)
        except boxes.BoxError as error:
            self.fault("segment_boxes", f"init: {error}", name, None, t, url=url)
            return
        state.kind = state.kind or state.init.kind
        wanted = self.settings.video_timescale if state.init.kind == "video" else self.settings.audio_timescale
        if wanted and state.init.timescale != wanted:
            self.fault("timescale", f"timescale {state.init.timescale}, wanted {wanted}", name, None, t, url=url)
        self._codecs(state, t)

    def on_segment(self, t: float, name: str, msn: int, url: str, status: int, data: bytes) -> None:
        state = self.rendition(name)
        if status != 200:
            self.fault("listed_404", f"segment answered {status}" if status else "segment could not be fetched", name, msn, t, url=url, status=status)
            return
        self.bytes += len(data)
        self.fetched += 1
        record = state.segments.get(msn)
        if record is None:
            return
        record.bits = len(data) * 8
        if state.kind == "text":
            problem = webvtt_problem(data)
            if problem:
                self.fault("webvtt", problem, name, msn, t, url=url)
            return
        try:
            record.facts = boxes.parse_segment(data, state.init)
        except boxes.BoxError as error:
            self.fault("segment_boxes", str(error), name, msn, t, url=url, size=len(data))
            return
        if state.init:
            self._media(state, msn, record, url, t)
        self._bandwidth(state, msn, t)

    def on_removed(self, t: float, name: str, msn: int, url: str, status: int) -> None:
        """A segment that just left the playlist was asked for again (HEAD). Servers that refuse the method say nothing."""
        if status not in (200, 206, 405, 501):
            self.fault("removed_404", f"a segment that just left the playlist answers {status}", name, msn, t, url=url, status=status)

    # -- playlists

    def _target(self, state: RenditionState, media: m3u8.Media, t: float) -> None:
        if state.target is None:
            state.target = media.target
            for other in self.renditions.values():
                if other.target not in (None, media.target):
                    self.fault("target_duration", f"TARGETDURATION {media.target}, {other.name} has {other.target}", state.name, None, t)
        elif media.target != state.target:
            self.fault("target_duration", f"TARGETDURATION {media.target}, was {state.target}", state.name, None, t, key=media.target)
        for segment in media.segments:
            if int(segment.extinf + 0.5) > media.target:
                self.fault("target_duration", f"EXTINF {segment.extinf} rounds above TARGETDURATION {media.target}", state.name, segment.msn, t,
                           extinf=segment.extinf, target=media.target)

    def _numbers(self, state: RenditionState, media: m3u8.Media, url: str, sent: float, t: float) -> bool:
        """Media sequence: backwards, head removal, window, staleness. True: the numbers are off, so do not compare by number."""
        known = {s.msn: state.segments[s.msn].uri for s in media.segments if s.msn in state.segments}
        listed = {s.msn: urllib.parse.urljoin(url, s.uri) for s in media.segments}
        shared = [n for n in listed if n in known]
        off = False
        if state.first is not None:
            if media.sequence < state.first:
                self.fault("msn_backwards", f"MEDIA-SEQUENCE {media.sequence} after {state.first}", state.name, media.sequence, t, before=state.first)
            if media.last < state.last:
                self.fault("msn_backwards", f"last number {media.last} after {state.last}", state.name, media.last, t, before=state.last)
            if shared and all(known[n] != listed[n] for n in shared):
                off = self._shifted(state, media, listed, t)
        if not off:
            if state.last is None or media.last > state.last:
                state.last_new = t
            elif not media.endlist and state.target and sent - state.last_new > 1.5 * state.target + self.settings.stale_slack \
                    and state.stale_reported != media.last:
                state.stale_reported = media.last
                self.fault("stale", f"no segment after {media.last} for {sent - state.last_new:.2f} s, target {state.target} s", state.name, media.last, t,
                           waited=round(sent - state.last_new, 3))
            state.first = max(media.sequence, state.first or 0)
            state.last = max(media.last, state.last if state.last is not None else -1)
        enough = 3 * media.target
        if media.duration >= enough:
            state.was_long = True
        elif state.was_long and not media.endlist:
            self.fault("window_short", f"window of {media.duration:.3f} s is below 3 x {media.target} s", state.name, media.sequence, t)
        return off

    def _shifted(self, state, media, listed, t) -> bool:
        """The same URIs under other numbers: segments were removed or added at the head without counting them."""
        around = range(media.sequence - len(listed), media.last + len(listed) + 1)
        by_uri = {state.segments[n].uri: n for n in around if n in state.segments}
        shifts = {by_uri[uri] - n for n, uri in listed.items() if uri in by_uri}
        if len(shifts) == 1 and 0 not in shifts:
            shift = shifts.pop()
            self.fault("head_removal", f"MEDIA-SEQUENCE {media.sequence} does not count {shift} removed segment(s)", state.name, media.sequence, t, key="shift",
                       shift=shift)
            return True
        return False

    def _listed(self, state: RenditionState, media: m3u8.Media, segment: m3u8.Segment, url: str, t: float) -> None:
        uri = urllib.parse.urljoin(url, segment.uri)
        if segment.discontinuity and not self.settings.allow_discontinuity:
            self.fault("discontinuity", "EXT-X-DISCONTINUITY", state.name, segment.msn, t)
        if segment.map_uri:
            map_uri = urllib.parse.urljoin(url, segment.map_uri)
            if state.map_uri not in (None, map_uri):
                self.fault("init_changed", f"EXT-X-MAP {map_uri}, was {state.map_uri}", state.name, segment.msn, t)
            else:
                state.map_uri = map_uri
        record = state.segments.get(segment.msn)
        if record is None:
            state.segments[segment.msn] = SegmentRecord(uri, segment.extinf, segment.date, t, segment.gap)
        else:
            if record.uri != uri:
                self.fault("msn_uri", f"URI {uri}, was {record.uri}", state.name, segment.msn, t, now=uri, before=record.uri)
            if record.extinf != segment.extinf:
                self.fault("msn_uri", f"EXTINF {segment.extinf}, was {record.extinf}", state.name, segment.msn, t, key="extinf")
            if record.date is not None and segment.date is not None and abs(record.date - segment.date) > self.settings.date_tolerance:
                self.fault("date_continuity", f"date moved by {segment.date - record.date:+.4f} s", state.name, segment.msn, t, key="moved")
        self._agree(state, segment, t)

    def _dates(self, state: RenditionState, media: m3u8.Media, t: float) -> None:
        if media.segments and not any(s.date_stated for s in media.segments):
            self.fault("date_continuity", "no EXT-X-PROGRAM-DATE-TIME", state.name, None, t, key="none")
        for segment in media.segments:
            before = state.segments.get(segment.msn - 1)
            if before is None or before.date is None or segment.date is None:
                continue
            error = segment.date - before.date - before.extinf
            if abs(error) > self.settings.date_tolerance:
                self.fault("date_continuity", f"date is {error * 1000:+.1f} ms off the one before plus its EXTINF", state.name, segment.msn, t, error=error)

    def _agree(self, state: RenditionState, segment: m3u8.Segment, t: float) -> None:
        first = self._common.setdefault(segment.msn, (state.name, segment.extinf, segment.date))
        if first[0] == state.name:
            return
        if abs(first[1] - segment.extinf) > 1e-6:
            self.fault("renditions_disagree", f"EXTINF {segment.extinf}, {first[0]} has {first[1]}", state.name, segment.msn, t, key="extinf")
        if first[2] is not None and segment.date is not None and abs(first[2] - segment.date) > self.settings.date_tolerance:
            self.fault("renditions_disagree", f"date is {(segment.date - first[2]) * 1000:+.1f} ms off {first[0]}'s", state.name, segment.msn, t, key="date")

    # -- media

    def _media(self, state: RenditionState, msn: int, record: SegmentRecord, url: str, t: float) -> None:
        facts, init = record.facts, state.init
        seconds = facts.duration / init.timescale
        tolerance = self.settings.extinf_tolerance + (AAC_FRAME_SECONDS if init.kind == "audio" else 0)
        if abs(seconds - record.extinf) > tolerance:
            self.fault("extinf_media", f"samples last {seconds:.6f} s, EXTINF is {record.extinf}", state.name, msn, t, url=url)
        if init.kind == "video" and not (facts.sync_first and facts.idr_first is not False):
            self.fault("independent", "first sample is no sync sample" if not facts.sync_first else "first sample is no IDR picture", state.name, msn, t, url=url)
        for fragment, tfdt, expected in facts.inner_gaps:
            self._time_fault(state, msn, tfdt, expected, f"fragment {fragment}", t, url)
        before, after = state.segments.get(msn - 1), state.segments.get(msn + 1)
        if before and before.facts:
            self._time_fault(state, msn, facts.tfdt, before.facts.end, "segment", t, url)
        if after and after.facts:
            self._time_fault(state, msn + 1, after.facts.tfdt, facts.end, "segment", t, after.uri)
        self._clock(state, msn, record, t)
        for other in self.renditions.values():
            if other is state or not other.init or msn not in other.segments or not other.segments[msn].facts:
                continue
            theirs = other.segments[msn].facts.tfdt
            if other.init.kind == init.kind == "video" and theirs * init.timescale != facts.tfdt * other.init.timescale:
                self.fault("renditions_disagree", f"decode time {facts.tfdt}, {other.name} has {theirs}", state.name, msn, t, key="tfdt")
            elif {other.init.kind, init.kind} == {"video", "audio"}:
                mine_s, theirs_s = facts.tfdt / init.timescale, theirs / other.init.timescale
                skew = mine_s - theirs_s if init.kind == "audio" else theirs_s - mine_s
                if abs(skew) > self.settings.skew_tolerance:
                    audio, video = (state, other) if init.kind == "audio" else (other, state)
                    self.fault("av_skew", f"audio starts {skew * 1000:+.2f} ms from {video.name}", audio.name, msn, t, key=video.name, skew=skew)
        if init.kind == "video":
            self._frame_rate(state, msn, facts, t)

    def _time_fault(self, state, msn, tfdt, expected, what, t, url) -> None:
        if tfdt != expected:
            ticks = tfdt - expected
            self.fault("tfdt_gap" if ticks > 0 else "tfdt_overlap", f"{what} starts {ticks:+d} ticks ({ticks / state.init.timescale * 1000:+.2f} ms) from the end before it",
                       state.name, msn, t, key=what, tfdt=tfdt, expected=expected, url=url)

    def _clock(self, state: RenditionState, msn: int, record: SegmentRecord, t: float) -> None:
        """Date minus decode time is one number for ever (video; audio lies up to half a frame off)."""
        if state.init.kind != "video" or record.date is None:
            return
        epoch = record.date - record.facts.tfdt / state.init.timescale
        if state.epoch is None:
            state.epoch = epoch
        elif abs(epoch - state.epoch) > 2 * self.settings.date_tolerance:
            self.fault("date_continuity", f"date and decode time drift apart by {(epoch - state.epoch) * 1000:+.2f} ms", state.name, msn, t, key="clock")
            state.epoch = epoch

    def _codecs(self, state: RenditionState, t: float) -> None:
        if not self.multivariant:
            return
        init = state.init
        for variant in self.multivariant.variants:
            mine = name_of(variant.uri) == state.name
            if not mine and not (init.kind == "audio" and self._audio_of(variant) and state in self._audio_of(variant)):
                continue
            if init.codec.lower() not in [c.lower() for c in variant.codecs]:
                self.fault("codecs", f"init is {init.codec}, CODECS of {name_of(variant.uri)} says {','.join(variant.codecs)}", state.name, None, t, key=variant.uri)
            if mine and init.kind == "video" and variant.resolution:
                sizes = {(init.width, init.height)} | ({(init.sps_width, init.sps_height)} if init.sps_width else set())
                if sizes != {variant.resolution}:
                    self.fault("codecs", f"RESOLUTION {variant.resolution}, init holds {sorted(sizes)}", state.name, None, t, key="size")

    def _frame_rate(self, state: RenditionState, msn: int, facts: boxes.SegmentFacts, t: float) -> None:
        for variant in self.multivariant.variants if self.multivariant else ():
            if name_of(variant.uri) == state.name and variant.frame_rate:
                measured = facts.samples * state.init.timescale / facts.duration if facts.duration else 0
                if abs(measured - variant.frame_rate) > 0.001:
                    self.fault("codecs", f"FRAME-RATE {variant.frame_rate}, the samples run at {measured:.3f}", state.name, None, t, key="rate", msn_seen=msn)

    def _audio_of(self, variant: m3u8.Variant) -> list[RenditionState]:
        """The audio renditions beside a variant; an audio-only variant has none beside itself."""
        if self.rendition(variant.uri).kind == "audio":
            return []
        return [self.renditions[name_of(r.uri)] for r in self.multivariant.renditions
                if r.type == "AUDIO" and r.group == variant.audio and r.uri and name_of(r.uri) in self.renditions]

    def _bandwidth(self, state: RenditionState, msn: int, t: float) -> None:
        """Peak segment bit rate: of any run of segments that lasts 0.5 to 1.5 target durations."""
        if not self.multivariant:
            return
        for variant in self.multivariant.variants:
            video = self.renditions.get(name_of(variant.uri))
            audios = self._audio_of(variant)
            if video is None or (state is not video and state not in audios):
                continue
            for first in (msn, msn - 1, msn - 2):
                self._peak(variant, video, audios, first, t)

    def _peak(self, variant, video, audios, first, t) -> None:
        target = video.target or 1
        seconds = bits = 0.0
        for n in range(first, first + 4):
            record = video.segments.get(n)
            if record is None or not record.bits:
                return
            # The loudest of the group's audio renditions that were fetched; a viewer plays one.
            sound = [a.segments[n].bits for a in audios if n in a.segments and a.segments[n].bits]
            if any(a.segments for a in audios) and not sound:
                return
            seconds += record.extinf
            bits += record.bits + max(sound, default=0)
            if seconds > 1.5 * target:
                return
            if seconds >= 0.5 * target:
                rate = bits / seconds
                name = name_of(variant.uri)
                self.peak[name] = max(self.peak.get(name, 0), rate)
                if rate > variant.bandwidth:
                    self.fault("bandwidth", f"{rate:.0f} bits/s over {seconds:.3f} s, BANDWIDTH is {variant.bandwidth}", name, first, t, bits_per_second=rate)


def compare(checkers: dict[str, Checker]) -> list[Fault]:
    """Rule cross_viewer: numbers, EXTINF and dates are facts of the channel, equal for all viewers. Keys name the viewers."""
    out: list[Fault] = []
    facts: dict[tuple, tuple] = {}
    for viewer, checker in checkers.items():
        for state in checker.renditions.values():
            for msn, record in state.segments.items():
                seen = facts.setdefault((state.name, msn), (viewer, record.extinf, record.date))
                if seen[0] == viewer:
                    continue
                if abs(seen[1] - record.extinf) > 1e-6:
                    out.append(Fault("cross_viewer", f"EXTINF {record.extinf} for {viewer}, {seen[1]} for {seen[0]}", state.name, msn, record.first_seen))
                elif seen[2] is not None and record.date is not None and abs(seen[2] - record.date) > checker.settings.date_tolerance:
                    out.append(Fault("cross_viewer", f"date differs by {record.date - seen[2]:+.4f} s between {viewer} and {seen[0]}", state.name, msn, record.first_seen))
    return out
