#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""What six variants of one rung cost, against six ffmpeg processes and against the least that encoding alone costs.

    render.py [--json] [--seconds N] [--repeat N]

Each part of the programme (12 s) goes through all three, one after the other, in turning order, so that whatever else the
machine does falls on all of them alike:
  ours    one process: decode once, scale, blend each variant's lower third, a fresh encoder per segment, CMAF files
  ffmpeg  six processes at once: decode, overlay filter with the lower third pre-painted as a PNG, the same x264 settings
  floor   one decode and six bare encoders, closed GOPs of 4 s
The programme is coded as OBS does by default: x264 veryfast, High, B-frames, a key frame every 2 s, 6 Mbit/s.
CPU is user and system time of all processes, from their start to their end. PSNR is of luma and chroma together, of both
outputs against the decoded source with the PNG composed on it, uncompressed.
"""
from __future__ import annotations

import argparse
import json
import math
import pathlib
import re
import subprocess
import tempfile

import bench_common as common

PART_SECONDS = 12
BENCH = common.BUILD / "bench" / "bench_render"
TARGETS = {"ratio": 0.67, "over_floor": 1.15, "psnr_delta": -0.3, "bytes_ratio": 1.25}


def tool(*words) -> str:
    return subprocess.run([str(BENCH), *map(str, words)], capture_output=True, text=True, check=True).stdout


def paint(folder: pathlib.Path) -> list[dict]:
    places = json.loads(tool("paint", folder))
    for v, p in enumerate(places):
        common.ffmpeg("-f", "rawvideo", "-pix_fmt", "rgba", "-s", f"{p['width']}x{p['height']}", "-i", folder / f"lower-{v}.rgba",
                      "-frames:v", "1", folder / f"lower-{v}.png")
    return places


def parts_of(programme: pathlib.Path, folder: pathlib.Path) -> list[pathlib.Path]:
    common.ffmpeg("-i", programme, "-map", "0:v", "-c", "copy", "-f", "segment", "-segment_time", PART_SECONDS, "-reset_timestamps", "1",
                  folder / "part-%02d.mp4")
    return sorted(folder.glob("part-*.mp4"))


def overlay_filter(place: dict) -> str:
    """The PNG into the picture's own colours, as the pixels of a node are."""
    return (f"[1:v]format=rgba,scale=in_range=pc:out_range=tv:out_color_matrix=bt709,format=yuva420p[o];"
            f"[0:v][o]overlay=x={place['x']}:y={place['y']}:format=yuv420:eof_action=repeat[v]")


def ffmpeg_command(part: pathlib.Path, folder: pathlib.Path, variant: int, place: dict, settings: dict) -> list:
    kbits = settings["maxrate"] // 1000
    x264 = [settings["x264"], f"keyint={settings['keyint']}", f"min-keyint={settings['keyint']}", f"vbv-maxrate={kbits}", f"vbv-bufsize={kbits // 2}",
            "threads=1", "lookahead-threads=1", "sliced-threads=0", "rc-lookahead=0", "sync-lookahead=0", "mbtree=0", "bframes=0", "scenecut=0",
            "open-gop=0", "8x8dct=1", "stitchable=1", "cpu-independent=1"]
    return ["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-y", "-filter_threads", "1", "-filter_complex_threads", "1",
            "-threads", "1", "-i", part, "-i", folder / f"lower-{variant}.png", "-filter_complex", overlay_filter(place), "-map", "[v]",
            "-c:v", "libx264", "-preset", settings["preset"], "-profile:v", "high", "-x264-params", ":".join(x264), "-f", "mp4", folder / f"ffmpeg-{variant}.mp4"]


def psnr(encoded: pathlib.Path, part: pathlib.Path, png: pathlib.Path, place: dict) -> tuple[float, int]:
    """(mean squared error, frames) against the composed source."""
    graph = overlay_filter(place) + ";[v]settb=1/30,setpts=N[ref];[2:v]settb=1/30,setpts=N[enc];[enc][ref]psnr=stats_file=-[p]"
    done = subprocess.run(["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-i", str(part), "-i", str(png), "-i", str(encoded),
                           "-filter_complex", graph, "-map", "[p]", "-f", "null", "-"], capture_output=True, text=True, check=True)
    errors = [float(e) for e in re.findall(r"mse_avg:([0-9.]+)", done.stdout)]
    if not errors:
        raise RuntimeError("no picture could be compared: " + done.stderr[-500:])
    return sum(errors), len(errors)


