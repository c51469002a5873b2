# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""What the benchmarks share: generated programmes, children with their CPU time, and how much the machine was disturbed."""
from __future__ import annotations

import hashlib
import json
import math
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "dev"
CACHE = ROOT / "build" / "bench"
sys.path.insert(0, str(ROOT / "tests" / "support"))


def say(*words) -> None:
    """Progress, for people: never on standard output."""
    print(*words, file=sys.stderr, flush=True)


# ---- the machine

class Machine:
    """The share of CPU time since the start that the hypervisor took away (steal), and that anybody used (busy), in per cent."""

    def __init__(self):
        self.start = self._read()

    @staticmethod
    def _read() -> list[int]:
        # proc(5): user nice system idle iowait irq softirq steal; guest time is in user already
        return [int(n) for n in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]

    def since(self) -> dict:
        spent = [b - a for a, b in zip(self.start, self._read())]
        total = max(1, sum(spent))
        return {"steal_percent": round(100 * spent[7] / total, 2), "busy_percent": round(100 * (total - spent[3] - spent[4]) / total, 1)}


def cores() -> int:
    return len(os.sched_getaffinity(0))


# ---- children

def ffmpeg(*arguments: str) -> None:
    done = subprocess.run(["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-y", *map(str, arguments)],
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise RuntimeError("ffmpeg failed: " + done.stderr.decode(errors="replace")[-2000:])


def run_all(commands: list[list], seconds: float = 900) -> tuple[float, list[str]]:
    """Runs them at the same time: (CPU seconds, user and system, of all of them; what each printed)."""
    children = [subprocess.Popen([str(w) for w in c], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) for c in commands]
    deadline = time.monotonic() + seconds
    cpu, printed = 0.0, []
    try:
        for child, command in zip(children, commands):
            printed.append(child.stdout.read())  # a line at most: no other child can be held up by it
            child.stdout.close()
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(map(str, command))} ended with {child.returncode}")
            cpu += usage.ru_utime + usage.ru_stime
    finally:
        for child in children:
            if child.returncode is None:
                child.kill()
                child.wait()
    return cpu, printed


# ---- programmes

# Each scene is 5 s and unlike the one before, so that every 5 s all of the picture changes. {r}: the frame rate.
_GRAIN = "noise=alls=2:allf=t"
_SCENES = {
    # soft clouds that drift, as sky and water do
    "clouds": "nullsrc=s=640x360:r={r}:d=5,geq=lum='random(1)*255':cb=128:cr=128,trim=end_frame=1,gblur=sigma=9,eq=contrast=6,"
              "scale=2560:1440,loop=loop=-1:size=1:start=0,setpts=N/{r}/TB,crop=1280:720:x='n*3':y='n*1.5',hue=h=40+n/4:s=2,trim=duration=5",
    # hard edges, figures and small type
    "chart": "testsrc2=s=1280x720:r={r}:d=5",
    # detail at every scale that grows
    "zoom": "mandelbrot=s=1280x720:r={r}:end_scale=0.02:end_pts=300,trim=duration=5",
    # a camera that pans over texture
    "pan": "nullsrc=s=320x180:r={r}:d=5,geq=lum='random(2)*255':cb='random(3)*255':cr='random(4)*255',trim=end_frame=1,gblur=sigma=2,"
           "eq=contrast=3,scale=2560:1440:flags=bicubic,loop=loop=-1:size=1:start=0,setpts=N/{r}/TB,crop=1280:720:x='1280-n*5':y='300+200*sin(n/40)',trim=duration=5",
}


def programme(seconds: int, bframes: int, audio: bool, kbits: int = 6000) -> pathlib.Path:
    """A 720p30 H.264 programme with motion everywhere and a scene cut every 5 s; made once and kept."""
    text = json.dumps([_SCENES, _GRAIN, seconds, bframes, audio, kbits, 4])
    path = CACHE / f"programme-{seconds}s-b{bframes}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.mp4"
    if path.exists():
        return path
    say(f"making {path.name} (once)")
    CACHE.mkdir(parents=True, exist_ok=True)
    graph = [f"{scene.format(r=30)},{_GRAIN},format=yuv420p,setsar=1,fps=30[s{i}]" for i, scene in enumerate(_SCENES.values())]
    graph.append("".join(f"[s{i}]" for i in range(len(graph))) + f"concat=n={len(graph)}:v=1[v]")
    # Four scenes are drawn; what is longer repeats them, with grain that makes no two pictures equal.
    once = CACHE / f"scenes-{hashlib.sha256(json.dumps([_SCENES, _GRAIN, 4]).encode()).hexdigest()[:12]}.mkv"
    if not once.exists():
        part = once.with_suffix(".part.mkv")
        ffmpeg("-filter_complex", ";".join(graph), "-map", "[v]", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "14", "-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", part)
        part.rename(once)
    part = path.with_suffix(".part.mp4")
    sound = ["-f", "lavfi", "-i", "sine=frequency=220:sample_rate=48000"] if audio else []
    ffmpeg("-stream_loop", "-1", "-i", once, *sound, "-map", "0:v", *(["-map", "1:a", "-c:a", "aac", "-ac", "2", "-b:a", "128k"] if audio else []),
           "-t", str(seconds), "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-bf", str(bframes), "-g", "60", "-b:v", f"{kbits}k",
           "-maxrate", f"{kbits}k", "-bufsize", f"{2 * kbits}k", "-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
           "-movflags", "+faststart", part)
    part.rename(path)
    return path


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)] if ordered else float("nan")


def median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
