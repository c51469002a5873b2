#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Sound and picture stay together: clap and flash within 22 ms before, in and after a break, at three phases of the source's
AAC frames against the channel's slots.

    av.py [--fps 30|29.97] [--seconds 12]      seconds watched before and after the break of 15 units

The phase is a fact of the moment at which the publisher is anchored: it is read from the node's stamped recording, and the
programme is published again until each third of a frame has had its turn. Everything is decoded from what a viewer fetched.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import rig  # noqa: E402
import media_rules  # noqa: E402
import nodeproc  # noqa: E402

SLOT = 1024 * 5  # ticks
UNITS = 15


class Stamped:
    """Follows a recording that is being written (node/timeline/recording.h) for the audio packets in it."""

    def __init__(self, folder: pathlib.Path):
        self.file = open(next(iter(folder.glob("*.stamped"))), "rb")
        self.file.seek(len(b"DVPE-STAMPED 1\n"))  # which may not be on disk yet

    def audio_times(self) -> list[int]:
        """The ticks of the audio packets since the last call."""
        out = []
        while True:
            at = self.file.tell()
            head = self.file.read(4)
            body = self.file.read(struct.unpack(">I", head)[0]) if len(head) == 4 else b""
            if len(head) < 4 or len(body) < struct.unpack(">I", head)[0]:
                self.file.seek(at)
                return out
            if body[:1] == b"A":
                out.append(struct.unpack(">q", body[2:10])[0])


def publish_at(channel: rig.Rig, stamped: Stamped, third: int) -> float:
    """Publishes until the source's AAC frames lie in this third of a slot. The phase, in slots."""
    for _ in range(60):
        if channel.pusher:
            channel.pusher.stop()
        stamped.audio_times()
        channel.publish()
        times: list[int] = []

        def heard():
            times.extend(stamped.audio_times())
            return len(times) >= 40 or not channel.pusher.running  # refused: the one before was still there
        nodeproc.wait_until(heard, 30, "sound in the recording", 0.1)
        if len(times) < 40:
            continue
        recent = [t % SLOT for t in times[-30:]]
        if max(recent) - min(recent) > SLOT / 2:  # RTMP's milliseconds around the border
            recent = [(t + SLOT // 2) % SLOT - SLOT // 2 for t in recent]
        phase = sum(recent) / len(recent) / SLOT % 1
        if int(phase * 3) == third:
            return phase
    raise RuntimeError(f"no publication lay in third {third}")


def fetched_until(client, rendition: str) -> float:
    """The date at which what was fetched ends."""
    with client.lock:
        segments = client.checker.renditions[rendition].segments
        return max((segments[n].date + segments[n].extinf for n in client.media.segments.get(rendition, {}) if n in segments), default=0.0)


def zone(client, begin: float, end: float) -> tuple[list, dict]:
    """Offsets of the flashes in what was fetched of [begin, end)."""
    state = client.checker.renditions["v360"]
    numbers = [n for n, s in sorted(state.segments.items()) if begin - 0.01 <= s.date and s.date + s.extinf <= end + 0.01 and
               n in client.media.segments["v360"] and n in client.media.segments["a0"]]
    return media_rules.check_run(client.media.inits["v360"], [client.media.segments["v360"][n] for n in numbers],
                                 client.media.inits["a0"], [client.media.segments["a0"][n] for n in numbers])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fps", default="30", choices=("29.97", "30"))
    parser.add_argument("--seconds", type=float, default=12)
    options = parser.parse_args()
    bounds = rig.Bounds()
    rows = []
    with rig.folder_of(bounds, "av") as folder:
        (folder / "recorded").mkdir()
        with rig.Rig(folder, rig.Programme(options.fps), config={"record": {"folder": str(folder / "recorded")}}) as channel:
            channel.start()
            stamped = Stamped(folder / "recorded")
            for third in range(3):
                phase = publish_at(channel, stamped, third)
                channel.on_air(3)  # the programme is back at a cut
                anna = channel.viewer("anna", keep=True)
                anna.start()
                begun = time.time()
                time.sleep(max(0.0, options.seconds - 6))
                span = channel.cue("break_start", seconds=UNITS, at=time.time() + 6.35)
                begin, end = rig.seconds_of(span["start"]), rig.seconds_of(span["end"])
                nodeproc.wait_until(lambda: all(fetched_until(anna, r) >= end + options.seconds for r in ("v360", "a0")), 120, "what follows the break", 0.5)
                anna.stop()
                bounds.no_faults(f"phase {phase:.2f}: strict client", anna.faults)
                for name, a, b in (("before", begun - 4, begin), ("in", begin, end), ("after", end, end + options.seconds + 8)):
                    faults, stats = zone(anna, a, b)
                    faults = [f for f in faults if f.rule == "av_offset"]
                    bounds.no_faults(f"phase {phase:.2f} {name} the break: clap and flash, {stats.get('offset_ms_min')} to {stats.get('offset_ms_max')} ms", faults)
                    bounds.least(f"phase {phase:.2f} {name} the break: flashes judged", stats.get("judged", 0), 3)
                    rows.append({"phase": round(phase, 3), "zone": name, "judged": stats.get("judged", 0), "min": stats.get("offset_ms_min"), "max": stats.get("offset_ms_max")})
        offsets = [abs(row[k]) for row in rows for k in ("min", "max") if row[k] is not None]
        print(json.dumps({"soak": "av", "fps": options.fps, "worst_ms": max(offsets, default=None), "rows": rows}))
    return bounds.exit_code()


if __name__ == "__main__":
    sys.exit(main())
