# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Chromium as a viewer: starts browser.mjs, and judges what it saw."""
from __future__ import annotations

import json
import pathlib
import statistics

import blocks
import nodeproc

SCRIPT = pathlib.Path(__file__).resolve().with_name("browser.mjs")


class Browser:
    """Plays a page for some seconds after it began to play."""

    def __init__(self, page: str, log, seconds: float, **options):
        self.log = pathlib.Path(log)
        words = [w for name, value in options.items() for w in (f"--{name.replace('_', '-')}", str(value))]
        self.process = nodeproc.Process(["node", SCRIPT, "--url", page, "--seconds", str(seconds), "--start-timeout", "40", *words], self.log)

    def result(self, seconds: float) -> dict:
        """What browser.mjs tells, once it has ended. ProcessError when it told nothing."""
        try:
            self.process.wait(seconds)
        finally:
            self.process.stop()
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.startswith("{")]
        if not lines:
            raise nodeproc.ProcessError("the browser told nothing\n" + self.process.log_tail())
        return json.loads(lines[-1])


def complaints(seen: dict) -> list[str]:
    """What a viewer would have noticed, or a player complained of."""
    out = []
    if not seen["played"]:
        return ["it never played"]
    for name, most in (("waiting_after_playing", 0), ("hls_errors", 0), ("page_errors", 0), ("failed_requests", 0), ("decoder_errors", 0)):
        value = seen[name]
        if (value if isinstance(value, (int, float)) else len(value)) > most:
            out.append(f"{name}: {value}")
    if seen["buffered_ranges"] != 1:
        out.append(f"{seen['buffered_ranges']} buffered ranges")
    if seen["progress"] < 0.97:
        out.append(f"plays at {seen['progress']} of real time")
    return out


def shown(values: list) -> list[str]:
    """What was on the screen, in order: ids of media as blocks.describe names them, each once until the next."""
    out: list[str] = []
    for _, _, value in values:
        if value is not None:
            name = blocks.describe(value)[0]
            if not out or out[-1] != name:
                out.append(name)
    return out


def timecode_jumps(values: list, loop: int, fps: float, most: float = 3, window: int = 8) -> list[str]:
    """Where the programme's number and the player's time part: medians of `window` samples before and after each sample,
    more than `most` frames apart. A single sample is off by what passes between reading the time and the picture; a jump stays.
    """
    offsets = []
    for wall, media, value in values:
        if value is not None and blocks.describe(value)[0] == "programme":
            offsets.append((wall, (value - media * fps) % loop))
    out = []
    for k in range(window, len(offsets) - window):
        reference = offsets[k][1]

        def centred(part):
            return statistics.median((o - reference + loop / 2) % loop - loop / 2 for _, o in part)
        step = centred(offsets[k:k + window]) - centred(offsets[k - window:k])
        if abs(step) > most:
            out.append(f"{step:+.1f} frames at {offsets[k][0]:.1f} s")
    return out
