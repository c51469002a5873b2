#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""dvpe-node report: each report in each format has the figures that the functions tell; what is wrong is said before anything is asked."""
from __future__ import annotations

import csv
import html.parser
import io
import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import events_week  # noqa: E402
import nodeproc  # noqa: E402
import people  # noqa: E402
from people import Person, quoted  # noqa: E402
from shipping import TODAY, event  # noqa: E402

DAY = 86400
CHANNEL = {"concurrents": (), "engagement": (), "retention": (), "qoe": (), "fill": (), "reach": (), "funnel": ("--dimension", "device"),
           "breakdown": ("--dimension", "device")}
CAMPAIGN = {"delivery": (), "plan": (), "funnel": (), "revenue": (), "reach": ()}
LINES = [{"id": "reach", "goal": {"impressions": 8000}, "price": {"cpm": "18.50"}, "creatives": [{"creative": "film-long"}]},
         {"id": "rest", "price": {"cpcv": "0.03"}, "creatives": [{"creative": "film-short"}]}, {"id": "=1+1", "price": {"cpm": "1"}, "creatives": [{"creative": "x"}]}]


class Page(html.parser.HTMLParser):
    """Of a page: the exact values of its table, and what is forbidden in it."""

    def __init__(self, text: str):
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags, self.cell = set(), None
        self.in_body = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.add(tag)
        self.in_body = self.in_body or tag == "tbody"
        if tag == "tr" and self.in_body:
            self.rows.append([])
        elif tag in ("td", "th") and self.in_body:
            self.rows[-1].append("")
            self.cell = None
        elif tag in ("data", "time") and self.in_body:
            self.rows[-1][-1] = self.cell = given.get("value", given.get("datetime"))
        elif tag == "span" and self.in_body:
            self.cell = ""
        assert not {"src", "href", "onload", "onclick"} & set(given), given

    def handle_data(self, data):
        if self.in_body and self.cell is None and self.rows and self.rows[-1] and data.strip():
            self.rows[-1][-1] = data


