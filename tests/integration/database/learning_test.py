#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""What models learn from: a choice that a node told of, with what the player told of it, once, in order, and no longer than it may."""
from __future__ import annotations

import base64
import json
import pathlib
import sys
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import people  # noqa: E402
from people import quoted  # noqa: E402
from shipping import TODAY, event, ship  # noqa: E402

RANKED, STARTED, COMPLETE, CLICKED, FEEDBACK = 15, 22, 26, 28, 60
FACTS = base64.b64encode(bytes(range(12))).decode()


def told(aim: str = "attention", among: int = 2) -> str:
    return json.dumps({"release": "3.17", "plan": 4, "model": 9, "aim": aim, "among": [[f"c{n}", 1 / among] for n in range(among)], "facts": FACTS},
                      separators=(",", ":"))


class Learning(people.Town, unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.server.ask("TRUNCATE dvpe.event_place, dvpe.event, dvpe.event_batch, dvpe.event_watermark, dvpe.ranked, dvpe.learning_state, dvpe.erased_visitor")
        self.epoch = self.carl.sql("SELECT registry.hold_lease()").strip()

    def choice(self, session: str | None = None, slot: int = 1, **more) -> dict:
        return event(RANKED, at=int(time.time() * 1e6), session=session or str(uuid.uuid4()), line="tea/line", creative="spot", slot=slot, value=20,
                     text=told(), **{"break": 3}, **more)

    def outcome(self, kind: int, of: dict, text: str = "", **more) -> dict:
        return event(kind, at=int(time.time() * 1e6), session=of["session"], slot=of["slot"], text=text, **{"break": of["break"]}, **more)

    def happens(self, *events: dict) -> None:
        said = self.node.sql(ship(str(uuid.uuid4()), 0, list(events)))
        self.assertEqual(said.split("|")[2], "0", "none is refused")
        while self.carl.sql(f"SELECT events.roll(10, {self.epoch})") != "0":
            pass

    def pass_time(self) -> None:
        self.server.ask("UPDATE dvpe.ranked SET due = due - interval '1 hour'")

    def examples(self, due: str = "-infinity", after: int = 0, most: int = 100) -> list[list[str]]:
        rows = self.carl.sql(f"SELECT next_due, next_id, at, arm, encode(facts, 'hex'), reward FROM events.examples('{due}', {after}, {most})")
        return [row.split("|") for row in rows.splitlines()]

    def rewards(self) -> dict[str, str]:
        self.pass_time()
        return {row[3]: row[5] for row in self.examples()}

    def test_a_choice_has_its_arm_its_facts_and_its_moment(self):
        one = self.choice()
        self.happens(one)
        self.happens(self.outcome(STARTED, one), self.outcome(COMPLETE, one))
        self.assertEqual(self.examples(), [], "it may still be clicked")
        self.pass_time()
        (due, number, at, arm, facts, reward), = self.examples()
        self.assertEqual((at, arm, facts, reward), (str(one["at"]), "attention/tea/line/spot", bytes(range(12)).hex(), "0.5"))
        self.assertEqual(self.examples(due, int(number)), [], "each once")

    def test_what_came_of_it_counts(self):
        def happens(session, *outcomes):
            one = self.choice(session)
            self.happens(one)
            self.happens(*[self.outcome(kind, one, text) for kind, text in outcomes])

        rewards = {}
        for name, outcomes, expected in (("seen", [(STARTED, "")], "0"), ("whole", [(STARTED, ""), (COMPLETE, "")], "0.5"),
                                         ("clicked", [(STARTED, ""), (CLICKED, "")], "1"), ("liked", [(STARTED, ""), (FEEDBACK, "like")], "1"),
                                         ("hidden", [(STARTED, ""), (COMPLETE, ""), (CLICKED, ""), (FEEDBACK, "hide")], "0"),
                                         ("nobody told", [(COMPLETE, "")], "")):
            self.server.ask("TRUNCATE dvpe.ranked")
            happens(str(uuid.uuid4()), *outcomes)
            rewards[name] = (self.rewards()["attention/tea/line/spot"], expected)
        for name, (got, expected) in rewards.items():
            self.assertEqual(got, expected, name)

    def test_a_line_that_pays_for_completed_views_wants_these(self):
        one = self.choice()
        one["text"] = told("completed")
        self.happens(one)
        self.happens(self.outcome(STARTED, one), self.outcome(CLICKED, one))
        two = self.choice()
        two["text"], two["creative"] = told("completed"), "other"
        self.happens(two)
        self.happens(self.outcome(STARTED, two), self.outcome(COMPLETE, two))
        self.assertEqual(self.rewards(), {"completed/tea/line/spot": "0", "completed/tea/line/other": "1"})

    def test_outcomes_in_the_same_batch_and_of_other_slots(self):
        one, other = self.choice(), self.choice(slot=2)
        other["session"] = one["session"]
        self.happens(self.outcome(STARTED, one), one, other)
        self.assertEqual(self.server.ask("SELECT string_agg(slot || ' ' || started, ',' ORDER BY slot) FROM dvpe.ranked"), "1 true,2 false")

    def test_a_choice_that_comes_late_is_left_out(self):
        one = self.choice()
        one["at"] -= 120 * 10 ** 6
        self.happens(one)
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.ranked"), "0")

    def test_what_nobody_should_tell_is_no_example(self):
        for text in ("", "{}", "x" * 2048, '{"aim":"ATTENTION","facts":""}', '{"aim":"attention"}', '{"aim":"attention","facts":"AAA="}', '{"aim":"attention","facts":"AAAA"}'):
            one = self.choice()
            one["text"] = text
            self.happens(one, self.outcome(STARTED, one))
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.ranked"), "0")
        self.assertIn("1", self.node.sql(ship(str(uuid.uuid4()), 0, [dict(self.choice(), text="x" * 2049)])).split("|")[2], "longer than a choice is")
        self.assertIn("1", self.node.sql(ship(str(uuid.uuid4()), 0, [event(FEEDBACK, text="x" * 513)])).split("|")[2])

    def test_nobody_but_a_coordinator_that_leads_reads_or_writes(self):
        store = "SELECT events.store_learning('\\x01', now(), 5, 9, {})"
        for who in (self.node,):
            who.refused("SELECT * FROM events.examples('-infinity', 0, 1)")
            who.refused("SELECT * FROM events.learning()")
            who.refused(store.format(self.epoch))
        for who in (self.ada, self.adam):
            who.refused_proved("SELECT * FROM events.examples('-infinity', 0, 1)")
            who.refused_proved("SELECT * FROM dvpe.ranked")
        self.assertIn("taken over", self.carl.refused(store.format(int(self.epoch) + 1)))
        self.carl.sql(store.format(self.epoch))
        self.assertEqual(self.carl.sql("SELECT encode(state, 'hex'), id, number FROM events.learning()"), "01|5|9")

    def test_who_is_forgotten_is_no_example(self):
        mine, others = self.choice(visitor=77), self.choice(visitor=78)
        self.happens(mine, others)
        self.node.sql(f"SELECT registry.request_erasure('{uuid.uuid4()}', '\\x{'ab' * 32}', '{{77}}')")
        while self.carl.sql(f"SELECT events.erase({self.epoch})") == "t":
            pass
        self.assertEqual(self.server.ask("SELECT string_agg(visitor::text, ',') FROM dvpe.ranked"), "78")
        late = self.choice(visitor=77)
        self.happens(late)
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.ranked"), "1", "told after that")

    def test_two_days_are_kept(self):
        self.happens(self.choice(), self.choice())
        self.server.ask("UPDATE dvpe.ranked SET due = now() - interval '3 days' WHERE id = (SELECT min(id) FROM dvpe.ranked)")
        self.server.ask("DELETE FROM dvpe.event_batch")
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.ranked"), "1")


if __name__ == "__main__":
    unittest.main()