def decibels(error: float) -> float:
    return 10 * math.log10(255 * 255 / max(error, 1e-9))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--json", action="store_true", help="one line of JSON on standard output")
    options.add_argument("--seconds", type=int, default=60, help="of the programme (60)")
    options.add_argument("--repeat", type=int, default=1, help="all of it so many times, medians of CPU (1)")
    options.add_argument("--programme", type=pathlib.Path, help="another 1280x720 H.264 file at 30 fps than the bench's own")
    asked = options.parse_args()

    settings = json.loads(tool("settings"))
    machine = common.Machine()
    with tempfile.TemporaryDirectory(prefix="dvpe-bench-") as name:
        folder = pathlib.Path(name)
        places = paint(folder)
        if any((p["width"], p["height"]) != (1280, 160) for p in places):
            raise RuntimeError(f"the lower third is not 1280x160: {places}")
        source = asked.programme or common.programme(asked.seconds, 2, True)
        parts = parts_of(source, folder)
        cpu = {"ours": [], "ffmpeg": [], "floor": []}  # of each repetition
        size = {"ours": 0, "ffmpeg": 0}
        error = {"ours": [0.0, 0], "ffmpeg": [0.0, 0]}
        for repetition in range(asked.repeat):
            spent = dict.fromkeys(cpu, 0.0)
            for n, part in enumerate(parts):
                stages = {
                    "ours": [[BENCH, "ours", part, folder]],
                    "ffmpeg": [ffmpeg_command(part, folder, v, place, settings) for v, place in enumerate(places)],
                    "floor": [[BENCH, "floor", part]],
                }
                order = list(stages)
                turn = (n + repetition) % len(order)
                for stage in order[turn:] + order[:turn]:
                    used, _ = common.run_all(stages[stage])
                    spent[stage] += used
                    common.say(f"part {n + 1}/{len(parts)} {stage:6} {used:7.2f} s CPU")
                if repetition:
                    continue
                for who in size:
                    size[who] += sum((folder / f"{who}-{v}.mp4").stat().st_size for v in range(len(places)))
                    v = n % len(places)  # one variant of each part: the text is all that differs
                    mse, frames = psnr(folder / f"{who}-{v}.mp4", part, folder / f"lower-{v}.png", places[v])
                    error[who][0] += mse
                    error[who][1] += frames
            for stage, seconds in spent.items():
                cpu[stage].append(seconds)
        if error["ours"][1] != error["ffmpeg"][1]:
            raise RuntimeError(f"pictures compared: {error['ours'][1]} of ours, {error['ffmpeg'][1]} of ffmpeg's")
    seconds = {stage: common.median(values) for stage, values in cpu.items()}
    quality = {who: decibels(e / n) for who, (e, n) in error.items()}
    result = {
        "cpu_s": round(seconds["ours"], 2), "ffmpeg_cpu_s": round(seconds["ffmpeg"], 2), "ratio": round(seconds["ours"] / seconds["ffmpeg"], 3),
        "floor_cpu_s": round(seconds["floor"], 2), "over_floor": round(seconds["ours"] / seconds["floor"], 3),
        "bytes_ratio": round(size["ours"] / size["ffmpeg"], 3), "psnr_delta": round(quality["ours"] - quality["ffmpeg"], 2),
        "psnr": round(quality["ours"], 2), "seconds": asked.seconds, "repeat": asked.repeat, "cores": common.cores(), **machine.since(),
    }
    ok = (result["ratio"] <= TARGETS["ratio"] and result["over_floor"] <= TARGETS["over_floor"] and result["psnr_delta"] >= TARGETS["psnr_delta"]
          and result["bytes_ratio"] <= TARGETS["bytes_ratio"])
    result["ok"] = ok
    if asked.json:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            print(f"{key:14} {value}" + (f"   (target {TARGETS[key]})" if key in TARGETS else ""))
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
