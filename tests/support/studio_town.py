#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Runs a program of the studio on a database of its own: people of each role, rulesets to look at.

    studio_town.py PROGRAM [ARGUMENT...]          a test: people's secrets are in its environment
    studio_town.py --role creator PROGRAM         the studio itself, signed in

A test finds DVPE_STUDIO_SERVER, _CERTIFICATE and _PEOPLE: JSON, name -> [login, password, code, code, ...]; each code works once.
"""
from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import pathlib
import secrets
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import nodeproc  # noqa: E402
import people  # noqa: E402

ROLE_OF = {"ada": "admin", "cleo": "creator", "dina": "creator", "olga": "ad_operations", "adam": "advertiser"}
CODES = 30
SIGNED = f"'{'a' * 16}', '\\x{'00' * 64}'"


DEMO = nodeproc.repository() / "resources" / "demo" / "documents"


def documents() -> list[dict]:
    """What is published: the demo's documents, and a ruleset with something to look at."""
    demo = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(DEMO.glob("*.json"))]
    return demo + [{"kind": "ruleset", "id": "late", "organisation": "demo", "revision": 1, "body": late()}]


def late() -> dict:
    fields = [{"path": "viewer.country", "type": "string", "purpose": "personalised_content", "values": ["DE", "FR", "JP"], "forecastable": True},
              {"path": "viewer.age", "type": "int", "purpose": "personalised_content", "steps": [0, 18, 30], "forecastable": True}]
    return {"channel": "demo", "fields": fields, "rules": [
        {"id": "grown-up", "when": "viewer.age >= 18 && (viewer.country == \"DE\" || viewer.country == \"FR\")",
         "actions": [{"showOverlay": {"overlay": "welcome"}}]},
        {"id": "grown-up-again", "when": "viewer.age>=18 && ( viewer.country == 'DE' || viewer.country=='FR' )",
         "actions": [{"showOverlay": {"overlay": "welcome"}}]},
        {"id": "not-yet", "when": "true", "actions": []}]}

class StudioTown(people.Town):
    @classmethod
    def furnish(cls) -> None:
        cls.server.ask("".join(
            "INSERT INTO dvpe.revision (organisation, kind, document, revision, digest, contents, key, signature) VALUES "
            f"('demo', '{d['kind']}', '{d['id']}', 1, sha256('{d['kind']} {d['id']}'), convert_to({people.quoted(json.dumps(d))}, 'UTF8'), {SIGNED});\n"
            for d in documents()))


def recovery_codes(server, person: people.Person) -> list[str]:
    """New ones; each works once."""
    made = [base64.b32encode(secrets.token_bytes(10)).decode() for _ in range(CODES)]
    server.ask("".join(f"INSERT INTO dvpe.recovery_code (person, digest) SELECT id, '\\x{hashlib.sha256(code.encode()).hexdigest()}' FROM dvpe.person "
                       f"WHERE name = '{person.name}';\n" for code in made))
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--role", choices=sorted(set(ROLE_OF.values())))
    parser.add_argument("program", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the database stops
    StudioTown.setUpClass()
    try:
        StudioTown.furnish()
        server, certificate = f"127.0.0.1:{StudioTown.server.port}/dvpe", str(StudioTown.server.root_certificate)
        known = {name: getattr(StudioTown, name) for name in ROLE_OF}
        environment = os.environ | {"DVPE_STUDIO_SERVER": server, "DVPE_STUDIO_CERTIFICATE": certificate}
        if options.role:
            person = next(p for name, p in known.items() if ROLE_OF[name] == options.role)
            path = StudioTown.folder / "sign-in.json"
            path.touch(mode=0o600)
            path.write_text(json.dumps({"server": server, "certificate": certificate, "login": person.login, "password": person.password,
                                        "code": recovery_codes(StudioTown.server, person)[0]}))
            environment["DVPE_STUDIO_SIGN_IN"] = str(path)
        else:
            environment["DVPE_STUDIO_PEOPLE"] = json.dumps({name: [p.login, p.password, *recovery_codes(StudioTown.server, p)] for name, p in known.items()})
        return subprocess.run(options.program, env=environment, check=False).returncode
    finally:
        StudioTown.tearDownClass()


if __name__ == "__main__":
    sys.exit(main())
