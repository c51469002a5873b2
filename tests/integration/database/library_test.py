#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Blobs, the content library and conditioning jobs: who may, and what others try, over TCP, TLS and SCRAM with plain psql."""
from __future__ import annotations

import concurrent.futures
import hashlib
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import people  # noqa: E402
from people import Machine, Person, change, quoted  # noqa: E402

MIB = 1 << 20


def begin(data: bytes, length: int | None = None) -> str:
    return f"SELECT registry.begin_blob('\\x{hashlib.sha256(data).hexdigest()}', {len(data) if length is None else length}, 'video/mp4');\n"


def put(data: bytes, n: int, piece: bytes | None = None) -> str:
    piece = data[n * MIB:(n + 1) * MIB] if piece is None else piece
    return f"SELECT registry.put_chunk('\\x{hashlib.sha256(data).hexdigest()}', {n}, '\\x{piece.hex()}');\n"


def finish(data: bytes) -> str:
    return f"SELECT registry.finish_blob('\\x{hashlib.sha256(data).hexdigest()}');\n"


def upload(data: bytes) -> str:
    return begin(data) + "".join(put(data, n) for n in range((len(data) + MIB - 1) // MIB)) + finish(data)


class Library(people.Town, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.connie = Machine(cls.server, "c1", "conditioner")
        cls.anna = Person(cls.server, "anna", ["analyst"])

    def count(self, who, data: bytes, table: str = "blob") -> str:
        sql = f"SELECT count(*) FROM dvpe.{table} WHERE digest = '\\x{hashlib.sha256(data).hexdigest()}'"
        return who.as_proved(sql) if isinstance(who, Person) else who.sql(sql)

    # ---- blobs

    def test_a_file_comes_back_as_it_was_sent(self):
        data = os.urandom(MIB + 77)
        self.cleo.as_proved(upload(data))
        pieces = self.node.sql(f"SELECT encode(data, 'hex') FROM dvpe.blob_chunk WHERE digest = '\\x{hashlib.sha256(data).hexdigest()}' ORDER BY n")
        self.assertEqual(bytes.fromhex(pieces.replace("\n", "")), data)
        self.assertEqual(self.cleo.as_proved(begin(data)), "t", "it is here already")

    def test_a_file_with_missing_or_wrong_chunks_is_not_finished(self):
        data = os.urandom(MIB + 9)
        self.cleo.as_proved(begin(data) + put(data, 0))
        self.assertIn("missing", self.cleo.refused_proved(finish(data)))
        for n, piece in ((1, b"x" * 10), (2, b"x"), (-1, b"x"), (0, b"x"), (1, b"")):
            self.assertIn("no chunk", self.cleo.refused_proved(put(data, n, piece)))
        self.cleo.as_proved(put(data, 1) + finish(data))
        self.assertIn("no such upload", self.cleo.refused_proved(put(data, 0)), "what is whole is not changed")

    def test_who_may_upload(self):
        for n, who in enumerate((self.cleo, self.adam, self.ada)):
            who.as_proved(upload(b"by a person %d" % n))
        self.connie.sql(upload(b"by a machine"))
        for who in (self.olga, self.anna):
            for sql in (begin(b"no"), put(b"no", 0), finish(b"no")):
                self.assertIn("may not upload", who.refused_proved(sql))
        self.cleo.refused(begin(b"without the second factor"))
        for who in (self.node, self.carl):
            who.refused(begin(b"no"))

    def test_two_advertisers_have_the_same_file_and_neither_learns_of_the_other(self):
        data = b"the same spot"
        self.adam.as_proved(upload(data))
        self.assertEqual(self.count(self.bert, data), "0")
        self.assertEqual(self.bert.as_proved(begin(data)), "f", "as if nobody had it")
        self.assertIn("missing", self.bert.refused_proved(finish(data)), "one has to have it to put it")
        self.bert.as_proved(put(data, 0) + finish(data))
        self.assertEqual((self.count(self.adam, data), self.count(self.bert, data)), ("1", "1"))
        self.assertEqual(self.count(self.node, data), "2")
        drop = f"SELECT registry.drop_blob('\\x{hashlib.sha256(data).hexdigest()}', :'grant')"
        self.bert.sql(self.bert.with_grant([change("blob.drop", hashlib.sha256(data).hexdigest())], drop))
        self.assertEqual((self.count(self.adam, data, "blob_chunk"), self.count(self.bert, data, "blob_chunk")), ("1", "0"))

    def test_who_reads_files(self):
        ours, theirs = b"a film of the broadcaster", b"a spot of an advertiser"
        self.cleo.as_proved(upload(ours))
        self.adam.as_proved(upload(theirs))
        for table in ("blob", "blob_chunk"):
            seen = {who.name: (self.count(who, ours, table), self.count(who, theirs, table))
                    for who in (self.cleo, self.adam, self.bert, self.olga, self.ada, self.node, self.carl, self.connie)}
            self.assertEqual(seen, {"cleo": ("1", "0"), "adam": ("0", "1"), "bert": ("0", "0"), "olga": ("1", "1"), "ada": ("1", "1"),
                                    "n1": ("1", "1"), "carl": ("1", "1"), "c1": ("1", "1")})
            self.assertEqual(self.cleo.sql(f"SELECT count(*) FROM dvpe.{table}"), "0", "without the second factor")

    def test_quotas_hold_and_only_admins_change_them(self):
        poor = Person(self.server, "poor", ["advertiser"], "bank")
        set_quota = "SELECT registry.set_quota('bank', 1000, :'grant')"
        poor.refused_proved("SELECT registry.set_quota('bank', 1000, NULL)")
        self.assertIn("needs a grant", self.ada.refused(self.ada.with_grant([change("quota.set", "bank", "1001")], set_quota)))
        self.ada.sql(self.ada.with_grant([change("quota.set", "bank", "1000")], set_quota))
        try:
            with concurrent.futures.ThreadPoolExecutor(2) as pool:  # each alone fits, two do not
                tries = [pool.submit(who.try_sql, who.prove() + begin(f"file of {who.name}".encode(), 600)) for who in (poor, self.bert)]
                codes = [t.result()[0] for t in tries]
            self.assertEqual(sorted(code == 0 for code in codes), [False, True])
            self.assertIn("may keep 1000 bytes", poor.refused_proved(begin(b"more", 401)))
            self.assertEqual(self.adam.as_proved("SELECT count(*) FROM dvpe.blob_quota WHERE organisation = 'bank'"), "0")
            self.cleo.refused_proved(begin(b"9 GiB", 9 << 30))
        finally:
            self.server.ask("DELETE FROM dvpe.blob_quota WHERE organisation = 'bank'; DELETE FROM dvpe.blob WHERE organisation = 'bank' AND complete_at IS NULL")

    def test_a_file_is_deleted_with_a_grant_and_not_while_it_is_used(self):
        data = b"a film that is used"
        digest = hashlib.sha256(data).hexdigest()
        drop = f"SELECT registry.drop_blob('\\x{digest}', :'grant')"
        self.cleo.as_proved(upload(data))
        dropped = lambda who: who.with_grant([change("blob.drop", digest)], drop)  # noqa: E731
        self.assertIn("needs a grant", self.cleo.refused_proved(f"SELECT registry.drop_blob('\\x{digest}', NULL)"))
        self.assertIn("needs a grant", self.cleo.refused(self.cleo.with_grant([change("blob.drop", "0" * 64)], drop)))
        self.assertIn("no such file", self.adam.refused(dropped(self.adam)), "of another organisation")
        self.connie.refused(f"SELECT registry.drop_blob('\\x{digest}', NULL)")
        text = people.document("content", "used", 1, body={"file": digest})
        self.server.ask("INSERT INTO dvpe.revision (organisation, kind, document, revision, digest, contents, key, signature) "
                        f"VALUES ('demo', 'content', 'used', 1, sha256({quoted(text)}), {quoted(text)}, '{'a' * 16}', '\\x{'00' * 64}')")
        self.assertIn("in use", self.cleo.refused(dropped(self.cleo)))
        self.server.ask("UPDATE dvpe.revision SET withdrawn = true WHERE document = 'used'")
        job = self.cleo.as_proved(f"SELECT registry.request_job('\\x{digest}', 'film', 'hd')")
        self.assertIn("in use", self.cleo.refused(dropped(self.cleo)))
        self.cleo.as_proved(f"SELECT registry.cancel_job('{job}')")
        self.cleo.sql(dropped(self.cleo))
        self.assertEqual(self.count(self.node, data, "blob_chunk"), "0")
        self.assertEqual(self.server.ask(f"SELECT who FROM dvpe.audit_entry WHERE what = 'blob.drop' AND object = '{digest}'"), "cleo")

    def test_an_upload_that_never_became_whole_goes_without_a_grant(self):
        data = b"half a file"
        self.cleo.as_proved(begin(data))
        drop = f"SELECT registry.drop_blob('\\x{hashlib.sha256(data).hexdigest()}', NULL)"
        self.assertIn("needs a grant", self.dina.refused_proved(drop), "somebody else's")
        self.cleo.as_proved(drop)

    # ---- the library

    def _publish(self, kind, title, data, tags=()):
        listed = "ARRAY[" + ",".join(map(quoted, tags)) + "]::text[]"
        digest = hashlib.sha256(data).hexdigest()
        return ([change("library.publish", kind, title, digest, *tags)],
                f"SELECT registry.publish_item('{kind}', {quoted(title)}, '\\x{digest}', {listed}, :'grant')")

    def test_the_library_is_changed_with_grants_and_found_by_words(self):
        data = b"a documentary about whales"
        self.cleo.as_proved(upload(data))
        changes, publish = self._publish("content", "Whales of the North", data, ["nature", "Wal"])
        self.assertIn("needs a grant", self.cleo.refused_proved(publish.replace(":'grant'", "NULL")))
        other, _ = self._publish("content", "Whales of the North", data, ["nature"])
        self.assertIn("needs a grant", self.cleo.refused(self.cleo.with_grant(other, publish)), "other tags")
        item = self.cleo.sql(self.cleo.with_grant(changes, publish))
        self.adam.refused(self.adam.with_grant(changes, publish))
        self.connie.refused(publish.replace(":'grant'", "NULL"))
        for words, found in (("north whales", "1"), ("WAL", "1"), ("whales -nature", "0"), ("sharks", "0"), ("", "1"), ("'; DROP", "0")):
            find = f"SELECT count(*) FROM registry.find_items({quoted(words)}, false, 100) WHERE id = '{item}'"
            self.assertEqual(self.dina.as_proved(find), found, words)
            self.assertEqual(self.adam.as_proved(find), "0")
            self.assertEqual(self.cleo.sql(find), "0", "without the second factor")
        describe = f"SELECT registry.describe_item('{item}', 'Orcas', ARRAY['nature'])"
        self.assertIn("no such item", self.adam.refused_proved(describe))
        self.olga.refused_proved(describe)
        self.cleo.as_proved(describe)
        delete = f"SELECT registry.delete_item('{item}', :'grant')"
        self.assertIn("needs a grant", self.cleo.refused_proved(delete.replace(":'grant'", "NULL")))
        self.assertIn("no such item", self.adam.refused(self.adam.with_grant([change("library.delete", item)], delete)))
        drop = [change("blob.drop", hashlib.sha256(data).hexdigest())], f"SELECT registry.drop_blob('\\x{hashlib.sha256(data).hexdigest()}', :'grant')"
        self.assertIn("in use", self.cleo.refused(self.cleo.with_grant(*drop)))
        self.cleo.sql(self.cleo.with_grant([change("library.delete", item)], delete))
        self.assertEqual(self.cleo.as_proved("SELECT count(*) FROM registry.find_items('orcas', false, 100)"), "0")
        self.assertEqual(self.cleo.as_proved("SELECT count(*) FROM registry.find_items('orcas', true, 100)"), "1", "deleted ones stay")

    def test_an_item_is_made_of_a_file_of_ones_own(self):
        data = b"a film that is not the advertiser's"
        self.cleo.as_proved(upload(data))
        self.assertIn("no such file", self.adam.refused(self.adam.with_grant(*self._publish("creative", "mine", data))))
        self.assertIn("may not publish", self.adam.refused(self.adam.with_grant(*self._publish("content", "mine", data))))

    # ---- jobs

    def _job(self, who, name):
        data = f"source of {name}".encode()
        return who.as_proved(upload(data) + f"SELECT registry.request_job('\\x{hashlib.sha256(data).hexdigest()}', '{name}', 'hd')").split()[-1]

    def _state(self, job):
        return self.server.ask(f"SELECT state || ' ' || attempts || ' ' || progress || ' ' || reason FROM dvpe.job WHERE id = '{job}'").strip()

    def _lease(self, who):
        return who.sql("SELECT job FROM registry.lease_job()")

    def _expire(self, job):
        self.server.ask(f"UPDATE dvpe.job SET lease_until = clock_timestamp() - interval '1 second' WHERE id = '{job}'")

    def _clear(self):
        self.server.ask("DELETE FROM dvpe.job")

    def test_a_job_is_leased_once_and_finished(self):
        self._clear()
        job = self._job(self.adam, "spot")
        second = Machine(self.server, "c2", "conditioner")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            leased = [t.result() for t in [pool.submit(self._lease, who) for who in (self.connie, second) * 3]]
        self.assertEqual(sorted(leased), [""] * 5 + [job])
        self.server.ask(f"UPDATE dvpe.job SET holder = m.id FROM dvpe.machine m WHERE m.name = 'c1' AND job.id = '{job}'")
        self.assertEqual(second.sql(f"SELECT registry.job_progress('{job}', 50)"), "f")
        self.assertIn("no longer yours", second.refused(f"SELECT registry.finish_job('{job}', '{{}}')"))
        self.assertIn("no longer yours", second.refused(f"SELECT registry.fail_job('{job}', 'spite', false)"))
        self.assertEqual(self.connie.sql(f"SELECT registry.job_progress('{job}', 150)"), "t")
        self.assertEqual(self.adam.as_proved(f"SELECT progress FROM dvpe.job WHERE id = '{job}'"), "100")
        self.assertEqual(self.bert.as_proved("SELECT count(*) FROM dvpe.job"), "0")
        self.assertEqual(self.olga.as_proved("SELECT count(*) FROM dvpe.job"), "0")
        self.assertEqual((self.ada.as_proved("SELECT count(*) FROM dvpe.job"), self.node.sql("SELECT count(*) FROM dvpe.job")), ("1", "1"))
        self.connie.sql(f"SELECT registry.finish_job('{job}', '{{\"media\": \"spot\"}}')")
        self.assertEqual(self._state(job), "done 1 100")
        self.assertIn("no longer yours", self.connie.refused(f"SELECT registry.finish_job('{job}', '{{}}')"))

    def test_a_job_is_tried_three_times(self):
        self._clear()
        lost, failing = self._job(self.adam, "lost"), self._job(self.bert, "failing")
        for _ in range(3):
            self.assertEqual(self._lease(self.connie), lost)
            self._expire(lost)
            self.server.ask(f"UPDATE dvpe.job SET requested_at = clock_timestamp() WHERE id = '{failing}'")
        self.assertEqual(self._lease(self.connie), failing)
        self.assertEqual(self._state(lost), "failed 3 0 the machine that worked on it went away, three times")
        self.connie.sql(f"SELECT registry.fail_job('{failing}', 'no room', true)")
        self.assertEqual(self._state(failing), "queued 1 0 no room")
        self.assertEqual(self._lease(self.connie), failing)
        self.connie.sql(f"SELECT registry.fail_job('{failing}', 'no film', false)")
        self.assertEqual(self._state(failing), "failed 2 0 no film")
        self.assertEqual(self._lease(self.connie), "")

    def test_organisations_take_turns(self):
        self._clear()
        first, second, third = self._job(self.adam, "a1"), self._job(self.adam, "a2"), self._job(self.bert, "b1")
        self.assertEqual([self._lease(self.connie) for _ in range(3)], [first, third, second])

    def test_a_cancelled_job_stops(self):
        self._clear()
        job = self._job(self.adam, "stop")
        self.assertEqual(self._lease(self.connie), job)
        self.assertIn("no such open job", self.bert.refused_proved(f"SELECT registry.cancel_job('{job}')"))
        self.olga.refused_proved(f"SELECT registry.cancel_job('{job}')")
        self.adam.as_proved(f"SELECT registry.cancel_job('{job}')")
        self.assertEqual(self.connie.sql(f"SELECT registry.job_progress('{job}', 50)"), "f")

    def test_jobs_are_asked_for_by_those_who_have_the_file(self):
        data = b"a source of the broadcaster"
        self.cleo.as_proved(upload(data))
        ask = f"SELECT registry.request_job('\\x{hashlib.sha256(data).hexdigest()}', 'x', 'hd')"
        self.assertIn("no such file", self.adam.refused_proved(ask))
        for who in (self.olga, self.ada, self.anna):
            self.assertIn("may not ask", who.refused_proved(ask))
        self.cleo.refused(ask)
        for who in (self.node, self.carl):
            who.refused("SELECT registry.lease_job()")
        self.cleo.refused_proved("SELECT registry.lease_job()")


if __name__ == "__main__":
    unittest.main()
