#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Generates the demo programme, ads and clips with ffmpeg, once: a digest of the parameters names what is up to date.

    make_media.py FOLDER [--seconds N] [--fps 30|29.97|25] [--bframes 0|2] [--no-ads] [--only ID ...]

Makes FOLDER/programme-<fps>.mp4, FOLDER/<id>.mp4 for each ad and clip, and FOLDER/media.json that lists them. Every frame
carries its number (blocks.py), every second second has a clap: 40 ms of 1 kHz that begins with the flash on the very frame.
"""
from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import blocks  # noqa: E402
import demo_art as art  # noqa: E402

RATES = {"25": (25, 1), "29.97": (30000, 1001), "30": (30, 1), "50": (50, 1), "59.94": (60000, 1001), "60": (60, 1)}
FONT = "/usr/share/fonts/truetype/noto/NotoSans-Bold.ttf"
CLAP_SECONDS = 0.04
AAC_FRAME = 1024


def run(*arguments: str) -> None:
    done = subprocess.run(["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-y", *arguments],
                          stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise RuntimeError("ffmpeg failed: " + done.stderr.decode(errors="replace")[-2000:])


class Unit:
    """The clap's rhythm at a frame rate: one on frame `first` and each `every` frames, in whole frames."""

    def __init__(self, fps: str):
        self.num, self.den = RATES[fps]
        self.frames = round(self.num / self.den)  # of one unit: a second, or 1.001 s
        self.every, self.first = 2 * self.frames, self.frames

    def seconds(self, frames: int) -> float:
        return frames * self.den / self.num


def png(folder: pathlib.Path, name: str, drawing: str) -> str:
    source, target = folder / f"{name}.svg", folder / f"{name}.png"
    source.write_text(drawing, encoding="utf-8")
    # The SVG decoder hands out premultiplied pixels, the overlay filter wants plain ones.
    run("-i", str(source), "-frames:v", "1", "-vf", "format=gbrap,unpremultiply=inplace=1", "-pix_fmt", "rgba", str(target))
    return str(target)


def sound(unit: Unit, tone: float) -> str:
    """A quiet chord with a slow tremolo, and the claps."""
    every, first = unit.seconds(unit.every), unit.seconds(unit.first)
    clap = f"lt(mod(t-{first:.9f}+{1000 * every:.9f},{every:.9f}),{CLAP_SECONDS})"
    bed = f"0.035*sin(2*PI*{tone}*t)+0.02*sin(2*PI*{tone * 1.5}*t)*(0.6+0.4*sin(2*PI*0.25*t))"
    left = f"{clap}*0.6*sin(2*PI*1000*t)+not({clap})*({bed})"
    right = f"{clap}*0.6*sin(2*PI*1000*t)+not({clap})*(0.9*({bed}))"
    return f"aevalsrc=exprs='{left}|{right}':sample_rate=48000:channel_layout=stereo"


def aac_without_priming(folder: pathlib.Path, name: str, source: str, frames: int) -> str:
    """ADTS that holds exactly `frames` AAC frames and starts at sample 0: so a looped file has no hole and no edit list."""
    raw, cut = folder / f"{name}.raw.aac", folder / f"{name}.aac"
    seconds = (frames + 2) * AAC_FRAME / 48000
    run("-f", "lavfi", "-i", source, "-t", f"{seconds:.6f}", "-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-ac", "2", str(raw))
    data = raw.read_bytes()
    out, at, number = bytearray(), 0, 0
    while at + 7 <= len(data) and number <= frames:
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        if number:  # frame 0 is the encoder's priming
            out += data[at:at + size]
        at += size
        number += 1
    cut.write_bytes(out)
    return str(cut)


def encode(inputs: list[str], graph: str, audio: str, target: pathlib.Path, unit: Unit, frames: int, bframes: int,
           bitrate: str, preset: str, folder: pathlib.Path) -> None:
    """Picture from `inputs` through `graph` (output label [v]), audio from an ADTS file, into one MP4."""
    video = folder / (target.stem + ".h264.mp4")
    run(*inputs, "-filter_complex", graph, "-map", "[v]", "-frames:v", str(frames), "-r", f"{unit.num}/{unit.den}",
        "-c:v", "libx264", "-preset", preset, "-profile:v", "high", "-pix_fmt", "yuv420p", "-g", str(2 * unit.frames),
        "-keyint_min", str(2 * unit.frames), "-sc_threshold", "0", "-bf", str(bframes), "-b:v", bitrate, "-maxrate", bitrate,
        "-bufsize", bitrate, "-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
        "-video_track_timescale", str(unit.num), "-threads", "2", str(video))
    whole = target.with_suffix(".part.mp4")
    run("-i", str(video), "-i", audio, "-map", "0:v", "-map", "1:a", "-c", "copy", "-bsf:a", "aac_adtstoasc",
        "-video_track_timescale", str(unit.num), "-movflags", "+faststart", str(whole))
    whole.replace(target)


