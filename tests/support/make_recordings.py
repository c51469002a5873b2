#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Writes tests/data/recordings: a good synthetic recording, and one per rule in which just that is broken.

    make_recordings.py [FOLDER]

The stream is 29.97 fps with units of 1.001 s: cells of 4, 4, 4, 2 (the rest of a break), 4, 4, 4, 4 units, two video
renditions and one audio. Segments are real fragments around an almost empty mdat. The output is the same each time.
"""
from __future__ import annotations

import copy
import datetime
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import boxes  # noqa: E402
from strict_client import Recorder  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "data" / "recordings"
BASE = "http://127.0.0.1:8080/s/viewer/"
UNIT = 240240            # ticks of 1/240000 s: 30 frames at 29.97
FRAME = 8008
CELLS = (4, 4, 4, 2, 4, 4, 4, 4)
FIRST = 100
WINDOW = 4
START = 78_000_000_000 // UNIT * UNIT
EPOCH = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
VIDEO = {"v720": (1280, 720, 31), "v360": (640, 360, 30)}
RENDITIONS = ("v720", "v360", "a128")
BANDWIDTH = 3000  # the mdat is next to nothing


def cut(index: int) -> int:
    """Channel time of the cut before cell `index`, in ticks."""
    return START + sum(CELLS[:index]) * UNIT


def uri(rendition: str, index: int) -> str:
    if index in (2, 3):  # a break of six units
        return f"/c/demo/p1/{rendition}/{cut(index)}/ad-tea-1.{(index - 2) * 4}-{(index - 2) * 4 + CELLS[index]}.m4s"
    return f"/m/demo/p1/base/{rendition}/{cut(index)}.m4s"


def segment(rendition: str, index: int, shift: int = 0, sync: bool = True, extra: int = 0) -> bytes:
    """shift: of the decode time, in the rendition's timescale. extra: bytes more in the first sample."""
    if rendition in VIDEO:
        payload = (b"\x65" if sync else b"\x41") + b"\x88" + bytes(extra)
        payload = len(payload).to_bytes(4, "big") + payload
        return boxes.make_segment("video", cut(index) + shift, FRAME, CELLS[index] * 30, payload, sync, FIRST + index)
    slots = [round(cut(k) / 5 / 1024) for k in (index, index + 1)]  # 5 ticks are one sample at 48 kHz
    return boxes.make_segment("audio", slots[0] * 1024 + shift, 1024, slots[1] - slots[0], sequence=FIRST + index)


def date(index: int) -> str:
    when = EPOCH + datetime.timedelta(microseconds=round(cut(index) * 1_000_000 / 240_000))
    when += datetime.timedelta(microseconds=500)
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


def playlist(rendition: str, first: int, last: int) -> str:
    lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-TARGETDURATION:4", f"#EXT-X-MEDIA-SEQUENCE:{FIRST + first}",
             f'#EXT-X-MAP:URI="/m/demo/p1/base/{rendition}/init.mp4"']
    for k in range(first, last + 1):
        lines += [f"#EXT-X-PROGRAM-DATE-TIME:{date(k)}", f"#EXTINF:{CELLS[k] * 1.001:.3f},", uri(rendition, k)]
    return "\n".join(lines) + "\n"


def multivariant() -> str:
    lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS",
             '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="und",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="a128.m3u8"']
    for name, (width, height, level) in VIDEO.items():
        lines += [f'#EXT-X-STREAM-INF:BANDWIDTH={BANDWIDTH},CODECS="avc1.6400{level:02x},mp4a.40.2",RESOLUTION={width}x{height},FRAME-RATE=29.970,AUDIO="audio"',
                  f"{name}.m3u8"]
    return "\n".join(lines) + "\n"


def good() -> list[tuple[dict, bytes | None]]:
    """Events of one client that joins when four cells are cut and watches until eight are."""
    out: list[tuple[dict, bytes | None]] = [({"t": 0.0, "kind": "multivariant", "url": BASE + "index.m3u8", "status": 200, "text": multivariant()}, None)]
    end = sum(CELLS[:WINDOW]) * 1.001
    fetched: dict[str, int] = {name: -1 for name in RENDITIONS}
    for last in range(WINDOW - 1, len(CELLS)):
        at = sum(CELLS[:last + 1]) * 1.001 - end + 0.1
        for k, name in enumerate(RENDITIONS):
            t = round(at + k * 0.01, 3)
            out.append(({"t": t, "kind": "playlist", "rendition": name, "sent": t, "url": f"{BASE}{name}.m3u8", "status": 200,
                         "text": playlist(name, max(0, last - WINDOW + 1), last)}, None))
            if last == WINDOW - 1:
                width, height, level = VIDEO.get(name, (0, 0, 0))
                data = boxes.make_init("video" if name in VIDEO else "audio", 240000 if name in VIDEO else 48000, width, height, level=level)
                out.append(({"t": t, "kind": "init", "rendition": name, "url": f"http://127.0.0.1:8080/m/demo/p1/base/{name}/init.mp4", "status": 200}, data))
            for n in range(fetched[name] + 1, last + 1):
                out.append(({"t": t, "kind": "segment", "rendition": name, "msn": FIRST + n, "url": "http://127.0.0.1:8080" + uri(name, n), "status": 200},
                            segment(name, n)))
            fetched[name] = last
    return out


# ---- breaking one thing

