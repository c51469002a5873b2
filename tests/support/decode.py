# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Decodes segments with ffmpeg, and measures: numbers on frames, flashes and claps, PSNR.

Pictures come as gray or rgb bytes scaled to a small size, sound as mono 16-bit samples at 48 kHz. ffmpeg drops the
container's time when it pipes raw frames, so callers pass where the first frame lies (tfdt of the first segment).
"""
from __future__ import annotations

import array
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import blocks  # noqa: E402

SAMPLE_RATE = 48000


class DecodeError(RuntimeError):
    """ffmpeg failed or complained; the text says about what."""


def _concatenated(init: bytes, segments: Iterable[bytes]) -> str:
    """A temporary file that holds init and segments; the caller removes it."""
    handle, path = tempfile.mkstemp(suffix=".mp4", prefix="dvpe-decode-")
    with os.fdopen(handle, "wb") as out:
        out.write(init)
        for segment in segments:
            out.write(segment)
    return path


# What ffmpeg says at any level when a decoder hid damage; it still hands out a picture and exits with 0.
_DAMAGE = re.compile(r"^\[.*\[(error|fatal|panic)\]|^\[(error|fatal|panic)\]|conceal|corrupt|error while decoding|invalid|non-existing|out of range", re.IGNORECASE)


def _pipe(path, arguments: list[str], size: int, errors: list[str] | None) -> Iterator[bytes]:
    """ffmpeg's raw output in pieces of `size` (the last may be shorter); complaints go to errors, or raise DecodeError."""
    command = ["ffmpeg", "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info", "-threads", "1", "-i", str(path), *arguments, "-"]
    with tempfile.TemporaryFile() as said, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said) as process:
        whole = False
        try:
            while piece := process.stdout.read(size):
                yield piece
            whole = True
        finally:
            process.stdout.close()
            code = process.wait()
        said.seek(0)
        complaints = [line for line in said.read(1 << 20).decode(errors="replace").splitlines() if _DAMAGE.search(line)]
    if whole and code and not complaints:
        complaints.append(f"ffmpeg exit code {code}")
    if errors is not None:
        errors.extend(complaints[:50])
    elif complaints:
        raise DecodeError("; ".join(complaints[:5]))


def file_frames(path, width: int = 640, height: int = 360, pixels: str = "gray", errors: list[str] | None = None) -> Iterator[bytes]:
    """Every frame of a file. errors: collects the decoder's complaints instead of raising DecodeError."""
    size = width * height * {"gray": 1, "rgb24": 3}[pixels]
    arguments = ["-map", "0:v:0", "-vf", f"scale={width}:{height}:flags=area", "-fps_mode", "passthrough", "-pix_fmt", pixels, "-f", "rawvideo"]
    for frame in _pipe(path, arguments, size, errors):
        if len(frame) == size:
            yield frame


def segment_frames(init: bytes, segments: Iterable[bytes], width: int = 640, height: int = 360, pixels: str = "gray",
                   errors: list[str] | None = None) -> Iterator[bytes]:
    """Every frame of init + segments of one video rendition, in order."""
    path = _concatenated(init, segments)
    try:
        yield from file_frames(path, width, height, pixels, errors)
    finally:
        os.unlink(path)


def file_samples(path, errors: list[str] | None = None) -> array.array:
    """The left channel of a file's first sound track: int16 at 48 kHz. The left alone, as a mean would hide a lost channel."""
    out = array.array("h")
    arguments = ["-map", "0:a:0", "-af", "pan=mono|c0=c0", "-ar", str(SAMPLE_RATE), "-f", "s16le"]
    for piece in _pipe(path, arguments, 1 << 16, errors):
        out.frombytes(piece[:len(piece) & ~1])
    return out


def segment_samples(init: bytes, segments: Iterable[bytes], errors: list[str] | None = None) -> array.array:
    """As file_samples, of init + segments of an audio rendition. Sample 0 is the first AAC frame's first sample."""
    path = _concatenated(init, segments)
    try:
        return file_samples(path, errors)
    finally:
        os.unlink(path)


