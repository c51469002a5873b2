# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Releases on two nodes: in stages, halted by what goes wrong, scheduled, gone back, and a node that starts alone."""
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
import people  # noqa: E402


class Rollouts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-rollout-"))
        os.chmod(cls.folder, 0o755)
        cls.trial = trials.Trial(cls.folder, coordinators=("carl",), durable=False)
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.addClassCleanup(cls.trial.plane.stop)
        cls.trial.start()
        cls.plane = cls.trial.plane

    def admin(self, change: list[str], sql: str) -> None:
        ada = self.plane.people["ada"]
        ada.sql(ada.with_grant([people.change(*change)], sql))

    def plan(self, plan: dict) -> None:
        self.plane.program("release", "stages", self.plane.secret("plan.json", json.dumps(plan)), *self.plane.login("ada", 2))

    def in_force(self) -> dict[str, int]:
        """The newest release that each node says is in force."""
        rows = self.plane.server.ask("SELECT m.name, max(a.sequence) FROM dvpe.acknowledgement a JOIN dvpe.machine m ON m.id = a.node "
                                     "WHERE a.state = 'effective' GROUP BY m.name").splitlines()
        return {name: int(sequence) for name, sequence in (r.split("|") for r in rows)}

    def banner(self, sequence: int) -> str:
        """What the banner says in a release."""
        release = json.loads(self.plane.server.ask(f"SELECT convert_from(contents, 'UTF8') FROM dvpe.release WHERE sequence = {sequence}"))
        digest = next(d["digest"] for d in release["documents"] if d["id"] == "banner")
        document = json.loads(self.plane.server.ask(f"SELECT convert_from(contents, 'UTF8') FROM dvpe.revision WHERE digest = '\\x{digest}'"))
        return document["body"]["layers"][0]["text"]

    def newest(self) -> int:
        return self.plane.releases()[-1][0]

    def tearDown(self):
        self.assertEqual(self.trial.faults, [])

    def test_0_a_node_with_a_root_takes_no_unsigned_documents(self):
        config = self.plane.node_config("n1")
        config |= {"documents": {"folder": self.folder, "unsigned": True}, "node": {**config["node"], "state": self.folder / "unsigned"}}
        with self.assertRaises(nodeproc.ProcessError) as refused:
            nodeproc.Node(self.plane.node, config, self.folder / "unsigned").start(30)
        self.assertIn("documents.unsigned", str(refused.exception))

    def test_1_a_change_goes_on_air_on_the_first_nodes_and_then_on_all(self):
        self.plan({"stages": [{"nodes": ["n1"], "seconds": 6}]})
        first = self.trial.change()
        nodeproc.wait_until(lambda: self.in_force().get("n1", 0) >= first, 10, "the change on n1", 0.1)
        self.assertLess(self.in_force()["n2"], first, "not yet")
        begin = time.monotonic()
        self.plane.in_force(first + 1, 25)
        self.assertGreater(time.monotonic() - begin, 3, "it was held")
        self.assertEqual(self.banner(first), self.banner(first + 1))

    def test_2_what_goes_wrong_there_halts_it_until_an_admin_lets_it_go_on(self):
        self.plan({"stages": [{"nodes": ["n1"], "seconds": 8}], "guards": {"notReadySeconds": 3}})
        self.trial.rest("n1")
        first = self.trial.change()
        nodeproc.wait_until(lambda: self.in_force().get("n1", 0) >= first, 10, "the change on n1", 0.1)
        self.plane.processes["n1"].kill()

        def halted():
            return self.plane.server.ask("SELECT reason FROM dvpe.rollout_halt")
        nodeproc.wait_until(halted, 20, "the halt", 0.2)
        self.assertIn("n1", halted())
        self.plane.processes["n1"].start(60)
        self.trial.watch("n1")
        time.sleep(3)
        self.assertLess(self.in_force()["n2"], first, "it stays where it is")
        stages = json.loads(self.plane.program("release", "stages", "--json", *self.plane.login("ada")))
        self.assertEqual(([h["sequence"] for h in stages["halted"]], stages["plan"]["guards"]), ([first], {"notReadySeconds": 3}))
        self.plane.program("release", "resume", first, *self.plane.login("ada", 2))
        self.plane.in_force(first + 1, 30)
        self.plan({})
        with self.assertRaises(nodeproc.ProcessError) as refused:
            self.plan({"stages": [{"percent": 101, "seconds": 0}]})
        self.assertIn("percent", str(refused.exception))

    def test_3_a_scheduled_revision_waits_for_its_time(self):
        newest = self.newest()
        self.plane.publish([trials.overlay(1000)], live_in=3600)
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 6))
        self.plane.program("release", "schedule", "overlay/banner", self.plane.revisions[("overlay", "banner")], "--at", soon, *self.plane.login("cleo"))
        time.sleep(2.5)
        self.assertEqual(self.newest(), newest)
        self.plane.in_force(newest + 1, 14)
        self.assertEqual(self.banner(newest + 1), "Version 1000")

    def test_4_going_back_is_an_admins_word_and_stays(self):
        newest = self.newest()
        before = self.banner(newest)
        revision = self.plane.revisions[("overlay", "banner")]
        changed = self.trial.change()
        self.plane.in_force(changed, 15)
        statement = json.dumps({"kind": "rollback", "base": changed, "documents": [{"kind": "overlay", "id": "banner", "revision": revision}]})
        path = self.plane.secret("rollback.json", statement)
        self.plane.sign("ada", [path])
        key, signature = self.plane._signature(path)  # pylint: disable=protected-access
        self.admin(["release.rollback", people.hashlib.sha256(statement.encode()).hexdigest()],
                   f"SELECT registry.store_rollback('\\x{statement.encode().hex()}', '{key}', '\\x{signature}', :'grant');")
        self.plane.in_force(changed + 1, 15)
        self.assertEqual(self.banner(changed + 1), before)
        self.plane.publish([{"kind": "overlay", "id": "another", "body": {"layers": []}}])
        self.plane.in_force(changed + 2, 15)
        self.assertEqual(self.banner(changed + 2), before, "nobody has taken the rollback back")

    def test_5_a_node_starts_with_its_last_good_release_when_everybody_is_gone(self):
        self.trial.rest("n2")
        newest = self.newest()
        self.plane.processes["n2"].stop()
        self.plane.processes["carl"].stop()
        self.plane.server.stop()
        self.plane.processes["n2"].start(30)
        self.trial.watch("n2")
        self.assertIn(f".{newest}", self.plane.processes["n2"].log_path.read_text().split("last good release release=")[-1][:20])
        time.sleep(5)
        self.assertEqual(self.trial.watchers["n2"].failed, [])
        self.plane.server.start()
        self.plane.processes["carl"].start(30)
        self.plane.in_force(self.trial.change(), 20)

    def test_6_keys_that_one_admin_alone_has_stored_stop_nobody(self):
        contents = json.dumps({"kind": "keys", "revision": self.plane.keys_revision + 7, "keys": []})
        digest = people.hashlib.sha256(contents.encode()).hexdigest()
        self.admin(["keys.store", digest], f"SELECT registry.store_keys({self.plane.keys_revision + 7}, '\\x{contents.encode().hex()}', '[]', :'grant');")
        changed = self.trial.change()
        self.plane.in_force(changed, 20)
        self.assertIn("a revision of the keys does not count", self.plane.processes["carl"].log_path.read_text())

    def test_7_a_broadcasters_break_is_on_air(self):
        begun = json.loads(self.plane.order("bob", "n1", "break", "start", "--channel", "one", "--units", "60", "--json"))
        span = (m3u8.parse_date(begun["start"]), m3u8.parse_date(begun["end"]))
        self.assertAlmostEqual(span[1] - span[0], 60, places=2)
        self.assertLess(abs(span[0] - time.time()), 10)
        nodeproc.wait_until(lambda: time.time() > span[0] + 2, 15, "the break")
        ended = json.loads(self.plane.order("bob", "n1", "break", "stop", "--channel", "one", "--json"))
        self.assertLess(m3u8.parse_date(ended["end"]), span[1] - 30)

    def test_8_a_channel_begins_anew_and_its_viewers_stay(self):
        plane, log = self.plane, self.plane.processes["n1"].log_path

        def status():
            return json.loads(plane.order("ada", "n1", "status", "--json"))["channels"][0]
        before = status()
        plane.order("ada", "n1", "restart-channel", "--channel", "one", *plane.login("ada"))
        self.assertIn("the channel begins anew", log.read_text())
        nodeproc.wait_until(lambda: status()["segments"] > before["segments"] + 3, 30, "segments after it", 0.5)
        self.assertEqual(status()["holes"], before["holes"])


if __name__ == "__main__":
    unittest.main()
