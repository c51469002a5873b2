# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""What the end-to-end tests share: small media, a quick channel on air, and pictures as a viewer decodes them.

The environment names what to test: DVPE_NODE (the node's program), DVPE_PAINT (paint_overlay) and DVPE_E2E (a folder for
media, kept for next time). Without them the ones of build/dev are taken.
"""
from __future__ import annotations

import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import make_media  # noqa: E402
import nodeproc  # noqa: E402
import stage as staging  # noqa: E402

BUILD = ROOT / "build" / "dev"
NODE = nodeproc.default_node()
PAINT = pathlib.Path(os.environ.get("DVPE_PAINT", BUILD / "tests" / "paint_overlay"))
CACHE = pathlib.Path(os.environ.get("DVPE_E2E", BUILD / "e2e-media"))

FPS, WIDTH, HEIGHT, RUNG = 30, 640, 360, "v360"
PROGRAMME_SECONDS = 64  # holds whole AAC frames, so that it loops without a seam
ADS = ["ad-car-1", "ad-bistro-1", "ad-tea-1", "ad-house-1", "clip-sports"]
# Breaks come when a test asks for them. Two advertisements of 15 s would fill the demo's 30 s.
CHANNEL = {"breaks": None, "defaultBreakUnits": 15}


def prepare(say=lambda text: None) -> dict:
    """{"programme": path, "media": folder, "documents": folder, "loop": frames}; makes what is missing."""
    made = make_media.make(CACHE / "source", seconds=PROGRAMME_SECONDS, ads=ADS)
    documents = staging.write_documents(CACHE / f"documents-{os.getpid()}", [RUNG], CHANNEL)
    staging.condition(NODE, documents, made["ads"], CACHE / "media", say)
    return {"programme": made["programme"], "media": CACHE / "media", "documents": documents, "loop": made["loop_frames"]}


def stage(media: dict, folder) -> staging.Stage:
    return staging.Stage(NODE, folder, media["documents"], media["media"], media["programme"])


# ---- pictures

def _frames(arguments: list[str], data: bytes | None = None) -> list[bytes]:
    """Whole pictures, planar YUV 4:2:0 of 640x360, in the source's own levels."""
    done = subprocess.run(["ffmpeg", "-hide_banner", "-nostdin" if data is None else "-y", "-loglevel", "error", *arguments, "-fps_mode", "passthrough", "-pix_fmt", "yuv420p",
                           "-f", "rawvideo", "-"], input=data, capture_output=True, check=False, **({"stdin": None} if data is None else {}))
    if done.returncode:
        raise nodeproc.ProcessError("ffmpeg: " + done.stderr.decode(errors="replace")[-1000:])
    size = WIDTH * HEIGHT * 3 // 2
    return [done.stdout[k:k + size] for k in range(0, len(done.stdout) - size + 1, size)]


def decoded(init: bytes, segment: bytes) -> list[bytes]:
    """The pictures of one segment of the test's rung."""
    return _frames(["-i", "pipe:0", "-map", "0:v:0"], init + segment)


def programme_frame(media: dict, number: int) -> bytes:
    """Frame `number` of the pushed programme, scaled to the rung."""
    select = f"select=eq(n\\,{number}),scale={WIDTH}:{HEIGHT}:flags=bicubic"
    return _frames(["-i", media["programme"], "-map", "0:v:0", "-vf", select, "-frames:v", "1"])[0]


def creative_frames(media: dict, media_id: str) -> list[bytes]:
    """Every picture of a conditioned file."""
    for path in media["media"].glob("*/media.json"):
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts["id"] == media_id:
            return _frames(["-i", str(path.parent / facts["tracks"][RUNG]), "-map", "0:v:0"])
    raise KeyError(media_id)


def painted(documents, picture: bytes, wall: float, overlays: list[dict]) -> tuple[bytes, list[list[int]]]:
    """The picture with overlays as shared/overlay paints them, and the rectangle of each."""
    with tempfile.TemporaryDirectory() as name:
        source, target = pathlib.Path(name) / "in.yuv", pathlib.Path(name) / "out.yuv"
        source.write_bytes(picture)
        words: list[str] = []
        for overlay in overlays:
            words += (["--"] if words else []) + [overlay["overlay"], *(f"{k}={v}" for k, v in overlay.get("values", {}).items())]
        done = subprocess.run([str(PAINT), str(documents), f"{WIDTH}x{HEIGHT}", str(source), str(target), f"{wall:.6f}", *words], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL)
        if done.returncode:
            raise nodeproc.ProcessError("paint_overlay: " + done.stderr)
        return target.read_bytes(), json.loads(done.stdout)


def likeness(a: bytes, b: bytes, rectangle: list[int]) -> float:
    """PSNR of the luma inside a rectangle, in dB; infinite when equal."""
    x, y, width, height = rectangle
    error = 0
    for row in range(y, y + height):
        at = row * WIDTH + x
        error += sum((p - q) * (p - q) for p, q in zip(a[at:at + width], b[at:at + width]))
    return math.inf if not error else 10 * math.log10(255 * 255 * width * height / error)
