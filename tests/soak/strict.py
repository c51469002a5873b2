#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Ten minutes on air under the strict client: breaks, one of them ended early, a source loss, a late joiner. 0 faults.

    strict.py [--minutes 10] [--fps 30|29.97|25] [--ladder v720,v360] [--record DIR]

Three viewers watch all renditions from the beginning, one joins late and inside a break. Each cue is asked for at an odd
frame. Every viewer must have 0 faults, and no two may disagree in numbers, EXTINF and dates. Exit code 3: void, because the
machine was so busy that the publisher stalled, and nothing but late segments was found.
"""
from __future__ import annotations

import argparse
import json
import math
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import rig  # noqa: E402

EPOCH = rig.seconds_of("2026-01-01T00:00:00Z")  # of the demo's channel


def odd_frame(programme: rig.Programme, ahead: float) -> tuple[int, float]:
    """The first odd frame of the channel's grid at least so many seconds from now: its tick, and seconds since 1970."""
    frame = rig.TICKS * programme.ratio[1] // programme.ratio[0]
    number = math.ceil((time.time() + ahead - EPOCH) * rig.TICKS / frame) | 1
    return number * frame, EPOCH + number * frame / rig.TICKS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--fps", default="30", choices=("25", "29.97", "30"))
    parser.add_argument("--ladder", default="v720,v360")
    parser.add_argument("--record", metavar="DIR", help="keep what each viewer saw, as recordings of strict_client.py")
    options = parser.parse_args()
    bounds = rig.Bounds()
    programme = rig.Programme(options.fps)
    counts = {"breaks": 0, "early": 0, "losses": 0}

    def viewer(name: str):
        record = pathlib.Path(options.record) / name if options.record else None
        client = channel.viewer(name, record=record)
        client.start()
        return client

    def start_break(units: int) -> dict:
        tick, date = odd_frame(programme, 6)
        span = channel.cue("break_start", seconds=units, at=date)
        counts["breaks"] += 1
        bounds.most(f"break {counts['breaks']} of {units} units starts this far from the odd frame asked for, in ticks", abs(span["start_tick"] - tick), 0)
        return span

    with rig.folder_of(bounds, "strict") as folder:
        with rig.Rig(folder, programme, tuple(options.ladder.split(","))) as channel:
            channel.start()
            channel.publish()
            channel.on_air(2)
            log = channel.log_size()
            viewers = {name: viewer(name) for name in ("anna", "bruno", "dana")}
            begun = time.time()
            end = begun + options.minutes * 60
            turn = 0
            while time.time() < end - 40:
                turn += 1
                span = start_break((30, 17, 23)[turn % 3])
                begin, finish = rig.seconds_of(span["start"]), rig.seconds_of(span["end"])
                if turn % 2 == 0:
                    channel.sleep_until(begin + 9.7)
                    channel.cue("break_end")
                    counts["early"] += 1
                    finish = time.time() + 2
                if turn == 1:
                    channel.sleep_until(begin + 6)
                    viewers["chadia"] = viewer("chadia")  # the late joiner
                channel.sleep_until(finish + 7)
                if turn % 3 == 2 or (turn == 1 and options.minutes < 4):
                    channel.pusher.kill()
                    time.sleep(7)
                    channel.publish()
                    counts["losses"] += 1
                    time.sleep(10)
            channel.sleep_until(end)
            for client in viewers.values():
                client.stopping.set()
            for name, client in viewers.items():
                client.stop()
                report = client.report()
                bounds.no_faults(f"{name}: {report['segments']} segments in {report['seconds']:.0f} s", client.faults)
            bounds.no_faults("between viewers", rig.rules.compare({n: v.checker for n, v in viewers.items()}))
            lines = channel.log_lines(log)
            complaints = [line for line in lines if "source lost" not in line]
            stalls = len(lines) - len(complaints) - counts["losses"]  # the publisher was not given the time to publish
            for line in complaints[:10]:
                print("       ", line)
            bounds.least("breaks", counts["breaks"], 1)
            bounds.least("early ends", counts["early"], 1)
            bounds.least("source losses", counts["losses"], 1)
            bounds.most("holes", channel.metric("dvpe_holes_total"), 0)
            print(json.dumps({"soak": "strict", "fps": options.fps, "minutes": round((time.time() - begun) / 60, 2), **counts,
                              "viewers": len(viewers), "segments": sum(v.report()["segments"] for v in viewers.values()),
                              "faults": sum(len(v.faults) for v in viewers.values()), "complaints": len(complaints), "stalls": stalls,
                              "fallbacks": channel.metric("dvpe_variants_fallen_back")}))
            late = {f.rule for v in viewers.values() for f in v.faults} == {"stale"}
            if stalls > 0 and late:
                print(f"void: the machine kept the publisher from publishing {stalls} time(s), and segments came late")
                return 3
    return bounds.exit_code()


if __name__ == "__main__":
    sys.exit(main())
