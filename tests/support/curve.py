# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""A ZeroMQ client with CURVE that sends what it is told, wrong or right: libzmq through ctypes, signatures by openssl."""
from __future__ import annotations

import contextlib
import ctypes
import json
import pathlib
import secrets
import subprocess
import time

_ZMQ = ctypes.CDLL("libzmq.so.5")
for _name in ("zmq_ctx_new", "zmq_socket"):
    getattr(_ZMQ, _name).restype = ctypes.c_void_p
_ZMQ.zmq_socket.argtypes = [ctypes.c_void_p, ctypes.c_int]
_ZMQ.zmq_setsockopt.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
_ZMQ.zmq_getsockopt.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
_ZMQ.zmq_connect.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
_ZMQ.zmq_send.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
_ZMQ.zmq_recv.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
_ZMQ.zmq_close.argtypes = [ctypes.c_void_p]
_ZMQ.zmq_ctx_term.argtypes = [ctypes.c_void_p]
_DEALER, _LINGER, _RCVMORE, _RCVTIMEO, _SNDTIMEO, _PUBLIC, _SECRET, _SERVER, _SNDMORE = 5, 17, 13, 27, 28, 48, 49, 50, 2
_MOST = 1 << 20


def keypair() -> tuple[str, str]:
    """(public, secret) in Z85."""
    public, secret = ctypes.create_string_buffer(41), ctypes.create_string_buffer(41)
    if _ZMQ.zmq_curve_keypair(public, secret):
        raise OSError("libzmq has no CURVE")
    return public.value.decode(), secret.value.decode()


class Peer:
    """A DEALER. keys: (public, secret), or None: without CURVE."""

    def __init__(self, endpoint: str, server_key: str, keys: tuple[str, str] | None):
        self.context = _ZMQ.zmq_ctx_new()
        self.socket = _ZMQ.zmq_socket(self.context, _DEALER)
        for option, number in ((_LINGER, 0), (_SNDTIMEO, 1000)):
            self._number(option, number)
        if keys:
            for option, key in ((_PUBLIC, keys[0]), (_SECRET, keys[1]), (_SERVER, server_key)):
                text = key.encode() + b"\0"
                if _ZMQ.zmq_setsockopt(self.socket, option, text, len(text)):
                    raise ValueError("not a CURVE key")
        if _ZMQ.zmq_connect(self.socket, endpoint.encode()):
            raise OSError("not an endpoint: " + endpoint)

    def _number(self, option: int, value: int) -> None:
        number = ctypes.c_int(value)
        _ZMQ.zmq_setsockopt(self.socket, option, ctypes.byref(number), ctypes.sizeof(number))

    def send(self, *frames: bytes) -> None:
        for i, frame in enumerate(frames):
            if _ZMQ.zmq_send(self.socket, frame, len(frame), _SNDMORE if i + 1 < len(frames) else 0) < 0:
                raise TimeoutError("nobody takes it")

    def receive(self, seconds: float) -> list[bytes] | None:
        """The frames of the next message; None: there was none in time."""
        self._number(_RCVTIMEO, int(seconds * 1000))
        frames, buffer = [], ctypes.create_string_buffer(_MOST)
        while True:
            size = _ZMQ.zmq_recv(self.socket, buffer, _MOST, 0)
            if size < 0:
                return None
            frames.append(buffer.raw[:size])
            more, width = ctypes.c_int(0), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int))
            _ZMQ.zmq_getsockopt(self.socket, _RCVMORE, ctypes.byref(more), ctypes.byref(width))
            if not more.value:
                return frames

    def close(self) -> None:
        _ZMQ.zmq_close(self.socket)
        _ZMQ.zmq_ctx_term(self.context)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_) -> None:
        self.close()


class Signer:
    """Somebody's signing key, opened once, into a file that only its owner may read."""

    def __init__(self, key_id: str, pem, phrase, folder):
        self.id, self.folder = key_id, pathlib.Path(folder)
        self.plain = self.folder / f"{key_id}.plain"
        self.plain.touch(0o600)
        subprocess.run(["openssl", "pkey", "-in", str(pem), "-passin", f"file:{phrase}", "-out", str(self.plain)], check=True, timeout=30,
                       capture_output=True)

    def sign(self, domain: str, text: bytes) -> str:
        message = self.folder / "message"
        message.write_bytes(domain.encode() + b"\0" + text)
        return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(self.plain), "-in", str(message)], check=True, timeout=30,
                              capture_output=True).stdout.hex()


def command(node: str | None, name: str, arguments: dict, members: dict | None = None) -> dict:
    """One order; some of its members given otherwise. None leaves one out."""
    now = time.time()
    out = {"kind": "command", "id": secrets.token_hex(16), "node": node, "name": name, "arguments": json.dumps(arguments, separators=(",", ":")),
           "sequence": int(now * 1_000_000), "expires": int(now) + 60, **(members or {})}
    return {k: v for k, v in out.items() if v is not None}


def sealed(order: dict, signer: Signer) -> tuple[bytes, bytes]:
    """The frames of a command message."""
    text = json.dumps(order).encode()
    header = {"type": "command", "sizes": [len(text)], "by": [{"key": signer.id, "signature": signer.sign("dvpe-command-v1", text)}]}
    return json.dumps(header).encode(), text


def answer(peer: Peer, order_id: str, seconds: float = 5) -> tuple[bool, str, str]:
    """(ok, error, data) of the answer to this order; TimeoutError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        frames = peer.receive(max(0.01, end - time.monotonic()))
        with contextlib.suppress(ValueError, TypeError, IndexError):
            header = json.loads(frames[0])
            if header["type"] == "answer" and header["id"] == order_id:
                return header["ok"], frames[1].decode(), frames[2].decode()
    raise TimeoutError("no answer")
