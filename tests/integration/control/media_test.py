#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""A file's way from an advertiser to the nodes: put, conditioned, signed, released, fetched. And what must not get there."""
from __future__ import annotations

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import nodeproc  # noqa: E402
import people  # noqa: E402
import plane  # noqa: E402
from stage import make_clip  # noqa: E402

PROFILE = {"fps": "25", "rungs": [{"name": "v180", "width": 320, "height": 180, "maxrate": 400000, "preset": "ultrafast"}]}
DOCUMENTS = [
    {"kind": "profile", "id": "small", "body": PROFILE},
    {"kind": "channel", "id": "one", "body": {"title": "One", "profile": "small", "slate": "spot"}},
    {"kind": "campaign", "id": "tea", "body": {"title": "Tea", "creatives": ["spot"]}},
    {"kind": "ruleset", "id": "main", "body": {"channel": "one", "fields": [], "rules": [
        {"id": "r", "when": "true", "actions": [{"fillBreaks": {"campaigns": ["tea"]}}]}]}},
]


class Media(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-media-"))
        os.chmod(cls.folder, 0o755)
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.plane = plane.Plane(cls.folder / "plane")
        cls.addClassCleanup(cls.plane.stop)
        cls.plane.start()
        cls.server = cls.plane.server
        cls.adam = cls.plane.people["adam"]
        cls.clip = make_clip(cls.folder / "clip.mp4", 4, 440)
        cls.plane.publish(DOCUMENTS)
        cls.plane.coordinate()
        cls.plane.condition()

    # -- what people do

    def command(self, who, *words) -> list:
        return [str(self.plane.node), *map(str, [*words, *self.plane.login(who), "--json"])]

    def cli(self, who, *words, expect: int = 0):
        """(what it printed as JSON, what it said)"""
        done = subprocess.run(self.command(who, *words), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, expect, done.stderr)
        return json.loads(done.stdout) if done.stdout else None, done.stderr

    def request(self, media: str, source, who=None, wait: bool = True, expect: int = 0, profile: str = "small"):
        return self.cli(who or self.adam, "jobs", "request", "--source", source, "--media", media, "--profile", profile,
                        *(["--wait"] if wait else []), expect=expect)

    def job(self, media: str) -> str:
        return self.server.ask(f"SELECT state FROM dvpe.job WHERE media = '{media}' ORDER BY requested_at DESC LIMIT 1")

    def files_of(self, media: str) -> dict:
        body = self.server.ask("SELECT convert_from(contents, 'UTF8')::jsonb->'body' FROM dvpe.revision WHERE kind = 'media' "
                               f"AND document = '{media}' ORDER BY revision DESC LIMIT 1")
        return json.loads(body)

    def start_node(self, conditions: bool = False) -> nodeproc.Node:
        config = self.plane.node_config("n1")
        if conditions:
            config["condition"] = self.plane.conditioner_config()["condition"]
        config["node"]["state"] = self.folder / "n1" / "state"
        config |= {"http": {"address": "127.0.0.1", "port": 0}, "rtmp": {"address": "127.0.0.1", "port": 0}, "media": {"folder": self.folder / "local"}}
        (self.folder / "local").mkdir(exist_ok=True)
        self.plane.processes["n1"] = nodeproc.Node(self.plane.node, config, self.folder / "n1").start(40)
        return self.plane.processes["n1"]

    def newest(self) -> int:
        return self.plane.releases()[-1][0]

    # -- in this order

    def test_1_a_file_is_conditioned_released_fetched_and_can_be_served(self):
        made, said = self.request("spot", self.clip)
        self.assertEqual(made["result"]["units"], 4)
        self.assertEqual(made["source"], hashlib.sha256(self.clip.read_bytes()).hexdigest())
        body = self.files_of("spot")
        self.assertEqual(sorted(body["files"]), ["audio.mp4", "media.json", "v180.mp4"])

        def released():
            contents = self.server.ask("SELECT convert_from(contents, 'UTF8') FROM dvpe.release ORDER BY sequence DESC LIMIT 1")
            return contents and json.loads(contents).get("blobs")
        blobs = nodeproc.wait_until(released, 20, "a release with media")
        self.assertEqual({b["digest"]: b["bytes"] for b in blobs}, {f["digest"]: f["bytes"] for f in body["files"].values()})

        node = self.start_node()
        self.plane.in_force(self.newest())
        folder = self.folder / "n1" / "state" / "media" / body["digest"][:16]
        for name, file in body["files"].items():
            self.assertEqual(hashlib.sha256((folder / name).read_bytes()).hexdigest(), file["digest"], name)
        self.assertNotIn("the slate is not conditioned", node.log_path.read_text(), "the channel's slate is the media of the release")
        self.assertIn("media=1", node.log_path.read_text())

    def test_2_a_running_node_takes_new_media(self):
        self.request("tea-2", make_clip(self.folder / "second.mp4", 2, 660))
        digest = self.files_of("tea-2")["digest"][:16]
        folder = self.folder / "n1" / "state" / "media" / digest
        nodeproc.wait_until(folder.exists, 20, "the media on the node")
        self.plane.in_force(self.newest())
        self.assertNotIn("left out", (self.folder / "n1" / "node.log").read_text())

    def test_3_a_hostile_file_fails_with_a_reason(self):
        bad = self.folder / "bad.mp4"
        bad.write_bytes(self.clip.read_bytes()[:200] + os.urandom(5000))
        _, said = self.request("bad", bad, expect=1)
        self.assertIn("the job has failed: ", said)
        self.assertNotIn(str(self.folder), said, "no paths of the conditioner")
        listed = [j for j in self.cli(self.adam, "jobs", "list")[0] if j["media"] == "bad"]
        self.assertEqual((listed[0]["state"], str(listed[0]["attempts"])), ("failed", "1"), "another try would not help")
        _, said = self.request("x", self.clip, profile="none", expect=1)
        self.assertIn("no profile none", said)
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.revision WHERE kind = 'media' AND document IN ('bad', 'x')"), "0")

    def test_4_nobody_replaces_the_media_of_others(self):
        people.organisation(self.server, "shop", False)
        mallory = people.Person(self.server, "mallory", ["advertiser"], "shop")
        _, said = self.request("spot", self.clip, mallory, expect=1)
        self.assertIn("choose another id", said)
        self.request("spot", self.clip)  # its own organisation may
        self.assertEqual(self.server.ask("SELECT max(revision) FROM dvpe.revision WHERE kind = 'media' AND document = 'spot'"), "2")

    def test_5_a_killed_conditioner_leaves_nothing_half_done(self):
        conditioner = self.plane.processes["conny"]
        long_clip = make_clip(self.folder / "long.mp4", 60, 220)
        self.request("long", long_clip, wait=False)
        jobs = self.folder / "plane" / "conny" / "state" / "jobs"

        def programs() -> list[str]:
            out = []
            for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    words = path.read_bytes().split(b"\0")
                except OSError:
                    continue
                if b"condition" in words and any(str(jobs).encode() in w for w in words):
                    out.append(path.parent.name)
            return out
        nodeproc.wait_until(lambda: len(programs()) >= 2, 20, "the program and its sandbox", 0.02)
        conditioner.kill()
        nodeproc.wait_until(lambda: not programs(), 5, "the end of what it started")
        self.assertEqual(self.job("long"), "leased")
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.revision WHERE document = 'long'"), "0")
        self.server.ask("UPDATE dvpe.job SET lease_until = clock_timestamp() - interval '1 second' WHERE media = 'long'")  # a minute goes by
        conditioner = self.plane.condition()
        nodeproc.wait_until(lambda: self.job("long") == "leased" and len(programs()) >= 2, 20, "the second try", 0.02)
        conditioner.stop(10)  # gives it back
        self.assertEqual(self.job("long"), "queued")
        self.assertEqual(programs(), [])
        found = [j["job"] for j in self.cli(self.adam, "jobs", "list")[0] if j["media"] == "long"]
        self.cli(self.adam, "jobs", "cancel", found[0])
        self.assertEqual(self.job("long"), "failed")
        self.plane.condition()
        self.assertEqual([p.name for p in jobs.iterdir()], ["lock"])

    def test_6_altered_and_missing_blobs_keep_the_last_good_release(self):
        self.plane.in_force(self.newest())
        self.plane.processes["carl"].stop(10)
        before = self.newest()
        made = [self.request(name, make_clip(self.folder / f"{name}.mp4", 2, tone))[0] for name, tone in (("altered", 300), ("missing", 350))]
        self.assertTrue(all(m["result"]["units"] == 2 for m in made))
        altered, missing = (self.files_of(name)["files"] for name in ("altered", "missing"))
        where = f"digest = '\\x{altered['v180.mp4']['digest']}'"
        self.server.ask(f"UPDATE dvpe.blob_chunk SET data = set_byte(data, 1000, get_byte(data, 1000) # 1) WHERE {where}")
        self.server.ask(f"DELETE FROM dvpe.blob WHERE digest = '\\x{missing['audio.mp4']['digest']}'")
        self.plane.coordinate()
        nodeproc.wait_until(lambda: self.newest() > before, 20, "the release")
        refused = self.newest()
        nodeproc.wait_until(lambda: self.plane.said(refused).get("n1") == "refused", 20, "the refusal")
        reason = self.server.ask(f"SELECT reason FROM dvpe.acknowledgement WHERE sequence = {refused}")
        self.assertIn("media altered: v180.mp4: ", reason)
        self.assertIn("another digest", reason)
        self.assertIn("media missing: audio.mp4: there is no file", reason)
        for name in ("altered", "missing"):
            self.assertFalse((self.folder / "n1" / "state" / "media" / self.files_of(name)["digest"][:16]).exists())
        # The last good one stays, also after a restart.
        self.plane.processes["n1"].stop(15)
        node = self.start_node()
        self.assertIn(f".{before}", [line for line in node.log_path.read_text().splitlines() if "last good release release=" in line][-1])
        # What was altered is put right: the same release is taken.
        self.server.ask(f"UPDATE dvpe.blob_chunk SET data = set_byte(data, 1000, get_byte(data, 1000) # 1) WHERE {where}")
        self.server.ask("UPDATE dvpe.revision SET withdrawn = true WHERE kind = 'media' AND document = 'missing'")
        nodeproc.wait_until(lambda: self.newest() > refused, 20, "a release without what is missing")
        self.plane.in_force(self.newest(), 45)

    def test_7_a_node_may_condition_beside_what_it_serves(self):
        for name in ("conny", "n1"):
            self.plane.processes[name].stop(15)
        node = self.start_node(conditions=True)
        self.request("beside", make_clip(self.folder / "beside.mp4", 3, 500))
        folder = self.folder / "n1" / "state" / "media" / self.files_of("beside")["digest"][:16]
        nodeproc.wait_until(folder.exists, 20, "the media on the node that made it")
        self.plane.in_force(self.newest())
        self.assertEqual(node.stop(15), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
