# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""People and machines of a test's database: their passwords, one-time passwords and grants, over plain psql."""
from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import pathlib
import secrets
import shutil
import struct
import subprocess
import tempfile
import time

import nodeproc
import postgres


def scram_verifier(password: str, rounds: int = 4096) -> str:
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)

    def mac(key: bytes, text: str) -> bytes:
        return hmac.new(key, text.encode(), hashlib.sha256).digest()

    stored = hashlib.sha256(mac(salted, "Client Key")).digest()
    parts = [base64.b64encode(b).decode() for b in (salt, stored, mac(salted, "Server Key"))]
    return f"SCRAM-SHA-256${rounds}:{parts[0]}${parts[1]}:{parts[2]}"


def one_time_password(secret: bytes, at: float | None = None) -> str:
    """RFC 6238: SHA-1, 6 digits, steps of 30 s."""
    step = int((time.time() if at is None else at) // 30)
    mac = hmac.new(secret, struct.pack(">q", step), hashlib.sha1).digest()
    offset = mac[19] & 15
    return f"{(struct.unpack('>I', mac[offset:offset + 4])[0] & 0x7fffffff) % 1000000:06d}"


def change(*parts: str) -> str:
    """What session.change computes: the name of a change, for a grant."""
    data = b"".join(struct.pack(">i", len(p.encode())) + p.encode() for p in parts)
    return hashlib.sha256(data).hexdigest()


def quoted(text: str | None) -> str:
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


class Login:
    """Somebody who may connect. `database` may be changed: roles belong to the whole server."""

    def __init__(self, server: postgres.Postgres, name: str, database: str = "dvpe"):
        self.server, self.name, self.database = server, name, database
        self.password = secrets.token_urlsafe(18)
        self.verifier = scram_verifier(self.password)
        self.login = ""

    def try_sql(self, sql: str, more=()) -> tuple[int, str, str]:
        return self.server.psql(sql, user=self.login, password=self.password, database=self.database, more=more)

    def connect_and(self, sql: str) -> subprocess.Popen:
        """psql that runs the statements and stays connected until its standard input is closed."""
        child = subprocess.Popen(["psql", "-X", "-q", "-A", "-t"], env=self.server.environment(self.login, self.password, self.database), text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        child.stdin.write(sql)
        child.stdin.flush()
        return child

    def sql(self, sql: str) -> str:
        code, out, errors = self.try_sql(sql)
        if code:
            raise AssertionError(f"{self.name}: {errors}")
        return out

    def refused(self, sql: str) -> str:
        """The error that the statements end with; AssertionError when they don't."""
        code, out, errors = self.try_sql(sql)
        if not code:
            raise AssertionError(f"{self.name} was not refused: {sql} gave {out!r}")
        return errors


class Person(Login):
    def __init__(self, server, name, roles, organisation="demo", database="dvpe", known=False):
        """known: it is in the database already, or will be."""
        super().__init__(server, name, database)
        self.roles, self.organisation, self.secret = list(roles), organisation, os.urandom(20)
        if not known:
            server.ask(self.sql_to_add(), database=database)
            self.login = server.ask(f"SELECT login FROM dvpe.person WHERE name = {quoted(name)}", database=database)

    def sql_to_add(self) -> str:
        return "SELECT people.add_person({}, {}, {}, ARRAY[{}]::text[], {}, '\\x{}', '{{}}');\n".format(
            quoted(self.organisation), quoted(self.name), quoted(self.name.title()), ",".join(map(quoted, self.roles)),
            quoted(self.verifier), self.secret.hex())

    @classmethod
    def crowd(cls, server, names, roles, organisation="demo", database="dvpe") -> list["Person"]:
        """Many at once."""
        people = [cls(server, name, roles, organisation, database, known=True) for name in names]
        server.ask("BEGIN;\n" + "".join(p.sql_to_add() for p in people) + "COMMIT;\n", database=database)
        logins = dict(row.split("|") for row in server.ask("SELECT name, login FROM dvpe.person", database=database).splitlines())
        for person in people:
            person.login = logins[person.name]
        return people

    def code(self) -> str:
        """A one-time password that works: tests need more of them than one each 30 s."""
        self.server.ask(f"UPDATE dvpe.one_time SET last_step = 0 FROM dvpe.person p WHERE p.id = person AND p.name = {quoted(self.name)}",
                        database=self.database)
        return one_time_password(self.secret)

    def prove(self) -> str:
        return f"SELECT session.prove('{self.code()}') AS proved \\gset\n"

    def as_proved(self, sql: str) -> str:
        """What the statements print on a connection that has proved the second factor."""
        return self.sql(self.prove() + sql)

    def refused_proved(self, sql: str) -> str:
        return self.refused(self.prove() + sql)

    def with_grant(self, changes: list[str], sql: str) -> str:
        """Statements in which :'grant' is a grant for these changes, over one fresh connection."""
        listed = ",".join(map(quoted, changes))
        return (self.prove() + f"SELECT status, action_grant AS grant FROM session.begin_action(ARRAY[{listed}]::text[], '{self.next_code()}') \\gset\n"
                + sql)

    def next_code(self) -> str:
        """The code of the step after: the one of now has just been used by prove()."""
        return one_time_password(self.secret, time.time() + 30)


class Machine(Login):
    def __init__(self, server, name, role, organisation="demo", database="dvpe"):
        super().__init__(server, name, database)
        server.ask(f"SELECT people.add_machine({quoted(organisation)}, {quoted(name)}, {quoted(role)}, {quoted(self.verifier)})",
                   database=database)
        self.login = server.ask(f"SELECT login FROM dvpe.machine WHERE name = {quoted(name)}", database=database)


def organisation(server, name: str, operator: bool, database: str = "dvpe") -> None:
    server.ask(f"INSERT INTO dvpe.organisation VALUES ({quoted(name)}, {quoted(name.title())}, {str(operator).lower()})", database=database)


def document(kind: str, name: str, revision: int, owner: str = "demo", body: dict | None = None) -> str:
    return json.dumps({"kind": kind, "id": name, "organisation": owner, "revision": revision, "body": body or {}})


class Town:
    """A database with a broadcaster, "demo", and two advertisers, "shop" and "bank", for a unittest.TestCase."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-town-"))
        os.chmod(cls.folder, 0o755)
        cls.server = postgres.Postgres(cls.folder / "pg").start()
        cls.server.ask("CREATE DATABASE dvpe", database="postgres")
        cls.node_program("db", "migrate")
        organisation(cls.server, "demo", True)
        organisation(cls.server, "shop", False)
        organisation(cls.server, "bank", False)
        cls.ada = Person(cls.server, "ada", ["admin"])
        cls.ben = Person(cls.server, "ben", ["admin"])
        cls.cleo = Person(cls.server, "cleo", ["creator"])
        cls.dina = Person(cls.server, "dina", ["creator"])
        cls.olga = Person(cls.server, "olga", ["ad_operations"])
        cls.adam = Person(cls.server, "adam", ["advertiser"], "shop")
        cls.bert = Person(cls.server, "bert", ["advertiser"], "bank")
        cls.node = Machine(cls.server, "n1", "node")
        cls.carl = Machine(cls.server, "carl", "coordinator")

    @classmethod
    def node_program(cls, *words: str, database: str = "dvpe", codes=(0,)) -> str:
        """What `dvpe-node WORDS` prints as the superuser over TLS."""
        done = subprocess.run([nodeproc.default_node(), *words, "--server", f"127.0.0.1:{cls.server.port}", "--user", "postgres", "--database",
                               database, "--password-file", cls.server.password_file, "--root-certificate", cls.server.root_certificate],
                              capture_output=True, text=True, timeout=60)
        if done.returncode not in codes:
            raise AssertionError(done.stderr)
        return done.stdout

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        shutil.rmtree(cls.folder, ignore_errors=True)