class Reports(people.Town, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna = Person(cls.server, "anna", ["analyst"])
        text = people.document("campaign", "summer", 1, "shop", {"flight": {"from": "2026-01-01T00:00:00", "until": "2126-01-01T00:00:00"}, "lines": LINES})
        for owner, kind, name, contents in (("demo", "channel", "one", "{}"), ("shop", "campaign", "summer", text),
                                            ("demo", "experiment", "intro", people.document("experiment", "intro", 1, "demo", {"arms": [
                                                {"id": "control", "buckets": [[0, 5000]]}, {"id": "long", "buckets": [[5000, 10000]]}]}))):
            cls.server.ask("INSERT INTO dvpe.revision (organisation, kind, document, revision, digest, contents, key, signature) VALUES "
                           f"('{owner}', '{kind}', '{name}', 1, sha256('{kind}'), convert_to({quoted(contents)}, 'UTF8'), '{'a' * 16}', '\\x{'00' * 64}')")
        events = events_week.week(11, TODAY - 2, days=2, viewers=800)
        # Names come from documents, and a line may not be called this; what is counted could be.
        events += [event(20, TODAY - 1, channel="one", campaign="summer", line="=1+1", creative="<b>,\"x\"", **{"break": 1}),
                   event(21, TODAY - 1, channel="one", campaign="summer", line="=1+1", creative="<b>,\"x\"", **{"break": 1})]
        events_week.ship_week(cls.node, events)
        events_week.roll(cls.carl)

    def run_report(self, who, *words, expect=0) -> tuple[str, str]:
        files = {}
        for name, text in (("password", who.password + "\n"), ("codes", who.code() + "\n")):
            files[name] = self.folder / f"{who.name}.{name}"
            files[name].write_text(text)
            files[name].chmod(0o600)
        done = subprocess.run([nodeproc.default_node(), "report", *words, "--server", f"127.0.0.1:{self.server.port}", "--user", who.login, "--password-file",
                               files["password"], "--code-file", files["codes"], "--root-certificate", self.server.root_certificate], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, expect, done.stderr.decode())
        return done.stdout.decode(), done.stderr.decode()

    def days(self) -> list[str]:
        return ["--from", self.server.ask(f"SELECT date '1970-01-01' + {TODAY - 2}"), "--to", self.server.ask(f"SELECT date '1970-01-01' + {TODAY}")]

    def test_all_formats_have_the_same_figures(self):
        for who, subject, names in ((self.anna, ("--channel", "one"), CHANNEL), (self.adam, ("--campaign", "summer"), CAMPAIGN)):
            for name, more in names.items():
                with self.subTest(f"{name} {subject[0]}"):
                    times = self.days()
                    if name == "retention":
                        times = ["--from", times[1] + "T18:00", "--to", times[1] + "T21:00"]
                    words = [name, *subject, *more, *times]
                    out, _ = self.run_report(who, *words)
                    self.assertNotIn("\n", out.replace("\r\n", ""), "lines end as RFC 4180 has it")
                    head, *rows = list(csv.reader(io.StringIO(out, newline="")))
                    self.assertTrue(rows, "there is something to tell")
                    said = json.loads(self.run_report(who, *words, "--format", "json")[0])
                    self.assertEqual([c["name"] for c in said["columns"]], head)
                    self.assertEqual(len(said["rows"]), len(rows))
                    page = Page(self.run_report(who, *words, "--format", "html")[0])
                    self.assertFalse(page.tags & {"script", "link", "img", "iframe", "b"})
                    self.assertIn("svg", page.tags)
                    for row, one, drawn in zip(rows, said["rows"], page.rows):
                        plain = [x[1:] if x.startswith("'=") else x for x in row]
                        self.assertEqual(drawn, [x if x else y for x, y in zip(plain, drawn)])
                        for text, key in zip(plain, head):
                            if isinstance(one[key], (int, float)):
                                self.assertEqual(float(text), one[key])
                            else:
                                self.assertEqual(text, one[key] or "")

    def test_an_experiment_is_told_by_its_arms(self):
        self.server.ask(f"INSERT INTO dvpe.trial_day SELECT 'intro', date '1970-01-01' + {TODAY - 1}, CASE WHEN n <= 40 THEN 'control' ELSE 'long' END, n, n, 0, 0, 0 "
                        "FROM generate_series(1, 80) n")
        out, _ = self.run_report(self.anna, "experiment", "--experiment", "intro", *self.days())
        rows = {(r["metric"], r["arm"]): r for r in csv.DictReader(io.StringIO(out, newline=""))}
        self.assertEqual([float(rows["watched", arm]["mean"]) for arm in ("control", "long")], [20.5, 60.5])
        self.assertEqual((rows["watched", "control"]["decision"], float(rows["watched", "long"]["difference"])), ("control", 40))
        self.assertEqual(rows["sample_ratio", ""]["viewers"], "80")
        page = Page(self.run_report(self.anna, "experiment", "--experiment", "intro", *self.days(), "--format", "html")[0])
        self.assertEqual(len(page.rows), len(rows))
        self.assertIn("of one --experiment", self.run_report(self.anna, "experiment", "--channel", "one", expect=1)[1])

    def test_a_formula_is_text(self):
        out, _ = self.run_report(self.adam, "funnel", "--campaign", "summer", *self.days())
        self.assertIn("'=1+1,\"<b>,\"\"x\"\"\",", out)

    def test_the_figures_are_those_of_the_functions(self):
        first, last = (TODAY - 2) * DAY, TODAY * DAY
        rows = self.adam.as_proved(f"SELECT line, channel, counted, micros FROM analytics.revenue('summer', to_timestamp({first}), to_timestamp({last}))").splitlines()
        out, _ = self.run_report(self.adam, "revenue", "--campaign", "summer", *self.days())
        told = [f"{r['line'].lstrip(chr(39))}|{r['channel']}|{r['counted']}|{int(r['revenue'].replace('.', ''))}" for r in csv.DictReader(io.StringIO(out, newline=""))]
        self.assertEqual(told, rows)
        self.assertTrue(any(int(t.split("|")[3]) > 0 for t in told))

    def test_times_are_those_of_the_zone(self):
        out, _ = self.run_report(self.anna, "concurrents", "--channel", "one", "--tz", "Asia/Kolkata", *self.days())
        rows = list(csv.DictReader(io.StringIO(out, newline="")))
        self.assertEqual(len(rows), 48, "two days by hours")
        self.assertEqual(rows[0]["time"], self.days()[1] + "T00:00:00+05:30")
        out, _ = self.run_report(self.anna, "concurrents", "--channel", "one", "--json")
        self.assertIn(len(json.loads(out)["rows"]), (7, 8), "a week by days, of which the first and the last are cut: just after midnight there is nothing of the last")

    def test_what_is_wrong_is_said(self):
        one = ("--channel", "one")
        for words, why in ((["nothing", *one], "there is no report nothing"), (["fill"], "of one --channel, one --campaign"), (["fill", *one, "--campaign", "summer"], "of one --channel"),
                           (["fill", "--campaign", "summer"], "fill is a report of one --channel"), (["plan", *one], "plan is a report of one --campaign"),
                           (["funnel", *one], "needs a --dimension"), (["fill", *one, "--dimension", "country"], "has no --dimension"),
                           (["breakdown", *one, "--dimension", "country", "--metric", "x"], "--metric is one of watched"), (["fill", *one, "--metric", "x"], "has no --metric"),
                           (["fill", *one, "--format", "pdf"], "csv, json or html"), (["fill", *one, "--tz", "Mars/Olympus"], "no time zone Mars/Olympus"),
                           (["fill", *one, "--tz", "a" * 200], "--tz is too long"), (["fill", *one, "--from", "soon"], "database"), (["fill", "--channel", "two"], "not a channel of yours"),
                           (["breakdown", *one, "--dimension", "visitor"], "no breakdown by this"), (["fill", *one, "--step", "week"], "minute, hour or day")):
            with self.subTest(" ".join(words)[:60]):
                self.assertIn(why, self.run_report(self.anna, *words, expect=4 if "yours" in why else 1)[1])
        self.assertIn("not a channel of yours", self.run_report(self.adam, "fill", *one, expect=4)[1])


if __name__ == "__main__":
    unittest.main()
