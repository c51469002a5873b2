#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""A viewer asks to be forgotten, and is: on the node that is asked, in the database, and on a node that was down meanwhile.

Two nodes that share viewers, a PostgreSQL, a coordinator. Before: what is looked for is found where it may be. After: the
viewer's id, their pseudonym and what the platform said of them stand in no file of a node (LMDB, spool, logs), in no dump of
the database and in no file of its data directory, in none of their usual spellings; the numbers by which events are counted
in no row. Another viewer loses nothing. Needs openssl; $DVPE_NODE names the node.
"""
from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import pathlib
import struct
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import plane as planes  # noqa: E402
from nodeproc import Node, default_node, free_port, wait_until  # noqa: E402
from operations_test import Api, Platform, WithFolder  # noqa: E402

GONE, STAYS = "viewer-who-goes-31415926", "viewer-who-stays-27182818"
TOWN = "Wolkenkuckucksheim"  # only the platform says this of the viewer who goes


def keyed(key: bytes, *parts: bytes) -> bytes:
    """privacy::keyedHash: each part after its length."""
    return hmac.new(key, b"".join(struct.pack(">I", len(p)) + p for p in parts), hashlib.sha256).digest()


class Erasure(WithFolder):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.chmod(cls.folder, 0o755)
        cls.plane = planes.Plane(cls.folder / "plane", nodes=("n1", "n2")).start()
        cls.addClassCleanup(cls.plane.stop)
        cls.plane.coordinate("carl")
        cls.platform = Platform(cls.folder)
        secrets = {"session_key_file": cls.secret("session", "1 " + os.urandom(32).hex() + "\n"), "pseudonym_key_file": cls.secret("pseudonym", os.urandom(32).hex()),
                   "viewer_key_file": cls.secret("viewer", os.urandom(32).hex()), "platform_keys_file": cls.secret("platform.jwks", cls.platform.jwks)}
        ports = {name: free_port() for name in ("n1", "n2")}
        cls.nodes = {}
        for name, port in ports.items():
            cls.nodes[name] = Node(default_node(), cls.config | {
                "node": {"name": name, "state": str(cls.folder / name / "state")}, "http": {"address": "127.0.0.1", "port": port},
                "media": {"folder": str(cls.folder / name / "media")}, "secrets": secrets, "log": {"level": "debug"},
                "database": cls.plane.node_config(name)["database"]}, cls.folder / name)
            cls.addClassCleanup(cls.nodes[name].stop)
            cls.nodes[name].start()
        cls.apis = {name: Api(node) for name, node in cls.nodes.items()}
        cls.tokens = {}
        cls.sessions = {(node, who): cls.begin(node, who) for node in cls.nodes for who in (GONE, STAYS)}
        for (node, who), session in cls.sessions.items():
            cls.watch(node, session)
        time.sleep(2)  # what is told of them is on its way
        cls.pseudonyms = {who: cls.pseudonym_of(who) for who in (GONE, STAYS)}

    @classmethod
    def begin(cls, node: str, who: str) -> str:
        token = cls.platform.token(sub=who, dvpe={"attributes": {"town": TOWN if who == GONE else "Elsewhere", "country": "DE"},
                                                  "consent": ["limited_ads", "ad_measurement", "content_profile", "personalised_content"]})
        cls.tokens[who] = token
        return cls.apis[node].session(token=token)["session"]

    @classmethod
    def watch(cls, node: str, session: str) -> None:
        body = {"session": session, "verb": "like", "n": 1, "content": "a film about clouds", "topics": ["clouds"]}
        status, _, answer = cls.apis[node].ask("/v1/feedback", body)
        if status != 200:
            raise AssertionError(answer)

    @classmethod
    def key(cls) -> bytes:
        return bytes.fromhex((cls.folder / "pseudonym").read_text())

    @classmethod
    def pseudonym_of(cls, who: str) -> bytes:
        """As node/main names a platform's viewer: issuer, a line end, the subject."""
        key = cls.key()
        return keyed(key, b"dvpe-pseudonym-v1", ("\n" + who).encode())[:16]

    def ask(self, sql: str) -> str:
        return self.plane.server.ask(sql)

    def spellings(self, who: str) -> dict[str, bytes]:
        """What must be found nowhere."""
        name = self.pseudonyms[who]
        out = {"id": who.encode(), "pseudonym": name, "pseudonym in hex": name.hex().encode(), "pseudonym in base64": base64.b64encode(name).rstrip(b"="),
               "pseudonym in base64url": base64.urlsafe_b64encode(name).rstrip(b"=")}
        if who == GONE:
            out["value"] = TOWN.encode()
        return out

    def where(self, folder: pathlib.Path, needles: dict[str, bytes]) -> list[str]:
        found = []
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                found += [f"{what} in {path}" for what, bytes_ in needles.items() if bytes_ in content]
        return found

    @staticmethod
    def in_a_spool(number: str) -> bytes:
        return struct.pack("<q", int(number))

    def visitors(self) -> set[str]:
        return set(self.ask("SELECT DISTINCT visitor FROM dvpe.event WHERE visitor <> 0").split())

    def test_1_a_viewer_is_forgotten_everywhere(self):
        self.assertNotEqual(self.pseudonyms[GONE], self.pseudonyms[STAYS])
        wait_until(lambda: len(self.visitors()) == 2, 30, "events of both viewers", 0.2)
        wait_until(lambda: self.ask("SELECT count(*) FROM dvpe.event_batch WHERE NOT rolled") == "0", 30, "the count", 0.2)
        self.assertNotEqual(self.ask("SELECT count(*) FROM dvpe.event_reach"), "0")

        # What nodes know the viewer by is on their disks: what is told apart by it, and where their key is.
        digest = keyed(keyed(self.key(), b"dvpe-derive-v1", b"erasure"), b"viewer", self.pseudonyms[GONE])  # so this is the viewer's pseudonym
        numbers, folders = self.visitors(), [self.folder / "n1", self.folder / "n2"]
        names = {who: keyed(keyed(self.key(), b"dvpe-derive-v1", b"erasure"), b"viewer", self.pseudonyms[who])[:16] for who in (GONE, STAYS)}
        for folder in folders:
            for what, bytes_ in {**{n: self.in_a_spool(n) for n in numbers}, **names}.items():
                self.assertTrue(self.where(folder, {what: bytes_}), f"{what} is in {folder}")

        # n2 goes down with the viewer's session in its journal.
        self.nodes["n2"].stop()
        before = len(self.ask("SELECT id FROM dvpe.event").split())
        status, _, answer = self.apis["n1"].ask("/v1/privacy/erasure", {"session": self.sessions["n1", GONE]})
        self.assertEqual(status, 202, answer)
        request = json.loads(answer)["request"]

        wait_until(lambda: self.ask(f"SELECT encode(digest, 'hex') FROM dvpe.erasure WHERE request = '{request}'") == digest.hex(), 20, "the request to be in the database", 0.1)

        # Here it is done at once.
        self.assertEqual(self.apis["n1"].status(f"/s/{self.sessions['n1', GONE]}/index.m3u8"), 410)
        self.assertEqual(self.apis["n1"].status(f"/s/{self.sessions['n1', STAYS]}/index.m3u8"), 200)
        wait_until(lambda: self.ask(f"SELECT cleared_at IS NOT NULL FROM dvpe.erasure WHERE request = '{request}'") == "t", 40, "the tables to be clear", 0.2)
        self.assertEqual(len(self.visitors()), 1, "one of the two is counted no more")
        self.assertGreaterEqual(len(self.ask("SELECT id FROM dvpe.event").split()), before, "no event is lost")

        # Not all have: an admin sees who.
        stands = f"SELECT state, array_to_string(waits_for, ',') FROM registry.erasure_requests(10) WHERE request = '{request}'"
        wait_until(lambda: self.plane.people["ada"].as_proved(stands) == "open|n2", 20, "n1 to have said so", 0.5)

        # n2 comes back: it hears of it before it serves anybody.
        self.nodes["n2"].start()
        self.assertEqual(self.apis["n2"].status(f"/s/{self.sessions['n2', GONE]}/index.m3u8"), 410)
        self.assertEqual(self.apis["n2"].status(f"/s/{self.sessions['n2', STAYS]}/index.m3u8"), 200)
        wait_until(lambda: self.ask(f"SELECT state FROM dvpe.privacy_request WHERE id = '{request}'") == "done", 30, "it to be done", 0.2)
        self.assertEqual(self.plane.people["ada"].as_proved(stands), "done|")
        self.assertEqual(len(self.visitors()), 1, "what n2 shipped late came without its visitor")

        gone, = numbers - self.visitors()
        for folder in folders:
            rest = {"number": self.in_a_spool(gone), "name": names[GONE]}
            until = time.monotonic() + 20
            while self.where(folder, rest) and time.monotonic() < until:
                time.sleep(0.5)
            self.assertEqual(self.where(folder, rest), [], "what is left of the viewer")
            self.assertTrue(self.where(folder, {"name": names[STAYS]}), "another viewer is still there")

        needles = self.spellings(GONE)
        self.ask("CHECKPOINT")
        dump = self.ask("SELECT string_agg(query_to_xml(format('SELECT * FROM %I.%I', schemaname, tablename), true, false, '')::text, '') FROM pg_tables WHERE schemaname = 'dvpe'")
        self.assertGreater(len(dump), 10_000)
        self.assertEqual([what for what, text in needles.items() if text in dump.encode()], [])
        for folder in (self.folder / "n1", self.folder / "n2", self.folder / "plane" / "pg", self.folder / "plane" / "carl"):
            self.assertTrue(any(folder.rglob("*")), folder)
            self.assertEqual(self.where(folder, needles), [])
        log = self.ask(f"SELECT string_agg(coalesce(after::text, ''), ' ') FROM dvpe.audit_entry WHERE object = '{request}'")
        self.assertNotIn(digest.hex(), log)

    def test_2_the_search_finds_what_is_there(self):
        """Or the one before could not fail."""
        (self.folder / "n1" / "planted").write_bytes(b"x" * 100 + self.pseudonyms[GONE] + base64.b64encode(self.pseudonyms[STAYS]))
        self.assertEqual(len(self.where(self.folder / "n1", {"a": self.pseudonyms[GONE], "b": self.spellings(STAYS)["pseudonym in base64"]})), 2)
        (self.folder / "n1" / "planted").unlink()

    def test_3_the_viewer_may_come_back_as_somebody_new(self):
        session = self.begin("n1", GONE)
        self.assertEqual(self.apis["n1"].status(f"/s/{session}/index.m3u8"), 200)
        status, _, answer = self.apis["n1"].ask("/v1/privacy/erasure", {"token": self.tokens[GONE]})
        self.assertEqual(status, 202, answer)
        self.assertEqual(self.apis["n1"].status(f"/s/{session}/index.m3u8"), 410)

    def test_4_who_is_not_the_viewer_is_refused(self):
        for body, expected in (({}, 400), ({"session": "nonsense"}, 403), ({"token": "nonsense"}, 403), ({"session": "a", "token": "b"}, 400), ({"session": 5}, 400)):
            self.assertEqual(self.apis["n2"].status("/v1/privacy/erasure", body), expected, body)
        self.assertEqual(self.apis["n2"].status("/v1/privacy/erasure"), 404)
        self.assertEqual(self.apis["n2"].status(f"/s/{self.sessions['n2', STAYS]}/index.m3u8"), 200)


if __name__ == "__main__":
    unittest.main()
