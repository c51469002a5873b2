#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""dvpe-node people, audit and blobs against a real PostgreSQL: what they do, what they refuse, and what they print where."""
from __future__ import annotations

import base64
import copy
import hashlib
import json
import os
import pathlib
import re
import stat
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import nodeproc  # noqa: E402
import people  # noqa: E402
from people import Person, one_time_password  # noqa: E402

MIB = 1 << 20


class CommandLine(people.Town, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.work = pathlib.Path(tempfile.mkdtemp(prefix="cli-", dir=cls.folder))

    def secret(self, name: str, text: str) -> pathlib.Path:
        path = self.work / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def as_login(self, login: str, password_file, words, database="dvpe", codes=None, typed=None, expect=0):
        """(what is printed, what is said) by dvpe-node; codes go into a file, `typed` to standard input."""
        more = ["--code-file", self.secret("codes", "".join(c + "\n" for c in codes))] if codes is not None else []
        done = subprocess.run([nodeproc.default_node(), *map(str, words), "--server", f"127.0.0.1:{self.server.port}", "--user", login,
                               "--database", database, "--password-file", password_file, "--root-certificate", self.server.root_certificate, *more],
                              capture_output=True, text=True, timeout=60, input="" if typed is None else typed)
        self.assertEqual(done.returncode, expect, done.stderr + done.stdout)
        return done.stdout, done.stderr

    def cli(self, who, *words, expect=0, typed=False):
        password = self.secret(f"{who.name}.password", who.password + "\n")
        codes = [who.code(), who.next_code()] if isinstance(who, Person) else None
        return self.as_login(who.login, password, words, who.database, None if typed else codes,
                             "".join(c + "\n" for c in codes) if typed else None, expect)

    def json(self, who, *words, **how):
        out, _ = self.cli(who, *words, "--json", **how)
        self.assertEqual(out.count("\n"), 1, "one line")
        return json.loads(out)

    # ---- signing in

    def test_one_time_passwords_come_from_a_file_or_are_typed(self):
        self.assertIn("cleo", self.cli(self.ada, "people", "list")[0])
        out, said = self.cli(self.ada, "people", "list", typed=True)
        self.assertIn("cleo", out)
        self.assertNotIn("One-time password", said, "no prompt where there is no terminal")
        password = self.secret("ada.password", self.ada.password)
        self.assertIn("wrong", self.as_login(self.ada.login, password, ["people", "list"], codes=["000000"], expect=4)[1])
        self.assertIn("no further", self.as_login(self.ada.login, password, ["people", "list"], codes=[], expect=1)[1])
        self.assertIn("is needed", self.as_login(self.ada.login, password, ["people", "list"], expect=1)[1])
        self.assertIn("password authentication failed", self.as_login(self.ada.login, self.secret("wrong", "wrong"), ["people", "list"],
                                                                     codes=["1"], expect=4)[1])
        code = self.ada.code()
        self.assertIn("used already", self.as_login(self.ada.login, password, ["people", "add-organisation", "twice"], codes=[code, code], expect=4)[1])
        loose = self.secret("loose", self.ada.password)
        loose.chmod(0o644)
        self.as_login(self.ada.login, loose, ["people", "list"], codes=[self.ada.code()], expect=4)

    def test_what_is_typed_at_a_terminal_is_not_shown(self):
        ours, theirs = os.openpty()
        words = [nodeproc.default_node(), "people", "list", "--server", f"127.0.0.1:{self.server.port}", "--user", self.ada.login,
                 "--root-certificate", self.server.root_certificate]
        running = subprocess.Popen(list(map(str, words)), stdin=theirs, stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        seen, answers = "", [("Password: ", self.ada.password), ("One-time password: ", self.ada.code())]
        try:
            for prompt, answer in answers:
                while not seen.endswith(prompt):
                    seen += os.read(ours, 1000).decode().replace("\r", "")
                os.write(ours, answer.encode() + b"\n")
            out = running.communicate(timeout=30)[0].decode()
        finally:
            running.kill()
        self.assertEqual(running.returncode, 0)
        self.assertIn("cleo", out)
        seen += os.read(ours, 1000).decode()
        os.close(ours)
        for _, answer in answers:
            self.assertNotIn(answer, seen)

    # ---- people

    def test_the_first_two_admins_are_made_once_and_then_admins_add_people(self):
        self.server.ask("CREATE DATABASE fresh", database="postgres")
        self.node_program("db", "migrate", database="fresh")
        out_folder = self.work / "first"
        words = ["people", "bootstrap", "amy", "bea", "--organisation", "tv", "--title", "Our TV", "--out", out_folder, "--json"]
        made = json.loads(self.as_login("postgres", self.server.password_file, words, "fresh")[0])
        self.assertEqual([a["name"] for a in made["admins"]], ["amy", "bea"])
        before = {p.name: p.read_text() for p in out_folder.iterdir()}
        self.assertEqual(sorted(before), sorted(f"{n}.{k}" for n in ("amy", "bea") for k in ("password", "otpauth", "recovery")))
        for path in out_folder.iterdir():
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        again = self.work / "again"
        said = self.as_login("postgres", self.server.password_file, [*words[:2], "x", "y", *words[4:8], "--out", again], "fresh", expect=1)[1]
        self.assertIn("there are admins already", said)
        self.assertEqual(list(again.iterdir()), [], "nothing is left of those who were not added")
        self.as_login("postgres", self.server.password_file, words, "fresh", expect=1)
        self.assertEqual({p.name: p.read_text() for p in out_folder.iterdir()}, before)

        def secret(name):
            found = re.fullmatch(r"otpauth://totp/DVPE:\w+\?secret=([A-Z2-7]{32})&issuer=DVPE\n", before[f"{name}.otpauth"])
            return base64.b32decode(found[1])

        def run(n, name, *more, recovery=(0, 1), expect=0):
            """With recovery codes, which need no waiting for the next step."""
            codes = before[f"{name}.recovery"].splitlines()
            return self.as_login(made["admins"][n]["login"], out_folder / f"{name}.password", ["people", *more], "fresh",
                                 [codes[i] for i in recovery], expect=expect)[0]

        code = one_time_password(secret("amy"))
        listed = json.loads(self.as_login(made["admins"][0]["login"], out_folder / "amy.password", ["people", "list", "--json"], "fresh", [code])[0])
        self.assertEqual({p["name"]: p["roles"] for p in listed}, {"amy": "admin", "bea": "admin"})
        secrets = self.work / "cora"
        id_ = run(0, "amy", "add", "cora", "--organisation", "tv", "--roles", "creator,analyst", "--out", secrets).strip()
        run(0, "amy", "approve", id_, recovery=(2, 3), expect=4)
        run(1, "bea", "approve", id_)
        login = self.server.ask("SELECT login FROM dvpe.person WHERE name = 'cora'", database="fresh")
        uri = (secrets / "cora.otpauth").read_text()
        code = one_time_password(base64.b32decode(re.search(r"secret=(\w+)", uri)[1]))
        self.assertEqual(self.as_login(login, secrets / "cora.password", ["blobs", "list", "--json"], "fresh", [code])[0], "[]\n")
        found = json.loads(self.node_program("db", "check", "--json", database="fresh"))
        self.assertEqual((found["strict"], found["loose"]), (True, []))

    def test_proposals_are_seen_approved_and_rejected(self):
        shop = self.json(self.ada, "people", "add-organisation", "kiosk", "--title", "Kiosk")["proposal"]
        machine = self.json(self.ada, "people", "add-machine", "n9", "--role", "node", "--organisation", "demo", "--out", self.work / "n9")["proposal"]
        gone = self.json(self.ada, "people", "disable", "bert", "--reason", "has left")["proposal"]
        roles = self.json(self.ada, "people", "roles", "dina", "--roles", "analyst")["proposal"]
        listed = {p["id"]: p for p in self.json(self.ben, "people", "proposals")}
        self.assertEqual(listed[machine]["args"], {"organisation": "demo", "name": "n9", "role": "node"}, "and no verifier")
        self.assertEqual(listed[shop]["proposed_by"], "ada")
        for proposal in (shop, machine, roles):
            said = self.cli(self.ben, "people", "approve", proposal)[1]
            self.assertIn("ada proposes", said)
        self.cli(self.ben, "people", "reject", gone)
        self.assertIn("no such open proposal", self.cli(self.ben, "people", "approve", gone, expect=1)[1])
        self.assertEqual(self.json(self.ben, "people", "proposals"), [])
        self.assertEqual(len(self.json(self.ben, "people", "proposals", "--all")), 4)
        everybody = {p["name"]: p for p in self.json(self.ada, "people", "list")}
        self.assertEqual((everybody["n9"]["kind"], everybody["dina"]["roles"], everybody["bert"]["state"]), ("machine", "analyst", "enabled"))
        self.as_login(everybody["n9"]["login"], self.work / "n9" / "n9.password", ["blobs", "list"])  # a machine needs no code
        self.assertFalse((self.work / "n9" / "n9.otpauth").exists())
        self.cli(self.cleo, "people", "list", expect=4)
        self.cli(self.cleo, "people", "add-organisation", "mine", expect=4)
        self.assertIn("nobody called", self.cli(self.ada, "people", "disable", "nobody", "--reason", "x", expect=1)[1])

    def test_who_is_locked_out_comes_back_by_two_admins(self):
        person = Person(self.server, "lost", ["creator"])
        lock = f"UPDATE dvpe.one_time SET failures = 5, locked_at = now() FROM dvpe.person p WHERE p.id = person AND p.name = 'lost'"
        self.server.ask(lock)
        self.assertIn("locked", self.cli(person, "blobs", "list", expect=4)[1])
        self.cli(self.ben, "people", "approve", self.json(self.ada, "people", "unlock", "lost")["proposal"])
        self.cli(person, "blobs", "list")
        self.server.ask(lock)
        folder = self.work / "lost"
        proposal = self.json(self.ada, "people", "new-secret", "lost", "--out", folder)["proposal"]
        self.assertEqual(sorted(p.name for p in folder.iterdir()), ["lost.otpauth", "lost.recovery"], "the password stays")
        self.cli(self.ben, "people", "approve", proposal)
        person.secret = base64.b32decode(re.search(r"secret=(\w+)", (folder / "lost.otpauth").read_text())[1])
        self.cli(person, "blobs", "list")
        code = (folder / "lost.recovery").read_text().split()[0]
        self.as_login(person.login, self.secret("lost.password", person.password), ["blobs", "list"], codes=[code])
        self.assertIn("nobody called", self.cli(self.ada, "people", "unlock", "n1", expect=1)[1], "machines have none")
        self.cli(self.ada, "people", "new-secret", "nobody", "--out", self.work / "nobody", expect=1)
        self.assertFalse((self.work / "nobody").exists())
        self.cli(self.cleo, "people", "unlock", "lost", expect=4)
        found = json.loads(self.node_program("db", "check", "--json"))
        self.assertEqual((found["strict"], found["loose"]), (True, []))

    def test_ones_own_password_is_changed(self):
        person = Person(self.server, "pat", ["creator"])
        self.assertIn("12 to 128", self.cli(person, "people", "password", "--new-password-file", self.secret("new", "short"), expect=1)[1])
        self.cli(person, "people", "password", "--new-password-file", self.secret("new", "a longer password\n"))
        self.cli(person, "blobs", "list", expect=4)
        person.password = "a longer password"
        self.cli(person, "blobs", "list")

    # ---- blobs

    def test_files_go_in_and_come_out_whole(self):
        for size in (1, MIB, 3 * MIB + 12345):
            file = self.work / "file"
            file.write_bytes(os.urandom(size))
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            self.assertEqual(self.cli(self.cleo, "blobs", "put", file, "--media-type", "video/mp4")[0], digest + "\n")
            self.assertEqual(self.json(self.cleo, "blobs", "put", file), {"digest": digest}, "again: nothing to do")
            to = self.work / "out.mp4"
            to.write_text("what was there before")
            self.cli(self.node, "blobs", "get", digest, "--out", to)
            self.assertEqual(to.read_bytes(), file.read_bytes())
        self.assertEqual([p.name for p in self.work.glob("*.part*")], [])
        self.assertIn(digest, [b["digest"] for b in self.json(self.dina, "blobs", "list")])
        self.assertIn("no file", self.cli(self.adam, "blobs", "get", digest, "--out", self.work / "no", expect=1)[1])
        self.cli(self.olga, "blobs", "put", file, expect=4)
        self.cli(self.cleo, "blobs", "put", self.work / "missing", expect=1)
        self.cli(self.cleo, "blobs", "get", "zz", "--out", self.work / "no", expect=1)

    def test_an_upload_goes_on_where_it_was_broken_off(self):
        file = self.work / "half"
        file.write_bytes(os.urandom(2 * MIB + 5))
        data = file.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        self.cleo.as_proved(f"SELECT registry.begin_blob('\\x{digest}', {len(data)}, 'video/mp4');"
                            f"SELECT registry.put_chunk('\\x{digest}', 1, '\\x{data[MIB:2 * MIB].hex()}');")
        first = self.server.ask(f"SELECT xmin FROM dvpe.blob_chunk WHERE digest = '\\x{digest}' AND n = 1")
        self.cli(self.cleo, "blobs", "put", file, "--media-type", "video/mp4")
        self.assertEqual(self.server.ask(f"SELECT xmin FROM dvpe.blob_chunk WHERE digest = '\\x{digest}' AND n = 1"), first, "not sent again")
        self.cli(self.cleo, "blobs", "get", digest, "--out", self.work / "whole")
        self.assertEqual((self.work / "whole").read_bytes(), data)

    def test_a_copy_that_is_not_what_it_says_is_not_believed(self):
        data, digest = b"the spot", hashlib.sha256(b"the spot").hexdigest()
        poisoned = (f"SELECT registry.begin_blob('\\x{digest}', 8, 'video/mp4'); SELECT registry.put_chunk('\\x{digest}', 0, '\\x{b'the trap'.hex()}');"
                    f"SELECT registry.finish_blob('\\x{digest}');")
        self.bert.as_proved(poisoned)  # an advertiser under a digest that it knows
        to = self.work / "spot"
        self.assertIn("another digest", self.cli(self.node, "blobs", "get", digest, "--out", to, expect=1)[1])
        self.assertFalse(to.exists())
        self.assertEqual([p.name for p in self.work.glob("spot*")], [])
        (self.work / "good").write_bytes(data)
        self.cli(self.adam, "blobs", "put", self.work / "good")
        self.cli(self.node, "blobs", "get", digest, "--out", to)
        self.assertEqual(to.read_bytes(), data, "the other copy is taken")

    def test_a_file_is_dropped_with_a_second_code(self):
        file = self.work / "drop"
        file.write_bytes(b"to be dropped")
        digest = self.cli(self.cleo, "blobs", "put", file)[0].strip()
        self.assertEqual(self.json(self.dina, "blobs", "drop", digest), {"dropped": digest})
        self.assertIn("no such file", self.cli(self.dina, "blobs", "drop", digest, expect=1)[1])

    # ---- the audit log

    def _coordinator_key(self):
        """A root, a keys document signed by it with a coordinator's key, and a function that signs heads with that key."""
        if hasattr(type(self), "signing"):
            return type(self).signing
        phrase, keys = self.secret("phrase", "a phrase\n"), self.work / "keys.json"

        def node(*words):
            done = subprocess.run([nodeproc.default_node(), *map(str, words)], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        root = node("keys", "create", "--out", self.work / "root.key", "--passphrase-file", phrase).strip()
        key = json.loads(node("keys", "create", "--out", self.work / "carl.key", "--passphrase-file", phrase, "--keys", keys, "--person", "carl",
                              "--organisation", "demo", "--roles", "coordinator", "--json"))["id"]
        node("keys", "sign", keys, "--key", self.work / "root.key", "--passphrase-file", phrase)
        signatures = (self.work / "keys.json.sig").read_text()
        self.server.ask(f"INSERT INTO dvpe.keys_revision (revision, contents, signatures) VALUES (1, '\\x{keys.read_bytes().hex()}', {people.quoted(signatures)})")

        def sign(statement: str) -> str:
            (self.work / "message").write_bytes(b"dvpe-audit-head-v1\0" + statement.encode())
            subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.work / "carl.key", "-passin", "pass:a phrase", "-in",
                            self.work / "message", "-out", self.work / "signature"], check=True, timeout=30)
            return (self.work / "signature").read_bytes().hex()

        type(self).signing = (root, key, sign, keys)
        return type(self).signing

    def _sign_head(self) -> dict:
        """As the coordinator does each minute; what a node keeps of it."""
        _, key, sign, _ = self._coordinator_key()
        sequence, digest = self.carl.sql("SELECT sequence, encode(hash, 'hex') FROM audit.head()").split("|")
        statement = json.dumps({"kind": "audit_head", "sequence": int(sequence), "hash": digest, "at": int(time.time())})
        signature = sign(statement)
        epoch = self.carl.sql("SELECT registry.hold_lease()")
        self.carl.sql(f"SELECT audit.store_head('\\x{statement.encode().hex()}', '{key}', '\\x{signature}', {epoch})")
        return {"statement": statement, "signatures": [{"key": key, "signature": signature}]}

    def _verify(self, database="dvpe", *more, expect=0, root=True):
        ada = copy.copy(self.ada)
        ada.database = database
        words = ["audit", "verify", *more, *(["--root", self._coordinator_key()[0]] if root else [])]
        return self.json(ada, *words, expect=expect)

    def _broken(self, sql: str, *more, root=True):
        """The verdict on a copy that the superuser has changed."""
        self.server.ask("CREATE DATABASE broken TEMPLATE dvpe", database="postgres")
        try:
            self.server.ask("GRANT CONNECT ON DATABASE broken TO dvpe_person, dvpe_machine;\n" + sql, database="broken")
            verdict = self._verify("broken", *more, expect=1, root=root)
            self.assertFalse(verdict["ok"])
            return verdict["firstBad"], verdict["reason"]
        finally:
            self.server.ask("DROP DATABASE broken WITH (FORCE)", database="postgres")

    REWRITE = """
        DO $$ DECLARE e dvpe.audit_entry; h bytea := sha256('dvpe-audit-v1'); BEGIN
          FOR e IN SELECT * FROM dvpe.audit_entry ORDER BY sequence LOOP
            h := audit.line_hash(h, e); UPDATE dvpe.audit_entry SET hash = h WHERE sequence = e.sequence;
          END LOOP;
          UPDATE dvpe.audit_head SET hash = h;
        END $$;"""

    def test_every_kind_of_damage_to_the_log_is_found(self):
        head = self._sign_head()
        last = json.loads(head["statement"])["sequence"]
        self.assertGreater(last, 8)
        self.cli(self.ada, "people", "list")
        self.ada.sql(f"SELECT status FROM session.begin_action(ARRAY['{'0' * 64}'], '{self.ada.code()}')")  # a line after the head
        verdict = self._verify()
        self.assertEqual((verdict["ok"], verdict["signedUpTo"], verdict["signaturesChecked"]), (True, last, True))
        self.assertGreater(verdict["lines"], last)
        for field in ("what = 'nothing'", "who = 'somebody'", "after = '{}'", "at = at + interval '1 microsecond'", "address = '10.0.0.1'",
                      "hash = sha256('x')"):
            self.assertEqual(self._broken(f"UPDATE dvpe.audit_entry SET {field} WHERE sequence = 5"), (5, "line 5 is not what was written"), field)
        first, reason = self._broken("DELETE FROM dvpe.audit_entry WHERE sequence = 4", root=False)
        self.assertEqual((first, "missing" in reason), (4, True))
        first, reason = self._broken("UPDATE dvpe.audit_entry SET sequence = -sequence WHERE sequence IN (6, 7);"
                                     "UPDATE dvpe.audit_entry SET sequence = 13 + sequence WHERE sequence < 0", root=False)
        self.assertEqual((first, "not what was written" in reason), (6, True))
        # The tail: noticed by the head's row, by the signed head in the database, and when both were cut as well by a kept one.
        cut = f"DELETE FROM dvpe.audit_entry WHERE sequence > {last - 2};"
        set_head = f"UPDATE dvpe.audit_head SET (sequence, hash) = (SELECT sequence, hash FROM dvpe.audit_entry WHERE sequence = {last - 2});"
        forget = f"DELETE FROM dvpe.audit_head_signature WHERE sequence > {last - 2};"
        kept = self.work / "heads"
        kept.write_text(json.dumps(head) + "\n")
        for sql, more in ((cut, ()), (cut + set_head, ()), (cut + set_head + forget, ("--heads", kept))):
            first, reason = self._broken(sql, *more)
            self.assertEqual((first, "cut off" in reason), (last - 1, True), reason)
        # All of it written anew, so that the chain holds: the signed head says something else.
        anew = "UPDATE dvpe.audit_entry SET who = 'somebody' WHERE sequence = 5;" + self.REWRITE
        first, reason = self._broken(anew)
        self.assertIn("written anew", reason)
        self.assertLessEqual(first, 5)
        self.assertIn("written anew", self._broken(anew + "DELETE FROM dvpe.audit_head_signature", "--heads", kept)[1])
        # A head that somebody else has signed for what was written anew.
        forged = anew + ("UPDATE dvpe.audit_head_signature s SET statement = convert_to(json_build_object('kind', 'audit_head', 'sequence', s.sequence, "
                         "'hash', (SELECT encode(e.hash, 'hex') FROM dvpe.audit_entry e WHERE e.sequence = s.sequence), 'at', "
                         "floor(extract(epoch FROM s.at)))::text, 'UTF8')")
        self.assertIn("nobody entitled has signed", self._broken(forged)[1])
        # Keys documents from files instead of the database's.
        self.assertTrue(self._verify("dvpe", self._coordinator_key()[3])["ok"])
        self.assertIn("neither by the root", self.cli(self.ada, "audit", "verify", "--root", "ab" * 32, expect=4)[1])

    def test_the_log_is_searched(self):
        self.cleo.as_proved("SELECT registry.save_draft('ruleset', 'found', '{}', 0, 0)")
        self.cli(self.cleo, "blobs", "put", self.secret("searched", "a file that is searched for"))
        digest = hashlib.sha256(b"a file that is searched for").hexdigest()
        self.cli(self.cleo, "blobs", "drop", digest)
        found = self.json(self.ada, "audit", "search", "--object", digest)
        self.assertEqual([f["what"] for f in found], ["blob.begin", "blob.store", "blob.drop"], "what is deleted stays here")
        self.assertEqual({f["who"] for f in found}, {"cleo"})
        self.assertEqual(len(self.json(self.ada, "audit", "search", "--object", digest, "--most", "1")), 1)
        self.assertEqual(self.json(self.ada, "audit", "search", "--object", digest, "--person", "dina"), [])
        self.assertEqual(self.json(self.ada, "audit", "search", "--until", "2020-01-01"), [])
        self.assertEqual(len(self.json(self.ada, "audit", "search", "--what", "blob.", "--object", digest, "--since", "2020-01-01T00:00:00Z")), 3)
        self.assertIn("blob.drop\t" + digest, self.cli(self.ada, "audit", "search", "--object", digest)[0])
        self.cli(self.ada, "audit", "search", "--since", "yesterday morning", expect=1)
        self.cli(self.cleo, "audit", "search", expect=4)
        self.cli(self.cleo, "audit", "verify", expect=4)


if __name__ == "__main__":
    unittest.main()
