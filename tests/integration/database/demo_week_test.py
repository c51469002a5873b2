#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""The demo's week: its documents published by people, its events shipped as by a node and counted by a running coordinator, and
what `dvpe-node report` tells of it, against a count of the events themselves."""
from __future__ import annotations

import collections
import csv
import io
import json
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import demo_week  # noqa: E402
import nodeproc  # noqa: E402
import plane as planes  # noqa: E402

CHANNEL = {"kind": "channel", "id": "demo", "body": {"title": "Demo", "profile": "small", "epoch": "2026-01-01T00:00:00Z", "windowSeconds": 60}}
PROFILE = {"kind": "profile", "id": "small", "body": {"fps": "30", "audioBitrate": 128000, "rungs": [
    {"name": "v180", "width": 320, "height": 180, "maxrate": 400000, "preset": "superfast", "x264": "crf=30", "threads": 1}]}}


class TheDemosWeek(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-week-"))
        os.chmod(cls.folder, 0o755)  # PostgreSQL is somebody else
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.plane = planes.Plane(cls.folder / "plane")
        cls.addClassCleanup(cls.plane.stop)
        cls.plane.start()
        cls.first = demo_week.first_day()
        cls.plane.publish([PROFILE, CHANNEL, *demo_week.documents(cls.first)])
        cls.plane.coordinate()
        cls.events = demo_week.ship(cls.plane, cls.first)
        nodeproc.wait_until(lambda: demo_week.counted(cls.plane), 60, "the week counted")

    def told(self, who: str, name: str) -> list[dict]:
        """As CSV; JSON has the same figures, and a page can be made."""
        words = demo_week.report(self.first, name)
        rows = list(csv.DictReader(io.StringIO(self.plane.program(*words, *self.plane.login(who)), newline="")))
        said = json.loads(self.plane.program(*words, "--format", "json", *self.plane.login(who)))
        self.assertEqual(len(said["rows"]), len(rows))
        for row, one in zip(rows, said["rows"]):
            for key, text in row.items():
                if isinstance(one[key], (int, float)):
                    self.assertEqual(float(text), one[key], (name, key))
                else:
                    self.assertEqual(text, one[key] or "", (name, key))
        self.assertIn("<svg", self.plane.program(*words, "--format", "html", *self.plane.login(who)))
        return rows

    def of(self, kind: int) -> list[dict]:
        return [e for e in self.events if e["kind"] == kind]

    def test_delivery_against_plan_is_that_of_the_events(self):
        counted = collections.Counter(e["line"] for e in self.of(21) if e["campaign"] == "summer")
        rows = {r["line"]: r for r in self.told("adam", "plan")}
        self.assertEqual(set(rows), {"reach", "rest"})
        goals = {"reach": 4000, "rest": 5000}
        for line, row in rows.items():
            self.assertGreater(counted[line], 500)
            self.assertEqual(int(row["counted"]), counted[line])
            self.assertEqual(int(row["goal"]), goals[line])
            self.assertEqual(int(row["expected"]), goals[line] // 2, "half of its flight is over")

    def test_delivery_by_day_is_that_of_the_events(self):
        rows = self.told("adam", "delivery")
        for kind, column in ((20, "decided"), (21, "delivered"), (22, "confirmed"), (26, "completed"), (28, "clicked")):
            self.assertEqual(sum(int(r[column]) for r in rows), sum(e["campaign"] == "summer" for e in self.of(kind)), column)
        by_day = collections.Counter(demo_week.date(e["at"] // 86400 // 10 ** 6) for e in self.of(21) if e["campaign"] == "summer")
        shown = {next(iter(r.values()))[:10]: int(r["delivered"]) for r in rows}
        self.assertEqual({d: n for d, n in shown.items() if n}, dict(by_day))

    def test_the_commands_that_the_demo_prints_are_those(self):
        line = demo_week.command(self.plane.node, self.plane, self.first, "plan", "adam")
        self.assertIn(" ".join(demo_week.report(self.first, "plan", "--format", "html")), line)
        self.assertNotIn(self.plane.people["adam"].password, line)


if __name__ == "__main__":
    unittest.main()
