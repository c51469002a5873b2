#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""How soon a change reaches every node and its viewers, while they watch.

    publish.py [--json] [--releases N] [--nodes N] [--every SECONDS] [--studios N]

A whole control plane on this machine: PostgreSQL, a coordinator, nodes that play a file and serve sessions which ask for
playlists and segments as players do. One release after the other, each of 500 documents with changes to 5, one of which
every viewer sees: written, approved, signed and stored by people over TLS. Counted from the coordinator's publication:
until each node has it checked, compiled and ready (prepared_ms), and until the first segment of it begins on each node
(effective_ms; a cut is every 4 s). different_ticks: channels on which two nodes did not begin a release at the same cut.
failed_requests: viewers' requests that were not answered with 200. bytes_per_release: what a node is sent for one.
With --studios N: so many signed-in connections besides, of people, each of which reads what a studio shows; the memory of
the database server for them is told.
"""
from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

import bench_common as common
import nodeproc
import people
import plane as planes
import viewers as watching

TARGETS = {"prepared_ms_p99": 1000.0, "effective_ms_p99": 7000.0, "different_ticks": 0, "failed_requests": 0}
DOCUMENTS, CHANGED = 500, 5
VIEWERS = 12  # on each node
_AT = re.compile(r"^(\S+Z?) ")
_PUBLISHED = re.compile(r"a release is published release=(\S+) .*bytes=(\d+)")
_PREPARED = re.compile(r"a release is prepared release=(\S+)")
_ON_AIR = re.compile(r"a release is on air channel=(\S+) release=(\S+) cut=\S+ at=(\d+)")


def overlay(number: int, version: int) -> dict:
    return {"kind": "overlay", "id": f"o-{number}", "body": {
        "layers": [{"kind": "shape", "name": "panel", "x": 40, "y": 780, "width": 920, "height": 150, "colour": "#0b1220d0", "shape": "rounded", "radius": 24},
                   {"kind": "text", "name": "line", "x": 60, "y": 800, "width": 880, "height": 110, "text": f"Overlay {number}, version {version}", "size": 60,
                    "weight": 700, "align": "centre", "colour": "#ffffff"}]}}


def documents(file: str) -> list[dict]:
    rung = {"name": "v360", "width": 640, "height": 360, "maxrate": 900000, "preset": "superfast", "x264": "crf=24", "threads": 1}
    out = [{"kind": "profile", "id": "bench", "body": {"fps": "30", "rungs": [rung], "audioBitrate": 128000}},
           {"kind": "channel", "id": "bench", "body": {"title": "Publish", "profile": "bench", "epoch": "2026-01-01T00:00:00Z", "windowSeconds": 60, "file": file}}]
    overlays = 400
    out += [overlay(n, 0) for n in range(overlays)]
    rulesets = DOCUMENTS - len(out)
    for r in range(rulesets):
        rules = [{"id": f"r{r}-{i}", "when": f"viewer.number == {100 + r * 4 + i}", "actions": [{"showOverlay": {"overlay": f"o-{(r * 4 + i) % overlays}"}}]} for i in range(4)]
        if r == 0:
            rules.insert(0, {"id": "everybody", "when": "true", "actions": [{"showOverlay": {"overlay": "o-0"}}]})
        out.append({"kind": "ruleset", "id": f"rules-{r}", "body": {"channel": "bench", "fields": [{"path": "viewer.number", "type": "int"}], "rules": rules}})
    return out


class Studios:
    """Signed-in people who look at documents, releases and each other, as a studio does now and then."""

    def __init__(self, plane: planes.Plane, count: int):
        self.plane, self.count = plane, count
        self.children: list = []
        self.memory_before = self._memory()

    def _memory(self) -> int:
        """Proportional set size of the server and all its children, bytes."""
        total, parents = 0, {}
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                parents[int(path.name)] = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
        roots = {self.plane.server.process.pid}
        for _ in range(3):
            roots |= {pid for pid, parent in parents.items() if parent in roots}
        for pid in roots:
            try:
                text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
                total += 1024 * int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
            except (OSError, TypeError):
                continue
        return total

    def start(self) -> None:
        crowd = people.Person.crowd(self.plane.server, [f"studio{n}" for n in range(self.count)], ["creator"], self.plane.organisation)
        for who in crowd:
            self.children.append(who.connect_and(
                f"SELECT session.prove('{people.one_time_password(who.secret)}') = 'ok' AS proved \\gset\n\\if :proved\n\\else\n\\quit\n\\endif\n"
                "SELECT count(*) FROM dvpe.draft;\nSELECT count(*) FROM dvpe.release;\n"
                "SELECT kind, document, max(revision) FROM dvpe.revision GROUP BY 1, 2 LIMIT 50;\n"))

    def stop(self) -> dict:
        alive = sum(c.poll() is None for c in self.children)
        grown = self._memory() - self.memory_before
        for child in self.children:
            child.stdin.close()
        for child in self.children:
            child.wait(20)
        return {"studios": alive, "studio_bytes": grown // max(1, alive)}


def seconds_of(line: str) -> float:
    return datetime.datetime.fromisoformat(_AT.match(line)[1].rstrip("Z")).timestamp()


class Logs:
    """What coordinator and nodes wrote about releases, by release: seconds."""

    def __init__(self, coordinator: pathlib.Path, nodes: dict[str, pathlib.Path]):
        self.published: dict[int, float] = {}
        self.bytes: dict[int, int] = {}
        for line in coordinator.read_text(encoding="utf-8").splitlines():
            if found := _PUBLISHED.search(line):
                sequence = int(found[1].split(".")[1])
                self.published[sequence], self.bytes[sequence] = seconds_of(line), int(found[2])
        self.prepared: dict[str, dict[int, float]] = {}
        self.on_air: dict[str, dict[int, tuple[float, int]]] = {}
        self.late = 0
        for name, path in nodes.items():
            self.prepared[name], self.on_air[name] = {}, {}
            for line in path.read_text(encoding="utf-8").splitlines():
                if found := _PREPARED.search(line):
                    self.prepared[name].setdefault(int(found[1].split(".")[1]), seconds_of(line))
                elif found := _ON_AIR.search(line):
                    self.on_air[name][int(found[2].split(".")[1])] = (seconds_of(line), int(found[3]))
                self.late += "takes over" in line and "late=1" in line

    def report(self, releases: list[int]) -> dict:
        prepared, effective, missing = [], [], 0
        for sequence in releases:
            for name in self.prepared:
                at = self.prepared[name].get(sequence)
                # What two releases change between two cuts begins with the second.
                air = next((self.on_air[name][s][0] for s in sorted(self.on_air[name]) if s >= sequence), None)
                if at is None or air is None:
                    missing += 1
                    continue
                prepared.append(1000 * (at - self.published[sequence]))
                effective.append(1000 * (air - self.published[sequence]))
        cuts = {name: {(s, at) for s, (_, at) in air.items() if s in releases} for name, air in self.on_air.items()}
        first = next(iter(cuts.values()))
        return {"prepared_ms_p50": round(common.percentile(prepared, .5), 1), "prepared_ms_p99": round(common.percentile(prepared, .99), 1),
                "effective_ms_p50": round(common.percentile(effective, .5), 1), "effective_ms_p99": round(common.percentile(effective, .99), 1),
                "different_ticks": sum(len(first ^ other) for other in cuts.values()), "missing": missing, "late": self.late, "on_air": len(first)}


def run(options) -> dict:
    machine = common.Machine()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-publish-"))
    os.chmod(folder, 0o755)
    programme = common.programme(30, 0, True, 1500)
    names = [f"n{i + 1}" for i in range(options.nodes)]
    (folder / "personas.json").write_text(json.dumps([{"name": f"viewer{n}", "title": f"Viewer {n}", "attributes": {"number": n}, "consent": []} for n in range(VIEWERS)]))
    plane = planes.Plane(folder / "plane", common.BUILD / "bin" / "dvpe-node", names, connections=60 + options.studios)
    viewers: list[watching.Viewers] = []
    studios = None
    try:
        plane.start()
        common.say(f"{DOCUMENTS} documents")
        plane.publish(documents(programme.name))
        coordinator = plane.coordinate()
        for name in names:
            config = plane.node_config(name)
            config["node"]["state"] = folder / name / "state"
            config |= {"http": {"address": "127.0.0.1", "port": 0}, "rtmp": {"address": "127.0.0.1", "port": 0}, "documents": {"folder": programme.parent},
                       "media": {"folder": folder / "media"}, "demo": {"personas_file": folder / "personas.json"}}
            plane.processes[name] = nodeproc.Node(plane.node, config, folder / name).start(60)
        for name in names:
            plane.processes[name].wait_ready(60)
        viewers = [watching.Viewers(plane.processes[name].base, "bench", [f"viewer{n}" for n in range(VIEWERS)]) for name in names]
        for each in viewers:
            each.start()
        if options.studios:
            common.say(f"{options.studios} studios sign in")
            studios = Studios(plane, options.studios)
            studios.start()
        time.sleep(10)
        begin = plane.releases()[-1][0]
        common.say(f"{options.releases} releases, one each {options.every} s")
        due = time.monotonic()
        for n in range(1, options.releases + 1):
            due += options.every
            plane.publish([overlay(0, n)] + [overlay((n * 4 + i) % 399 + 1, n) for i in range(CHANGED - 1)])
            time.sleep(max(0.0, due - time.monotonic()))
        plane.in_force(begin + options.releases, 60)
        time.sleep(6)  # the last one's cut
        for each in viewers:
            each.stopping.set()
        more = studios.stop() if studios else {}
        logs = Logs(coordinator.log_path, {name: plane.processes[name].log_path for name in names})
        newest = plane.releases()[-1][0]
        changed = sum(len(planes.text_of({**overlay(i, 1), "organisation": "demo", "revision": 1})) for i in range(CHANGED))
        out = logs.report(list(range(begin + 1, newest + 1)))
        out["failed_requests"] = sum(len(v.failed) for v in viewers)
        out["requests"] = sum(v.requests for v in viewers)
        out["releases"] = newest - begin
        out["bytes_per_release"] = logs.bytes[newest] + changed
        out |= more
        for each in viewers:
            for failure in each.failed[:3]:
                common.say("failed:", failure)
    except BaseException:
        common.say(f"logs are kept in {folder}")
        raise
    finally:
        for each in viewers:
            each.stopping.set()
        plane.stop()
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    out |= {"workload": f"{options.nodes} nodes, {options.releases} releases of {DOCUMENTS} documents with {CHANGED} changes, one each {options.every} s, "
                        f"{VIEWERS} viewers a node", "cores": common.cores(), **machine.since()}
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--releases", type=int, default=200)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--every", type=float, default=1.5)
    parser.add_argument("--studios", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="keep the logs")
    options = parser.parse_args()
    out = run(options)
    if options.json:
        print(json.dumps(out))
    else:
        for key, value in out.items():
            print(f"{key:20} {value}" + (f"   (at most {TARGETS[key]:g})" if key in TARGETS else ""))
    good = all(out[key] <= limit for key, limit in TARGETS.items()) and out["missing"] == 0
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
