# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Starts, watches and stops what a test needs: a node, a pushed programme, any helper process.

Everything started here is stopped by its own process id: at the end of a `with`, at exit of the interpreter, and by the
kernel when the test itself dies. Nothing is ever looked up by name. Waits are bounded and poll what they wait for.
"""
from __future__ import annotations

import atexit
import ctypes
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import weakref

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_alive: weakref.WeakSet = weakref.WeakSet()


class ProcessError(RuntimeError):
    """A process did not do what was waited for; the text holds the end of its log."""


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port that was free just now. Prefer port 0 where the program reports what it got."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds: float, what: str, interval: float = 0.05):
    """The first true value of condition(); ProcessError after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise ProcessError(f"waited {seconds} s in vain for {what}")
        time.sleep(interval)


def http_get(url: str, timeout: float = 5.0) -> tuple[int, bytes]:
    """(status, body); status 0 when there was no answer."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except (urllib.error.URLError, OSError):
        return 0, b""


class Process:
    """One child: its log in a file, its standard output line by line, its figures from /proc."""

    def __init__(self, command: list, log, env: dict | None = None, cwd=None, lines: bool = False):
        self.command = [str(c) for c in command]
        self.log_path = pathlib.Path(log)
        self._log = open(self.log_path, "ab")
        self.lines: queue.Queue = queue.Queue(10_000)
        self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if lines else self._log, stderr=self._log,
                                      env={**os.environ, **(env or {})}, cwd=cwd, preexec_fn=_die_with_parent)
        _alive.add(self)
        self.reader = None
        if lines:
            self.reader = threading.Thread(target=self._read, daemon=True)
            self.reader.start()

    def _read(self) -> None:
        for line in self.child.stdout:
            self._log.write(line)
            self._log.flush()
            try:
                self.lines.put_nowait(line.decode(errors="replace").rstrip("\n"))
            except queue.Full:
                pass
        self.child.stdout.close()

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def running(self) -> bool:
        return self.child.poll() is None

    def log_tail(self, size: int = 3000) -> str:
        try:
            return self.log_path.read_bytes()[-size:].decode(errors="replace")
        except OSError:
            return ""

    def wait(self, seconds: float) -> int:
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ProcessError(f"{self.command[0]} still runs after {seconds} s\n{self.log_tail()}") from None

    def send(self, number: int) -> None:
        if self.running:
            self.child.send_signal(number)

    def stop(self, seconds: float = 10.0, number: int = signal.SIGTERM) -> int | None:
        """Asks with a signal, then kills. Returns the exit code (negative: the signal that ended it)."""
        if self.running:
            self.child.send_signal(signal.SIGCONT)  # a stopped process takes no SIGTERM
            self.child.send_signal(number)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait(10)
        if self.reader:
            self.reader.join(5)
        if not self._log.closed:
            self._log.close()
        _alive.discard(self)
        return self.child.returncode

    def kill(self) -> int | None:
        """SIGKILL: no farewell."""
        return self.stop(number=signal.SIGKILL)

    def pause(self) -> None:
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.send(signal.SIGCONT)

    # -- figures from /proc

    def _status(self, field: str) -> int:
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        return 0

    def rss_bytes(self) -> int:
        return self._status("VmRSS") * 1024

    def peak_rss_bytes(self) -> int:
        return self._status("VmHWM") * 1024

    def threads(self) -> int:
        return self._status("Threads")

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self) -> float:
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


@atexit.register
def _stop_all() -> None:
    for process in list(_alive):
        try:
            process.kill()
        except (OSError, subprocess.SubprocessError):
            pass


# ---- Prometheus text

_SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?\s+(\S+)')
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def parse_metrics(text: str) -> dict:
    """{name: {((label, value), ...): number}}; labels sorted."""
    out: dict = {}
    for line in text.splitlines():
        match = _SAMPLE.match(line)
        if line.startswith("#") or not match:
            continue
        labels = tuple(sorted(_LABEL.findall(match[2] or "")))
        try:
            out.setdefault(match[1], {})[labels] = float(match[3])
        except ValueError:
            continue
    return out


def metric(metrics: dict, name: str, **labels) -> float | None:
    """The sum of a metric's samples that carry these labels; None when there is none."""
    wanted = {(k, str(v)) for k, v in labels.items()}
    found = [value for have, value in metrics.get(name, {}).items() if wanted <= set(have)]
    return sum(found) if found else None


# ---- configuration

def toml(values: dict, prefix: str = "") -> str:
    """TOML text of nested dicts, lists, strings, numbers and booleans: enough for a node's configuration."""
    def key(text: str) -> str:
        return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else json.dumps(text)

    def scalar(value) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            return repr(value)
        if isinstance(value, (str, pathlib.Path)):
            return json.dumps(str(value), ensure_ascii=False)
        if isinstance(value, (list, tuple)):
            return "[" + ", ".join(scalar(v) for v in value) + "]"
        if isinstance(value, dict):
            return "{ " + ", ".join(f"{key(k)} = {scalar(v)}" for k, v in value.items()) + " }"
        raise TypeError(f"no TOML for {type(value).__name__}")

    plain, tables = [], []
    for name, value in values.items():
        path = f"{prefix}.{key(name)}" if prefix else key(name)
        if isinstance(value, dict):
            tables.append(f"[{path}]\n" + toml(value, path))
        elif isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
            tables.extend(f"[[{path}]]\n" + toml(v, path) for v in value)
        elif value is not None:
            plain.append(f"{key(name)} = {scalar(value)}\n")
    return "".join(plain) + "\n".join(["", *tables] if tables and plain else tables)


# ---- the node

