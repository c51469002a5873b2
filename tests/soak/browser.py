#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Each persona in headless Chromium over two breaks, one after the other, while the others watch with the strict client.

    browser.py [--only NAME ...] [--json]

Exit code 0 when no player ever waited, no error was found, one range was buffered, each saw the programme and their own
advertisements alone, and the programme's numbers went on where they must.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import nodeproc  # noqa: E402
import playback  # noqa: E402
import rules  # noqa: E402
import strict_client  # noqa: E402
import viewing  # noqa: E402

BREAK_SECONDS, SECONDS = 15, 80  # a player is some 15 s behind the cue
CREATIVE = {"anna": "ad-car-1", "bruno": "ad-bistro-1", "chadia": "ad-tea-1", "dana": "ad-house-1"}


def one(stage, person: str, media: dict, folder: pathlib.Path) -> dict:
    """One persona's turn in the browser."""
    others = {name: strict_client.StrictClient(stage.session(name)["playlist"]) for name in stage.personas if name != person}
    for client in others.values():
        client.start()
    browser = playback.Browser(stage.page(person), folder / f"{person}.log", SECONDS)
    answers = []
    for pause in (12, BREAK_SECONDS + 10):
        time.sleep(pause)
        answers.append(stage.cue("break_start", seconds=BREAK_SECONDS))
    seen = browser.result(SECONDS + 90)
    for client in others.values():
        client.stopping.set()
    for client in others.values():
        client.stop()
    faults = [f"{name}: {fault}" for name, client in others.items() for fault in client.faults]
    faults += [str(f) for f in rules.compare({name: client.checker for name, client in others.items()})]
    out = {"complaints": playback.complaints(seen), "shown": playback.shown(seen["values"]), "jumps": playback.timecode_jumps(seen["values"], media["loop"], viewing.FPS),
           "seconds": seen["seconds"], "frames": seen["frames_decoded"], "dropped": seen["frames_dropped"], "progress": seen["progress"],
           "others": {name: {"segments": client.report()["segments"], "faults": client.report()["faults"]} for name, client in others.items()}, "first_faults": faults[:10]}
    out["ok"] = (not out["complaints"] and not out["jumps"] and not faults and all(status == 200 for status, _ in answers)
                 and out["shown"] == ["programme", CREATIVE[person], "programme", CREATIVE[person], "programme"])
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=sorted(CREATIVE), default=sorted(CREATIVE))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    media = viewing.prepare()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-soak-"))
    results = {}
    try:
        with viewing.stage(media, folder / "node") as stage:
            stage.wait_segments(stage.session("anna"), 4)
            for person in options.only:
                results[person] = one(stage, person, media, folder)
                if not options.json:
                    print(f"{person}: {'fine' if results[person]['ok'] else 'NOT fine'} {json.dumps(results[person])}", flush=True)
            metrics = stage.node.metrics()
    finally:
        if not os.environ.get("DVPE_KEEP"):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(media["documents"], ignore_errors=True)
    good = all(r["ok"] for r in results.values())
    holes = nodeproc.metric(metrics, "dvpe_holes_total")
    if options.json:
        print(json.dumps({"ok": good, "holes": holes, "personas": results}))
    else:
        print(f"{'fine' if good else 'NOT fine'}: {len(results)} personas over two breaks each, {holes:.0f} holes")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