def loopable(fps: str) -> int:
    """Units of the default programme: about two minutes that hold whole AAC frames, so that it loops without a seam."""
    return 120 if RATES[fps][1] == 1 else 128


def audio_frames(unit: Unit, frames: int) -> int:
    """Whole AAC frames that end at or before the last picture's end."""
    return frames * unit.den * 48000 // (unit.num * AAC_FRAME)


TO_YUV = "scale=in_range=pc:out_range=tv:out_color_matrix=bt709:flags=accurate_rnd,setsar=1"


def programme(target: pathlib.Path, fps: str, seconds: int, bframes: int) -> None:
    unit = Unit(fps)
    frames = seconds * unit.frames
    scene = 5 * unit.frames
    count = len(art.SCENES)
    rate = f"{unit.num}/{unit.den}"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        inputs: list[str] = []

        def still(label: str, drawing: str) -> None:
            inputs.extend(["-r", rate, "-i", png(folder, label, drawing)])

        for k, (label, dark, light, accent, kind) in enumerate(art.SCENES):
            # Each strip is the background with the scene's own label drawn where the picture will be.
            still(f"scene{k}", art.background(dark, light, accent, kind))
        labels = "".join(f"<g transform='translate(0,{k * art.H})'>{art.scene_label(s[0], s[3])}</g>" for k, s in enumerate(art.SCENES))
        still("labels", art.svg(art.W, art.H * count, labels))
        still("furniture", art.programme_furniture(fps))
        still("ball", art.ball("#ffd166"))
        still("hand", art.hand())
        hold = "loop=-1:1:0"
        number = f"mod(floor(n/{scene}),{count})"
        stack = "".join(f"[{k}]" for k in range(count)) + f"vstack=inputs={count},{TO_YUV},format=yuv420p,{hold}[strip];"
        pan = f"{art.PAN / 2}+{art.PAN / 2}*sin(2*PI*n/{8 * unit.frames})"
        timecode = "00\\:00\\:00\\:00"
        graph = stack + (
            f"[strip]crop=1280:720:'{pan}':'{art.H}*{number}'[bg];"
            f"[{count + 1}]{TO_YUV},format=yuva420p,{hold}[furniture];[bg][furniture]overlay=0:0:format=yuv420[a];"
            f"[{count}]{TO_YUV},format=yuva420p,{hold},crop=800:60:430:'{art.H}*{number}+430'[label];[a][label]overlay=430:430[b];"
            f"[{count + 2}]{TO_YUV},format=yuva420p,{hold}[ball];"
            f"[b][ball]overlay=x='616+360*sin(2*PI*n/{4 * unit.frames})':y=531[c];"
            f"[{count + 3}]{TO_YUV},format=yuva420p,{hold},rotate=a='2*PI*(n-{unit.first})/{unit.every}':c=black@0[hand];"
            f"[c][hand]overlay=195:248[d];"
            f"[d]drawtext=fontfile={FONT}:timecode='{timecode}':r={rate}:fontsize=104:fontcolor=white:x=436:y=292,"
            f"drawtext=fontfile={FONT}:text='frame %{{eif\\:n\\:d\\:6}}':fontsize=28:fontcolor=white@0.9:x=440:y=404,"
            f"{blocks.filter_chain(0, unit.every, unit.first)},format=yuv420p[v]")
        audio = aac_without_priming(folder, "programme", sound(unit, 220), audio_frames(unit, frames))
        encode(inputs, graph, audio, target, unit, frames, bframes, "3000k", "superfast", folder)