class Node:
    """`dvpe-node run --config FILE`: writes the configuration, starts, learns its ports, stops.

    config: TOML text or a dict; ports in it should be 0. After start(): http, rtmp (ports), base (http://127.0.0.1:PORT).
    The node prints one JSON line when it is up, {"ready":true,"http":PORT,"rtmp":PORT,...}, kept in `ready`.
    """

    def __init__(self, binary, config, folder=None, arguments=("run",), env: dict | None = None):
        self.binary, self.arguments, self.env = binary, tuple(arguments), env
        self._own_folder = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="dvpe-node-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config_path = self.folder / "node.toml"
        self.config_path.write_text(config if isinstance(config, str) else toml(config), encoding="utf-8")
        self.log_path = self.folder / "node.log"
        self.process: Process | None = None
        self.ready: dict = {}
        self.http = self.rtmp = 0

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    def command(self, *words: str, seconds: float = 30.0) -> str:
        """The output of another command on the same configuration: command("keys", "stream", "--channel", "demo")."""
        done = subprocess.run([str(self.binary), *words, "--config", str(self.config_path)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=seconds, env={**os.environ, **(self.env or {})}, check=False)
        if done.returncode:
            raise ProcessError(f"{' '.join(words)} ended with {done.returncode}\n{done.stderr[-2000:]}")
        return done.stdout

    def start(self, seconds: float = 30.0) -> "Node":
        if self.process and self.process.running:
            raise ProcessError("the node runs already")
        self.ready = {}
        self.process = Process([self.binary, *self.arguments, "--config", self.config_path], self.log_path, self.env, lines=True)
        end = time.monotonic() + seconds
        while not self.ready:
            try:
                line = self.process.lines.get(timeout=0.1)
            except queue.Empty:
                if not self.process.running:
                    code = self.process.stop()
                    raise ProcessError(f"the node ended with {code}\n{self.process.log_tail()}") from None
                if time.monotonic() > end:
                    self.process.kill()
                    raise ProcessError(f"no ready line within {seconds} s\n{self.process.log_tail()}") from None
                continue
            if line.startswith("{"):
                try:
                    said = json.loads(line)
                except ValueError:
                    continue
                if said.get("ready") is True:
                    self.ready = said
        self.http, self.rtmp = _port(self.ready.get("http")), _port(self.ready.get("rtmp"))
        return self

    def wait_ready(self, seconds: float = 30.0) -> None:
        """/readyz answers 200."""
        self._wait(lambda: http_get(self.base + "/readyz")[0] == 200, seconds, "/readyz")

    def wait_playlist(self, url: str, seconds: float = 30.0) -> bytes:
        """A URL answers 200; its body."""
        def ask():
            status, body = http_get(url)
            return body if status == 200 else None
        return self._wait(ask, seconds, url)

    def _wait(self, condition, seconds, what):
        def alive():
            if not self.process.running:
                raise ProcessError(f"the node ended with {self.process.child.returncode}\n{self.process.log_tail()}")
            return condition()
        return wait_until(alive, seconds, what, 0.1)

    def metrics(self) -> dict:
        status, body = http_get(self.base + "/metrics")
        if status != 200:
            raise ProcessError(f"/metrics answered {status}")
        return parse_metrics(body.decode())

    def stop(self, seconds: float = 10.0) -> int | None:
        return self.process.stop(seconds) if self.process else None

    def kill(self) -> None:
        if self.process:
            self.process.kill()

    def restart(self, seconds: float = 30.0) -> "Node":
        """Same configuration, same folder. Ports of 0 will be others."""
        self.stop()
        return self.start(seconds)

    def __enter__(self) -> "Node":
        return self.start() if not self.process else self

    def __exit__(self, *_):
        self.stop()
        if self._own_folder and not os.environ.get("DVPE_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)


def _port(value) -> int:
    """A port from 8080, "8080", "127.0.0.1:8080" or a URL."""
    if isinstance(value, int):
        return value
    match = re.search(r":(\d+)(?:/|$)", str(value)) or re.search(r"^(\d+)$", str(value))
    return int(match[1]) if match else 0


# ---- a programme pushed as a broadcaster would

class Push:
    """ffmpeg that sends a file over RTMP (or any protocol it knows), in real time, again and again."""

    def __init__(self, file, url: str, log, loop: bool = True, realtime: bool = True, output=("-c", "copy", "-f", "flv"), seek: float = 0.0):
        command = ["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "warning"]
        command += ["-re"] if realtime else []
        command += ["-stream_loop", "-1"] if loop else []
        command += ["-ss", f"{seek:.3f}"] if seek else []
        command += ["-i", str(file), *output, url]
        self.command, self.log = command, log
        self.process: Process | None = None

    def start(self) -> "Push":
        self.process = Process(self.command, self.log)
        return self

    @property
    def running(self) -> bool:
        return bool(self.process and self.process.running)

    def pause(self) -> None:
        """Sends nothing, and leaves the connection open."""
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    def stop(self) -> int | None:
        return self.process.stop(5) if self.process else None

    def kill(self) -> None:
        if self.process:
            self.process.kill()

    def __enter__(self) -> "Push":
        return self if self.process else self.start()

    def __exit__(self, *_):
        self.stop()


def repository() -> pathlib.Path:
    return pathlib.Path(__file__).resolve().parents[2]


def default_node() -> pathlib.Path:
    """The node to test: $DVPE_NODE or build/dev/bin/dvpe-node."""
    return pathlib.Path(os.environ.get("DVPE_NODE", repository() / "build" / "dev" / "bin" / "dvpe-node"))


if __name__ == "__main__":
    sys.exit("a library: import it")
