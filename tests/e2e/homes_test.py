# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""The reference player where two nodes share viewers: the page is one node's, the viewer's home is the other.

Session, playlists and segments come from another origin than the page, after a redirect: a browser lets that happen only when
every answer and the page's policy say so. Then home is killed, and the page plays on from the node that gave it.
"""
from __future__ import annotations

import json
import pathlib
import shutil
import sys
import unittest

import viewing  # noqa: F401, it knows where tests/support is

import nodeproc
import playback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration" / "operations"))
import homes_test as homes  # noqa: E402

CHROMIUM = shutil.which("chromium")


@unittest.skipUnless(CHROMIUM, "there is no chromium")
class APage(homes.TwoNodes):
    """In the order of their names: home does not come back."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, node in cls.nodes.items():
            push = nodeproc.Push(cls.clip, f"rtmp://127.0.0.1:{node.rtmp}/live/{cls.keys[name]}", cls.folder / f"push-{name}.log").start()
            cls.addClassCleanup(push.stop)

    def setUp(self):
        for name, node in self.nodes.items():
            if node.process.running:
                self.known_to_be(name, True)
                nodeproc.wait_until(lambda: nodeproc.metric(node.metrics(), "dvpe_cells_total", channel="news") >= 4, 60, "some segments", 0.2)  # noqa: B023

    def page(self) -> str:
        """A page of "a", for a viewer whose home is "b"."""
        subject = next(s for s in (f"somebody-{n}" for n in range(64)) if self.start("a", s)[0] == 307)
        return f"{self.nodes['a'].base}/watch/news?token={self.token(subject)}"

    def watched(self, name: str) -> int:
        return nodeproc.metric(self.nodes[name].metrics(), "dvpe_sessions") or 0

    def test_1_plays_from_the_viewers_home(self):
        page, before = self.page(), self.watched("b")
        seen = playback.Browser(page, self.folder / "plays.log", 8).result(90)
        self.assertEqual(playback.complaints(seen), [], json.dumps({k: v for k, v in seen.items() if k != "values"}))
        self.assertEqual(self.watched("b"), before + 1)

    def test_2_plays_on_when_home_is_gone(self):
        page, here, there = self.page(), self.watched("a"), self.watched("b")
        browser = playback.Browser(page, self.folder / "plays-on.log", 50)
        nodeproc.wait_until(lambda: self.watched("b") > there, 60, "the page's session", 0.2)
        answered = lambda: nodeproc.metric(self.nodes["b"].metrics(), "dvpe_http_requests_total", code="2xx")  # noqa: E731
        before = answered()
        nodeproc.wait_until(lambda: answered() > before + 40, 40, "the page to have played for some seconds", 1)  # ours are few of these
        self.nodes["b"].kill()
        seen = browser.result(150)
        self.assertEqual(self.watched("a"), here + 1)
        self.assertGreater(seen["progress"], 0.5, json.dumps({k: v for k, v in seen.items() if k != "values"}))
        self.assertTrue(seen["stats"]["playing"], "at the end")
        self.assertEqual(nodeproc.metric(self.nodes["a"].metrics(), "dvpe_sessions_away_total"), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