def ad(media_id: str, target: pathlib.Path, fps: str) -> None:
    unit = Unit(fps)
    seconds, (dark, light, accent, kind), *_, tone = art.ADS[media_id]
    frames = seconds * unit.frames
    rate = f"{unit.num}/{unit.den}"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        inputs: list[str] = []
        for label, drawing in (("bg", art.background(dark, light, accent, kind)), ("words", art.ad_words(media_id)),
                               ("picture", art.ad_picture(media_id)), ("ball", art.ball(accent))):
            inputs.extend(["-r", rate, "-i", png(folder, label, drawing)])
        hold = "loop=-1:1:0"
        arrive = f"if(lt(n,{unit.frames}),pow(1-n/{unit.frames},3),0)"  # eases out over the first unit
        graph = (
            f"[0]{TO_YUV},format=yuv420p,{hold},crop=1280:720:'{art.PAN}*n/{frames}':0[bg];"
            f"[2]{TO_YUV},format=yuva420p,{hold}[picture];[bg][picture]overlay=x='900*{arrive}':y='8*sin(2*PI*n/{3 * unit.frames})'[a];"
            f"[1]{TO_YUV},format=yuva420p,{hold}[words];[a][words]overlay=x='-700*{arrive}':y=0[b];"
            f"[3]{TO_YUV},format=yuva420p,{hold}[ball];[b][ball]overlay=x='1216*n/{frames}+8':y=652[c];"
            f"[c]drawbox=x=0:y=700:w=1280:h=20:color={dark}:t=fill,"
            f"{blocks.filter_chain(blocks.media_base(media_id), unit.every, unit.first)},format=yuv420p[v]")
        audio = aac_without_priming(folder, media_id, sound(unit, tone), audio_frames(unit, frames))
        encode(inputs, graph, audio, target, unit, frames, 0, "2000k", "ultrafast", folder)


def digest(*parts) -> str:
    """Of the parameters and of the code that draws: a changed script makes new media."""
    whole = hashlib.sha256(json.dumps(parts).encode())
    for script in ("blocks.py", "demo_art.py", "make_media.py"):
        whole.update((pathlib.Path(__file__).parent / script).read_bytes())
    return whole.hexdigest()[:16]


def make(folder: pathlib.Path, fps: str = "30", seconds: int | None = None, bframes: int = 0, ads: list[str] | None = None,
         with_programme: bool = True, workers: int = 2) -> dict:
    """Makes what is missing or out of date. Returns {"programme": path, "ads": {id: path}, "made": [...]}. ads None: all."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    seconds = seconds or loopable(fps)
    wanted: dict[pathlib.Path, tuple] = {}
    result: dict = {"fps": fps, "programme": None, "ads": {}, "made": [], "loop_frames": seconds * Unit(fps).frames}
    if with_programme:
        suffix = f"-b{bframes}" if bframes else ""
        path = folder / f"programme-{fps}-{seconds}s{suffix}.mp4"
        result["programme"] = str(path)
        wanted[path] = (programme, (path, fps, seconds, bframes), digest("programme", fps, seconds, bframes))
    for media_id in blocks.AD_IDS if ads is None else ads:
        path = folder / (f"{media_id}.mp4" if fps == "30" else f"{media_id}-{fps}.mp4")
        result["ads"][media_id] = str(path)
        wanted[path] = (ad, (media_id, path, fps), digest(media_id, fps))

    def stamp_of(path: pathlib.Path) -> pathlib.Path:
        return path.with_suffix(".digest")

    def one(path: pathlib.Path) -> None:
        function, arguments, mark = wanted[path]
        function(*arguments)
        stamp_of(path).write_text(mark + "\n")

    missing = [p for p, (_, _, mark) in wanted.items()
               if not (p.exists() and stamp_of(p).exists() and stamp_of(p).read_text().strip() == mark)]
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(one, p) for p in missing]:
            done.result()
    result["made"] = [p.name for p in missing]
    (folder / "media.json").write_text(json.dumps(result, indent=1) + "\n")
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, help="length of the programme in units; by default about 120, such that it loops without a seam")
    parser.add_argument("--fps", choices=sorted(RATES), default="30")
    parser.add_argument("--bframes", type=int, default=0, choices=(0, 1, 2))
    parser.add_argument("--no-ads", action="store_true")
    parser.add_argument("--no-programme", action="store_true")
    parser.add_argument("--only", nargs="*", choices=blocks.AD_IDS, help="only these ads and clips")
    options = parser.parse_args()
    ads = [] if options.no_ads else options.only
    print(json.dumps(make(options.folder, options.fps, options.seconds, options.bframes, ads, not options.no_programme)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
