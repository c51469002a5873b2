#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Law 3, proved: one stamped recording replayed into several nodes gives the same bytes.

    replay.py [--short] [--ladder v360[,v720]] [--segments 30] [--keep DIR]

Records a programme with a break at an odd frame and an event, then replays the recording
  first      from its beginning, as this machine is,
  second     20 s in, on one core, with baseline CPU flags (libav, x264, Qt),
  in-break   the same, joining inside the break,
and compares the SHA-256 of every segment that two of them have: all video must be equal, at least --segments for each
variant that is on air throughout. What the recording node itself listed is compared too.
--short: a few segments at 360p, one second node that joins inside the break.
"""
from __future__ import annotations

import argparse
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import rig  # noqa: E402

# Qt 6.4 as Debian builds it needs a hand to hear this variable (tests/unit/shared/overlay/fewer_cpu_features.cpp).
NO_QT_CPU = "sse3 ssse3 sse4.1 sse4.2 avx avx2 avx512f"


def record(folder: pathlib.Path, ladder: tuple, plan: dict) -> tuple[pathlib.Path, dict, rig.Rig]:
    """(recording, base segments that the node itself stored, the stopped rig)."""
    channel = rig.Rig(folder, rig.Programme("30"), ladder, config={"record": {"folder": str(folder / "recorded")}})
    (folder / "recorded").mkdir(exist_ok=True)
    with channel:
        channel.start()
        channel.publish()
        channel.on_air(1)
        begun = time.time()
        steps = sorted([(plan["break_at"], "break_start", {"seconds": plan["break_units"]}), (plan["event"][0], "mark_open", {"name": "weather"}),
                        (plan["event"][1], "mark_close", {"name": "weather"})])
        for at, kind, fields in steps:
            channel.sleep_until(begun + at)
            channel.cue(kind, **fields)
        channel.sleep_until(begun + plan["seconds"])
        channel.node.stop()
    own = {}
    for file in (channel.state / "demo" / "m" / "demo-1").glob("*/*/*.m4s"):
        own[(file.parts[-3], file.parts[-2], int(file.stem))] = hashlib.sha256(file.read_bytes()).hexdigest()
    recordings = list((folder / "recorded").glob("*.stamped"))
    if len(recordings) != 1:
        raise RuntimeError(f"one recording was expected: {recordings}")
    return recordings[0], own, channel


def replay(channel: rig.Rig, recording: pathlib.Path, name: str, start: float = 0, baseline: bool = False) -> dict:
    """{(variant, rendition, start tick): sha256}"""
    command = [str(channel.binary), "replay", str(recording), "--config", str(channel.node.config_path)]
    environment = {**os.environ, "DVPE_NODE_STATE": str(channel.folder / name), "DVPE_RECORD_FOLDER": ""}
    if start:
        command += ["--from", str(start)]
    if baseline:
        command = ["taskset", "-c", "0", *command]
        environment |= {"DVPE_NODE_CPU": "baseline", "QT_NO_CPU_FEATURE": NO_QT_CPU}
        preload = rig.nodeproc.default_node().resolve().parents[1] / "tests" / "overlay_fewer_cpu_features.so"
        if preload.exists():
            environment["LD_PRELOAD"] = str(preload)
        else:
            print("  Qt keeps its CPU features: overlay_fewer_cpu_features.so is not built")
    begun = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise RuntimeError(f"replay {name} ended with {done.returncode}\n{done.stderr[-3000:]}")
    segments = {}
    for line in done.stdout.splitlines():
        variant, rendition, at, digest = line.split()
        segments[(variant, rendition, int(at))] = digest
    print(f"  {name}: {len(segments)} segments in {time.monotonic() - begun:.0f} s", flush=True)
    return segments


def compare(bounds: rig.Bounds, name: str, first: dict, second: dict, least: int, variants: int) -> None:
    """variants: so many, the base among them, must have `least` common segments in each rendition."""
    common = {k for k in first if k in second}
    video = {k for k in common if k[1].startswith("v")}
    unequal = sorted(k for k in video if first[k] != second[k])
    for key in unequal[:5]:
        print("        differs:", *key)
    counts: dict = {}
    for variant, rendition, _ in video:
        counts[(variant, rendition)] = counts.get((variant, rendition), 0) + 1
    whole = sum(1 for variant in {v for v, _ in counts} if all(c >= least for (v, _), c in counts.items() if v == variant))
    bounds.most(f"{name}: video segments that differ, of {len(video)}", len(unequal), 0)
    bounds.least(f"{name}: variants with at least {least} common segments (of {len({v for v, _ in counts})} seen)", whole, variants)
    sound = {k for k in common if k[1].startswith("a")}
    bounds.most(f"{name}: audio segments (passed through) that differ, of {len(sound)}", sum(first[k] != second[k] for k in sound), 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--ladder", default="v360")
    parser.add_argument("--segments", type=int, default=30)
    parser.add_argument("--keep", metavar="DIR", help="work in this folder and leave it")
    options = parser.parse_args()
    folder = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="dvpe-replay-"))
    bounds = rig.Bounds()
    # Seconds of wall time after the first listed cell; the recording begins some seconds earlier.
    if options.short:
        plan = {"seconds": 22, "break_at": 4.3, "break_units": 6, "event": (12, 17)}
    else:
        plan = {"seconds": 36 + 4.1 * options.segments + 16, "break_at": 20.3, "break_units": 16, "event": (62.2, 73.4)}
    try:
        recording, own, channel = record(folder, tuple(options.ladder.split(",")), plan)
        least, joined_at = (2, 11) if options.short else (options.segments, 33)
        first = replay(channel, recording, "first")
        compare(bounds, "recording node", first, own, 1, 1)
        personas = 4  # base, and three cohorts at least with an overlay that is always on air
        if not options.short:
            compare(bounds, "second, 20 s in", first, replay(channel, recording, "second", 20, baseline=True), least, personas)
        compare(bounds, "second, inside the break", first, replay(channel, recording, "in-break", joined_at, baseline=True), least, 1 if options.short else personas)
    finally:
        if not options.keep and not bounds.broken:
            shutil.rmtree(folder, ignore_errors=True)
    return bounds.exit_code()


if __name__ == "__main__":
    sys.exit(main())
