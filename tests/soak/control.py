#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Changes go on air whatever is killed while they do.

    control.py [--short] [--delays 0,0.02,...]

Two nodes that play a file to viewers, two coordinators, a database that keeps its word (fsync). A change is published and, at
each of many moments after that, one of them is killed with SIGKILL: the coordinator that leads, the database, a node. What is
killed is started again. Each time, and this is what is checked:
  - the change is in force on every node, within 10 s (a coordinator's lease included) of the killed part's return or of the
    other coordinator's taking over; both nodes are decided by the same release
  - releases are numbered without a gap, each with its moment; on a node's disk is a whole release that the database knows
  - viewers of the node that was not killed were answered with 200 each time
At the end the audit log's chain holds.
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import make_media  # noqa: E402
import nodeproc  # noqa: E402
import people  # noqa: E402
import plane as planes  # noqa: E402
import viewers  # noqa: E402

DELAYS = (0, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.0, 1.5, 2.5, 4.0)
SHORT = {"coordinator": (0.02,), "database": (0.03,), "node": (0.05,)}
TAKE_OVER_SECONDS = 10.0   # of another coordinator
IN_FORCE_SECONDS = 10.0    # after everything is there again


def overlay(version: int) -> dict:
    return {"kind": "overlay", "id": "banner", "body": {"layers": [
        {"kind": "text", "name": "line", "x": 60, "y": 800, "width": 880, "height": 110, "text": f"Version {version}", "size": 60, "align": "centre", "colour": "#ffffff"}]}}


def documents(file: str) -> list[dict]:
    rung = {"name": "v360", "width": 640, "height": 360, "maxrate": 900000, "preset": "superfast", "x264": "crf=24", "threads": 1}
    return [{"kind": "profile", "id": "small", "body": {"fps": "30", "rungs": [rung], "audioBitrate": 128000}},
            {"kind": "channel", "id": "one", "body": {"title": "One", "profile": "small", "epoch": "2026-01-01T00:00:00Z", "windowSeconds": 60, "file": file,
                                                         "breakLengths": [4]}},
            overlay(0),
            {"kind": "ruleset", "id": "main", "body": {"channel": "one", "fields": [], "rules": [
                {"id": "all", "when": "true", "actions": [{"showOverlay": {"overlay": "banner"}}]}]}}]


class Trial:
    def __init__(self, folder: pathlib.Path, coordinators=("carl", "carla"), durable: bool = True, nodes=("n1", "n2"), others=None, more=None):
        """more: further sections of each node's configuration."""
        self.folder = folder
        self.programme = pathlib.Path(make_media.make(nodeproc.repository() / "build" / "demo-media")["programme"])
        (folder / "personas.json").write_text(json.dumps([{"name": "viewer", "title": "Somebody", "attributes": {}, "consent": []}]))
        self.plane = planes.Plane(folder / "plane", nodes=nodes, coordinators=coordinators, durable=durable, others=others)
        self.more = more or {}
        self.version = 0
        self.watchers: dict[str, viewers.Viewers] = {}
        self.faults: list[str] = []

    def start(self) -> None:
        plane = self.plane.start()
        plane.publish(documents(self.programme.name))
        for name in plane.coordinators:
            plane.coordinate(name)
        for name in plane.nodes:
            config = plane.node_config(name)
            config["node"]["state"] = self.folder / name / "state"
            config |= {"http": {"address": "127.0.0.1", "port": 0}, "rtmp": {"address": "127.0.0.1", "port": 0}, "documents": {"folder": self.programme.parent},
                       "media": {"folder": self.folder / "media"}, "demo": {"personas_file": self.folder / "personas.json"}, **self.more}
            plane.processes[name] = nodeproc.Node(plane.node, config, self.folder / name).start(60)
            self.watch(name)

    def watch(self, name: str) -> None:
        self.watchers[name] = viewers.Viewers(self.plane.processes[name].base, "one", ["viewer"] * 3)
        self.watchers[name].start()

    def rest(self, name: str) -> None:
        watcher = self.watchers.pop(name)
        watcher.stopping.set()
        watcher.join(30)
        self.faults += [f"a viewer of {name}: {failure}" for failure in watcher.failed]

    def leader(self) -> str:
        """The coordinator that holds the lease."""
        return self.plane.server.ask("SELECT m.name FROM dvpe.lease l JOIN dvpe.machine m ON m.id = l.holder WHERE l.expires_at > clock_timestamp()")

    def change(self) -> int:
        """Publishes a change; the sequence that it, or something newer, will have."""
        newest = self.plane.releases()[-1][0]
        self.version += 1
        self.plane.publish([overlay(self.version)])
        return newest + 1

    # -- what is killed

    def kill_coordinator(self, delay: float) -> None:
        nodeproc.wait_until(self.leader, 15, "a coordinator that leads", 0.05)
        leader = self.leader()
        sequence = self.change()
        time.sleep(delay)
        self.plane.processes[leader].kill()
        begin = time.monotonic()
        nodeproc.wait_until(lambda: self.leader() not in ("", leader), TAKE_OVER_SECONDS, "another coordinator that leads", 0.05)
        self.in_force(sequence, IN_FORCE_SECONDS)
        print(f"  coordinator killed after {delay} s: another leads and it is in force after {time.monotonic() - begin:.1f} s", flush=True)
        self.plane.processes[leader].start(30)

    def kill_database(self, delay: float) -> None:
        sequence = self.change()
        time.sleep(delay)
        self.plane.server.kill()
        time.sleep(1)
        self.plane.server.start()
        begin = time.monotonic()
        self.in_force(sequence, TAKE_OVER_SECONDS + IN_FORCE_SECONDS)
        print(f"  database killed after {delay} s: in force {time.monotonic() - begin:.1f} s after its return", flush=True)

    def kill_node(self, delay: float) -> None:
        self.rest("n2")
        sequence = self.change()
        time.sleep(delay)
        self.plane.processes["n2"].kill()
        self.check_disk("n2")
        self.plane.processes["n2"].start(60)
        begin = time.monotonic()
        self.in_force(sequence, IN_FORCE_SECONDS)
        print(f"  node killed after {delay} s: in force {time.monotonic() - begin:.1f} s after its return", flush=True)
        self.watch("n2")

    # -- what is checked

    def check_disk(self, name: str) -> None:
        """The release on a node's disk is whole, and one that the database has."""
        kept = json.loads((self.folder / name / "state" / "release" / "current.json").read_text(encoding="utf-8"))
        release = json.loads(kept["release"]["text"])
        stored = self.plane.server.ask(f"SELECT convert_from(contents, 'UTF8') FROM dvpe.release WHERE sequence = {release['sequence']}")
        if stored != kept["release"]["text"]:
            self.faults.append(f"{name} keeps a release {release['sequence']} that the database does not have")
        if len(kept["documents"]) != len(release["documents"]):
            self.faults.append(f"{name} keeps {len(kept['documents'])} documents of {len(release['documents'])}")

    def in_force(self, sequence: int, seconds: float) -> None:
        try:
            self.plane.in_force(sequence, seconds)
        except nodeproc.ProcessError as error:
            self.faults.append(str(error))
        for name in self.plane.nodes:
            self.check_disk(name)

    def finish(self) -> None:
        for name in list(self.watchers):
            self.rest(name)
        releases = self.plane.releases()
        if [s for s, _ in releases] != list(range(1, len(releases) + 1)) or not all(moment for _, moment in releases):
            self.faults.append(f"releases have gaps, or no moment: {releases}")
        done = subprocess.run([str(self.plane.node), *map(str, ["audit", "verify", *self.plane.login("ada"), "--root", self.plane.root])],
                              capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            self.faults.append(f"the audit log does not hold: {done.stderr} {done.stdout}")
        print(f"  {len(releases)} releases; {done.stderr.strip()}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="one moment for each: for every day's tests")
    parser.add_argument("--delays", help="seconds after the change, with commas")
    options = parser.parse_args()
    delays = tuple(float(d) for d in options.delays.split(",")) if options.delays else DELAYS
    plan = SHORT if options.short else {victim: delays for victim in SHORT}
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-control-"))
    os.chmod(folder, 0o755)
    trial = Trial(folder)
    good = False
    try:
        trial.start()
        for victim, moments in plan.items():
            for delay in moments:
                getattr(trial, f"kill_{victim}")(delay)
        trial.finish()
        good = not trial.faults
    finally:
        for watcher in trial.watchers.values():
            watcher.stopping.set()
        trial.plane.stop()
        if good:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"logs are kept in {folder}", file=sys.stderr)
    for fault in trial.faults:
        print("FAULT", fault)
    print("ok" if good else f"{len(trial.faults)} faults")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
