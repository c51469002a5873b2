# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""A broken creative in the media folder, a rule that never matches, a break with no campaign for a viewer.

Bounds: one line in the log for the broken creative, none for the others; all viewers' streams stay whole (strict client,
0 faults); the viewer without a campaign sees the programme through the break, the others their ads; explain names the rule
that never matched; 0 listed URIs lost.
"""
import json
import pathlib
import shutil
import time

import fault
import nodeproc
import rig


def change(documents):
    rules = documents["ruleset.json"]["body"]["rules"]
    rules.insert(0, {"id": "never", "when": 'viewer.country == "XX"', "actions": [{"showOverlay": {"overlay": "welcome", "values": {"greeting": "Bienvenue"}}}]})
    # Nobody but anna's campaign is left: a break has no campaign for dana.
    for rule in rules:
        for action in rule["actions"]:
            if "fillBreaks" in action:
                action["fillBreaks"]["campaigns"] = ["car"]


def broken_media(good: pathlib.Path, folder: pathlib.Path) -> None:
    """A copy of the conditioned media in which one of car's two creatives has lost its second half."""
    shutil.copytree(good, folder)
    for path in folder.glob("*/media.json"):
        if json.loads(path.read_text())["id"] == "ad-car-2":
            video = path.parent / "v360.mp4"
            video.write_bytes(video.read_bytes()[:video.stat().st_size // 2])


def test(folder, bounds):
    with rig.Rig(folder, rig.Programme("30"), window=40, change=change) as channel:
        broken_media(channel.media, folder / "media")
        text = channel.node.config_path.read_text().replace(json.dumps(str(channel.media)), json.dumps(str(folder / "media")))
        channel.node.config_path.write_text(text)
        channel.start()
        complaints = [line for line in channel.log_lines() if "unsigned" not in line]
        bounds.true("the broken creative is named, once, with a reason", len(complaints) == 1 and "left out" in complaints[0] and "reason=" in complaints[0])
        channel.publish()
        channel.on_air(2)
        log = channel.log_size()
        viewers = {name: channel.viewer(name) for name in ("anna", "dana")}
        for viewer in viewers.values():
            viewer.start()
        span = channel.cue("break_start", seconds=16)
        channel.rig_end = rig.seconds_of(span["end"])
        nodeproc.wait_until(lambda: (m := channel.listed(viewers["anna"].session_url)) and m.segments[-1].date >= channel.rig_end - 0.01, 40, "the break's end")
        seen = {name: [s.uri for s in channel.listed(v.session_url).segments if rig.seconds_of(span["start"]) - 0.01 <= s.date < channel.rig_end - 0.01]
                for name, v in viewers.items()}
        bounds.true("anna sees the creative that is whole, then slate", seen["anna"] and all(uri.startswith("/c/") for uri in seen["anna"]))
        bounds.true("dana, for whom there is no campaign, sees the programme", seen["dana"] and all(uri.startswith("/m/") for uri in seen["dana"]))
        session = viewers["dana"].session_url.rsplit("/", 2)[1]
        status, body = nodeproc.http_get(f"{channel.node.base}/v1/explain/{session}")
        bounds.true("explain names the rule that never matches", status == 200 and b'"never"' in body)
        time.sleep(1)
        lists = [fault.Listed(channel, v.session_url) for v in viewers.values()]
        bounds.most("listed URIs lost", sum(len(listed.lost()) for listed in lists), 0)
        for viewer in viewers.values():
            viewer.stopping.set()
        for name, viewer in viewers.items():
            viewer.stop()
            bounds.no_faults(f"strict client {name}", viewer.faults)
        bounds.no_faults("between viewers", rig.rules.compare({n: v.checker for n, v in viewers.items()}))
        bounds.most("complaints in the log on air", len(channel.log_lines(log)), 0)


fault.run(test)
