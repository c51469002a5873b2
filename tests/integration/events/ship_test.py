#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Every event of a spool is in the database once, whatever is killed while it is shipped.

    ship_test.py                    tests
    ship_test.py --measure [COUNT]  how many a second one connection takes, and how many are counted
"""
from __future__ import annotations

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import nodeproc  # noqa: E402
import people  # noqa: E402
import plane as planes  # noqa: E402
import postgres  # noqa: E402
from people import Machine  # noqa: E402

PROGRAM = os.environ.get("DVPE_SHIP_EVENTS", str(ROOT / "build" / "dev" / "tests" / "ship_events"))


class Shipping(people.Town, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """As Town, on a server that keeps what it has confirmed."""
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-ship-"))
        os.chmod(cls.folder, 0o755)
        cls.server = postgres.Postgres(cls.folder / "pg", durable=True).start()
        cls.server.ask("CREATE DATABASE dvpe", database="postgres")
        cls.node_program("db", "migrate")
        people.organisation(cls.server, "demo", True)
        cls.node = Machine(cls.server, "n1", "node")
        cls.carl = Machine(cls.server, "carl", "coordinator")
        cls.password = cls.folder / "password"
        cls.password.write_text(cls.node.password)

    def setUp(self):
        self.server.ask("TRUNCATE dvpe.event, dvpe.event_place, dvpe.event_batch, dvpe.event_watermark, dvpe.event_rollup, dvpe.event_reach")

    def ship(self, spool: str, count: int) -> nodeproc.Process:
        return nodeproc.Process([PROGRAM, "127.0.0.1", self.server.port, self.node.login, self.password, self.server.root_certificate, self.folder / spool, count],
                                self.folder / f"{spool}.log", lines=True)

    @staticmethod
    def last(running: nodeproc.Process, seen: dict) -> dict:
        """The newest line there is, else the one that was seen before."""
        while not running.lines.empty():
            line = running.lines.get_nowait()
            if line.startswith("{"):  # the others are its log
                seen = json.loads(line)
        return seen

    def roll(self) -> int:
        return int(self.carl.sql("SELECT events.roll(3, (SELECT registry.hold_lease()))"))

    def restarted(self) -> None:
        """The server again, once the children of the one that was killed have noticed."""
        self.server.kill()
        for _ in range(50):
            try:
                self.server.start()
                return
            except nodeproc.ProcessError:
                time.sleep(0.2)
        raise AssertionError("PostgreSQL does not start again")

    def test_each_event_is_there_once_though_database_and_node_are_killed(self):
        count, chance = 200_000, random.Random(7)
        running = self.ship("killed", count)
        seen: dict = {"next": 0}
        kills = {"database": 2, "node": 2}
        marks = sorted(chance.sample(range(count // 20, count - count // 10), 4))
        order = chance.sample(["database", "node"] * 2, 4)
        end = time.monotonic() + 150
        rolled = 0
        while running.running or marks:
            self.assertLess(time.monotonic(), end, f"{seen} {running.log_path.read_text()[-2000:]}")
            seen = self.last(running, seen)
            if marks and seen["next"] >= marks[0]:
                marks.pop(0)
                time.sleep(chance.random() * 0.15)  # somewhere in a batch
                which = order.pop(0)
                kills[which] -= 1
                if which == "database":
                    self.restarted()
                else:
                    running.kill()
                    running = self.ship("killed", count)
            time.sleep(0.01)
        self.assertEqual(seen := self.last(running, seen), {**seen, "next": count, "refused": 0, "unreadable": 0})
        self.assertEqual(kills, {"database": 0, "node": 0})
        while (more := self.roll()) > 0:
            rolled += more
        total = count * (count - 1) // 2
        self.assertEqual(self.server.ask("SELECT count(*), count(DISTINCT value), sum(value) FROM dvpe.event"), f"{count}|{count}|{total}")
        self.assertEqual(self.server.ask("SELECT sum(events), sum(inserted), sum(refused), sum(skipped) FROM dvpe.event_batch"), f"{count}|{count}|0|0")
        self.assertEqual(self.server.ask("SELECT next_event FROM dvpe.event_watermark"), str(count))
        for grain in ("minute", "hour", "day"):
            self.assertEqual(self.server.ask(f"SELECT sum(count), sum(value) FROM dvpe.event_rollup WHERE grouping_name = 'channel' AND grain = '{grain}'"),
                             f"{count}|{total}")
        self.assertEqual(rolled, int(self.server.ask("SELECT count(*) FROM dvpe.event_batch")))

    def test_a_database_that_is_away_is_waited_for(self):
        self.server.stop()
        running = self.ship("away", 1000)
        try:
            seen: dict = {}
            nodeproc.wait_until(lambda: self.last(running, seen).get("errors", 0) >= 2 or None, 20, "two tries that fail")
        finally:
            self.server.start()
        nodeproc.wait_until(lambda: not running.running, 20, "the end")
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.event"), "1000")


class Counting(unittest.TestCase):
    def test_a_coordinator_counts_what_a_node_ships_within_five_seconds(self):
        with tempfile.TemporaryDirectory(prefix="dvpe-count-") as name:
            os.chmod(name, 0o755)
            with planes.Plane(pathlib.Path(name) / "plane") as plane:
                plane.coordinate()
                server, node, folder = plane.server, plane.machines["n1"], pathlib.Path(name)
                (folder / "password").write_text(node.password)
                running = nodeproc.Process([PROGRAM, "127.0.0.1", server.port, node.login, folder / "password", server.root_certificate, folder / "spool", 100_000],
                                           folder / "log", lines=True)
                nodeproc.wait_until(lambda: not running.running, 60, "the shipper")
                began = time.monotonic()
                nodeproc.wait_until(lambda: server.ask("SELECT sum(count) FROM dvpe.event_rollup WHERE grouping_name = 'channel' AND grain = 'day'") == "100000", 30, "the count")
                self.assertLess(time.monotonic() - began, 5)
                nodeproc.wait_until(lambda: server.ask("SELECT to_regclass('dvpe.event_' || to_char((now() AT TIME ZONE 'UTC')::date + 1, 'YYYYMMDD'))"), 90, "tomorrow's table")


def measure(count: int) -> None:
    Shipping.setUpClass()
    try:
        test = Shipping()
        for name in ("warm", "cold"):
            test.setUp()
            running = test.ship(name, count)
            nodeproc.wait_until(lambda: not running.running, 600, "the end")
            seen = test.last(running, {})
            begun = time.monotonic()
            while test.roll():
                pass
            rolled = time.monotonic() - begun
            print(json.dumps({"events": count, "batches": seen["batches"], "shipped_per_s": round(count / seen["seconds"]), "rolled_per_s": round(count / rolled)}))
    finally:
        Shipping.tearDownClass()


if __name__ == "__main__":
    if "--measure" in sys.argv:
        measure(int((sys.argv[sys.argv.index("--measure") + 1:] or ["1000000"])[0]))
    else:
        unittest.main()
