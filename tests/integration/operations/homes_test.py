#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Two nodes that share viewers: each viewer is sent home; where home is down, the other node serves with caps unknown.

Bounds: a node that is killed is known to be down within 10 s, and to be up within 10 s of its return. What a session was
given stays where it was made. No viewer's name and no session stands in a log. Needs openssl; $DVPE_NODE names the node.
"""
from __future__ import annotations

import json
import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from nodeproc import Node, default_node, free_port, metric, wait_until  # noqa: E402
from operations_test import DOCUMENTS, Api, Platform, WithFolder  # noqa: E402

# A house line with a cap: nobody is shown it of whom it is not known what they have seen.
CAPPED = [
    {"kind": "creative", "id": "promo", "organisation": "test", "revision": 1, "body": {"media": "promo"}},
    {"kind": "campaign", "id": "house", "organisation": "test", "revision": 1,
     "body": {"lines": [{"id": "promo", "creatives": [{"creative": "promo"}], "caps": [{"impressions": 1, "per": "day"}]}]}},
    {"kind": "ruleset", "id": "rules", "organisation": "test", "revision": 1,
     "body": {"channel": "news", "rules": [{"id": "ads", "when": "true", "actions": [{"fillBreaks": {"campaigns": ["house"]}}]}]}},
]
NOT_KNOWN = "its caps cannot be known here"


class TwoNodes(WithFolder):
    """Nodes "a" and "b" on loopback ports of their own, and a platform whose viewers they share."""

    documents = DOCUMENTS + CAPPED

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.platform = Platform(cls.folder)
        secrets = {"session_key_file": cls.secret("session", "1 " + os.urandom(32).hex() + "\n"), "pseudonym_key_file": cls.secret("pseudonym", os.urandom(32).hex()),
                   "platform_keys_file": cls.secret("platform.jwks", cls.platform.jwks)}
        ports = {name: free_port() for name in "ab"}
        peers = [{"name": name, "url": f"http://127.0.0.1:{port}"} for name, port in ports.items()]
        cls.nodes, cls.apis, cls.keys = {}, {}, {}
        for name, port in ports.items():
            node = Node(default_node(), cls.config | {
                "node": {"name": name, "state": str(cls.folder / name / "state")}, "http": {"address": "127.0.0.1", "port": port},
                "media": {"folder": str(cls.folder / name / "media")}, "secrets": secrets, "viewers": {"peers": peers},
            }, cls.folder / name)
            cls.addClassCleanup(node.stop)
            cls.keys[name] = node.command("keys", "stream", "--channel", "news").strip()
            node.start()
            cls.nodes[name], cls.apis[name] = node, Api(node)

    def known_to_be(self, name: str, up: bool, seconds: float = 10.0) -> None:
        """Waits until the other node says so."""
        other = self.nodes["b" if name == "a" else "a"]
        wait_until(lambda: metric(other.metrics(), "dvpe_peer_up", peer=name) == up, seconds, f"{name} to be known to be {'up' if up else 'down'}", 0.1)

    def start(self, at: str, subject: str, query: str = ""):
        """POST /v1/sessions for one of the platform's viewers: (status, headers, answer)."""
        status, headers, body = self.apis[at].ask("/v1/sessions" + query, {"channel": "news", "token": self.token(subject)}, {"Origin": "https://page.example"})
        return status, headers, json.loads(body) if body else {}

    def token(self, subject: str) -> str:
        return self.platform.token(sub=subject, dvpe={"consent": ["limited_ads"]})

    def explained(self, at: str, session: dict) -> dict:
        status, _, body = self.apis[at].ask(self.path(at, session["explain"]))
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def path(self, at: str, address: str) -> str:
        """Of an address on this node."""
        self.assertTrue(address.startswith(self.nodes[at].base + "/"), address)
        return address.removeprefix(self.nodes[at].base)


class Homes(TwoNodes):
    """In the order of their names: home is killed on the way, and comes back."""

    viewers: dict = {}  # one of each node's

    def refusal(self, report: dict) -> str:
        return json.dumps(report["campaigns"])

    def test_1_send_each_viewer_home(self):
        self.known_to_be("a", True)
        self.known_to_be("b", True)
        for number in range(64):
            subject = f"somebody-{number}"
            at_a, at_b = self.start("a", subject), self.start("b", subject)
            self.assertEqual(sorted((at_a[0], at_b[0])), [201, 307], "one of two nodes is home")
            self.viewers.setdefault("a" if at_a[0] == 201 else "b", subject)
        self.assertEqual(sorted(self.viewers), ["a", "b"])
        status, headers, _ = self.start("a", self.viewers["b"])
        self.assertEqual((status, headers["Location"]), (307, self.nodes["b"].base + "/v1/sessions?redirected=1"))
        self.assertEqual(headers["Access-Control-Allow-Origin"], "*", "a page may follow")
        status, _, session = self.start("b", self.viewers["b"], "?redirected=1")
        self.assertEqual(status, 201)
        report = self.explained("b", session)
        self.assertEqual(report["home"], {"node": "b", "here": True, "capsKnown": True})
        self.assertNotIn(NOT_KNOWN, self.refusal(report))
        type(self).at_home = session

    def test_2_send_a_session_to_the_node_that_made_it(self):
        for member in ("playlist", "explain"):
            path = self.path("b", self.at_home[member])
            status, headers, _ = self.apis["a"].ask(path)
            self.assertEqual((status, headers["Location"]), (302, self.nodes["b"].base + path + "?redirected=1"))
            self.assertEqual(self.apis["b"].status(path + "?redirected=1"), 200)

    def test_3_serve_whose_home_was_killed_with_caps_unknown(self):
        self.nodes["b"].kill()
        killed = time.monotonic()
        self.known_to_be("b", False)
        print(f"  known to be down after {time.monotonic() - killed:.1f} s", flush=True)
        status, _, session = self.start("a", self.viewers["b"])
        self.assertEqual(status, 201)
        report = self.explained("a", session)
        self.assertEqual(report["home"], {"node": "b", "here": False, "capsKnown": False})
        self.assertIn(NOT_KNOWN, self.refusal(report))
        self.assertEqual(metric(self.nodes["a"].metrics(), "dvpe_sessions_away_total"), 1)
        self.assertEqual(self.apis["a"].status(self.path("b", self.at_home["playlist"])), 410, "its player starts anew")
        status, _, mine = self.start("a", self.viewers["a"])
        self.assertEqual((status, self.explained("a", mine)["home"]["capsKnown"]), (201, True))
        type(self).away = session

    def test_4_send_viewers_home_again_once_it_is_back(self):
        self.nodes["b"].start()
        back = time.monotonic()
        self.known_to_be("b", True)
        print(f"  known to be up after {time.monotonic() - back:.1f} s", flush=True)
        status, headers, _ = self.start("a", self.viewers["b"])
        self.assertEqual(status, 307)
        self.assertTrue(headers["Location"].startswith(self.nodes["b"].base + "/"))
        self.assertEqual(self.apis["a"].status(self.path("a", self.away["playlist"])), 200, "a session stays where it was made")
        self.assertFalse(self.explained("a", self.away)["home"]["capsKnown"])
        self.assertEqual(self.apis["b"].status(self.path("b", self.at_home["playlist"])), 200, "as does what was made before it was killed")

    def test_5_keep_viewers_out_of_their_logs(self):
        for node in self.nodes.values():
            log = node.log_path.read_text()
            self.assertIn("a peer is up", log)
            for private in ("somebody-", self.at_home["session"], self.away["session"]):
                self.assertNotIn(private, log)


if __name__ == "__main__":
    unittest.main(verbosity=2)
