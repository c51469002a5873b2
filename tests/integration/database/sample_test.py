#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""The decision sample: nodes ship it, few viewers cannot be found in it, and the database judges conditions as nodes do."""
from __future__ import annotations

import itertools
import json
import os
import pathlib
import random
import subprocess
import sys
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import nodeproc  # noqa: E402
import people  # noqa: E402
from people import Person, quoted  # noqa: E402

TODAY = int(time.time() // 86400)
EPOCH = "date '1970-01-01'"
WHOLE = 2 ** 31
TABLES = ("sample", "sample_day", "sample_question", "forecast")
CONDITIONS = os.environ.get("DVPE_SAMPLE_CONDITIONS", str(pathlib.Path(__file__).resolve().parents[3] / "build/dev/tests/sample_conditions"))


def array(values, of: str) -> str:
    return "ARRAY[" + ",".join("NULL" if v is None else quoted(str(v)) if of in ("uuid", "text") else str(v) for v in values) + f"]::{of}[]"


def session(day=TODAY, **more) -> dict:
    """Whatever is not said is random, or ordinary."""
    out = {"day": day, "id": str(uuid.uuid4()), "channel": "one", "visitor": random.randrange(1, 2 ** 62), "draw": random.randrange(WHOLE),
           "attributes": "{}", "breaks": [0] * 20 + [2, 1, 0, 0]}
    out.update(more)
    return out


def ship(sessions: list[dict], **instead: str) -> str:
    arguments = {name: array([s[name] for s in sessions], kind) for name, kind in
                 (("day", "int"), ("id", "uuid"), ("channel", "text"), ("visitor", "bigint"), ("draw", "int"), ("attributes", "text"))}
    arguments["breaks"] = array([b for s in sessions for b in s["breaks"]], "smallint")
    arguments.update(instead)
    return "SELECT inserted, refused, threshold FROM events.ship_sample(" + ", ".join(arguments.values()) + ")"


def of(key: str, *values, absent=None) -> list:
    return ["of", key, list(values), [], absent]


class Sample(people.Town, unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna = Person(cls.server, "anna", ["analyst"])
        cls.server.ask("INSERT INTO dvpe.revision (organisation, kind, document, revision, digest, contents, key, signature) "
                       f"VALUES ('demo', 'channel', 'one', 1, sha256('one'), '{{}}', '{'a' * 16}', '\\x{'00' * 64}')")

    def setUp(self):
        self.server.ask("TRUNCATE " + ", ".join(f"dvpe.{t}" for t in TABLES) + ", dvpe.event_rollup")
        random.seed(1)

    def retain(self) -> dict:
        return json.loads(self.carl.sql("SELECT registry.retain(registry.hold_lease())"))

    def crowd(self, day: int, cells: list[tuple[dict, int]], settled: bool = True, threshold: int = WHOLE, seed: int = 0) -> None:
        """Sessions of a day, straight into the table: (attributes, how many visitors, each with one session)."""
        date = f"{EPOCH} + {day}"
        name = self.server.ask(f"SELECT 'dvpe.sample_' || to_char({date}, 'YYYYMMDD')")
        first, then = self.server.ask(f"SELECT {date}, {date} + 1").split("|")
        self.server.ask(f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF dvpe.sample FOR VALUES FROM ('{first}') TO ('{then}'); ALTER TABLE {name} OWNER TO dvpe_owner;"
                        f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
                        f"INSERT INTO dvpe.sample_day VALUES ({date}, {threshold}, 0, 0, {settled}) ON CONFLICT DO NOTHING")
        for n, (attributes, count) in enumerate(cells):
            self.server.ask(f"INSERT INTO dvpe.sample SELECT {date}, gen_random_uuid(), 'one', {(seed * 100 + n) * 10 ** 6} + g, 0, {quoted(json.dumps(attributes))}, "
                            f"array_fill(1::smallint, ARRAY[24]) FROM generate_series(1, {count}) g")

    def size(self, tree, who=None) -> list[str]:
        return (who or self.anna).as_proved(f"SELECT * FROM analytics.audience_size('one', {quoted(json.dumps(tree))})").split("|")

    # ---- who

    def test_nodes_ship_and_nobody_reads(self):
        self.assertEqual(self.node.sql(ship([session()])), f"1|0|{WHOLE}")
        for call in (ship([session()]), "SELECT events.forget_sample('{1}')"):
            self.carl.refused(call)
            for who in (self.ada, self.anna, self.adam, self.olga):
                who.refused_proved(call)
        days = self.server.ask("SELECT string_agg(inhrelid::regclass::text, ' ') FROM pg_inherits WHERE inhparent = 'dvpe.sample'::regclass").split()
        self.assertTrue(days)
        for table in [f"dvpe.{t}" for t in TABLES] + days:
            for who in (self.ada, self.anna, self.adam, self.olga):
                who.refused_proved(f"SELECT * FROM {table}")
            for who in (self.node, self.carl):
                who.refused(f"SELECT * FROM {table}")
        for part in ("events.settle_sample('2020-01-01')", "events.retain_sample()", "events.retain_but_sample()", "events.make_sample_day('2020-01-01')",
                     "events.drop_sample_day('2020-01-01')", "events.sample_path('true')", "events.sample_attributes('{}')",
                     "events.forecast_lines('[]', '2026-01-01', '2026-01-02', '2026-01-01')", "events.forecast_experience()", "events.compare_forecasts()",
                     "analytics.ask_sample('one', 1)"):
            for who in (self.node, self.carl, self.ada):
                who.refused(f"SELECT {part}")
        self.assertEqual(json.loads(self.node_program("db", "check", "--json"))["loose"], [])

    # ---- what comes

    def test_a_session_of_a_day_is_taken_once(self):
        one, other = session(), session()
        self.assertEqual(self.node.sql(ship([one, other])), f"2|0|{WHOLE}")
        self.assertEqual(self.node.sql(ship([one, session()])), f"1|0|{WHOLE}")
        self.assertEqual(self.node.sql(ship([dict(one, day=TODAY - 1)])), f"1|0|{WHOLE}")
        self.assertEqual(self.server.ask("SELECT sum(sessions) FROM dvpe.sample_day"), "4")

    def test_what_is_no_session_is_refused_and_counted(self):
        bad = [session(TODAY - 2), session(TODAY + 1), session(visitor=0), session(draw=-1), session(channel=""), session(channel="c" * 129),
               session(attributes="[1]"), session(attributes="{"), session(attributes='{"a":{}}'), session(attributes='{"a":[1]}'),
               session(attributes='{"a b":1}'), session(attributes='{"a":"' + "x" * 2000 + '"}'), session(attributes=json.dumps({f"a{n}": 1 for n in range(65)})),
               session(attributes='{"a":"\\u0000"}'), session(attributes="[" * 10000), session(attributes='{"a":1}' + " " * 20000), session(breaks=[-1] * 24),
               session(breaks=[3601] * 24), session(attributes=None), session(id=None), session(channel=None)]
        self.assertEqual(self.node.sql(ship(bad + [session()])), f"1|{len(bad)}|{WHOLE}")
        self.assertEqual(self.server.ask(f"SELECT refused FROM dvpe.sample_day WHERE day = {EPOCH} + {TODAY}"), str(len(bad) - 2), "of this day")

    def test_a_batch_that_is_none_is_refused_whole(self):
        good = session()
        for instead in ({"id": "'{}'::uuid[]"}, {"breaks": "'{1}'::smallint[]"}, {"draw": "'{1,2}'::int[]"}, {"attributes": "NULL"}):
            self.assertIn("of one length", self.node.refused(ship([good], **instead)))
        self.assertIn("10,000", self.node.refused("SELECT events.ship_sample(" + ", ".join(
            f"array_fill({v}, ARRAY[{n}])" for v, n in (("1", 10001), ("gen_random_uuid()", 10001), ("''::text", 10001), ("1::bigint", 10001), ("1", 10001), ("''::text", 10001),
                                                        ("1::smallint", 240024))) + ")"))
        self.assertEqual(self.node.sql(ship([])), f"0|0|{WHOLE}", "asks for the threshold")

    def test_a_day_never_has_more_than_its_most_and_stays_a_fair_sample(self):
        self.node.sql(ship([]))
        self.server.ask(f"INSERT INTO dvpe.sample SELECT {EPOCH} + {TODAY}, gen_random_uuid(), 'one', g, (g * 1103515245::bigint % 2147483648)::int, '{{}}', array_fill(0::smallint, ARRAY[24]) "
                        f"FROM generate_series(1, 189999) g; UPDATE dvpe.sample_day SET sessions = 189999")
        low, high = session(draw=5), session(draw=WHOLE - 5)
        self.assertEqual(self.node.sql(ship([low, high])), f"2|0|{WHOLE // 2}")
        kept, largest, told = self.server.ask(f"SELECT count(*), max(draw), (SELECT sessions FROM dvpe.sample_day) FROM dvpe.sample").split("|")
        self.assertEqual(kept, told)
        self.assertLess(int(largest), WHOLE // 2)
        self.assertAlmostEqual(int(kept), 95000, delta=1500)
        self.assertEqual(self.node.sql(ship([session(draw=WHOLE // 2)])), f"0|0|{WHOLE // 2}", "not wanted, and nothing wrong")
        self.server.ask(f"UPDATE dvpe.sample_day SET day = day - 1")
        self.assertEqual(self.node.sql(ship([])), f"0|0|{WHOLE // 2}", "the next day begins as this one ended")
        self.server.ask(f"DELETE FROM dvpe.sample_day WHERE day = {EPOCH} + {TODAY}; UPDATE dvpe.sample_day SET sessions = 50000, threshold = 1000")
        self.assertEqual(self.node.sql(ship([])), "0|0|2000", "or higher, when there was room")

    def test_rare_values_are_not_known_once_the_day_is_over(self):
        self.crowd(TODAY - 2, [({"v.a": "many", "v.b": 1}, 20), ({"v.a": "few", "v.b": 1}, 19), ({"v.a": None, "v.b": 2}, 5)], settled=False)
        self.crowd(TODAY, [({"v.a": "few"}, 1)], settled=False)
        self.retain()
        self.assertEqual(self.server.ask(f"SELECT attributes, count(*) FROM dvpe.sample WHERE day < {EPOCH} + {TODAY} GROUP BY 1 ORDER BY 2, 1").splitlines(),
                         ['{"v.a": null}|5', '{"v.b": 1}|19', '{"v.a": "many", "v.b": 1}|20'])
        self.assertEqual(self.server.ask(f"SELECT settled FROM dvpe.sample_day ORDER BY day"), "t\nf", "today is not over")

    def test_many_sessions_of_few_are_few(self):
        self.crowd(TODAY - 1, [({"v.a": "few"}, 19)], settled=False)
        self.server.ask(f"INSERT INTO dvpe.sample SELECT day, gen_random_uuid(), channel, visitor, draw, attributes, breaks FROM dvpe.sample")
        self.server.ask(f"SELECT events.settle_sample({EPOCH} + {TODAY - 1})")
        self.assertEqual(self.server.ask("SELECT DISTINCT attributes FROM dvpe.sample"), "{}")

    def test_what_is_old_goes_and_erased_visitors_at_once(self):
        for days in (1, 7, 8, 9):
            self.crowd(TODAY - days, [({"v.a": "x"}, 30)])
        self.server.ask("INSERT INTO dvpe.forecast (line, \"from\", \"to\", available, deviation, at) SELECT 'a/b', now(), now(), 1, 1, now() - interval '366 days'")
        self.assertEqual(self.retain(), {"sample_days": 2, "forecasts": 1})
        self.assertEqual(self.server.ask(f"SELECT count(*), min(day) - {EPOCH} FROM dvpe.sample"), f"60|{TODAY - 7}")
        self.assertEqual(self.node.sql("SELECT events.forget_sample('{3,4,99}')"), "4", "of both days")
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.sample WHERE visitor IN (3, 4)"), "0")
        self.assertEqual(json.loads(self.node_program("db", "check", "--json"))["loose"], [])

    # ---- conditions

    def test_the_database_judges_conditions_as_the_evaluator_does(self):
        counted = {"asked": 0, "refused": 0, "T": 0, "F": 0, "U": 0}
        for seed in range(1, 4):
            lines = [json.loads(line) for line in subprocess.run([CONDITIONS, str(seed), "4000", "100"], capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()]
            viewers = [line["viewer"] for line in lines if "viewer" in line]
            conditions = [line for line in lines if "tree" in line]
            refused = [line for line in lines if "refused" in line]
            self.assertEqual(len(viewers), 100)
            rows = ",\n".join(f"({n}, {quoted(json.dumps(v))}::jsonb)" for n, v in enumerate(viewers))
            trees = ",\n".join(f"({n}, {quoted(json.dumps(c['tree']))}::jsonb)" for n, c in enumerate(conditions))
            answers = self.server.ask(f"WITH v(n, attributes) AS (VALUES {rows}), c(n, path) AS MATERIALIZED (SELECT n, events.sample_path(tree) FROM (VALUES {trees}) t(n, tree)) "
                                      "SELECT string_agg(CASE WHEN v.attributes @@ c.path THEN 'T' WHEN NOT v.attributes @@ c.path THEN 'F' ELSE 'U' END, '' ORDER BY v.n) "
                                      "FROM c CROSS JOIN v GROUP BY c.n ORDER BY c.n").splitlines()
            self.assertEqual(len(answers), len(conditions))
            for condition, answer in zip(conditions, answers):
                self.assertEqual(answer, condition["verdicts"], condition["condition"])
                for verdict in answer:
                    counted[verdict] += 1
            counted["asked"] += len(conditions)
            counted["refused"] += len(refused)
            for line in refused:
                self.assertRegex(line["refused"], "does not know|in steps|cannot compare|whole days")
        self.assertGreater(counted["asked"], 3000)
        for verdict in "TFU":
            self.assertGreater(counted[verdict], 20000, "each of them is tried")

    def test_what_cannot_be_asked_is_refused_with_the_reason(self):
        texts = {"viewer.age >= 25": "is known in steps (0, 18, 40), and this tells apart 18 and", "viewer.age + 1 > 18": "can only be compared",
                 "percent(\"x\") < 5.0": "in a share", "now > timestamp(0)": "leave the time to dayparts", "frequency(\"a\", \"1h\") < 1": "has seen",
                 "viewer.country == viewer.plan": "cannot compare viewer.country with viewer.plan"}
        answers = subprocess.run([CONDITIONS, "--tree", "one"], input="".join(t + "\n" for t in texts), capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
        for (text, why), answer in zip(texts.items(), answers):
            self.assertTrue(answer.startswith("refused: ") and why in answer, answer)

    def test_a_tree_that_is_none_is_refused(self):
        deep = true = "true"
        for _ in range(400):
            deep = f'["not",{deep}]'
        long = json.dumps(["or"] + [of("v.a", *["x" * 200] * 60) for _ in range(20)])
        for tree in ('"x"', "1", "[]", '["of"]', '["of","a",[],[]]', '["of","a\\" == 1 || $.b",[1],[],null]', '["of","v.a",[[1]],[],null]', '["of","v.a",[null],[],null]',
                     '["of","v.a",[1],[],1]', '["of","v.a",1,[],null]', f'["not",{true},{true}]', f'["if",{true},{true}]', '["and"]', '["drop",true]', '{"and":true}', deep, long,
                     "[\"of\",\"v.a\",[" + ",".join(map(str, range(129))) + "],[],null]"):
            self.assertRegex(self.anna.refused_proved(f"SELECT * FROM analytics.audience_size('one', {quoted(tree)})"), "no condition|too deep|too long|cannot extract", tree)
        hostile = '"; DROP TABLE x; -- \' $$ \\\" \u0001 \\u0041'
        self.crowd(TODAY - 1, [({"v.a": hostile}, 3)])
        self.assertEqual(self.server.ask(f"SELECT count(*) FROM dvpe.sample WHERE attributes @@ events.sample_path({quoted(json.dumps(of('v.a', hostile)))})"), "3")

    # ---- what is told

    def test_an_audience_is_counted_by_the_day_and_for_the_whole(self):
        for n in range(1, 5):
            self.crowd(TODAY - n, [({"v.a": "x", "v.b": 1}, 3000), ({"v.a": "y", "v.b": 1}, 1000), ({"v.b": 1}, 500)], threshold=WHOLE // 4, seed=n)
        self.crowd(TODAY, [({"v.a": "x"}, 50000)], settled=False)
        for tree, truth in ((of("v.a", "x"), 12000), (["not", of("v.a", "x")], 4000), (["or", of("v.b", 1), of("v.a", "y")], 18000), (True, 18000)):
            viewers, low, high, now, _, _, days = self.size(tree)
            self.assertEqual(days, "4")
            self.assertLess(abs(int(viewers) - truth), 0.05 * truth)
            self.assertTrue(int(low) < truth < int(high), (tree, low, high))
            self.assertLess(int(high) - int(low), 0.3 * truth)
            self.assertEqual(now, "", "nobody watches")

    def test_who_watches_now_is_shared_out_as_at_this_hour(self):
        for n in range(1, 4):
            self.crowd(TODAY - n, [({"v.a": "x"}, 600), ({"v.a": "y"}, 1400)], seed=n)
        self.server.ask("INSERT INTO dvpe.event_rollup SELECT 'channel', 'one', 'minute', date_trunc('minute', now()) - m * interval '1 minute', '{}', 2, 60, 60 * 5000 "
                        "FROM generate_series(0, 10) m")
        *_, now, low, high, _ = self.size(of("v.a", "x"))
        self.assertTrue(int(low) < 1500 < int(high), (now, low, high))
        self.assertLess(abs(int(now) - 1500), 60)

    def test_nothing_is_told_of_fewer_than_twenty(self):
        self.crowd(TODAY - 1, [({"v.a": "x"}, 19), ({"v.a": "y"}, 500)], threshold=WHOLE // 64)
        self.assertEqual(self.size(of("v.a", "x")), ["", "", "", "", "", "", "1"], "nineteen of the sample stand for a thousand")
        self.assertNotEqual(self.size(of("v.a", "y"))[0], "")
        self.assertEqual(self.size(of("v.a", "z"))[0], "")

    def test_one_viewer_cannot_be_found_by_subtracting_answers(self):
        # Somebody's neighbour has the values (x, secret or not): the attacker knows everybody else, and compares the sizes of two
        # audiences which differ by that one. Many times, with other people around: the differences with and without the
        # neighbour look alike.
        differences = {False: [], True: []}
        statements = []
        for trial, there in itertools.product(range(150), (False, True)):
            base = trial * 10 ** 6
            noise = [f"6 * events.sample_noise((SELECT sum(hashint8extended(v, 5)::numeric) FROM generate_series({base + 1}, {base + 400 + more}) v))"
                     for more in ((0, 1) if there else (0, 0))]
            statements.append(f"SELECT {int(there)}, ({400 + int(there)} + {noise[1]}) - (400 + {noise[0]})")
        for row in self.server.ask(" UNION ALL ".join(statements)).splitlines():
            there, difference = row.split("|")
            differences[bool(int(there))].append(float(difference))
        self.assertEqual(set(differences[False]), {0.0}, "the same viewers, the same answer, however often and however it is asked")
        mean = sum(differences[True]) / 150
        spread = (sum((d - mean) ** 2 for d in differences[True]) / 150) ** 0.5
        self.assertGreater(spread, 6.5, "one viewer more: another noise altogether")
        self.assertLess(abs(mean - 1), 2.2)
        # What two different sets that are equally large say differs as much: a difference says nothing of one viewer.
        below = sum(d < 0 for d in differences[True]) / 150
        self.assertTrue(0.3 < below < 0.6, below)

    def test_questions_are_counted(self):
        self.size(True)
        self.server.ask("UPDATE dvpe.sample_question SET asked = 999")
        self.size(True)
        self.assertIn("enough questions", self.anna.refused_proved("SELECT * FROM analytics.audience_size('one', 'true')"))
        self.size(True, self.cleo)

    def test_who_may_ask(self):
        for who in (self.anna, self.cleo, self.olga, self.ada, self.adam):
            self.size(True, who)
            self.assertIn("not a channel of yours", who.refused("SELECT * FROM analytics.audience_size('one', 'true')"), "without the second factor")
        self.assertIn("not a channel of yours", self.anna.refused_proved("SELECT * FROM analytics.audience_size('none', 'true')"))
        for who in (self.node, self.carl):
            who.refused("SELECT * FROM analytics.audience_size('one', 'true')")

    def test_values_that_begin_with_a_text(self):
        self.crowd(TODAY - 1, [({"v.a": "Berlin"}, 400), ({"v.a": "Bern"}, 200), ({"v.a": "Basel"}, 19), ({"v.a": "Köln"}, 300)])

        def ask(prefix):
            return [(v, int(n)) for v, n in (row.split("|") for row in self.anna.as_proved(f"SELECT * FROM analytics.audience_values('one', 'v.a', {quoted(prefix)})").splitlines())]
        self.assertEqual([v for v, _ in ask("B")], ["Berlin", "Bern"])
        self.assertEqual([v for v, _ in ask("")], ["Berlin", "Köln", "Bern"])
        self.assertLess(abs(ask("Berl")[0][1] - 400), 30)
        self.assertEqual(ask("%"), [])

    def test_how_often_rules_hold(self):
        self.crowd(TODAY - 1, [({"v.a": "x"}, 300), ({"v.a": "y"}, 700), ({"v.a": "z"}, 10)])
        rules = [{"id": "all", "when": True}, {"id": "x", "when": of("v.a", "x")}, {"id": "few", "when": of("v.a", "z")}]
        call = f"SELECT * FROM analytics.rule_hits('one', {quoted(json.dumps(rules))})"
        told = dict(row.split("|") for row in self.anna.as_proved(call).splitlines())
        self.assertAlmostEqual(int(told["all"]), 100, delta=2)
        self.assertAlmostEqual(int(told["x"]), 30, delta=2)
        self.assertEqual(told["few"], "")
        self.adam.refused_proved(call)

    def folder_of(self, name: str, rules: dict[str, str]) -> pathlib.Path:
        folder = self.folder / name
        folder.mkdir()
        documents = [("profile", "small", {"fps": "30", "audioBitrate": 128000, "rungs": [
            {"name": "v180", "width": 320, "height": 180, "maxrate": 400000, "preset": "superfast", "x264": "crf=30", "threads": 1}]}),
            ("channel", "one", {"title": "One", "profile": "small", "epoch": "2026-01-01T00:00:00Z", "windowSeconds": 60}),
            ("campaign", "house", {"title": "House", "creatives": ["spot"]}),
            ("ruleset", "one", {"channel": "one", "fields": [
                {"path": "v.a", "type": "string", "purpose": "none", "forecastable": True, "values": ["x", "y", "z"]},
                {"path": "v.name", "type": "string", "purpose": "none"}],
                "rules": [{"id": r, "when": when, "actions": [{"fillBreaks": {"campaigns": ["house"]}}]} for r, when in rules.items()]})]
        for kind, document, body in documents:
            (folder / f"{kind}-{document}.json").write_text(people.document(kind, document, 1, "demo", body))
        return folder

    def test_two_folders_rules_are_run_over_the_sample(self):
        self.crowd(TODAY - 1, [({"v.a": "x"}, 300), ({"v.a": "y"}, 700), ({"v.a": "z"}, 10)])
        before = self.folder_of("before", {"wide": 'v.a == "x"', "few": 'v.a == "z"', "name": 'v.name == "Ada"'})
        after = self.folder_of("after", {"wide": 'v.a in ["x", "y"]', "new": 'v.a == "y"'})
        secrets = {}
        for name, text in (("password", self.anna.password + "\n"), ("codes", self.anna.code() + "\n")):
            secrets[name] = self.folder / f"anna.hits.{name}"
            secrets[name].write_text(text)
            secrets[name].chmod(0o600)
        done = subprocess.run([nodeproc.default_node(), "rules", "hits", "--from", before, "--to", after, "--channel", "one", "--json", "--server",
                               f"127.0.0.1:{self.server.port}", "--user", self.anna.login, "--password-file", secrets["password"], "--code-file", secrets["codes"],
                               "--root-certificate", self.server.root_certificate], capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        told = {r["rule"]: r for r in json.loads(done.stdout)}
        self.assertEqual(set(told), {"wide", "few", "name", "new"})
        self.assertAlmostEqual(told["wide"]["from"]["percent"], 30, delta=2)
        self.assertAlmostEqual(told["wide"]["to"]["percent"], 99, delta=2)
        self.assertAlmostEqual(told["new"]["to"]["percent"], 69, delta=2)
        self.assertIsNone(told["new"]["from"])
        self.assertEqual(told["few"]["from"], {"percent": None})
        self.assertIn("not forecastable", told["name"]["from"]["why"])

    # ---- forecast

    def line(self, name="k/l", when=True, **more) -> dict:
        return {"line": name, "when": when, "units": 30, "break": 60, **more}

    def forecast(self, lines, days=7, who=None, remember=False) -> dict[str, tuple]:
        rows = (who or self.olga).as_proved(f"SELECT * FROM analytics.forecast({quoted(json.dumps(lines))}, to_timestamp({TODAY * 86400}), to_timestamp({(TODAY + days) * 86400}), {remember})")
        return {r[0]: tuple(int(v) if v else None for v in r[1:]) for r in (row.split("|") for row in rows.splitlines())}

    def week(self) -> None:
        """Each of seven days: 400 viewers with x, 600 with y, half of which are in the sample; 24 breaks each."""
        for n in range(1, 8):
            self.crowd(TODAY - n, [({"v.a": "x"}, 200), ({"v.a": "y"}, 300)], threshold=WHOLE // 2, seed=n)
        for n in range(1, 29):
            self.server.ask(f"INSERT INTO dvpe.event_rollup VALUES ('channel', 'one', 'day', to_timestamp({(TODAY - n) * 86400}), '{{}}', 2, 1, 86400 * 1000)")

    def test_a_line_alone_gets_all_breaks_of_its_viewers(self):
        self.week()
        truth = 400 * 24 * 7
        expected, low, high = self.forecast([self.line(when=of("v.a", "x"))])["k/l"]
        self.assertLess(abs(expected - truth), 0.01 * truth)
        self.assertTrue(low < truth < high)
        self.assertLess(abs(self.forecast([self.line(when=of("v.a", "x"))], 14)["k/l"][0] - 2 * truth), 0.02 * truth, "two weeks")
        self.assertLess(abs(self.forecast([self.line(when=of("v.a", "x"))], 1)["k/l"][0] - truth / 7), 0.01 * truth, "a day")

    def test_flights_hours_caps_goals_and_channels_count(self):
        self.week()
        all_of_it = 1000 * 24 * 7
        hours = [d * 24 + h for d in range(7) for h in range(6)]
        lines = {"hours": ({"hours": hours}, all_of_it / 4), "cap": ({"cap": 2}, 2 * 7 * 1000), "goal": ({"goal": 5000}, 5000), "other": ({"channels": ["two"]}, None),
                 "here": ({"channels": ["one", "two"]}, all_of_it), "share": ({"share": 0.5}, all_of_it / 2)}
        for name, (more, truth) in lines.items():
            expected, low, high = self.forecast([self.line(**more)])["k/l"]
            if truth is None:
                self.assertEqual((expected, low, high), (None, None, None))
                continue
            self.assertLess(abs(expected - truth), 0.03 * truth, name)
            self.assertTrue(low <= truth <= high, name)
        begins = self.server.ask(f"SELECT {EPOCH} + {TODAY + 3}")
        self.assertLess(abs(self.forecast([self.line(**{"from": begins})])["k/l"][0] - all_of_it * 4 / 7), 0.03 * all_of_it)

    def test_what_comes_first_takes_its_part(self):
        self.week()
        all_of_it = 1000 * 24 * 7
        lines = [self.line("k/low", worth=1.0), self.line("k/high", worth=9.0, units=60), self.line("k/first", tier=0, units=60, share=0.5)]
        told = self.forecast(lines)
        self.assertLess(abs(told["k/first"][0] - all_of_it / 2), 0.05 * all_of_it)
        self.assertLess(abs(told["k/high"][0] - all_of_it / 2), 0.05 * all_of_it, "half of the breaks are full before it")
        self.assertLess(told["k/low"][0], 0.1 * all_of_it, "what is left")
        told = self.forecast([self.line("k/low", worth=1.0), self.line("k/high", worth=9.0, units=60, goal=all_of_it / 4)])
        self.assertLess(abs(told["k/low"][0] - all_of_it * 3 / 4), 0.08 * all_of_it, "one with a goal leaves what it does not need")

    def test_a_forecast_follows_the_weekdays(self):
        self.week()
        self.server.ask(f"UPDATE dvpe.event_rollup SET value = value * 2 WHERE grain = 'day' AND bucket < to_timestamp({(TODAY - 7) * 86400})")
        truth = 1000 * 24 * 7 * 1.75  # of four weeks the last had half of the others' viewers
        self.assertLess(abs(self.forecast([self.line()])["k/l"][0] - truth), 0.02 * truth)

    def test_forecasts_are_as_wide_as_they_were_wrong(self):
        self.week()
        narrow = self.forecast([self.line()])["k/l"]
        self.forecast([self.line(f"k/l{n}") for n in range(40)], remember=True)
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.forecast"), "40")
        self.server.ask("UPDATE dvpe.forecast SET available = 1000, deviation = 100, \"from\" = \"from\" - interval '30 days', \"to\" = \"to\" - interval '30 days'")
        self.server.ask("INSERT INTO dvpe.event_rollup SELECT 'campaign_creative', 'k', 'day', f.\"from\", ARRAY['one', split_part(f.line, '/', 2), 'c'], 21, "
                        "CASE WHEN f.id % 2 = 0 THEN 1800 ELSE 200 END, 0 FROM dvpe.forecast f")
        wide = self.forecast([self.line()])["k/l"]
        self.assertEqual(self.server.ask("SELECT count(*), count(delivered) FROM dvpe.forecast"), "40|40")
        self.assertGreater(wide[2] - wide[1], 2 * (narrow[2] - narrow[1]))

    def test_forecasts_are_for_who_knows_all_that_is_booked(self):
        self.week()
        self.assertTrue(self.forecast([self.line()], who=self.ada)["k/l"][0])
        call = f"SELECT * FROM analytics.forecast('[]', to_timestamp({TODAY * 86400}), to_timestamp({(TODAY + 7) * 86400}))"
        for who in (self.adam, self.anna, self.cleo):
            self.assertIn("all that is booked", who.refused_proved(call))
        self.assertIn("all that is booked", self.olga.refused(call))
        for bad in (call.replace("'[]'", "'{}'"), call.replace(f"({(TODAY + 7) * 86400})", f"({(TODAY + 7) * 86400 + 60})"),
                    call.replace(f"({(TODAY + 7) * 86400})", f"({(TODAY + 100) * 86400})")):
            self.olga.refused_proved(bad)


if __name__ == "__main__":
    unittest.main()
