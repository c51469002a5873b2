# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Something is held while a viewer watches: at once, by its owner alone, across a restart, until it is lifted."""
from __future__ import annotations

import json
import os
import pathlib
import shutil
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "soak"))
import control as trials  # noqa: E402
import m3u8  # noqa: E402
import nodeproc  # noqa: E402

BANNER = {"holds": {"kind": "overlay", "id": "banner"}}
AT_ONCE = 5.0   # the next cut, and what it takes to hear of it
SEEN = 10.0     # and the segment from there on, listed


class Holds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-hold-"))
        os.chmod(cls.folder, 0o755)
        cls.trial = trials.Trial(cls.folder, coordinators=("carl",), durable=False, nodes=("n1",), others={"eve": (["advertiser"], "shop")})
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.addClassCleanup(cls.trial.plane.stop)
        cls.trial.start()
        cls.plane = cls.trial.plane

    @property
    def node(self) -> nodeproc.Node:
        return self.plane.processes["n1"]

    def session(self) -> str:
        """The path of a new session's playlists."""
        request = urllib.request.Request(f"{self.node.base}/v1/sessions", json.dumps({"channel": "one", "persona": "viewer"}).encode(),
                                         {"Content-Type": "application/json"}, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())["playlist"]

    def explained(self, playlist: str) -> dict:
        status, body = nodeproc.http_get(f"{self.node.base}/v1/explain/{playlist.split('/')[2]}")
        return json.loads(body) if status == 200 else {}

    def listed(self, playlist: str) -> list[tuple[float, bool]]:
        """Start of each segment, and whether it is the programme without overlays."""
        status, body = nodeproc.http_get(urllib.parse.urljoin(self.node.base + playlist, "v360.m3u8"))
        if status != 200 or b"#EXTINF" not in body:
            return []
        return [(s.date, "/base/" in s.uri) for s in m3u8.parse_media(body.decode()).segments]

    def until_plain(self, playlist: str, plain: bool, since: float) -> None:
        """The viewer's newest segment is the programme, or is not; it became so at once."""
        def seen():
            segments = self.listed(playlist)
            return segments and segments[-1][1] == plain and (self.explained(playlist)["cohort"] == "base") == plain
        nodeproc.wait_until(seen, SEEN, "the programme alone" if plain else "the banner", 0.1)
        first = next(date for date, is_base in self.listed(playlist) if date >= since and is_base == plain)
        print(f"  {'held' if plain else 'back'} {first - since:.1f} s after the word, seen after {time.time() - since:.1f} s", flush=True)
        self.assertLess(first - since, AT_ONCE)

    def test_what_is_held_goes_at_once_and_stays_away_until_it_is_lifted(self):
        playlist = self.session()
        nodeproc.wait_until(lambda: (seen := self.listed(playlist)) and not seen[-1][1], 30, "the banner", 0.2)

        self.plane.hold("eve", "mine", BANNER)
        nodeproc.wait_until(lambda: "eve may not hold overlay/banner" in self.node.log_path.read_text(), 5, "the refusal", 0.1)

        self.plane.hold("cleo", "stop", BANNER)
        self.until_plain(playlist, True, time.time())
        why = self.explained(playlist)
        self.assertEqual(why["rules"][0]["actions"][0]["why"], "held")
        self.assertEqual(why["now"]["variant"], "base")
        self.assertEqual(self.trial.watchers["n1"].failed, [])

        self.trial.rest("n1")
        self.plane.server.stop()
        self.node.stop()
        self.node.start(30)
        playlist = self.session()
        self.assertEqual(self.explained(playlist)["cohort"], "base", "from the first decision on")
        restarted = time.time()
        nodeproc.wait_until(lambda: (seen := self.listed(playlist)) and seen[-1][0] > restarted, 20, "a segment of the restarted node", 0.2)
        self.assertTrue(self.listed(playlist)[-1][1])
        self.plane.server.start()

        self.plane.hold("cleo", "stop", {**BANNER, "lifted": True})
        said = time.time()
        nodeproc.wait_until(lambda: "held from the next cut on documents=none" in self.node.log_path.read_text(), 5, "the lifting", 0.1)
        self.until_plain(playlist, False, said)
        releases = self.plane.releases()
        self.assertEqual(len(releases), 1, f"nothing of this is a release: {releases}")


if __name__ == "__main__":
    unittest.main()
