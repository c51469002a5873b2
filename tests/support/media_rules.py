# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""The rules that need decoded pictures and sound of the demo media (make_media.py).

  decode      ffmpeg decodes all that the boxes promise, without complaint
  av_offset   each flash has its clap within 22 ms
  timecode    outside ads and clips the frame number rises by one per frame, and after a break by what the break lasted;
              ads and clips run forward
"""
from __future__ import annotations

import dataclasses
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import blocks  # noqa: E402
import boxes  # noqa: E402
import decode  # noqa: E402

MAX_OFFSET = 0.022


@dataclasses.dataclass
class MediaFault:
    rule: str
    message: str
    frame: int | None = None


def check_timecode(values: list[int | None], loop: int | None = None, wrap_slack: int = 2, glitch: int = 5) -> tuple[list[MediaFault], dict]:
    """values: the number on each frame, None where none is readable.

    loop: frames of the programme before it starts again; None: learnt when it wraps to 0, and a break is then only checked
    for going forward. wrap_slack: frames that a loop's joint may lose or repeat. glitch: so few unreadable frames between
    two of the programme are a fault; more are slate.
    """
    faults: list[MediaFault] = []
    stats = {"frames": len(values), "programme": 0, "creative": 0, "unreadable": 0, "repeats": 0, "wraps": 0, "slips": 0, "creatives": []}

    def forward(a: int, b: int) -> int:
        """Frames from number a to number b, around the loop."""
        return (b - a) % loop if loop else b - a

    last_at = last_value = None   # the newest frame of the programme
    wrapped = False               # at the joint just passed
    for at, value in enumerate(values):
        if value is None:
            stats["unreadable"] += 1
            continue
        name, frame = blocks.describe(value)
        before = values[at - 1] if at else None
        if name != "programme":
            stats["creative"] += 1
            same = before is not None and blocks.describe(before)[0] == name
            if not same:
                stats["creatives"].append((name, at, frame))
                if at and frame > 1:
                    faults.append(MediaFault("timecode", f"{name} starts at its frame {frame}", at))
            elif not 0 <= frame - blocks.describe(before)[1] <= 2:
                faults.append(MediaFault("timecode", f"{name} goes from frame {blocks.describe(before)[1]} to {frame}", at))
            continue
        stats["programme"] += 1
        if last_at is not None:
            passed = at - last_at
            step = forward(last_value, frame)
            if passed == 1:
                if step == 0:
                    stats["repeats"] += 1
                    near_joint = last_value <= wrap_slack or (loop and last_value >= loop - 1 - wrap_slack) or wrapped
                    if not near_joint:
                        faults.append(MediaFault("timecode", f"frame {frame} is shown twice", at))
                elif step != 1:
                    joint = frame <= wrap_slack and (loop is None or last_value >= loop - 1 - wrap_slack) and frame < last_value
                    if not joint:
                        faults.append(MediaFault("timecode", f"goes from {last_value} to {frame}", at))
                if frame < last_value:
                    stats["wraps"] += 1
                    wrapped = True
                elif frame > wrap_slack:
                    wrapped = False
            else:
                hidden = values[last_at + 1:at]
                if all(v is None for v in hidden) and len(hidden) <= glitch:
                    faults.append(MediaFault("timecode", f"{len(hidden)} unreadable frame(s) after {last_value}", last_at + 1))
                if loop:
                    slip = (step - passed) % loop
                    slip = min(slip, loop - slip)
                    stats["slips"] = max(stats["slips"], slip)
                    crossings = 1 + passed // loop
                    if slip > wrap_slack * crossings:
                        faults.append(MediaFault("timecode", f"{passed} frames after {last_value} comes {frame}: {slip} frames off", at))
                elif frame >= last_value and step != passed:
                    faults.append(MediaFault("timecode", f"{passed} frames after {last_value} comes {frame}, not {last_value + passed}", at))
        last_at, last_value = at, frame
    return faults, stats


def check_offsets(flash_frames: list[int], values: list[int | None], frame_seconds: float, video_start: float, claps: list[float], audio_span: tuple[float, float],
                  limit: float = MAX_OFFSET) -> tuple[list[MediaFault], dict]:
    """flash_frames: where flashes begin; claps: seconds on the same clock as video_start."""
    faults, offsets = [], []
    for at in flash_frames:
        second = video_start + at * frame_seconds
        # A cut within the clap's 40 ms may take either away: judge only flashes that stand in a quiet run of one source.
        around = values[max(0, at - 3):at + 4]
        if None in around or any(b - a != 1 for a, b in zip(around, around[1:])):
            continue
        if not audio_span[0] + 0.1 <= second <= audio_span[1] - 0.1:
            continue
        pairs = decode.av_offsets([second], claps, 0.5)
        if not pairs:
            faults.append(MediaFault("av_offset", "flash without clap", at))
            continue
        offsets.append(pairs[0][1])
        if abs(pairs[0][1]) > limit:
            faults.append(MediaFault("av_offset", f"clap is {pairs[0][1] * 1000:+.1f} ms from its flash", at))
    stats = {"flashes": len(flash_frames), "judged": len(offsets)}
    if offsets:
        stats |= {"offset_ms_min": round(min(offsets) * 1000, 2), "offset_ms_max": round(max(offsets) * 1000, 2),
                  "offset_ms_mean": round(sum(offsets) / len(offsets) * 1000, 2)}
    return faults, stats


def runs(numbers) -> list[list[int]]:
    """[3,4,5,8,9] -> [[3,4,5],[8,9]]"""
    out: list[list[int]] = []
    for n in sorted(numbers):
        if out and out[-1][-1] + 1 == n:
            out[-1].append(n)
        else:
            out.append([n])
    return out


def check_run(video_init: bytes, video: list[bytes], audio_init: bytes | None, audio: list[bytes], loop: int | None = None) -> tuple[list[MediaFault], dict]:
    """One unbroken run of segments, video and audio of the same numbers."""
    facts = boxes.parse_init(video_init)
    parsed = [boxes.parse_segment(s, facts) for s in video]
    samples = sum(p.samples for p in parsed)
    frame_seconds = sum(p.duration for p in parsed) / samples / facts.timescale
    complaints: list[str] = []
    seen = decode.read_frames(video_init, video, complaints)
    faults = [MediaFault("decode", f"video: {line}") for line in complaints[:5]]
    if len(seen.values) != samples:
        faults.append(MediaFault("decode", f"{len(seen.values)} frames decoded of {samples}"))
    found, stats = check_timecode(seen.values, loop)
    faults += found
    if audio_init and audio:
        heard = boxes.parse_init(audio_init)
        first = boxes.parse_segment(audio[0], heard)
        last = boxes.parse_segment(audio[-1], heard)
        complaints = []
        sound = decode.segment_samples(audio_init, audio, complaints)
        faults += [MediaFault("decode", f"audio: {line}") for line in complaints[:5]]
        expected = last.end - first.tfdt
        if abs(len(sound) * heard.timescale - expected * decode.SAMPLE_RATE) > 0:
            faults.append(MediaFault("decode", f"{len(sound)} samples decoded of {expected * decode.SAMPLE_RATE // heard.timescale}"))
        start = first.tfdt / heard.timescale
        base = parsed[0].tfdt / facts.timescale
        claps = [start + n / decode.SAMPLE_RATE - base for n in decode.clap_starts(sound)]
        found, more = check_offsets(seen.flash_starts(), seen.values, frame_seconds, 0.0, claps, (start - base, start - base + len(sound) / decode.SAMPLE_RATE))
        faults += found
        stats |= more
    stats["decoded"] = len(seen.values)
    stats["values"] = seen.values
    return faults, stats


def check_kept(checker, media, video: str | None = None, audio: str | None = None, loop: int | None = None, values: bool = False) -> dict:
    """check_run over what a client kept (strict_client.Media), faults into the checker. Smallest video by default.

    values: keep the list of frame numbers in the answer.
    """
    names = {r.name: r for r in checker.renditions.values() if r.name in media.segments and r.name in media.inits}
    videos = sorted((r for r in names.values() if r.kind == "video"), key=lambda r: r.init.width if r.init else 0)
    audios = [r for r in names.values() if r.kind == "audio"]
    picture = video or (videos[0].name if videos else None)
    sound = audio or (audios[0].name if audios else None)
    if picture is None:
        checker.fault("decode", "no video was kept")
        return {}
    out = {"video": picture, "audio": sound, "runs": []}
    numbers = set(media.segments[picture])
    if sound:
        numbers &= set(media.segments[sound])
    for run in runs(numbers):
        found, stats = check_run(media.inits[picture], [media.segments[picture][n] for n in run],
                                 media.inits[sound] if sound else None, [media.segments[sound][n] for n in run] if sound else [], loop)
        if not values:
            stats.pop("values", None)
        for k, fault in enumerate(found):
            checker.fault(fault.rule, fault.message, picture, run[0], key=(fault.frame, k), frame=fault.frame)
        out["runs"].append({"first": run[0], "last": run[-1], **stats})
    return out
