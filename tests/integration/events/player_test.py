# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""What a viewer's browser shows of a break is what the database counts: decided, delivered, started, each quarter, whole.

One browser on the reference player, a control plane, a node, an advertisement of a campaign that is sold; and a viewer who
agreed to nothing, of whom there is nothing but that the slot was shown.
"""
from __future__ import annotations

import http.client
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time
import unittest
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "support"), str(ROOT / "soak")]
import control as trials  # noqa: E402
import nodeproc  # noqa: E402
import playback  # noqa: E402
import stage  # noqa: E402
import viewers  # noqa: E402

BREAK = 4  # the channel's breaks
KINDS = {20: "decided", 21: "delivered", 22: "started", 23: "first quartile", 24: "midpoint", 25: "third quartile", 26: "complete"}


def documents() -> list[dict]:
    return [{"kind": "creative", "id": "spot", "body": {"media": "spot"}}, {"kind": "creative", "id": "other", "body": {"media": "other"}},
            {"kind": "campaign", "id": "tea", "body": {"title": "Tea", "currency": "EUR", "lines": [
                {"id": "line", "goal": {"impressions": 1000}, "price": {"cpm": "10"}, "pacing": "fast", "rotation": "optimised",
                 "creatives": [{"creative": "other"}, {"creative": "spot"}]}]}},
            {"kind": "ruleset", "id": "main", "body": {"channel": "one", "fields": [], "rules": [
                {"id": "ads", "when": "true", "actions": [{"fillBreaks": {"campaigns": ["tea"]}}, {"showOverlay": {"overlay": "banner"}}]}]}}]


class APlayer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-told-"))
        os.chmod(cls.folder, 0o755)
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.trial = trials.Trial(cls.folder, coordinators=("carl",), durable=False, nodes=("n1",))
        cls.plane = cls.trial.plane
        # Any key will do: here it is the coordinator's.
        keys = cls.plane.secrets
        cls.trial.more = {"events": {"signing_key_file": keys / "carl.pem", "passphrase_file": keys / "carl.phrase"}}
        (cls.folder / "personas.json").write_text(json.dumps([
            {"name": "viewer", "title": "Agrees to be measured", "attributes": {"country": "DE", "device": "tv"}, "consent": ["ad_measurement", "content_measurement"]},
            {"name": "nobody", "title": "Agrees to nothing", "attributes": {"country": "FR"}, "consent": []}]))
        cls.addClassCleanup(cls.plane.stop)
        profile = next(d for d in trials.documents("") if d["kind"] == "profile")
        (cls.folder / "profile").mkdir()
        (cls.folder / "profile" / "profile.json").write_text(json.dumps({**profile, "organisation": "demo", "revision": 1}))
        stage.condition(cls.plane.node, cls.folder / "profile", {"spot": stage.make_clip(cls.folder / "spot.mp4", BREAK, 440, 30),
                                                                 "other": stage.make_clip(cls.folder / "other.mp4", BREAK, 880, 30)}, cls.folder / "media")
        begin = cls.plane.coordinate
        cls.plane.coordinate = lambda name: cls.teach() or begin(name)
        cls.trial.start()
        cls.trial.rest("n1")
        cls.plane.publish(documents())
        cls.plane.in_force(cls.plane.releases()[-1][0], 20)
        cls.node = cls.plane.processes["n1"]
        cls.watch()

    @classmethod
    def teach(cls) -> None:
        """What the coordinator finds when it begins: a thousand viewers liked the one, and a thousand did not look at the other."""
        cls.plane.server.ask("INSERT INTO dvpe.ranked (day, session, break_number, slot, visitor, at, due, arm, text, started, liked)"
                             " SELECT now()::date, gen_random_uuid(), 1, 1, 0, now() - interval '10 minutes', now() - interval '5 minutes', 'attention/tea/line/' || c,"
                             """ '{"aim":"attention","facts":""}', true, c = 'spot' FROM unnest('{spot,other}'::text[]) c, generate_series(1, 1000)""")

    @classmethod
    def metric(cls, name: str) -> float:
        return nodeproc.metric(cls.node.metrics(), name) or 0

    @classmethod
    def watch(cls) -> None:
        nodeproc.wait_until(lambda: cls.metric("dvpe_plan_number") >= 3 and cls.metric("dvpe_model_number") > 0, 60, "a plan that knows the node, and a model", 0.5)
        nobody = viewers.Viewers(cls.node.base, "one", ["nobody"])
        nobody.start()
        browser = playback.Browser(cls.node.base + "/watch/one?persona=viewer", cls.folder / "browser.log", 36, press="2:y,4:#said-undo,6:#hide-ad")
        try:
            nodeproc.wait_until(lambda: cls.metric("dvpe_sessions") >= 2, 60, "the page's session", 0.5)
            time.sleep(4)
            cls.plane.order("bob", "n1", "break", "start", "--channel", "one", "--units", str(BREAK), "--json")
            cls.seen = browser.result(150)
        finally:
            browser.process.stop()
            nobody.stopping.set()
            nobody.join(30)
        time.sleep(1)

    PAGE = "SELECT DISTINCT session FROM dvpe.event WHERE kind = 22"  # the one that confirms

    def ask(self, sql: str) -> str:
        return self.plane.server.ask(sql)

    def test_is_not_disturbed_by_what_it_tells(self):
        self.assertTrue(self.seen["played"])
        self.assertEqual([self.seen[name] for name in ("page_errors", "failed_requests", "hls_errors")], [[], [], []])

    def test_told_each_state_of_the_impression_once_in_order(self):
        nodeproc.wait_until(lambda: self.ask(f"SELECT count(*) FROM dvpe.event e WHERE e.session = ({self.PAGE}) AND kind = 21") == "1", 40, "its delivery", 0.5)
        told = self.ask("SELECT string_agg(kind::text, ',' ORDER BY kind) FROM dvpe.event e JOIN dvpe.event_place p ON p.id = e.place"
                        f" WHERE e.session = ({self.PAGE}) AND kind BETWEEN 20 AND 28")
        self.assertEqual([KINDS[int(k)] for k in told.split(",")], list(KINDS.values()))
        self.assertEqual(self.ask("SELECT DISTINCT campaign, line, creative, country, device, break_number, slot FROM dvpe.event e JOIN dvpe.event_place p ON p.id = e.place"
                                  " WHERE e.visitor <> 0 AND kind BETWEEN 20 AND 28"), "tea|tea/line|spot|DE|tv|1|1")
        order = self.ask("SELECT string_agg(kind::text, ',' ORDER BY at) FROM dvpe.event WHERE visitor <> 0 AND kind BETWEEN 22 AND 26")
        self.assertEqual(order, "22,23,24,25,26")

    def test_was_shown_what_the_model_has_learnt_to_be_liked_and_teaches_it_more(self):
        text, arm = self.ask(f"SELECT text, arm FROM dvpe.ranked r WHERE r.session = ({self.PAGE})").rsplit("|", 1)
        choice = json.loads(text)
        self.assertEqual(arm, "attention/tea/line/spot")
        self.assertGreater(dict(choice["among"])["spot"], 0.99)
        self.assertAlmostEqual(sum(dict(choice["among"]).values()), 1)
        self.assertTrue(0 < choice["model"] <= self.metric("dvpe_model_number"), "a newer one may be in force by now")
        self.assertRegex(choice["release"], r"^\d+\.\d+$")
        nodeproc.wait_until(lambda: self.ask(f"SELECT started, completed, disliked FROM dvpe.ranked WHERE session = ({self.PAGE})") == "t|t|t", 20, "what came of it", 0.5)

    def test_told_how_it_began_and_what_rule_it_saw(self):
        self.assertEqual(self.ask("SELECT count(*) FROM dvpe.event WHERE kind = 41 AND value BETWEEN 1 AND 60000"), "1")
        self.assertEqual(self.ask("SELECT DISTINCT p.rule, p.country, p.device FROM dvpe.event e JOIN dvpe.event_place p ON p.id = e.place WHERE p.rule = 'ads' AND e.visitor <> 0"), "ads|DE|tv")

    def test_hears_what_the_viewer_says_by_keys_and_buttons(self):
        self.assertEqual(self.seen["said"], {"said": 2, "refused": 0})
        self.assertEqual(self.ask(f"SELECT string_agg(e.text || ' ' || p.campaign, ',' ORDER BY at) FROM dvpe.event e JOIN dvpe.event_place p ON p.id = e.place WHERE kind = 60 AND session = ({self.PAGE})"),
                         "like ,undo ,hide tea")
        self.assertEqual(nodeproc.metric(self.node.metrics(), "dvpe_feedback_total"), 3)

    def test_tells_nothing_of_who_did_not_agree_but_that_the_slot_was_shown(self):
        nodeproc.wait_until(lambda: self.ask("SELECT count(*) FROM dvpe.event WHERE visitor = 0 AND kind = 21") == "1", 40, "the delivery", 0.5)
        self.assertEqual(self.ask("SELECT DISTINCT p.country, p.device FROM dvpe.event e JOIN dvpe.event_place p ON p.id = e.place WHERE e.visitor = 0"), "|")
        self.assertEqual(self.ask("SELECT count(*) FROM dvpe.event WHERE visitor = 0 AND kind NOT IN (14, 15, 20, 21) AND session <> '00000000-0000-0000-0000-000000000000'"), "0")

    def test_is_counted_within_seconds_as_it_happened(self):
        nodeproc.wait_until(lambda: self.ask("SELECT count(*) FROM dvpe.event_batch WHERE NOT rolled") == "0", 20, "the count", 0.2)
        for kind in (20, 21, 22):
            events = self.ask(f"SELECT sum(weight) FROM dvpe.event WHERE kind = {kind}")
            self.assertEqual(self.ask(f"SELECT sum(count) FROM dvpe.event_rollup WHERE kind = {kind} AND grouping_name = 'campaign_creative' AND grain = 'day'"), events)
        metrics = self.node.metrics()
        self.assertEqual(nodeproc.metric(metrics, "dvpe_events_untold_total"), 0)
        self.assertEqual(nodeproc.metric(metrics, "dvpe_events_shipped_total", fate="refused"), 0)

    def test_signs_the_impressions_that_the_database_counts(self):
        folder = self.folder / "n1" / "state" / "events" / "impressions"
        counted = int(self.ask("SELECT count(*) FROM dvpe.event WHERE kind IN (20, 21, 22, 26)"))
        nodeproc.wait_until(lambda: self.metric("dvpe_impressions_signed_total") >= counted, 30, "the signed files", 0.5)
        self.assertEqual(self.metric("dvpe_impressions_signed_total"), counted)
        self.assertEqual(self.metric("dvpe_impressions_errors_total"), 0)
        public = next(k["public"] for k in json.loads(self.plane.keys_file.read_text())["keys"] if k["person"] == "carl")
        (self.folder / "carl.public").write_text(public + "\n")
        self.plane.program("impressions", "verify", folder, "--key", self.folder / "carl.public")
        lines = [json.loads(line) for file in folder.glob("*/*.ndjson") for line in file.read_text().splitlines()]
        self.assertEqual(sum("state" in line for line in lines), counted)

    # -- bad input, while it runs

    def post(self, path: str, body) -> tuple[int, dict]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.node.base).netloc, timeout=10)
        try:
            connection.request("POST", path, data, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        except (ConnectionError, http.client.HTTPException):
            return 0, {}  # too much: it was not read
        finally:
            connection.close()

    def session(self) -> str:
        return self.post("/v1/sessions", {"channel": "one", "persona": "viewer"})[1]["session"]

    def test_what_nobody_should_tell_is_refused_with_a_reason_and_disturbs_nothing(self):
        mine, now = self.session(), int(time.time() * 1000)
        refused, kept = self.metric("dvpe_events_refused_total"), self.ask("SELECT count(*) FROM dvpe.event WHERE kind > 20")
        for body in (b"", b"[]", b"{", b"\xff" * 100, b"[" * 60_000, {"session": mine, "events": 7}, {"session": mine[:-2] + "xx", "events": []},
                     {"session": "x" * 5000, "events": []}, {"events": []}, b'{"session":"' + mine.encode() + b'","events":[' + b" " * 1_000_000 + b"]}"):
            status, answer = self.post("/v1/events", body)
            self.assertIn(status, (0, 400, 403, 413), body[:60] if isinstance(body, bytes) else str(body)[:60])
            self.assertTrue(status in (0, 413) or answer["message"])
        first = {"kind": "stall", "n": 1, "at": now, "value": 5}
        self.assertEqual(self.post("/v1/events", {"session": mine, "events": [first]})[1], {"accepted": 1, "refused": []})
        told = [(first, "used before"), ({**first, "n": 2, "at": now + 3_600_000}, "to come"), ({**first, "n": 3, "at": now - 3_600_000}, "10 minutes ago"),
                ({**first, "n": 4, "kind": "session_start"}, "no such kind"), ({**first, "n": 5, "kind": "money"}, "no such kind"), ({**first, "n": 6, "value": -1}, "whole number"),
                ({**first, "n": 7, "kind": "ad_started", "break": "b", "slot": 1}, "no such slot"), ({**first, "n": 8, "kind": "ad_started", "tick": 1}, "no slot then"), (7, "object")]
        status, answer = self.post("/v1/events", {"session": mine, "events": [e for e, _ in told]})
        self.assertEqual((status, answer["accepted"], len(answer["refused"])), (200, 0, len(told)))
        for (_, why), said in zip(told, answer["refused"]):
            self.assertIn(why, said["why"])
        self.assertGreaterEqual(self.metric("dvpe_events_refused_total") - refused, len(told) + 8)
        for body in ({"session": mine, "n": 1, "verb": "adore"}, {"session": mine, "n": 1, "verb": "hide", "break": "b", "slot": 1}, {"session": "x", "n": 1, "verb": "like"},
                     {"session": mine, "verb": "like"}, {"session": mine, "n": 1, "verb": "like", "topics": ["x" * 100]}, b"{" * 20_000, {"session": mine, "n": 1, "verb": "undo"}):
            status, answer = self.post("/v1/feedback", body)
            self.assertIn(status, (400, 403, 404, 413), body)
            self.assertTrue(answer["message"])
        nodeproc.wait_until(lambda: int(self.ask("SELECT count(*) FROM dvpe.event WHERE kind > 20")) > int(kept), 20, "the one event that was good", 0.5)
        self.assertEqual(self.ask("SELECT count(*) FROM dvpe.event WHERE kind = 42 AND value = 5"), "1")
        self.assertEqual(nodeproc.http_get(self.node.base + "/readyz")[0], 200)


if __name__ == "__main__":
    unittest.main()
