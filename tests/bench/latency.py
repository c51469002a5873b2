#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""How long a picture takes through a node, from the wire to its encoded packet, while a programme is on air.

    latency.py [--json] [--seconds N]

A node of its own takes a pre-encoded 720p30 programme over RTMP from ffmpeg (-re -c copy), once without and once with two
B-frames: motion everywhere and a scene cut every 5 s. It encodes 720p30 and 360p, superfast, as the programme and as one
variant, which one session watches. Counted is every picture of every encoder, from the last byte of the access unit after
which the decoder can put the picture out to its encoded packet, as the node's debug log says it, in microseconds; the
first 5 s, in which the variant comes on air, are left out. frame_ms holds all pictures, segment_start_ms those that open
a segment (a fresh encoder, painting, an IDR picture). published_ms: from a cell's last encoded picture to its place in
playlists. Of the two runs the worse figure counts.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import re
import shutil
import tempfile
import time
import urllib.request

import bench_common as common
import nodeproc

TARGETS = {"frame_ms_p99": 50.0, "segment_start_ms_p99": 100.0, "frame_ms_max": 300.0}
SETTLE_SECONDS = 5.0
_PICTURE = re.compile(rb"picture encoded channel=bench us=(\d+) start=([01])")
_CELL = re.compile(rb"cell published channel=bench us=(\d+)")


def document(kind: str, name: str, body: dict) -> dict:
    return {"kind": kind, "id": name, "organisation": "bench", "revision": 1, "body": body}


def documents() -> list[dict]:
    def rung(name, width, height, maxrate, crf):
        return {"name": name, "width": width, "height": height, "maxrate": maxrate, "preset": "superfast", "x264": f"crf={crf}", "threads": 1}
    return [
        document("profile", "bench", {"fps": "30", "rungs": [rung("v720", 1280, 720, 3500000, 23), rung("v360", 640, 360, 900000, 24)], "audioBitrate": 128000}),
        document("channel", "bench", {"title": "Latency", "profile": "bench", "epoch": "2026-01-01T00:00:00Z", "windowSeconds": 60}),
        document("overlay", "lower-third", {
            "layers": [{"kind": "shape", "name": "panel", "x": 40, "y": 780, "width": 920, "height": 150, "colour": "#0b1220d0", "shape": "rounded", "radius": 24},
                       {"kind": "text", "name": "line", "x": 60, "y": 800, "width": 880, "height": 110, "text": "A programme of your own", "size": 60, "weight": 700,
                        "align": "centre", "colour": "#ffffff"}]}),
        document("ruleset", "bench", {"channel": "bench", "fields": [], "rules": [
            {"id": "everybody", "when": "true", "actions": [{"showOverlay": {"overlay": "lower-third"}}]}]}),
    ]


def configuration(folder: pathlib.Path) -> dict:
    (folder / "documents").mkdir()
    for each in documents():
        (folder / "documents" / f"{each['kind']}-{each['id']}.json").write_text(json.dumps(each), encoding="utf-8")
    (folder / "personas.json").write_text(json.dumps([{"name": "viewer", "title": "Somebody", "attributes": {"viewer": {}}, "consent": []}]))
    return {"node": {"state": str(folder / "state")}, "http": {"address": "127.0.0.1", "port": 0}, "rtmp": {"address": "127.0.0.1", "port": 0},
            "documents": {"folder": str(folder / "documents"), "unsigned": True}, "media": {"folder": str(folder / "media")},
            "log": {"level": "debug", "format": "text"}, "demo": {"personas_file": str(folder / "personas.json")}}


class Viewer:
    """One session that asks for its playlists as a player does, so that its variant stays on air."""

    def __init__(self, base: str):
        self.base = base
        ask = urllib.request.Request(base + "/v1/sessions", data=json.dumps({"channel": "bench", "persona": "viewer"}).encode(),
                                     headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(ask, timeout=10) as answer:
            self.master = json.load(answer)["playlist"]

    def poll(self) -> None:
        status, body = nodeproc.http_get(self.base + self.master if self.master.startswith("/") else self.master)
        if status != 200:
            return
        for line in body.decode().splitlines():
            if line and not line.startswith("#"):
                nodeproc.http_get(self.base + line if line.startswith("/")
                                  else self.base + self.master.rsplit("/", 1)[0] + "/" + line)


def run(bframes: int, seconds: int) -> dict:
    programme = common.programme(60, bframes, True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-latency-"))
    machine = common.Machine()
    try:
        with nodeproc.Node(nodeproc.default_node(), configuration(folder), folder) as node:
            key = node.command("keys", "stream", "--channel", "bench").split()[-1]
            node.restart()
            with nodeproc.Push(programme, f"rtmp://127.0.0.1:{node.rtmp}/live/{key}", folder / "push.log", loop=True):
                viewer = Viewer(node.base)
                nodeproc.wait_until(lambda: node.metrics().get("dvpe_variants_on_air", {}) and nodeproc.metric(node.metrics(), "dvpe_variants_on_air") == 1
                                    or viewer.poll(), 30, "the variant to be on air", 0.5)
                settled = time.monotonic() + SETTLE_SECONDS
                while time.monotonic() < settled:
                    viewer.poll()
                    time.sleep(1)
                skip = node.log_path.stat().st_size
                machine = common.Machine()
                cpu = node.process.cpu_seconds()
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    viewer.poll()
                    time.sleep(min(2.0, max(0.0, end - time.monotonic())))
                disturbed = machine.since()
                cpu = node.process.cpu_seconds() - cpu
                on_air = nodeproc.metric(node.metrics(), "dvpe_variants_on_air")
        log = node.log_path.read_bytes()[skip:]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    pictures = [(int(us) / 1000, start == b"1") for us, start in _PICTURE.findall(log)]
    starts = [ms for ms, start in pictures if start]
    cells = [int(us) / 1000 for us in _CELL.findall(log)]
    if on_air != 1 or len(pictures) < seconds * 30 * 4 * 0.9 or not cells:
        raise RuntimeError(f"not what was to be measured: {on_air} variants, {len(pictures)} pictures, {len(cells)} cells")
    every = [ms for ms, _ in pictures]
    return {"frame_ms_p50": common.percentile(every, 0.5), "frame_ms_p99": common.percentile(every, 0.99),
            "segment_start_ms_p99": common.percentile(starts, 0.99), "frame_ms_max": max(every),
            "published_ms_p99": common.percentile(cells, 0.99), "pictures": len(pictures), "segment_starts": len(starts),
            "node_cores": round(cpu / seconds, 2), **disturbed}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--json", action="store_true", help="one line of JSON on standard output")
    options.add_argument("--seconds", type=int, default=60, help="of each run (60)")
    asked = options.parse_args()
    runs = {}
    for bframes in (0, 2):
        runs[f"bframes_{bframes}"] = run(bframes, asked.seconds)
        common.say(f"{bframes} B-frames:", json.dumps(runs[f"bframes_{bframes}"]))
    figures = ("frame_ms_p50", "frame_ms_p99", "segment_start_ms_p99", "frame_ms_max", "published_ms_p99")
    result = {name: round(max(r[name] for r in runs.values()), 1) for name in figures}
    result["steal_percent"] = max(r["steal_percent"] for r in runs.values())
    result["busy_percent"] = max(r["busy_percent"] for r in runs.values())
    result["cores"] = common.cores()
    result["seconds"] = asked.seconds
    result["runs"] = runs
    result["ok"] = all(result[name] < most for name, most in TARGETS.items())
    if asked.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            if name != "runs":
                print(f"{name:22} {value}" + (f"   (target below {TARGETS[name]})" if name in TARGETS else ""))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
