# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""A strict reader of HLS playlists (draft-pantos-hls-rfc8216bis): what is not understood or not allowed raises PlaylistError."""
from __future__ import annotations

import dataclasses
import datetime
import re

MAX_PLAYLIST = 4 << 20


class PlaylistError(ValueError):
    """The text is not a playlist as the standard has it."""


@dataclasses.dataclass
class Variant:
    uri: str
    bandwidth: int
    codecs: list[str]
    resolution: tuple[int, int] | None
    frame_rate: float | None
    audio: str | None
    attributes: dict


@dataclasses.dataclass
class Rendition:
    type: str
    group: str
    name: str
    uri: str | None
    attributes: dict


@dataclasses.dataclass
class Multivariant:
    variants: list[Variant]
    renditions: list[Rendition]
    independent: bool = False


@dataclasses.dataclass
class Segment:
    msn: int
    uri: str
    extinf: float
    date: float | None = None      # seconds since 1970, stated or derived from the segment before
    date_stated: bool = False
    discontinuity: bool = False
    gap: bool = False
    map_uri: str | None = None


@dataclasses.dataclass
class Media:
    target: int
    sequence: int
    segments: list[Segment]
    discontinuity_sequence: int = 0
    endlist: bool = False
    version: int = 1
    dateranges: list[dict] = dataclasses.field(default_factory=list)
    server_control: dict = dataclasses.field(default_factory=dict)

    @property
    def duration(self) -> float:
        return sum(s.extinf for s in self.segments)

    @property
    def last(self) -> int:
        return self.sequence + len(self.segments) - 1


_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]*)(?:,|$)')


def attributes(text: str) -> dict:
    """An attribute list; quoted strings lose their quotes."""
    out: dict = {}
    at = 0
    while at < len(text):
        match = _ATTRIBUTE.match(text, at)
        if not match:
            raise PlaylistError(f"bad attribute list at {text[at:at + 40]!r}")
        if match[1] in out:
            raise PlaylistError(f"attribute {match[1]} twice")
        out[match[1]] = match[2].strip('"')
        at = match.end()
    return out


def parse_date(text: str) -> float:
    try:
        when = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise PlaylistError(f"bad date {text!r}") from error
    if when.tzinfo is None:
        raise PlaylistError(f"date {text!r} has no zone")
    # Not .timestamp(): a float of 1e9 s keeps 1e-7 s, so count the microseconds as integers first.
    delta = when - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (delta.days * 86400 + delta.seconds) + delta.microseconds / 1e6


def _lines(text: str) -> list[str]:
    if len(text) > MAX_PLAYLIST:
        raise PlaylistError("playlist is too large")
    if text.startswith("\ufeff"):
        raise PlaylistError("byte order mark")
    lines = text.split("\n")
    if lines[0].rstrip("\r") != "#EXTM3U":
        raise PlaylistError(f"first line is {lines[0][:40]!r}")
    return [line.rstrip("\r") for line in lines[1:]]


def is_multivariant(text: str) -> bool:
    return "#EXT-X-STREAM-INF:" in text


