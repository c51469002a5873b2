#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""What is written in the studio is on air: a rule from the tree, through another person's review and the author's key, to a decoded picture.

A control plane, a node that plays a file, a person whom the rule is for and one whom it is not; $DVPE_STUDIO_AIR is the studio's part.
"""
from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "support"), str(ROOT / "soak")]
import control as trials  # noqa: E402
import decode  # noqa: E402
import m3u8  # noqa: E402
import nodeproc  # noqa: E402
import studio_town  # noqa: E402
import viewers  # noqa: E402

MAGENTA, WIDTH, HEIGHT = (255, 0, 255), 64, 36
FLAG = {"kind": "overlay", "id": "flag", "body": {"layers": [
    {"kind": "shape", "name": "flag", "x": 0, "y": 500, "width": 1000, "height": 500, "shape": "rectangle", "colour": "#ff00ff"}]}}
RULES = {"kind": "ruleset", "id": "main", "body": {"channel": "one", "fields": [{"path": "viewer.country", "type": "string", "purpose": "personalised_content"}], "rules": [
    {"id": "flag", "when": "false", "actions": [{"showOverlay": {"overlay": "flag"}}]}]}}


class OnAir(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-air-"))
        os.chmod(cls.folder, 0o755)
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.trial = trials.Trial(cls.folder, coordinators=("carl",), durable=False, nodes=("n1",))
        (cls.folder / "personas.json").write_text(json.dumps([
            {"name": "viewer", "title": "Germany", "attributes": {"country": "DE"}, "consent": ["personalised_content"]},
            {"name": "other", "title": "France", "attributes": {"country": "FR"}, "consent": ["personalised_content"]}]))
        cls.addClassCleanup(cls.trial.plane.stop)
        cls.trial.start()
        cls.trial.rest("n1")
        cls.trial.plane.publish([FLAG, RULES])
        cls.trial.plane.in_force(cls.trial.plane.releases()[-1][0], 20)
        cls.base = cls.trial.plane.processes["n1"].base

    def watch(self, persona: str) -> str:
        return viewers.Viewers(self.base, "one", [persona])._session(persona)

    def colour(self, playlist: str) -> tuple[int, ...]:
        """The lower half's mean in the newest picture."""
        media = m3u8.parse_media(nodeproc.http_get(playlist)[1].decode())
        init = nodeproc.http_get(urllib.parse.urljoin(playlist, media.segments[-1].map_uri))[1]
        body = nodeproc.http_get(urllib.parse.urljoin(playlist, media.segments[-1].uri))[1]
        *_, last = decode.segment_frames(init, [body], WIDTH, HEIGHT, "rgb24")
        lower = last[len(last) // 2:]
        return tuple(sum(lower[i::3]) // (len(lower) // 3) for i in range(3))

    def shows_flag(self, playlist: str) -> bool:
        return all(abs(got - wanted) < 40 for got, wanted in zip(self.colour(playlist), MAGENTA))

    def test_a_rule_written_in_the_tree_is_in_the_picture_of_whom_it_is_for(self):
        plane = self.trial.plane
        mine, others = self.watch("viewer"), self.watch("other")
        self.assertFalse(self.shows_flag(mine))
        people = {name: [plane.people[name].login, plane.people[name].password, *studio_town.recovery_codes(plane.server, plane.people[name])] for name in ("cleo", "dina")}
        environment = os.environ | {"DVPE_STUDIO_SERVER": f"127.0.0.1:{plane.server.port}/dvpe", "DVPE_STUDIO_CERTIFICATE": str(plane.server.root_certificate),
                                    "DVPE_STUDIO_PEOPLE": json.dumps(people), "DVPE_STUDIO_KEY": str(plane.secrets / "cleo.pem"),
                                    "DVPE_STUDIO_PASSPHRASE": (plane.secrets / "cleo.phrase").read_text().strip(), "QT_QPA_PLATFORM": "offscreen"}
        newest = plane.releases()[-1][0]
        done = subprocess.run([os.environ["DVPE_STUDIO_AIR"]], env=environment, capture_output=True, text=True, timeout=150, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        signed = time.monotonic()
        nodeproc.wait_until(lambda: self.shows_flag(mine), 30, "the flag in the picture", 0.5)
        print(f"in the picture {time.monotonic() - signed:.1f} s after the studio saw it in force")
        self.assertFalse(self.shows_flag(others), "somebody else")
        self.assertEqual(plane.releases()[-1][0], newest + 1)


if __name__ == "__main__":
    unittest.main()
