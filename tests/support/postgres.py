# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""A private PostgreSQL in a folder of its own: TLS and SCRAM on loopback, a free port, never as root.

What it starts is stopped by its process id. psql(...) connects as anybody would from outside: TCP, TLS, SCRAM, channel
binding. Not for data that is to be kept unless `durable` says so.
"""
from __future__ import annotations

import os
import pathlib
import pwd
import secrets
import shutil
import signal
import subprocess

import nodeproc

CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
max_connections = {connections}
password_encryption = 'scram-sha-256'
ssl = on
ssl_cert_file = '{folder}/server.crt'
ssl_key_file = '{folder}/server.key'
ssl_min_protocol_version = 'TLSv1.2'
log_statement = 'none'
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_min_error_statement = 'panic'
{more}
"""
ACCESS = """
local   all postgres              scram-sha-256
hostssl all all      127.0.0.1/32 scram-sha-256
"""


def programs() -> pathlib.Path:
    """The folder of PostgreSQL 15's programs."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
    if not found:
        raise nodeproc.ProcessError("PostgreSQL is not installed")
    return found[0].parent


class Postgres:
    """`folder` is made when it is missing; one that was made before is started again."""

    def __init__(self, folder, durable: bool = False, connections: int = 100):
        self.folder = pathlib.Path(folder)
        self.durable, self.connections = durable, connections
        self.port = 0
        self.process: nodeproc.Process | None = None
        self._as: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            pwd.getpwnam("postgres")
            self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=SIGKILL"]

    @property
    def root_certificate(self) -> pathlib.Path:
        return self.folder / "server.crt"

    @property
    def password_file(self) -> pathlib.Path:
        """The superuser's password: for migrations, in a file of mode 0600."""
        return self.folder / "superuser.password"

    @property
    def data(self) -> pathlib.Path:
        return self.folder / "data"

    def _run(self, *words) -> None:
        done = subprocess.run([*self._as, *map(str, words)], capture_output=True, text=True, timeout=120, cwd="/")
        if done.returncode:
            raise nodeproc.ProcessError(f"{words[0]}: {done.stderr[-2000:]}")

    def _make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(secrets.token_hex(16))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", self.folder / "server.key", "-out", self.root_certificate],
                       check=True, capture_output=True, timeout=30)
        os.chmod(self.folder / "server.key", 0o600)
        self.data.mkdir()
        if self._as:
            for path in (self.folder, self.data, self.password_file, self.folder / "server.key"):
                shutil.chown(path, "postgres", "postgres")
        self._run(programs() / "initdb", "-D", self.data, "-U", "postgres", "--pwfile", self.password_file, "--auth=scram-sha-256",
                  "--encoding=UTF8", "--locale=C.UTF-8", *([] if self.durable else ["--no-sync"]))

    def start(self) -> "Postgres":
        if not (self.data / "PG_VERSION").exists():
            self._make()
        self.port = self.port or nodeproc.free_port()
        # Durable: as docs/guide/control-plane.md has it, for those who measure.
        more = ("shared_buffers = '1GB'\nmax_wal_size = '4GB'" if self.durable else
                "shared_buffers = '32MB'\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off")
        (self.data / "postgresql.conf").write_text(
            CONFIGURATION.format(port=self.port, folder=self.folder, connections=self.connections, more=more))
        (self.data / "pg_hba.conf").write_text(ACCESS)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self.process = nodeproc.Process([*self._as, programs() / "postgres", "-D", self.data], self.folder / "log", cwd="/")
        nodeproc.wait_until(lambda: self.psql("SELECT 1", database="postgres")[0] == 0, 30, "PostgreSQL")
        return self

    def stop(self) -> None:
        if self.process:
            self.process.stop(20, signal.SIGINT)  # "fast"

    def kill(self) -> None:
        """kill -9 of the server; its children go when they notice."""
        self.process.kill()

    def environment(self, user: str, password: str, database: str) -> dict:
        """For libpq's programs: TCP, TLS with the server's name checked, SCRAM bound to the channel."""
        return {"PATH": os.environ["PATH"], "PGPASSWORD": password, "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": user,
                "PGDATABASE": database, "PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(self.root_certificate), "PGCHANNELBINDING": "require",
                "PGCONNECT_TIMEOUT": "5"}

    def psql(self, sql: str, user: str = "postgres", password: str | None = None, database: str = "dvpe", more=()) -> tuple[int, str, str]:
        """(exit code, output, errors) of psql: unaligned, tuples only, stops at the first error."""
        environment = self.environment(user, self.password_file.read_text() if password is None else password, database)
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *more], input=sql, env=environment,
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def ask(self, sql: str, **how) -> str:
        """What psql prints; ProcessError when it fails."""
        code, out, errors = self.psql(sql, **how)
        if code:
            raise nodeproc.ProcessError(errors)
        return out

    def __enter__(self) -> "Postgres":
        return self.start()

    def __exit__(self, *_) -> None:
        self.stop()