def parse_multivariant(text: str) -> Multivariant:
    out = Multivariant([], [])
    pending: dict | None = None
    for line in _lines(text):
        if line.startswith("#EXT-X-STREAM-INF:"):
            pending = attributes(line.split(":", 1)[1])
        elif line.startswith("#EXT-X-MEDIA:"):
            a = attributes(line.split(":", 1)[1])
            for key in ("TYPE", "GROUP-ID", "NAME"):
                if key not in a:
                    raise PlaylistError(f"EXT-X-MEDIA without {key}")
            out.renditions.append(Rendition(a["TYPE"], a["GROUP-ID"], a["NAME"], a.get("URI"), a))
        elif line == "#EXT-X-INDEPENDENT-SEGMENTS":
            out.independent = True
        elif line.startswith(("#EXTINF", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE")):
            raise PlaylistError("media tags in a multivariant playlist")
        elif line and not line.startswith("#"):
            if pending is None:
                raise PlaylistError("URI without EXT-X-STREAM-INF")
            try:
                size = tuple(int(v) for v in pending["RESOLUTION"].split("x")) if "RESOLUTION" in pending else None
                out.variants.append(Variant(line, int(pending["BANDWIDTH"]), [c.strip() for c in pending.get("CODECS", "").split(",") if c.strip()],
                                            size, float(pending["FRAME-RATE"]) if "FRAME-RATE" in pending else None, pending.get("AUDIO"), pending))
            except (KeyError, ValueError) as error:
                raise PlaylistError(f"bad EXT-X-STREAM-INF: {error}") from error
            pending = None
    if pending is not None:
        raise PlaylistError("EXT-X-STREAM-INF without URI")
    if not out.variants:
        raise PlaylistError("no variants")
    return out


def parse_media(text: str) -> Media:
    target = sequence = None
    out = Media(0, 0, [])
    extinf = date = None
    map_uri = None
    discontinuity = gap = False
    seen: set = set()
    running: float | None = None

    def once(tag: str) -> None:
        if tag in seen:
            raise PlaylistError(f"{tag} twice")
        seen.add(tag)

    if not text.endswith("\n"):
        raise PlaylistError("playlist does not end in a line end: cut off?")
    try:
        for line in _lines(text):
            tag, _, value = line.partition(":")
            if tag == "#EXT-X-TARGETDURATION":
                once(tag)
                target = int(value)
            elif tag == "#EXT-X-MEDIA-SEQUENCE":
                once(tag)
                if out.segments:
                    raise PlaylistError("EXT-X-MEDIA-SEQUENCE after a segment")
                sequence = int(value)
            elif tag == "#EXT-X-DISCONTINUITY-SEQUENCE":
                once(tag)
                out.discontinuity_sequence = int(value)
            elif tag == "#EXT-X-VERSION":
                once(tag)
                out.version = int(value)
            elif tag == "#EXT-X-ENDLIST":
                out.endlist = True
            elif tag == "#EXT-X-SERVER-CONTROL":
                out.server_control = attributes(value)
            elif tag == "#EXT-X-DATERANGE":
                out.dateranges.append(attributes(value))
            elif tag == "#EXT-X-MAP":
                map_uri = attributes(value)["URI"]
            elif tag == "#EXT-X-DISCONTINUITY":
                discontinuity = True
            elif tag == "#EXT-X-GAP":
                gap = True
            elif tag == "#EXT-X-PROGRAM-DATE-TIME":
                date = parse_date(value)
            elif tag == "#EXTINF":
                extinf = float(value.split(",", 1)[0])
                if "," not in value:
                    raise PlaylistError("EXTINF without comma")
            elif tag in ("#EXT-X-STREAM-INF", "#EXT-X-MEDIA"):
                raise PlaylistError("multivariant tags in a media playlist")
            elif line and not line.startswith("#"):
                if extinf is None:
                    raise PlaylistError(f"URI {line[:60]!r} without EXTINF")
                start = date if date is not None else running
                out.segments.append(Segment((sequence or 0) + len(out.segments), line, extinf, start, date is not None, discontinuity, gap, map_uri))
                running = start + extinf if start is not None else None
                extinf = date = None
                discontinuity = gap = False
    except (KeyError, ValueError) as error:
        if isinstance(error, PlaylistError):
            raise
        raise PlaylistError(f"bad value: {error}") from error
    if target is None or target < 1:
        raise PlaylistError("no EXT-X-TARGETDURATION")
    if extinf is not None:
        raise PlaylistError("EXTINF without URI")
    out.target, out.sequence = target, sequence or 0
    needed = 6 if map_uri else 3
    if out.version < needed:
        raise PlaylistError(f"EXT-X-VERSION {out.version}, the tags need {needed}")
    return out
