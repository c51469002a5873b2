# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""A line is sold through the control plane: published, planned, shown on two nodes, counted, never beyond its goal.

And campaigns and conditions that nobody should have written: each is left out with a message that names the document and the
place, and the release in force stays.
"""
from __future__ import annotations

import json
import os
import pathlib
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "soak"))
import control as trials  # noqa: E402
import m3u8  # noqa: E402
import nodeproc  # noqa: E402
import stage  # noqa: E402

GOAL = 8  # of six viewers


def campaign(**line) -> dict:
    body = {"title": "Tea", "currency": "EUR", "lines": [
        {"id": "line", "goal": {"impressions": GOAL}, "price": {"cpm": "10"}, "pacing": "fast", "creatives": [{"creative": "spot"}], **line}]}
    return {"kind": "campaign", "id": "tea", "body": body}


def ruleset(when: str = "true") -> dict:
    return {"kind": "ruleset", "id": "main", "body": {"channel": "one", "fields": [{"path": "viewer.name", "type": "string", "purpose": "none"}], "rules": [
        {"id": "r", "when": when, "actions": [{"fillBreaks": {"campaigns": ["tea"]}}]}]}}


class Campaigns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-campaign-"))
        os.chmod(cls.folder, 0o755)
        cls.trial = trials.Trial(cls.folder, durable=False)
        cls.plane = cls.trial.plane
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.addClassCleanup(cls.plane.stop)
        cls.make_spot()
        cls.trial.start()
        cls.plane.publish([{"kind": "creative", "id": "spot", "body": {"media": "spot"}}, campaign(), ruleset()])

    @classmethod
    def make_spot(cls) -> None:
        """A creative of four seconds, conditioned where the nodes look for media of their own."""
        folder = cls.folder / "profile"
        folder.mkdir()
        profile = next(d for d in trials.documents("") if d["kind"] == "profile")
        (folder / "profile.json").write_text(json.dumps({**profile, "organisation": "demo", "revision": 1}))
        stage.condition(cls.plane.node, folder, {"spot": stage.make_clip(cls.folder / "spot.mp4", 4, 440, 30)}, cls.folder / "media")

    # -- what is looked at

    def newest(self) -> int:
        return self.plane.releases()[-1][0]

    def metric(self, node: str, name: str) -> float:
        return nodeproc.metric(self.plane.processes[node].metrics(), name) or 0

    def counted(self) -> tuple[int, int]:
        """What the coordinators have kept of the line: impressions that are bound and not returned, and delivered."""
        state = self.plane.server.ask("SELECT convert_from(state, 'UTF8') FROM dvpe.pacing_state")
        accounts = next((line[-1] for line in json.loads(state)["lines"] if line[0] == "tea/line"), []) if state else []
        return sum(a[1] - a[3] for a in accounts), sum(a[2] for a in accounts)

    def sell(self, done) -> None:
        """Breaks of four seconds on both nodes, until what they counted has reached the coordinator."""
        for _ in range(6):
            self.decided_anew()
            ends = [json.loads(self.plane.order("bob", node, "break", "start", "--channel", "one", "--units", "4", "--json"))["end"] for node in self.plane.nodes]
            until = max(map(m3u8.parse_date, ends)) + 30
            nodeproc.wait_until(lambda: done() or time.time() > until, 60, "the break's counts", 0.5)  # noqa: B023
            if done():
                return
        self.fail(f"counted {self.counted()}")

    def planned_anew(self, times: int = 1) -> None:
        plan = max(self.metric(node, "dvpe_plan_number") for node in self.plane.nodes)
        nodeproc.wait_until(lambda: all(self.metric(n, "dvpe_plan_number") >= plan + times for n in self.plane.nodes), 40, "a new plan on both nodes", 0.5)

    def decided_anew(self) -> None:
        """Until every session holds a pod by the plan in force."""
        for node in self.plane.nodes:
            enough = self.metric(node, "dvpe_pods_decided_total") + 2 * self.metric(node, "dvpe_sessions")
            nodeproc.wait_until(lambda: self.metric(node, "dvpe_pods_decided_total") >= enough, 60, "a round of pods", 0.5)  # noqa: B023

    # -- in this order

    def test_1_a_line_is_shown_and_counted_on_two_nodes_and_never_beyond_its_goal(self):
        plane = self.plane
        plane.in_force(self.newest(), 20)
        self.planned_anew(2)  # the first knows no node: nothing has reported yet
        self.sell(lambda: self.counted()[1] > 0)
        self.assertLessEqual(self.counted()[0], GOAL)

        leader = self.trial.leader()
        plane.processes[leader].kill()
        nodeproc.wait_until(lambda: self.trial.leader() not in ("", leader), 15, "another coordinator that leads", 0.1)
        self.planned_anew()  # its plans' numbers go on
        plane.processes[leader].start(30)

        self.sell(lambda: self.counted()[1] >= GOAL)
        self.assertEqual(self.counted(), (GOAL, GOAL))
        self.assertEqual([failure for watcher in self.trial.watchers.values() for failure in watcher.failed], [])

    def test_2_what_cannot_be_is_left_out_and_says_where(self):
        for document, places in (
                (campaign(budget={"total": "NaN"}), ("campaign tea", "lines", "budget", "total")),
                (campaign(price={"cpm": "-1"}), ("campaign tea", "lines", "price", "cpm")),
                (campaign(flight={"from": "2026-06-02T00:00:00", "until": "2026-06-01T00:00:00"}), ("campaign tea", "lines", "flight")),
                (campaign(creatives=[{"creative": "nowhere"}]), ("campaign tea", "lines", "creatives", "nowhere")),
                (campaign(when="true && " * 10_000 + "true"), ("campaign tea", "lines", "when")),
                (ruleset("(" * 10_000 + "true" + ")" * 10_000), ("ruleset main", "rules", "when")),
                (ruleset('viewer.name.matches("' + "(" * 20 + "a{1000}" + "){1000}" * 20 + '")'), ("ruleset main", "rules", "when"))):
            with self.subTest(document["kind"], places=places):
                newest, said = self.newest(), self.left_out()
                self.plane.publish([document])
                message = nodeproc.wait_until(lambda before=said: self.left_out() not in ("", before) and self.left_out(), 15, "a message", 0.2)
                for place in places:
                    self.assertIn(place, message.replace("/", " ").replace("\t", " "))
                self.assertLess(len(message), 2000)
                self.assertEqual(self.newest(), newest, "the release in force stays")
        self.plane.publish([campaign(), ruleset()])
        nodeproc.wait_until(lambda: self.left_out() == "", 15, "nothing that is left out", 0.2)
        self.assertEqual([failure for watcher in self.trial.watchers.values() for failure in watcher.failed], [])

    def left_out(self) -> str:
        return self.plane.program("release", "left-out", *self.plane.login("ada")).strip()


if __name__ == "__main__":
    unittest.main()
