#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Each event is in the database exactly once, whatever is killed; a disk that fills loses nothing that was accepted.

    events.py [--events N] [--kills N] [--seed N] [--only killed|full]

killed: players tell a node of a million events over HTTP, 100 to a POST, each with a number of its own, and again what was not
acknowledged. Meanwhile node, database and coordinator are killed with SIGKILL, 20 times at random moments, and started again.
In the end each event is in the database once, and in the minutes, hours and days that the coordinator counted.

full: the database is away until the node's disk of events is full (a small file system of its own where root may make one,
else the configured size): players are told to send again later, metrics say so, and once the database is back everything that
was acknowledged, and nothing twice, is there.
"""
from __future__ import annotations

import argparse
import http.client
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import control as trials  # noqa: E402
import nodeproc  # noqa: E402

AT_ONCE = 100
SESSIONS = 400      # each may tell of 4,096 events in a quarter of an hour
DISK = 64 << 20     # the least that a node can be given


class Players:
    """Threads that tell of events [first, first + count), each until it was acknowledged."""

    def __init__(self, node: nodeproc.Node, sessions: list[str], count: int, patient: bool = True):
        self.node, self.sessions, self.count, self.patient = node, sessions, count, patient
        self.next, self.lock, self.acknowledged = 0, threading.Lock(), 0
        self.refusals: dict[int, int] = {}
        self.told: list[int] = []       # numbers of the requests that were acknowledged
        self.stopping = threading.Event()
        self.faults: list[str] = []
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(4)]
        for thread in self.threads:
            thread.start()

    def _take(self) -> int | None:
        with self.lock:
            if self.next * AT_ONCE >= self.count or self.stopping.is_set():
                return None
            self.next += 1
            return self.next - 1

    def _body(self, request: int) -> bytes:
        now = int(time.time() * 1000)
        round_ = request // len(self.sessions)  # a session's numbers ascend
        return json.dumps({"session": self.sessions[request % len(self.sessions)], "events": [
            {"kind": "error", "n": round_ * AT_ONCE + i + 1, "at": now, "value": request * AT_ONCE + i, "text": "soak"} for i in range(AT_ONCE)]}).encode()

    def _run(self) -> None:
        connection = None
        while (request := self._take()) is not None:
            while not self.stopping.is_set():
                status, answer = 0, {}
                try:
                    if connection is None:
                        where = urllib.parse.urlsplit(self.node.base)
                        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=10)
                    connection.request("POST", "/v1/events", self._body(request), {"Content-Type": "application/json"})
                    response = connection.getresponse()
                    status, answer = response.status, json.loads(response.read())
                except (OSError, http.client.HTTPException, ValueError):
                    connection = None
                if status == 200:
                    self._done(request, answer)
                    break
                with self.lock:
                    self.refusals[status] = self.refusals.get(status, 0) + 1
                if status == 503 and not self.patient:
                    return
                time.sleep(0.05)

    def _done(self, request: int, answer: dict) -> None:
        # What was on disk when the node was killed, but not acknowledged, may be told a second time without harm: by the number in
        # the node's memory, or by its id in the database.
        other = [r for r in answer["refused"] if "used before" not in r["why"]]
        with self.lock:
            self.acknowledged += AT_ONCE
            self.told.append(request)
            if other:
                self.faults.append(f"refused: {other[0]}")

    def join(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0.0, end - time.monotonic()))


class Soak:
    def __init__(self, folder: pathlib.Path, options):
        self.options, self.folder = options, folder
        self.trial = trials.Trial(folder, coordinators=("carl",), nodes=("n1",))
        (folder / "personas.json").write_text(json.dumps([{"name": "viewer", "title": "Agrees", "attributes": {"country": "DE"}, "consent": ["ad_measurement"]}]))
        self.plane, self.faults = self.trial.plane, []
        self.result: dict = {}

    def start(self) -> None:
        self.trial.start()
        self.trial.rest("n1")
        self.node = self.plane.processes["n1"]

    def sessions(self, count: int) -> list[str]:
        out = []
        for _ in range(count):
            connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.node.base).netloc, timeout=10)
            connection.request("POST", "/v1/sessions", json.dumps({"channel": "one", "persona": "viewer"}), {"Content-Type": "application/json"})
            out.append(json.loads(connection.getresponse().read())["session"])
            connection.close()
        return out

    def ask(self, sql: str) -> str:
        return self.plane.server.ask(sql)

    def check(self, what: str, good: bool) -> None:
        print(("ok      " if good else "BROKEN  ") + what, flush=True)
        if not good:
            self.faults.append(what)

    def settled(self, seconds: float) -> None:
        """Until everything on the node's disk is in the database and counted."""
        def done() -> bool:
            metrics = self.node.metrics()
            shipped = int(self.ask("SELECT coalesce(sum(next_event), 0) FROM dvpe.event_watermark"))
            return (nodeproc.metric(metrics, "dvpe_events_lag_seconds") == 0 and nodeproc.metric(metrics, "dvpe_events_waiting_bytes") == 0
                    and self.ask("SELECT count(*) FROM dvpe.event_batch WHERE NOT rolled") == "0"
                    and (time.sleep(1.5) or shipped == int(self.ask("SELECT coalesce(sum(next_event), 0) FROM dvpe.event_watermark"))))
        nodeproc.wait_until(done, seconds, "everything to be shipped and counted", 0.5)

    def database_again(self) -> None:
        nodeproc.wait_until(self._try_database, 60, "the database", 0.3)

    def _try_database(self) -> bool:
        try:
            self.plane.server.start()
            return True
        except nodeproc.ProcessError:
            return False

    def compare(self, events: int, numbers: int) -> None:
        self.check(f"{events} events are there, each once", self.ask("SELECT count(*), count(DISTINCT value), sum(value) FROM dvpe.event WHERE kind = 40") == f"{events}|{events}|{numbers}")
        for grain in ("minute", "hour", "day"):
            self.check(f"the same by {grain}", self.ask(f"SELECT round(sum(count)), round(sum(value)) FROM dvpe.event_rollup WHERE kind = 40 AND grouping_name = 'channel' AND grain = '{grain}'")
                       == f"{events}|{numbers}")

    # -- killed

    def killed(self) -> None:
        count, chance = self.options.events, random.Random(self.options.seed)
        print(f"killed: {count} events, {self.options.kills} kills", flush=True)
        began = time.monotonic()
        players = Players(self.node, self.sessions(SESSIONS), count)
        marks = sorted(chance.sample(range(count // 50, count - count // 20), self.options.kills))
        victims = [("node", "database", "coordinator")[i % 3] for i in range(self.options.kills)]
        chance.shuffle(victims)
        for mark, victim in zip(marks, victims):
            nodeproc.wait_until(lambda m=mark: players.acknowledged >= m, 900, f"{mark} acknowledged", 0.01)
            time.sleep(chance.random() * 0.2)
            if victim == "database":
                self.plane.server.kill()
                time.sleep(0.5)
                self.database_again()
            else:
                process = self.node if victim == "node" else self.plane.processes["carl"]
                process.kill()
                process.start(60)
        players.join(900)
        self.check("every event was acknowledged", players.acknowledged == count and not players.faults)
        self.settled(300)
        self.compare(count, count * (count - 1) // 2)
        self.result |= {"events": count, "kills": {v: victims.count(v) for v in sorted(set(victims))}, "seconds": round(time.monotonic() - began),
                        "unanswered": players.refusals.get(0, 0), "put_off": players.refusals.get(503, 0)}

    # -- full

    def full(self) -> None:
        print("full: a disk of events that fills while the database is away", flush=True)
        self.ask("TRUNCATE dvpe.event, dvpe.event_batch, dvpe.event_rollup, dvpe.event_reach")
        self.node.stop(20)
        events = self.folder / "small"
        events.mkdir()
        own = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(events)], check=False, stderr=subprocess.DEVNULL).returncode == 0
        try:
            self.fill(events, own)
        finally:
            if own:
                self.node.stop(20)
                subprocess.run(["umount", str(events)], check=False)

    def fill(self, events: pathlib.Path, own: bool) -> None:
        self.node.env = {"DVPE_EVENTS_FOLDER": str(events), "DVPE_EVENTS_DISK_BYTES": str(DISK)}
        self.node.start(60)
        sessions = self.sessions(SESSIONS)
        self.plane.server.stop()
        players = Players(self.node, sessions, SESSIONS * 40 * AT_ONCE, patient=False)
        players.join(300)
        self.check(f"players are told to send again later ({players.refusals.get(503, 0)} times)", players.refusals.get(503, 0) > 0 and not players.faults)
        metrics = self.node.metrics()
        said = sum(nodeproc.metric(metrics, "dvpe_events_total", fate=fate) or 0 for fate in ("refused", "lost"))
        self.check(f"metrics say how many were not taken ({said:.0f})", said >= AT_ONCE)
        self.check("viewers are served on", nodeproc.http_get(self.node.base + "/readyz")[0] == 200)
        self.database_again()
        self.settled(300)
        numbers = sum(range(AT_ONCE)) * len(players.told) + AT_ONCE * AT_ONCE * sum(players.told)
        told = AT_ONCE * len(players.told)
        # A request that was refused may have reached the disk: what was acknowledged must be there, the rest may, once.
        there = self.ask("SELECT count(*), count(DISTINCT value) FROM dvpe.event WHERE kind = 40").split("|")
        self.check(f"nothing is there twice ({there[0]} events)", there[0] == there[1])
        missing = self.missing(players.told)
        self.check(f"all {told} that were acknowledged are there", missing == 0)
        if int(there[0]) == told:
            self.compare(told, numbers)
        again = Players(self.node, sessions[:1], AT_ONCE)
        again.join(30)
        self.check("the node takes events again", again.acknowledged == AT_ONCE)
        self.result |= {"full_acknowledged": told, "full_refused": round(said), "file_system_of_its_own": own}

    def missing(self, told: list[int]) -> int:
        there = {int(line) for line in self.ask(f"SELECT DISTINCT value / {AT_ONCE} FROM dvpe.event WHERE kind = 40 GROUP BY 1 HAVING count(*) = {AT_ONCE}").splitlines()}
        return len(set(told) - there)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("killed", "full"))
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-events-"))
    os.chmod(folder, 0o755)
    soak = Soak(folder, options)
    good = False
    try:
        soak.start()
        for name in ("killed", "full"):
            if options.only in (None, name):
                getattr(soak, name)()
        good = not soak.faults
    finally:
        soak.plane.stop()
        if good:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"logs are kept in {folder}", file=sys.stderr)
    print(json.dumps({**soak.result, "faults": len(soak.faults)}))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