class Edit:
    """Changes to a copy of the good recording."""

    def __init__(self) -> None:
        self.events = copy.deepcopy(good())

    def playlists(self, rendition: str | None = None) -> list[dict]:
        return [e for e, _ in self.events if e["kind"] == "playlist" and rendition in (None, e["rendition"])]

    def last(self, rendition: str) -> dict:
        return self.playlists(rendition)[-1]

    def rewrite(self, rendition: str, index: int, **options) -> None:
        for k, (event, _) in enumerate(self.events):
            if event["kind"] == "segment" and event["rendition"] == rendition and event["msn"] == FIRST + index:
                self.events[k] = (event, segment(rendition, index, **options))

    def shift_dates(self, names, milliseconds: int, indices) -> None:
        for name in names:
            for event in self.playlists(name):
                for k in indices:
                    when = datetime.datetime.fromisoformat(date(k).replace("Z", "+00:00")) + datetime.timedelta(milliseconds=milliseconds)
                    event["text"] = event["text"].replace(date(k), when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z")


def replaced(text: str, old: str, new: str) -> str:
    if old not in text:
        raise ValueError(f"{old!r} is not there to be broken")
    return text.replace(old, new)


def msn_uri(e: Edit) -> None:
    event = e.last("v360")
    event["text"] = replaced(event["text"], uri("v360", 5), uri("v360", 5).replace("/base/", "/other/"))


def target_duration(e: Edit) -> None:
    event = e.last("v360")
    event["text"] = replaced(event["text"], "TARGETDURATION:4", "TARGETDURATION:5")


def tfdt_gap(e: Edit) -> None:
    for name in VIDEO:
        for k in range(4, len(CELLS)):
            e.rewrite(name, k, shift=120)  # half a millisecond


def tfdt_overlap(e: Edit) -> None:
    for name in VIDEO:
        for k in range(4, len(CELLS)):
            e.rewrite(name, k, shift=-120)


def date_continuity(e: Edit) -> None:
    e.shift_dates(RENDITIONS, 40, range(5, len(CELLS)))


def bandwidth(e: Edit) -> None:
    e.rewrite("v360", 4, extra=1500)


def msn_backwards(e: Edit) -> None:
    e.last("v360")["text"] = e.playlists("v360")[1]["text"]


def head_removal(e: Edit) -> None:
    event = e.last("v360")
    event["text"] = replaced(event["text"], f"MEDIA-SEQUENCE:{FIRST + 4}", f"MEDIA-SEQUENCE:{FIRST + 3}")


def window_short(e: Edit) -> None:
    e.last("a128")["text"] = playlist("a128", len(CELLS) - 2, len(CELLS) - 1)


def listed_404(e: Edit) -> None:
    for k, (event, _) in enumerate(e.events):
        if event["kind"] == "segment" and event["rendition"] == "v720" and event["msn"] == FIRST + 5:
            e.events[k] = ({**event, "status": 404}, b"")


def removed_404(e: Edit) -> None:
    event = next(e for e, _ in e.events if e["kind"] == "segment" and e["rendition"] == "v720" and e["msn"] == FIRST)
    e.events.append(({"t": 4.2, "kind": "removed", "rendition": "v720", "msn": FIRST, "url": event["url"], "status": 404}, None))


def stale(e: Edit) -> None:
    for name in RENDITIONS:
        late = copy.deepcopy(e.last(name))
        late["t"] = late["sent"] = round(late["t"] + 6.2, 3)  # 1.5 x 4 s is 6 s
        e.events.append((late, None))


def init_changed(e: Edit) -> None:
    url = "http://127.0.0.1:8080/m/demo/p1/base/v360/init.mp4"
    e.events.append(({"t": 17.0, "kind": "init", "rendition": "v360", "url": url, "status": 200}, boxes.make_init("video", 240000, 640, 360, level=31)))


def codecs(e: Edit) -> None:
    e.events[0][0]["text"] = replaced(e.events[0][0]["text"], "avc1.64001e", "avc1.64001f")


def independent(e: Edit) -> None:
    e.rewrite("v360", 5, sync=False)


def discontinuity(e: Edit) -> None:
    for event in e.playlists():
        mark = f"#EXT-X-PROGRAM-DATE-TIME:{date(4)}"
        event["text"] = event["text"].replace(mark, "#EXT-X-DISCONTINUITY\n" + mark)


def av_skew(e: Edit) -> None:
    for k in range(len(CELLS)):
        e.rewrite("a128", k, shift=1024)


def renditions_disagree(e: Edit) -> None:
    e.shift_dates(["v720"], 3, range(len(CELLS)))


def segment_boxes(e: Edit) -> None:
    for k, (event, data) in enumerate(e.events):
        if event["kind"] == "segment" and event["rendition"] == "a128" and event["msn"] == FIRST + 7:
            e.events[k] = (event, data[:-3])


def http_status(e: Edit) -> None:
    e.last("a128").update(status=503, text="")


def playlist_syntax(e: Edit) -> None:
    event = e.last("v720")
    event["text"] = event["text"][:-40]


def cross_viewer(e: Edit) -> None:
    """Flawless alone: another channel's clock, to be compared with the good one."""
    e.shift_dates(RENDITIONS, 3, range(len(CELLS)))


BREAKS = (msn_uri, target_duration, tfdt_gap, tfdt_overlap, date_continuity, bandwidth, msn_backwards, head_removal, window_short, listed_404, removed_404, stale,
          init_changed, codecs, independent, discontinuity, av_skew, renditions_disagree, segment_boxes, http_status, playlist_syntax, cross_viewer)


def write(folder: pathlib.Path, recorded) -> None:
    recorder = Recorder(folder, inline=True)
    for event, data in recorded:
        recorder.write(dict(event), data)
    recorder.close()


def main() -> int:
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    write(folder / "good", good())
    for change in BREAKS:
        edit = Edit()
        change(edit)
        write(folder / change.__name__, edit.events)
    return 0


if __name__ == "__main__":
    sys.exit(main())
