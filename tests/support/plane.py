# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""A whole control plane on this machine: a private PostgreSQL, a person of each role, machines, keys, coordinators.

Everything goes the real way: people connect over TCP with TLS and SCRAM, prove a one-time password, write drafts that
another person approves, and store what they have signed; campaigns are countersigned; a coordinator makes releases of it.

  with Plane(folder, node) as plane:
      plane.publish(documents)                 # dicts, as the right people
      config = plane.node_config("n1")         # sections for nodeproc.Node
"""
from __future__ import annotations

import base64
import hashlib
import json
import os
import pathlib
import secrets
import subprocess

import nodeproc
import people
import postgres

AUTHOR = {"profile": "ada", "channel": "ada", "policy": "ada", "campaign": "adam", "creative": "adam", "media": "conny"}  # else cleo
REVIEWER = {"campaign": "olga", "creative": "olga"}  # else dina
ROLES = {"ada": ["admin"], "ben": ["admin"], "cleo": ["creator"], "dina": ["creator"], "adam": ["advertiser"], "olga": ["ad_operations"],
         "ann": ["analyst"], "bob": ["broadcaster"]}


def text_of(document: dict) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


class Plane:
    def __init__(self, folder, node=None, nodes=("n1",), coordinators=("carl",), organisation: str = "demo", durable: bool = False, connections: int = 100,
                 others: dict[str, tuple[list[str], str]] | None = None):
        """others: name -> (roles, organisation) of people beside those of ROLES."""
        self.folder = pathlib.Path(folder)
        self.node = node or nodeproc.default_node()
        self.nodes, self.coordinators, self.organisation = list(nodes), list(coordinators), organisation
        self.server = postgres.Postgres(self.folder / "pg", durable=durable, connections=connections)
        self.others = others or {}
        self.people: dict[str, people.Person] = {}
        self.machines: dict[str, people.Machine] = {}
        self.curve: dict[str, str] = {}   # public keys
        self.revisions: dict[tuple[str, str], int] = {}
        self.root = ""
        self.keys_revision = 0
        self.processes: dict[str, nodeproc.Node] = {}
        self._live_in = 0.0

    # -- life

    def start(self) -> "Plane":
        self.folder.mkdir(parents=True, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)
        self.server.start()
        self.server.ask("CREATE DATABASE dvpe", database="postgres")
        self.program("db", "migrate", "--server", f"127.0.0.1:{self.server.port}", "--user", "postgres", "--password-file", self.server.password_file,
                     "--root-certificate", self.server.root_certificate, "--quiet")
        people.organisation(self.server, self.organisation, True)
        for name, roles in ROLES.items():
            self.people[name] = people.Person(self.server, name, roles, self.organisation)
        for organisation in sorted({o for _, o in self.others.values()} - {self.organisation}):
            people.organisation(self.server, organisation, False)
        for name, (roles, organisation) in self.others.items():
            self.people[name] = people.Person(self.server, name, roles, organisation)
        for name in self.nodes:
            self.machines[name] = people.Machine(self.server, name, "node", self.organisation)
        for name in self.coordinators:
            self.machines[name] = people.Machine(self.server, name, "coordinator", self.organisation)
        self.machines["conny"] = people.Machine(self.server, "conny", "conditioner", self.organisation)
        self._make_keys()
        return self

    def hand_out(self) -> pathlib.Path:
        """Files from which people can sign in: NAME.login, NAME.password and NAME.otpauth, for any authenticator app."""
        for name, person in self.people.items():
            self.secret(f"{name}.login", person.login + "\n")
            self.secret(f"{name}.password", person.password + "\n")
            secret = base64.b32encode(person.secret).decode()
            self.secret(f"{name}.otpauth", f"otpauth://totp/DVPE:{name}?secret={secret}&issuer=DVPE\n")
        return self.secrets

    def stop(self) -> None:
        for process in self.processes.values():
            process.stop(10)
        self.server.stop()

    def __enter__(self) -> "Plane":
        return self.start()

    def __exit__(self, *_) -> None:
        self.stop()

    @property
    def secrets(self) -> pathlib.Path:
        return self.folder / "secrets"

    def program(self, *words, seconds: float = 120) -> str:
        done = subprocess.run([str(self.node), *map(str, words)], capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise nodeproc.ProcessError(f"{' '.join(map(str, words))} ended with {done.returncode}\n{done.stderr[-2000:]}")
        return done.stdout

    def login(self, who: str | people.Person, codes: int = 1) -> list:
        """Options with which somebody signs in, with one or two one-time passwords."""
        person = self.people[who] if isinstance(who, str) else who
        usable = [person.code(), person.next_code()][:codes]
        return ["--server", f"127.0.0.1:{self.server.port}", "--user", person.login, "--root-certificate", self.server.root_certificate,
                "--password-file", self.secret(f"{person.name}.password", person.password + "\n"),
                "--code-file", self.secret(f"{person.name}.codes", "".join(c + "\n" for c in usable))]

    def secret(self, name: str, content: str) -> pathlib.Path:
        """A file of mode 0600."""
        path = self.secrets / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        return path

    # -- keys

    @property
    def keys_file(self) -> pathlib.Path:
        return self.secrets / "keys.json"

    def _organisation_of(self, name: str) -> str:
        return self.others[name][1] if name in self.others else self.organisation

    def _key(self, name: str, roles: list[str] | None, curve: bool) -> None:
        self.secret(f"{name}.phrase", secrets.token_urlsafe(18) + "\n")
        words = ["keys", "create", "--out", self.secrets / f"{name}.pem", "--passphrase-file", self.secrets / f"{name}.phrase", "--quiet"]
        if roles is not None:
            words += ["--keys", self.keys_file, "--person", name, "--organisation", self._organisation_of(name), "--roles", ",".join(roles)]
            if curve:
                self.curve[name] = self.program("keys", "curve", "--out", self.secrets / f"{name}.curve").strip()
                words += ["--curve", self.curve[name]]
        public = self.program(*words).strip()
        if roles is None:
            self.root = public

    def _make_keys(self) -> None:
        self._key("root", None, False)
        for name, roles in ROLES.items():
            self._key(name, roles, True)
        for name, (roles, _) in self.others.items():
            self._key(name, roles, True)
        for name in self.nodes:
            self._key(name, ["node"], True)
        for name in self.coordinators:
            self._key(name, ["coordinator"], True)
        self._key("conny", ["conditioner"], True)
        self.store_keys()

    def store_keys(self) -> None:
        """Brings the keys file, as it is, into the database: signed by the root."""
        self.sign("root", [self.keys_file])
        contents = self.keys_file.read_text(encoding="utf-8")
        self.keys_revision = json.loads(contents)["revision"]
        ada = self.people["ada"]
        digest = hashlib.sha256(contents.encode()).hexdigest()
        signatures = (self.secrets / "keys.json.sig").read_text(encoding="utf-8")
        ada.sql(ada.with_grant([people.change("keys.store", digest)],
                               f"SELECT registry.store_keys({self.keys_revision}, '\\x{contents.encode().hex()}', {people.quoted(signatures)}, :'grant');"))

    def sign(self, who: str, files: list) -> None:
        self.program("keys", "sign", *files, "--key", self.secrets / f"{who}.pem", "--passphrase-file", self.secrets / f"{who}.phrase", "--quiet")

    # -- documents

    def publish(self, documents: list[dict], live_in: float = 0.0) -> None:
        """The next revision of each, written, approved, signed, stored and countersigned. Revision numbers are set here.
        live_in: seconds from now before which a creator's are in no release."""
        self._live_in = live_in
        folder = self.folder / "documents"
        folder.mkdir(exist_ok=True)
        by: dict[str, list[tuple[dict, pathlib.Path]]] = {}
        for document in documents:
            name = (document["kind"], document["id"])
            self.revisions[name] = self.revisions.get(name, 0) + 1
            document = {**document, "organisation": self.organisation, "revision": self.revisions[name]}
            path = folder / f"{document['kind']}-{document['id']}-{document['revision']}.json"
            path.write_text(text_of(document), encoding="utf-8")
            by.setdefault(AUTHOR.get(document["kind"], "cleo"), []).append((document, path))
        for author, written in by.items():
            self.sign(author, [path for _, path in written])
            if author == "ada":
                self._store_with_grants(author, written)
            elif author == "conny":
                self.machines["conny"].sql("".join(self._store(d, p) for d, p in written))
            else:
                self._store_reviewed(author, written)
        second = [(d, p) for d, p in by.get("adam", [])]
        if second:
            self._countersign(second)

    def hold(self, who: str, name: str, body: dict) -> None:
        """The next revision of somebody's hold, signed and stored: nobody reviews it."""
        organisation = self._organisation_of(who)
        revision = self.revisions[(f"hold of {organisation}", name)] = self.revisions.get((f"hold of {organisation}", name), 0) + 1
        document = {"kind": "hold", "id": name, "organisation": organisation, "revision": revision, "body": body}
        folder = self.folder / "documents"
        folder.mkdir(exist_ok=True)
        path = folder / f"hold-{organisation}-{name}-{revision}.json"
        path.write_text(text_of(document), encoding="utf-8")
        self.sign(who, [path])
        self.people[who].as_proved(self._store(document, path))

    @staticmethod
    def _signature(path: pathlib.Path) -> tuple[str, str]:
        first = json.loads(pathlib.Path(str(path) + ".sig").read_text(encoding="utf-8"))[0]
        return first["key"], first["signature"]

    def _store(self, document: dict, path: pathlib.Path, grant: str = "NULL") -> str:
        key, signature = self._signature(path)
        contents = path.read_bytes().hex()
        return (f"SELECT registry.store('{document['kind']}', '{document['id']}', {document['revision']}, '\\x{contents}', '{key}', "
                f"'\\x{signature}', {grant});\n")

    def _store_with_grants(self, author: str, written: list) -> None:
        person = self.people[author]
        for at in range(0, len(written), 100):
            some = written[at:at + 100]
            changes = [people.change("document.store", hashlib.sha256(p.read_bytes()).hexdigest()) for _, p in some]
            person.sql(person.with_grant(changes, "".join(self._store(d, p, ":'grant'") for d, p in some)))

    def _store_reviewed(self, author: str, written: list) -> None:
        person, reviewer = self.people[author], self.people[REVIEWER.get(written[0][0]["kind"], "dina")]
        drafts = []
        for document, path in written:
            kind, name = document["kind"], document["id"]
            where = f"kind = '{kind}' AND document = '{name}' AND organisation = '{self.organisation}' AND author = session.me()"
            drafts.append(
                f"SELECT coalesce((SELECT version FROM dvpe.draft WHERE {where}), 0) AS version \\gset\n"
                f"SELECT registry.save_draft('{kind}', '{name}', {people.quoted(path.read_text(encoding='utf-8'))}, {document['revision'] - 1}, :version) AS version \\gset\n"
                f"SELECT registry.submit(id, :version) FROM dvpe.draft WHERE {where};\n")
        person.as_proved("".join(drafts))
        names = ",".join(f"('{d['kind']}', '{d['id']}')" for d, _ in written)
        reviewer.as_proved(f"SELECT registry.review(id, version, true, '') FROM dvpe.draft WHERE state = 'review' AND (kind, document) IN ({names});\n")
        later = "".join(f"SELECT registry.schedule('{d['kind']}', '{d['id']}', {d['revision']}, clock_timestamp() + interval '{self._live_in} seconds');\n"
                        for d, _ in written) if self._live_in else ""
        person.as_proved("BEGIN;\n" + "".join(self._store(d, p) for d, p in written) + later + "COMMIT;\n")

    def _countersign(self, written: list) -> None:
        self.program("keys", "countersign", *(p for _, p in written), "--key", self.secrets / "olga.pem", "--passphrase-file", self.secrets / "olga.phrase", "--quiet")
        statements = []
        for _, path in written:
            second = pathlib.Path(str(path) + ".second")
            key, signature = self._signature(second)
            statements.append(f"SELECT registry.countersign('\\x{hashlib.sha256(path.read_bytes()).hexdigest()}', '\\x{second.read_bytes().hex()}', '{key}', '\\x{signature}');\n")
        self.people["olga"].as_proved("".join(statements))

    # -- configurations

    def _database(self) -> dict:
        return {"server": f"127.0.0.1:{self.server.port}", "root_certificate": self.server.root_certificate}

    def node_config(self, name: str) -> dict:
        """[node], [control] and [database] of a node's configuration."""
        login = self.machines[name]
        return {"node": {"name": name}, "control": {"root": self.root, "port": 0, "key_file": self.secrets / f"{name}.curve"},
                "database": {**self._database(), "user": login.login, "password_file": self.secret(f"{name}.password", login.password + "\n")}}

    def coordinator_config(self, name: str) -> dict:
        login = self.machines[name]
        return {"control": {"root": self.root}, "database": self._database(),
                "coordinator": {"name": name, "user": login.login, "password_file": self.secret(f"{name}.password", login.password + "\n"),
                                "signing_key_file": self.secrets / f"{name}.pem", "passphrase_file": self.secrets / f"{name}.phrase",
                                "key_file": self.secrets / f"{name}.curve"}}

    def conditioner_config(self, name: str = "conny") -> dict:
        login = self.machines[name]
        return {"database": self._database(),
                "condition": {"name": name, "user": login.login, "password_file": self.secret(f"{name}.password", login.password + "\n"),
                              "signing_key_file": self.secrets / f"{name}.pem", "passphrase_file": self.secrets / f"{name}.phrase"}}

    def condition(self, name: str = "conny") -> nodeproc.Node:
        """Starts a conditioner in a process of its own."""
        config = {**self.conditioner_config(name), "node": {"role": "condition", "state": self.folder / name / "state"}}
        self.processes[name] = nodeproc.Node(self.node, config, self.folder / name).start(30)
        return self.processes[name]

    def coordinate(self, name: str = "carl") -> nodeproc.Node:
        """Starts a coordinator in a process of its own."""
        config = {**self.coordinator_config(name), "node": {"role": "coordinator", "state": self.folder / name / "state"}}
        self.processes[name] = nodeproc.Node(self.node, config, self.folder / name).start(30)
        return self.processes[name]

    # -- looking

    def releases(self) -> list[tuple[int, bool]]:
        """(sequence, whether it has its moment), oldest first."""
        rows = self.server.ask("SELECT sequence, effective_at IS NOT NULL FROM dvpe.release ORDER BY sequence").splitlines()
        return [(int(r.split("|")[0]), r.split("|")[1] == "t") for r in rows]

    def order(self, who: str, node: str, *words) -> str:
        """`dvpe-node node WORDS` to a node, signed by somebody; what it printed."""
        endpoint = self.server.ask(f"SELECT endpoint FROM dvpe.node_presence p JOIN dvpe.machine m ON m.id = p.node WHERE m.name = '{node}'")
        return self.program("node", *words, "--endpoint", endpoint, "--node", node, "--server-key", self.curve[node], "--curve-key", self.secrets / f"{who}.curve",
                            "--key", self.secrets / f"{who}.pem", "--passphrase-file", self.secrets / f"{who}.phrase")

    def said(self, sequence: int) -> dict[str, str]:
        """What each node says of a release."""
        rows = self.server.ask(f"SELECT m.name, a.state FROM dvpe.acknowledgement a JOIN dvpe.machine m ON m.id = a.node WHERE a.sequence = {sequence}")
        return dict(r.split("|") for r in rows.splitlines())

    def in_force(self, sequence: int, seconds: float = 30) -> None:
        """Until every node says that this release, or a later one, is."""
        def all_say():
            rows = self.server.ask("SELECT m.name, max(a.sequence) FROM dvpe.acknowledgement a JOIN dvpe.machine m ON m.id = a.node "
                                   "WHERE a.state = 'effective' GROUP BY m.name").splitlines()
            newest = dict(r.split("|") for r in rows)
            return all(int(newest.get(n, 0)) >= sequence for n in self.nodes)
        nodeproc.wait_until(all_say, seconds, f"release {sequence} in force on {', '.join(self.nodes)}", 0.1)