# ---- numbers and flashes

class FrameFacts:
    """What the machine-readable corner of a run of frames says: value or None per frame, and whether the square is white."""

    def __init__(self) -> None:
        self.values: list[int | None] = []
        self.flashes: list[bool] = []

    def add(self, gray: bytes, width: int, height: int) -> None:
        value = blocks.read_blocks(gray, width, height)
        self.values.append(value)
        self.flashes.append(value is not None and blocks.flash_level(gray, width, height) > 128)

    def flash_starts(self) -> list[int]:
        """Frames on which a flash begins (the frame before is readable and dark)."""
        return [n for n in range(1, len(self.flashes))
                if self.flashes[n] and not self.flashes[n - 1] and self.values[n - 1] is not None]


# One size for all rungs: 640x360 is the smallest that is surely readable.
def read_frames(init: bytes, segments: Iterable[bytes], errors: list[str] | None = None) -> FrameFacts:
    """Numbers and flashes of a video rendition of any size."""
    facts = FrameFacts()
    for gray in segment_frames(init, segments, 640, 360, "gray", errors):
        facts.add(gray, 640, 360)
    return facts


def read_file(path, errors: list[str] | None = None) -> FrameFacts:
    facts = FrameFacts()
    for gray in file_frames(path, 640, 360, "gray", errors):
        facts.add(gray, 640, 360)
    return facts


# ---- claps

def clap_starts(samples, threshold: float = 0.25) -> list[int]:
    """Samples at which a clap (1 kHz, at least 20 ms, amplitude 0.6) begins.

    A window of 1 ms (one period) slides over a found burst; the clap begins where the level of 1 kHz in it crosses half of
    the burst's own, which is accurate to about a third of a millisecond.
    """
    window, hop, long = 48, 12, 480
    wave = [(math.cos(math.tau * k / window), math.sin(math.tau * k / window)) for k in range(long)]

    def level(at: int, size: int) -> float:
        """Amplitude of 1 kHz in samples[at:at+size]."""
        part = samples[at:at + size]
        a = sum(s * w[0] for s, w in zip(part, wave))
        b = sum(s * w[1] for s, w in zip(part, wave))
        return 2 * math.hypot(a, b) / size

    # Cheap gate first: only where a sample is loud can a clap begin.
    loud = int(threshold * 32767)
    starts: list[int] = []
    n, end = 0, len(samples)
    while n < end:
        if abs(samples[n]) < loud:
            n += 1
            continue
        # Ten periods tell 1 kHz from other tones and from clicks: the middle of a clap of 20 ms and more is full of it.
        body = [level(at, long) for at in (n + 2 * window, n + 10 * window) if at + long <= end]
        if len(body) == 2 and min(body) > loud:
            first = max(0, n - 4 * window)
            at = next((at for at in range(first, n + 4 * window, hop) if level(at, window) > min(body) / 2), n)
            starts.append(at + window // 2)
            n = first + SAMPLE_RATE // 10
        else:
            n += 4 * window
    return starts


def av_offsets(flash_seconds: list[float], clap_seconds: list[float], reach: float = 0.5) -> list[tuple[float, float]]:
    """(flash time, clap minus flash) of each flash that has a clap within `reach`; positive: sound is late."""
    pairs = []
    for flash in flash_seconds:
        near = min(clap_seconds, key=lambda c: abs(c - flash), default=None)
        if near is not None and abs(near - flash) <= reach:
            pairs.append((flash, near - flash))
    return pairs


# ---- likeness

def psnr(a, b) -> float:
    """Of two equally long byte strings, in dB; infinite when equal."""
    if len(a) != len(b) or not a:
        raise ValueError("pictures differ in size")
    error = sum((x - y) * (x - y) for x, y in zip(a, b)) / len(a)
    return math.inf if error == 0 else 10 * math.log10(255 * 255 / error)
