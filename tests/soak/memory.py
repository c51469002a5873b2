#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Memory stays flat: 100 publish/unpublish cycles, then 30 minutes on air; RSS grows by under 1 % after the first 5 minutes.

    memory.py [--minutes 30] [--settle 5] [--cycles 100] [--ladder v360] [--csv FILE]

On air there are breaks, four viewers that ask for everything, one of them with a new session each minute. Measured is the
resident size once a second; compared are the median of the minute after --settle and that of the last minute. Of the
cycles, the same over medians in their middle (the window is full then) and at their end.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import rig  # noqa: E402
import nodeproc  # noqa: E402


def cycles(channel: rig.Rig, count: int) -> list[int]:
    """RSS after each publish/unpublish: two seconds of programme each, the connection closed by the publisher."""
    sizes = []
    for _ in range(count):
        before = channel.metric("dvpe_frame_seconds_count") or 0
        channel.publish()
        nodeproc.wait_until(lambda: (channel.metric("dvpe_frame_seconds_count") or 0) > before + 40, 20, "pictures of the programme")
        channel.pusher.stop()
        sizes.append(channel.node.process.rss_bytes())
    return sizes


def on_air(channel: rig.Rig, minutes: float, csv) -> list[tuple[float, int]]:
    """(second, RSS) of the time on air."""
    channel.publish()
    channel.on_air(1, 60)
    viewers = [channel.viewer(name) for name in ("anna", "bruno", "chadia", "dana")]
    for viewer in viewers:
        viewer.start()
    begun = time.monotonic()
    samples, next_break, next_session = [], 20.0, 60.0
    while (now := time.monotonic() - begun) < minutes * 60:
        samples.append((now, channel.node.process.rss_bytes()))
        if csv:
            csv.write(f"{now:.1f},{samples[-1][1]}\n")
            csv.flush()
        if now >= next_break:
            next_break += 60
            try:
                channel.cue("break_start", seconds=20)
            except RuntimeError as refused:  # the one before is still on air: a machine that is busy
                print(f"  {refused}")
        if now >= next_session:
            next_session += 60
            channel.playlist_url("anna")
        time.sleep(1)
    faults = [fault for viewer in viewers for fault in stop(viewer).faults]
    for fault in faults[:10]:
        print("       ", fault)
    print(f"  faults of the viewers meanwhile: {len(faults)}")
    return samples


def stop(viewer):
    viewer.stop()
    return viewer


def median(samples: list[tuple[float, int]], begin: float, end: float) -> float:
    return statistics.median(size for at, size in samples if begin <= at < end)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--settle", type=float, default=5, help="minutes until memory has to be flat")
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--ladder", default="v360")
    parser.add_argument("--csv", metavar="FILE", help="second,bytes of the time on air")
    options = parser.parse_args()
    bounds = rig.Bounds()
    result: dict = {"soak": "memory", "cycles": options.cycles, "minutes": options.minutes}
    with rig.folder_of(bounds, "memory") as folder:
        with rig.Rig(folder, rig.Programme("30"), tuple(options.ladder.split(","))) as channel:
            channel.start()
            if options.cycles:
                sizes = cycles(channel, options.cycles)
                some = max(1, len(sizes) // 10)
                early = statistics.median(sizes[len(sizes) // 2:len(sizes) // 2 + some])
                late = statistics.median(sizes[-some:])
                result |= {"cycles_mb": [round(early / 1e6, 2), round(late / 1e6, 2)], "cycles_growth": round(late / early - 1, 5)}
                bounds.most(f"growth over {options.cycles} publications , second half", 100 * (late / early - 1), 1.0, " %")
                bounds.most("open files after them", channel.node.process.open_files(), 60)
            if options.minutes:
                with open(options.csv or "/dev/null", "w", encoding="utf-8") as csv:
                    samples = on_air(channel, options.minutes, csv)
                settle = min(options.settle, options.minutes / 2) * 60
                early = median(samples, settle, settle + 60)
                late = median(samples, options.minutes * 60 - 60, options.minutes * 60)
                result |= {"on_air_mb": [round(early / 1e6, 2), round(late / 1e6, 2)], "on_air_growth": round(late / early - 1, 5)}
                bounds.most(f"growth on air from minute {settle / 60:.0f} to minute {options.minutes:.0f}", 100 * (late / early - 1), 1.0, " %")
            print(json.dumps(result))
    return bounds.exit_code()


if __name__ == "__main__":
    sys.exit(main())
