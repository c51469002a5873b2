#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Writes the seed corpora of the fuzz targets from scratch: well-formed inputs of every kind, and the known bad ones.

Seeds that a fuzzer found (names that start with "found-") are kept.
"""
import hashlib
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent / "corpus"

AVCC = bytes.fromhex("014d400cffe10019674d400ceca0a0cfcf80880000030008000003019078a14cb001000468ce0fc8")
AVCC_HIGH = bytes.fromhex("01640015ffe1001967640015acd941433f260220000003002000000643e28532c0"
                          "01000768fba3cb3002c0fdf8f800")


def u24(n):
    return struct.pack(">I", n)[1:]


# --- chunks -----------------------------------------------------------------------------------------------------------

def basic(fmt, csid):
    if csid < 64:
        return bytes([fmt << 6 | csid])
    if csid < 320:
        return bytes([fmt << 6, csid - 64])
    return bytes([fmt << 6 | 1, (csid - 64) & 255, (csid - 64) >> 8])


def chunk(fmt, csid, time=0, length=0, kind=9, stream=1, body=b""):
    out = basic(fmt, csid)
    if fmt <= 2:
        out += u24(min(time, 0xFFFFFF))
    if fmt <= 1:
        out += u24(length) + bytes([kind])
    if fmt == 0:
        out += struct.pack("<I", stream)
    if fmt <= 2 and time >= 0xFFFFFF:
        out += struct.pack(">I", time)
    return out + body


def set_chunk_size(n):
    return chunk(0, 2, 0, 4, 1, 0, struct.pack(">I", n))


def chunk_seeds():
    ext = struct.pack(">I", 0x01020304)
    yield "formats", chunk(0, 6, 1000, 10, body=b"x" * 10) + chunk(1, 6, 40, 5, body=b"y" * 5) + \
        chunk(2, 6, 40, body=b"z" * 5) + chunk(3, 6, body=b"w" * 5)
    yield "split", chunk(0, 6, 0, 300, body=b"a" * 128) + chunk(3, 6, body=b"a" * 128) + chunk(3, 6, body=b"a" * 44)
    yield "interleaved", chunk(0, 6, 0, 200, body=b"a" * 128) + chunk(0, 5, 3, 130, 8, body=b"b" * 128) + \
        chunk(3, 6, body=b"a" * 72) + chunk(3, 5, body=b"b" * 2)
    yield "ids", b"".join(chunk(0, i, 0, 1, body=b"i") for i in (3, 63, 64, 319, 320, 65599))
    yield "many-ids", b"".join(chunk(0, i, 0, 1, body=b"i") for i in range(3, 70))
    yield "many-streams", b"".join(chunk(0, 3, 0, 1, stream=i, body=b"i") for i in range(12))
    yield "extended", chunk(0, 6, 0x01020304, 300, body=b"a" * 128) + chunk(3, 6, body=ext + b"a" * 128) + \
        chunk(3, 6, body=ext + b"a" * 44)
    yield "extended-omitted", chunk(0, 6, 0x01020304, 200, body=b"a" * 128) + chunk(3, 6, body=b"a" * 72)
    yield "wrap24", chunk(0, 6, 0xFFFFF0, 1, body=b"a") + chunk(2, 6, 40, body=b"a") + chunk(0, 6, 0x1000040, 1, body=b"a")
    yield "wrap32", chunk(0, 6, 0xFFFFFFF0, 1, body=b"a") + chunk(2, 6, 40, body=b"a") + chunk(3, 6, body=b"a")
    yield "chunk-size", set_chunk_size(4096) + chunk(0, 6, 0, 3000, body=b"a" * 3000)
    for name, n in (("huge", 0x7FFFFFFF), ("zero", 0), ("one", 1), ("negative", 0xFFFFFFFF)):
        yield "chunk-size-" + name, set_chunk_size(n) + chunk(0, 6, 0, 5, body=b"a" * 5)
    yield "abort", chunk(0, 6, 0, 200, body=b"a" * 128) + chunk(0, 2, 0, 4, 2, 0, struct.pack(">I", 6)) + \
        chunk(0, 6, 0, 3, body=b"abc")
    yield "abort-unknown", chunk(0, 2, 0, 4, 2, 0, struct.pack(">I", 60000)) + chunk(0, 2, 0, 2, 2, 0, b"ab")
    yield "no-header", chunk(3, 6, body=b"a" * 10)
    yield "mismatch", chunk(0, 6, 0, 300, body=b"a" * 128) + chunk(0, 6, 0, 301, body=b"a" * 128)
    yield "repeated-header", chunk(0, 6, 0, 200, body=b"a" * 128) + chunk(0, 6, 0, 200, body=b"a" * 72)
    yield "too-large", chunk(0, 6, 0, 0xFFFFFF, body=b"a" * 100)
    yield "empty-flood", chunk(0, 6) + b"\xc6" * 9000
    yield "librtmp-ping", chunk(1, 2, 0, 6, 4, body=b"\0\3\0\0\0\1")


# --- AMF0 -------------------------------------------------------------------------------------------------------------

def number(x):
    return b"\0" + struct.pack(">d", x)


def key(s):
    return struct.pack(">H", len(s)) + s.encode()


def string(s):
    return b"\2" + key(s)


def obj(marker=b"\3", **members):
    return marker + b"".join(key(k) + v for k, v in members.items()) + b"\0\0\x09"


def amf0_seeds():
    connect = obj(app=string("live"), type=string("nonprivate"), flashVer=string("FMLE/3.0 (compatible; FMSc/1.0)"),
                  tcUrl=string("rtmp://127.0.0.1/live"), fourCcList=b"\x0a\0\0\0\2" + string("avc1") + string("mp4a"))
    yield "connect", string("connect") + number(1) + connect
    yield "publish", string("publish") + number(5) + b"\5" + string("key") + string("live")
    yield "metadata", string("@setDataFrame") + string("onMetaData") + obj(
        b"\x08\0\0\0\4", width=number(1280), height=number(720), stereo=b"\1\1", encoder=string("obs-output module"))
    yield "cue-point", string("onCuePoint") + obj(name=string("scte35"), type=string("event"), time=number(6.5),
                                                  parameters=obj(id=string("e1"), duration=number(30)))
    yield "ad-cue", string("onAdCue") + obj(cue=string("SpliceOut"), id=string("1"), duration=number(30), time=number(2))
    yield "rare", b"\x0b" + struct.pack(">dh", 100, 0) + b"\x0c\0\0\0\2hi" + b"\x0f\0\0\0\1x" + b"\x07\0\0\x0d\6"
    yield "typed", b"\x10" + key("Class") + key("a") + b"\1\1\0\0\x09"
    yield "nan", number(float("nan")) + number(float("inf"))
    yield "deep-objects", b"\3\0\1a" * 1000
    yield "deep-arrays", b"\x0a\0\0\0\1" * 1000
    yield "deep-allowed", b"\x0a\0\0\0\1" * 16 + b"\5"
    yield "array-huge", b"\x0a\xff\xff\xff\xff"
    yield "array-lying", b"\x08\xff\xff\xff\xff" + key("a") + b"\5\0\0\x09"
    yield "string-lying", b"\x0c\xff\xff\xff\xffabc"
    yield "many-values", b"\5" * 1100
    yield "empty-key", b"\3\0\0\5\0\0\x09"
    yield "amf3", b"\x11\x04\x01"


# --- FLV --------------------------------------------------------------------------------------------------------------

def nal(n, first=0x65):
    return struct.pack(">I", n) + bytes([first]) + b"\x11" * (n - 1)


def aggregated(kind, time, body):
    return bytes([kind]) + u24(len(body)) + u24(time & 0xFFFFFF) + bytes([time >> 24]) + b"\0\0\0" + body + \
        struct.pack(">I", len(body) + 11)


def sps(bits):
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def ue(n):
    code = bin(n + 1)[2:]
    return "0" * (len(code) - 1) + code


def avcc(body):
    return bytes([1, body[1], 0, body[3], 0xFF, 0xE1]) + struct.pack(">H", len(body)) + body + b"\1\0\4\x68\xce\x0f\xc8"


def flv_seeds():
    video, audio, aggregate, config, nal4, nal12 = (bytes([i]) for i in range(6))
    yield "avc-format", video + b"\x17\0\0\0\0" + AVCC
    yield "avc-frame", video + b"\x27\1\0\0\x50" + nal(40) + nal(9, 0x41)
    yield "avc-end", video + b"\x17\2\0\0\0"
    yield "info-frame", video + b"\x57\0"
    yield "ex-format", video + b"\x90avc1" + AVCC_HIGH
    yield "ex-frame", video + b"\x91avc1\xff\xff\xd8" + nal(30)
    yield "ex-frame-x", video + b"\xa3avc1" + nal(30)
    yield "ex-modex", video + b"\x97\2\0\0\5\7\xff\0\xff" + b"m" * 256 + b"\3avc1" + nal(5)
    yield "ex-modex-endless", video + b"\x97" * 60
    yield "ex-multitrack", video + b"\x96\x13avc1\1\0\0\2ab\0\0\0\3abc"
    yield "ex-multitrack-codecs", video + b"\x96\x23avc1\0\0\0\2abhvc1\1\0\0\1c"
    yield "ex-hevc", video + b"\x90hvc1\1\2\3"
    yield "h263", video + b"\x12abc"
    yield "aac-format", audio + b"\xaf\0\x11\x90"
    yield "aac-frame", audio + b"\xaf\1" + b"a" * 50
    yield "aac-bad-format", audio + b"\xaf\0\x11"
    yield "mp3", audio + b"\x2fabc"
    yield "ex-aac", audio + b"\x91mp4a" + b"a" * 20
    yield "ex-aac-tracks", audio + b"\x95\x11mp4a\0\0\0\2ab\1\0\0\3abc"
    yield "ex-aac-one-track", audio + b"\x95\1mp4a\2abc"
    yield "ex-opus", audio + b"\x90Opus\1"
    yield "aggregate", aggregate + aggregated(9, 100, b"\x17\1\0\0\0" + nal(9)) + aggregated(8, 0x1000000, b"\xaf\1x")
    yield "aggregate-flood", aggregate + aggregated(9, 0, b"") * 1030
    yield "avcc", config + AVCC
    yield "avcc-high", config + AVCC_HIGH
    yield "avcc-no-sps", config + b"\1\x4d\x40\x0c\xff\xe0\0"
    head = "01000010" + "00000000" + "00110100" + ue(0) + ue(0)  # baseline, level 5.2
    yield "avcc-8192", config + avcc(b"\x67" + sps(head + ue(2) + ue(1) + "0" + ue(511) + ue(511) + "11" + "0" + "01"))
    yield "avcc-cropped", config + avcc(b"\x67" + sps(
        head + ue(0) + ue(4) + ue(1) + "0" + ue(19) + ue(11) + "11" + "1" + ue(0) * 3 + ue(6) + "01"))
    yield "avcc-cropped-away", config + avcc(b"\x67" + sps(
        head + ue(0) + ue(4) + ue(1) + "0" + ue(0) + ue(0) + "11" + "1" + ue(60000) * 4 + "01"))
    yield "avcc-poc1", config + avcc(b"\x67" + sps(
        head + ue(1) + "1" + ue(1) + ue(2) + ue(3) + ue(4) * 3 + ue(1) + "0" + ue(19) + ue(11) + "0" + "1" + "1" + "0" + "01"))
    high = "11110100" + "00000000" + "00110100" + ue(0)  # high 4:4:4 with scaling lists
    yield "avcc-444", config + avcc(b"\x67" + sps(
        high + ue(3) + "0" + ue(0) + ue(0) + "0" + "1" + ("1" + ue(2) + ue(17)) * 2 + "0" * 4 + ("1" + ue(1) * 64) + "0" * 5 +
        ue(0) + ue(0) + ue(4) + ue(1) + "0" + ue(19) + ue(11) + "11" + "0" + "01"))
    yield "nal-lengths", nal4 + nal(5) + nal(300)
    yield "nal-too-long", nal4 + b"\xff\xff\xff\xff\1"
    yield "nal-small-prefix", nal12 + b"\0\1\x09"


# --- H.264 ------------------------------------------------------------------------------------------------------------

def h264_seeds():
    set_, config, annexb, lengths = (bytes([i]) for i in range(4))
    baseline = "01000010" + "11000000" + "00011110" + ue(0)
    size = ue(0) + ue(2) + ue(1) + "0" + ue(19) + ue(11) + "11" + "0"  # 320x192
    hrd = ue(1) + "0" * 8 + (ue(100) + ue(200) + "1") * 2 + "0" * 20
    timing = "1" + format(1001, "032b") + format(60000, "032b") + "1"
    whole = "1" + "11111111" + "0" * 32 + "11" + "1" + "10101" + "1" + "0" * 24 + "1" + ue(1) + ue(1)
    restriction = "1" + "1" + ue(2) + ue(1) + ue(10) * 2 + ue(2) + ue(4)
    yield "sps-no-vui", set_ + b"\x67" + sps(baseline + size + "01")
    yield "sps-vui-empty", set_ + b"\x67" + sps(baseline + size + "1" + "0" * 9 + "1")
    yield "sps-vui-all", set_ + b"\x67" + sps(baseline + size + "1" + whole + timing + "1" + hrd + "1" + hrd + "0" + "1" + restriction + "1")
    yield "sps-vui-cut", set_ + b"\x67" + sps(baseline + size + "1" + whole + timing)
    yield "sps-emulation", set_ + b"\x67" + sps(baseline) + b"\0\0\3\0\0\3\1"
    for name, seed in list(flv_seeds()):
        if name.startswith("avcc"):
            yield name, config + seed[1:]
            if len(seed) > 9 and seed[9] & 31 == 7:
                yield name.replace("avcc", "sps"), set_ + seed[9:9 + seed[8]]
    yield "annexb", annexb + b"\0\0\0\1\x67\1\2\0\0\0\1\x68\3\0\0\1\x65\4\5\0\0"
    yield "annexb-none", annexb + b"\1\2\3\0\0"
    for width in range(4):
        prefix = (3).to_bytes(width + 1, "big")
        yield f"lengths-{width + 1}", bytes([3 + 4 * width]) + prefix + b"\x65ab" + prefix + b"\x41cd"
    yield "lengths-outside", lengths + b"\x09\x65"
    yield "lengths-cut", bytes([3 + 4 * 3]) + b"\0\0"


# --- control ----------------------------------------------------------------------------------------------------------

def message(kind, *texts, **members):
    """Frames of a message, each after its length in two bytes."""
    header = json.dumps({"type": kind, **members, "sizes": [len(t) for t in texts]}, separators=(",", ":")).encode()
    return b"\0" + b"".join(struct.pack(">H", len(f)) + f for f in (header, *texts))


def command(name, arguments, **members):
    return b"\1" + json.dumps({"kind": "command", "id": "0" * 32, "node": "n1", "name": name,
                               "arguments": json.dumps(arguments), "sequence": 1800000000000000,
                               "expires": 1800000060, **members}).encode()


def control_seeds():
    by = [{"key": "0123456789abcdef", "signature": "ab" * 64}]
    hold = json.dumps({"kind": "hold", "id": "h", "organisation": "demo", "revision": 1, "body": {"channel": "one"}})
    yield "offer", message("offer", b'{"kind":"release"}', by=by)
    yield "need", message("need", b"a" * 128, b"", keys=3, sequence=12, keys_after=2)
    yield "documents", message("documents", b"k", b"d", b"c", b"e", b"r", last=True, keys=[by],
                               documents=[{"by": by, "second": by}, {"by": []}], rollbacks=[by])
    yield "prepared", message("prepared", keys=3, sequence=12)
    yield "refused", message("refused", b"why \xff", keys=3, sequence=12)
    yield "command-message", message("command", b"{}", by=by)
    yield "answer", message("answer", b"", b'{"a":[1]}', id="f" * 32, ok=True)
    yield "subscribe", message("subscribe", on=True)
    yield "telemetry", message("telemetry", b'{"cpu":0.5}')
    yield "plan", message("plan", b'{"number":1}', by=by)
    yield "counts", message("counts", b'{"lines":{}}')
    yield "twice", message("documents", b"d", b"d", last=False, keys=[], documents=[{"by": []}] * 2, rollbacks=[])
    yield "missing", message("documents", b"d", last=False, keys=[by, by], documents=[], rollbacks=[])
    yield "unknown", message("hello", b"x", on=1)
    yield "deep", b"\0" + struct.pack(">H", 60000) + b"[" * 60000
    yield "empty-frames", b"\0" + b"\0\0" * 1100
    for name, arguments in (("status", {}), ("drain", {}), ("undrain", {}), ("channel.restart", {"channel": "one"}),
                            ("break.start", {"channel": "one", "units": 30, "id": "b1"}),
                            ("break.stop", {"channel": "one"}), ("feed.clean", {"channel": "one", "on": True}),
                            ("hold", {"document": hold, "key": "0123456789abcdef", "signature": "ab" * 64}),
                            ("log.level", {"level": "debug"}),
                            ("count", {"channel": "one", "when": "viewer.age >= 18"}),
                            ("release.effective", {"keys": 3, "sequence": 12, "at": 1800000000000000})):
        yield "order-" + name, command(name, arguments)
    yield "order-grant", command("drain", {}, grant="3b9f0a1c-0000-4000-8000-00000000abcd")
    yield "order-wrong", command("break.start", {"chanel": "one", "units": 601}, grant="x", nodes=1)


# --- rules ------------------------------------------------------------------------------------------------------------

def rules_seeds():
    """Of each file of conformance cases, every seventeenth text."""
    for path in sorted((HERE.parent.parent / "conformance" / "rules").glob("*.json")):
        texts = [case["text"] for case in json.loads(path.read_text(encoding="utf-8"))["cases"]]
        for number, text in enumerate(texts):
            if number % 17 == 0 and len(text) < 200:
                yield f"{path.stem}-{number}", b"\xfd" + text.encode()
    yield "comments", b"\xfd// a\n(viewer.age // b\n> 1 // c\n) && [1, // d\n2].all(x, x > 0 // e\n) // f"
    yield "long", b"\xfd" + b" && ".join([b'viewer.any.list.exists(x, x == "a")'] * 20)


# --- breaks -----------------------------------------------------------------------------------------------------------

def text16(t):
    return struct.pack("<H", len(t)) + t


def breaks_seeds():
    plan = {"number": 7, "release": "3.17", "made": "2026-06-01T20:00:00Z", "nodes": ["a", "b"],
            "lines": [["tea/l", 250000, 12000, [10, 0]], ["house", 1000000, 0, [0, 0]]]}
    yield "plan", b"\0" + json.dumps(plan).encode()
    yield "plan-double", b"\0" + json.dumps({**plan, "lines": plan["lines"][:1] * 2}).encode()
    impression = struct.pack("<5I", 1780000000, 1, 2, 3, 4)
    yield "history", b"\1\1" + struct.pack("<II", 0, 2) + impression * 2 + struct.pack("<III", 1, 9, 5)
    yield "history-short", b"\1\1" + struct.pack("<II", 0, 1000)
    creative = text16(b"0123456789abcdef") + text16(b"m") + text16(b"tea") + text16(b"tea/l") + struct.pack("<4IB", 1, 2, 3, 4, 1)
    session = b"s" * 16 + struct.pack("<HH", 8, 4) + b"seal"
    yield "bind", b"\2\1" + text16(b"main") + text16(b"b-1") + struct.pack("<qqq", 960000, 8160000, 17) + \
        struct.pack("<H", 1) + creative + struct.pack("<I", 2) + session * 2
    yield "settle", b"\2\2" + (b"s" * 16 + struct.pack("<IIB", 1780000000, 1, 1)) * 3
    yield "slots", b"\3" + struct.pack("<4H", 0, 15, 1, 30)
    yield "counts", b"\4" + json.dumps({"plan": 7, "breaks": 100, "lines": {"tea/l": [10, 5, 4, 1]}}).encode()


# --- spool ------------------------------------------------------------------------------------------------------------

def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def event(number, kind=20, text=b"code", sealed=b"\1\2\3"):
    body = struct.pack("<BB16siq16sQqHqf", 1, kind, bytes([number & 255]) * 16, 20000, number, b"s" * 16, 9, 7, 2, -1, 1.0)
    body += b"".join(bytes([len(t)]) + t for t in (b"one", b"v1", b"", b"tea", b"l", b"", b"", b"DE", b"tv", b""))
    body += struct.pack("<H", len(text)) + text + struct.pack("<H", len(sealed)) + sealed
    return struct.pack("<I", len(body)) + body


def segment(first, *blocks):
    head = struct.pack("<4sI16sQI", b"DVES", 1, b"i" * 16, first, 0)
    return head + struct.pack("<I", crc32c(head)) + b"".join(blocks)


def block(first, *events, count=None):
    body = b"".join(events)
    head = struct.pack("<4sIQIII", b"DVEB", len(body), first, len(events) if count is None else count, crc32c(body), 0)
    return head + struct.pack("<I", crc32c(head)) + body


def spool_seeds():
    one, two = block(5, event(5)), block(6, event(6, 2), event(7, 40))
    files = {
        "whole": segment(5, one, two), "no-blocks": segment(0), "torn": segment(5, one, two[:-1]),
        "torn-header": segment(5, one, two[:20]), "zeros": segment(5, one, bytes(100)),
        "no-header": bytes(40) + one + two, "damaged-header": segment(5, b"\0" + one[1:], two),
        "damaged-events": segment(5, one[:-1] + b"\0", two), "hole": segment(5, one, block(900, event(9))),
        "count-lies": segment(5, block(5, event(5), event(6), count=1), two), "last-number": segment(2**64 - 2, block(2**64 - 2, event(1))),
        "magics": segment(0, b"DVEB" * 100), "before": segment(5, one, one, two)}
    for name, data in files.items():
        yield name, b"\1" + data
    yield "event", b"\0" + event(1)
    yield "event-unknown", b"\0" + event(1, 200)
    yield "event-long", b"\0" + event(1, text=b"x" * 257)


# --- signed impressions -----------------------------------------------------------------------------------------------

def ledger_seeds():
    digest, signature = b"ab" * 32, b'{"signature":"' + b"cd" * 64 + b'"}\n'
    head = (b'{"dvpe":"impression-manifest","version":1,"number":2,"previous":"' + digest + b'","key":"0123456789abcdef","at":1780000000,'
            b'"from":"2025-10-23","spool":"' + b"09" * 16 + b'","position":7}\n')
    day = b'{"closed":"2026-11-20/day-1.closed","day":"2026-11-20","files":1,"bytes":9,"hash":"' + digest + b'"}\n'
    file = (b'{"file":"2026-11-23/ab-1.ndjson","campaign":"tea","day":"2026-11-23","lines":2,"sealed":1,"bytes":99,"hash":"' + digest +
            b'","damaged":true}\n')
    yield "manifest", b"\0" + head + day + file + signature
    yield "manifest-elsewhere", b"\0" + head + file.replace(b"2026-11-23/", b"../2026-11/") + signature
    yield "manifest-torn", b"\0" + head + day + file[:40]
    first = b'{"dvpe":"impressions","version":1,"key":"0123456789abcdef","campaign":"tea","day":"2026-11-23","first":1}'
    line = (b'{"n":1,"state":"decided","id":"' + b"0a" * 16 + b'","at":1780000000,"channel":"one","line":"l","creative":"c","break":7,'
            b'"slot":1,"value":4,"prev":"' + hashlib.sha256(bytes(32) + first).hexdigest()[:16].encode() + b'"}')
    chain = hashlib.sha256(hashlib.sha256(bytes(32) + first).digest() + line).hexdigest().encode()
    seal = b'{"seal":1,"hash":"' + chain + b'","at":1780000000,"final":true,"signature":"' + b"cd" * 64 + b'"}'
    for name, one in (("header", first), ("impression", line), ("seal", seal)):
        yield "line-" + name, b"\1" + one
    yield "file", b"\2" + b"\n".join((first, line, seal, b""))
    yield "file-torn", b"\2" + b"\n".join((first, line[:50]))


# --- learning ---------------------------------------------------------------------------------------------------------

def learning_seeds():
    head = (b'{"number":3,"release":"4.17","made":"2026-06-01T00:01:00Z","from":"2026-06-01T00:01:10Z","dimension":2,"gamma":24000,'
            b'"gammaMost":500,"noise":1000,"arms":')
    yield "model", b"\0" + head + b'[["creative",9,[500000,0]],["creative/tea/spring",4,[600000,-100000]]]}'
    yield "model-empty", b"\0" + head + b"[]}"
    yield "model-descending", b"\0" + head + b'[["creative/b",9,[5,0]],["creative/a",4,[6,-1]]]}'
    sums = struct.pack("<35d", *([1.5] + [0.25] * 30 + [0.5] * 4)) + struct.pack("<4d", *[0.5] * 4)
    arm = lambda name: struct.pack("<H", len(name)) + name + sums
    state = struct.pack("<IIBq", 0x31544C44, 4, 1, 1_780_000_000_000_000)
    yield "state", b"\1" + state + struct.pack("<I", 1) + arm(b"creative") + struct.pack("<I", 1) + arm(b"creative/a")
    yield "state-empty", b"\1" + state + struct.pack("<II", 0, 0)
    yield "state-torn", b"\1" + state + struct.pack("<I", 2) + arm(b"creative")


def main():
    for folder, seeds, prefix in (("chunk", chunk_seeds(), b"\x80"), ("amf0", amf0_seeds(), b""),
                                  ("flv", flv_seeds(), b""), ("h264", h264_seeds(), b""),
                                  ("control", control_seeds(), b""), ("rules", rules_seeds(), b""),
                                  ("breaks", breaks_seeds(), b""), ("spool", spool_seeds(), b""),
                                  ("ledger", ledger_seeds(), b""), ("learning", learning_seeds(), b"")):
        target = HERE / folder
        target.mkdir(parents=True, exist_ok=True)
        for old in target.iterdir():
            if not old.name.startswith("found-"):
                old.unlink()
        for name, data in seeds:
            # Chunk seeds: whole, with a publisher's limits, but what tests those before publish: in pieces of 100.
            head = b"\x64" if prefix and name == "too-large" else prefix
            (target / name).write_bytes(head + data)
        print(f"{folder}: {len(list(target.iterdir()))} seeds")


if __name__ == "__main__":
    main()
