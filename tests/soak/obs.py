#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""A real OBS Studio, under Xvfb, pushes to a node; Chromium plays what comes out, over one break.

    obs.py [--seconds 60] [--shots DIR] [--json]

OBS gets a home of its own with one scene: the test programme, so that its numbers can be read again in the player. Needs
obs-studio and xvfb. Exit code 0 when the player never waited, found no error, and saw programme, advertisement, programme.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import nodeproc  # noqa: E402
import playback  # noqa: E402
import viewing  # noqa: E402

SCENE = "dvpe"
SIZE = "1080x730"  # OBS fills it


def write(path: pathlib.Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def obs_home(home: pathlib.Path, server: str, key: str, programme: str) -> None:
    """What a broadcaster would click together, as docs/guide/obs.md says."""
    config = home / ".config" / "obs-studio"
    write(config / "global.ini", f"[General]\nFirstRun=true\nEnableAutoUpdates=false\nLastVersion=486539266\nInfoIncrement=99\n"
          f"[Basic]\nProfile={SCENE}\nProfileDir={SCENE}\nSceneCollection={SCENE}\nSceneCollectionFile={SCENE}\n"
          "[BasicWindow]\nShowListboxToolbars=true\nPreviewEnabled=true\nShowStatusBar=true\n")
    profile = config / "basic" / "profiles" / SCENE
    write(profile / "basic.ini", f"[General]\nName={SCENE}\n[Output]\nMode=Simple\n"
          "[SimpleOutput]\nStreamEncoder=x264\nVBitrate=2500\nABitrate=160\nUseAdvanced=true\nPreset=ultrafast\nx264Settings=keyint=30 bframes=0\n"
          f"[Video]\nBaseCX=1280\nBaseCY=720\nOutputCX={viewing.WIDTH}\nOutputCY={viewing.HEIGHT}\nFPSType=0\nFPSCommon=30\nColorSpace=709\nColorRange=Partial\n"
          "[Audio]\nSampleRate=48000\nChannelSetup=Stereo\n")
    write(profile / "service.json", json.dumps({"type": "rtmp_custom", "settings": {"server": server, "key": key, "use_auth": False}}))
    os.chmod(profile / "service.json", 0o600)
    source = {"id": "ffmpeg_source", "versioned_id": "ffmpeg_source", "name": "Programme", "uuid": str(uuid.uuid4()), "settings":
              {"is_local_file": True, "local_file": str(programme), "looping": True, "restart_on_activate": False, "hw_decode": False}, "enabled": True, "muted": False, "volume": 1.0,
              "mixers": 255, "sync": 0, "flags": 0, "balance": 0.5, "monitoring_type": 0}
    item = {"name": "Programme", "source_uuid": source["uuid"], "id": 1, "visible": True, "locked": False, "rot": 0.0, "align": 5, "bounds_type": 2, "bounds_align": 0,
            "pos": {"x": 0.0, "y": 0.0}, "scale": {"x": 1.0, "y": 1.0}, "bounds": {"x": 1280.0, "y": 720.0}}
    scene = {"id": "scene", "versioned_id": "scene", "name": "On air", "uuid": str(uuid.uuid4()), "settings": {"id_counter": 1, "custom_size": False, "items": [item]}, "enabled": True}
    write(config / "basic" / "scenes" / f"{SCENE}.json", json.dumps({"name": SCENE, "current_scene": "On air", "current_program_scene": "On air",
                                                                   "scene_order": [{"name": "On air"}], "sources": [source, scene], "transitions": [], "groups": []}))


class Display:
    """An X server that nobody sees."""

    def __init__(self, log: pathlib.Path):
        read, write_end = os.pipe()
        os.set_inheritable(write_end, True)
        self.process = subprocess.Popen(["Xvfb", "-displayfd", str(write_end), "-screen", "0", SIZE + "x24", "-nolisten", "tcp"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=open(log, "ab"), pass_fds=(write_end,))
        os.close(write_end)
        with os.fdopen(read) as answer:
            self.name = ":" + answer.readline().strip()
        if self.name == ":":
            raise nodeproc.ProcessError("Xvfb did not start")

    def shot(self, target: pathlib.Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-y", "-f", "x11grab", "-video_size", SIZE, "-draw_mouse", "0", "-i", self.name,
                        "-frames:v", "1", str(target)], check=True, stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def start_obs(display: Display, home: pathlib.Path, log: pathlib.Path) -> nodeproc.Process:
    runtime = home / "run"
    runtime.mkdir(mode=0o700, exist_ok=True)
    env = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "XDG_RUNTIME_DIR": str(runtime), "DISPLAY": display.name, "LIBGL_ALWAYS_SOFTWARE": "1",
           "QT_QPA_PLATFORM": "xcb", "LP_NUM_THREADS": "1"}
    return nodeproc.Process(["obs", "--startstreaming", "--disable-updater", "--disable-missing-files-check", "--multi", "--profile", SCENE, "--collection", SCENE,
                             "--scene", "On air"], log, env)


def untrue_pictures(metrics: dict) -> float:
    """Pictures that the node showed twice, left out or could not decode."""
    return sum(nodeproc.metric(metrics, "dvpe_pictures_total", fate=fate) or 0 for fate in ("repeated", "dropped", "corrupt"))


def run(options, folder: pathlib.Path) -> dict:
    media = viewing.prepare()
    display = Display(folder / "xvfb.log")
    obs = None
    try:
        stage = viewing.stage(media, folder / "node").start(push=False)
        try:
            obs_home(folder / "home", stage.server, stage.key, media["programme"])
            obs = start_obs(display, folder / "home", folder / "obs.log")
            stage.wait_segments(stage.session("anna"), 4, 90)  # so that it begins as somebody who comes later does
            shots = {"screenshots": options.shots, "shot_every": 9} if options.shots else {}
            before = untrue_pictures(stage.node.metrics())
            browser = playback.Browser(stage.page("anna"), folder / "browser.log", options.seconds, **shots)
            time.sleep(options.seconds / 3)
            if options.shots:
                display.shot(pathlib.Path(options.shots) / "obs.png")
            status, answer = stage.cue("break_start", seconds=15)
            seen = browser.result(options.seconds + 90)
            metrics = stage.node.metrics()
            obs.stop(15)
            said = obs_says(folder / "obs.log")
            # Whose a step of the timecode is: OBS paints in software here, and its media source stumbles when it is late. With 0
            # here every picture that OBS sent was shown once.
            changed = untrue_pictures(metrics) - before
            out = {"complaints": playback.complaints(seen), "shown": playback.shown(seen["values"]), "jumps": playback.timecode_jumps(seen["values"], media["loop"], viewing.FPS),
                   "cue": status, "answer": answer, "holes": nodeproc.metric(metrics, "dvpe_holes_total"), "seconds": seen.get("seconds"), "frames": seen.get("frames_decoded"),
                   "dropped": seen.get("frames_dropped"), "pictures_not_as_sent": changed, "obs": said}
            out["ok"] = not out["complaints"] and not out["jumps"] and out["shown"] == ["programme", "ad-car-1", "programme"] and status == 200
            return out
        except nodeproc.ProcessError:
            if options.shots:
                display.shot(pathlib.Path(options.shots) / "failed.png")
            print((folder / "obs.log").read_text(errors="replace")[-6000:], file=sys.stderr)
            raise
        finally:
            if obs:
                obs.stop(15)
            stage.stop()
    finally:
        display.stop()
        shutil.rmtree(media["documents"], ignore_errors=True)


def obs_says(log: pathlib.Path) -> list[str]:
    """Its version, and what it counted of frames that it lost; never its key."""
    text = log.read_text(errors="replace").splitlines()
    return [line.strip() for line in text if any(w in line for w in ("OBS 2", "OBS 3", "dropped", "skipped", "lagged", "Connection to"))][-12:]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--shots", help="a folder for pictures of OBS and of the player")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for program in ("obs", "Xvfb"):
        if not shutil.which(program):
            print(f"{program} is not installed: apt-get install obs-studio xvfb", file=sys.stderr)
            return 2
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-obs-"))
    try:
        out = run(options, folder)
    finally:
        if not os.environ.get("DVPE_KEEP"):
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(out) if options.json else "\n".join(f"{k}: {v}" for k, v in out.items()))
    return 0 if out["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
