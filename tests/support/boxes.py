# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Reads (and, for synthetic recordings, writes) the ISO BMFF boxes of CMAF: init segments and fragments.

A parser of its own, independent of the node's writer and of libav, so that both can be wrong without agreeing. ISO/IEC
14496-12 (boxes), 14496-15 (avcC), 14496-1 (esds). Everything is bounds checked; what is malformed raises BoxError.
"""
from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator


class BoxError(ValueError):
    """The bytes are not the boxes they should be."""


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[str, int, int]]:
    """(type, first byte of the payload, end) of each box in data[start:end]."""
    end = len(data) if end is None else end
    at = start
    while at < end:
        if end - at < 8:
            raise BoxError(f"{end - at} stray bytes at {at}")
        size, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if size == 1:
            if end - at < 16:
                raise BoxError("large box header is cut off")
            size = struct.unpack_from(">Q", data, at + 8)[0]
            body = at + 16
        elif size == 0:
            size = end - at
        if size < body - at or at + size > end:
            raise BoxError(f"box {kind!r} at {at} has size {size}, {end - at} bytes are left")
        yield kind.decode("latin-1"), body, at + size
        at += size


def find(data: bytes, path: str, start: int = 0, end: int | None = None) -> tuple[int, int] | None:
    """Payload range of the first box at path ("moov/trak/mdia"), or None."""
    where = (start, len(data) if end is None else end)
    for name in path.split("/"):
        for kind, body, stop in boxes(data, *where):
            if kind == name:
                where = (body, stop)
                break
        else:
            return None
    return where


def need(data: bytes, path: str, start: int = 0, end: int | None = None) -> tuple[int, int]:
    found = find(data, path, start, end)
    if found is None:
        raise BoxError(f"no {path} box")
    return found


# ---- init segments

@dataclasses.dataclass
class InitFacts:
    kind: str = ""            # "video" or "audio"
    track_id: int = 0
    timescale: int = 0
    codec: str = ""           # RFC 6381: avc1.640020, mp4a.40.2
    width: int = 0            # of the sample entry
    height: int = 0
    sps_width: int = 0        # of the picture after cropping; 0 when the SPS could not be read
    sps_height: int = 0
    sample_rate: int = 0
    channels: int = 0
    default_duration: int = 0  # trex
    default_size: int = 0
    default_flags: int = 0
    edit_media_time: int | None = None  # of an edit list, when there is one


class _Bits:
    def __init__(self, data: bytes):
        self.bits = "".join(f"{byte:08b}" for byte in data)
        self.at = 0

    def u(self, count: int) -> int:
        if self.at + count > len(self.bits):
            raise BoxError("SPS is cut off")
        value = int(self.bits[self.at:self.at + count] or "0", 2)
        self.at += count
        return value

    def ue(self) -> int:
        zeros = 0
        while self.u(1) == 0:
            zeros += 1
            if zeros > 31:
                raise BoxError("bad Exp-Golomb code")
        return (1 << zeros) - 1 + self.u(zeros) if zeros else 0

    def se(self) -> int:
        k = self.ue()
        return (k + 1) // 2 if k & 1 else -(k // 2)


def sps_size(sps: bytes) -> tuple[int, int]:
    """Width and height of the cropped picture (H.264 7.3.2.1.1)."""
    raw = sps.replace(b"\x00\x00\x03", b"\x00\x00")
    bits = _Bits(raw[1:])
    profile = bits.u(8)
    bits.u(16)
    bits.ue()
    chroma = 1
    if profile in (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135):
        chroma = bits.ue()
        if chroma == 3:
            bits.u(1)
        bits.ue(), bits.ue(), bits.u(1)
        if bits.u(1):
            for k in range(8 if chroma != 3 else 12):
                if bits.u(1):
                    last = following = 8
                    for _ in range(16 if k < 6 else 64):
                        if following:
                            following = (last + bits.se()) % 256
                        last = following or last
    bits.ue()
    order = bits.ue()
    if order == 0:
        bits.ue()
    elif order == 1:
        bits.u(1), bits.se(), bits.se()
        for _ in range(min(bits.ue(), 255)):
            bits.se()
    bits.ue(), bits.u(1)
    width = (bits.ue() + 1) * 16
    map_units = bits.ue() + 1
    frames_only = bits.u(1)
    height = map_units * 16 * (2 - frames_only)
    if not frames_only:
        bits.u(1)
    bits.u(1)
    if bits.u(1):
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        x = 2 if chroma in (1, 2) else 1
        y = (2 if chroma == 1 else 1) * (2 - frames_only)
        width -= (left + right) * x
        height -= (top + bottom) * y
    return width, height


def _descriptor(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """(tag, first byte, end) of an MPEG-4 descriptor."""
    if at + 2 > end:
        raise BoxError("esds is cut off")
    tag, size, at = data[at], 0, at + 1
    for _ in range(4):
        if at >= end:
            raise BoxError("esds is cut off")
        byte = data[at]
        at += 1
        size = size << 7 | byte & 0x7F
        if not byte & 0x80:
            break
    if at + size > end:
        raise BoxError("descriptor overruns esds")
    return tag, at, at + size


def _audio_codec(data: bytes, body: int, end: int) -> str:
    """mp4a.OO.A from an esds payload."""
    tag, at, stop = _descriptor(data, body + 4, end)
    if tag != 3:
        raise BoxError("no ES_Descriptor")
    flags = data[at + 2]
    at += 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
    if flags & 0x40:
        at += 1 + data[at]
    tag, at, stop = _descriptor(data, at, stop)
    if tag != 4:
        raise BoxError("no DecoderConfigDescriptor")
    object_type = data[at]
    tag, at, stop = _descriptor(data, at + 13, stop)
    if tag != 5 or at >= stop:
        raise BoxError("no DecoderSpecificInfo")
    audio_type = data[at] >> 3
    if audio_type == 31:
        audio_type = 32 + ((data[at] & 7) << 3 | data[at + 1] >> 5)
    return f"mp4a.{object_type:x}.{audio_type}"


def parse_init(data: bytes) -> InitFacts:
    try:
        return _parse_init(data)
    except (struct.error, IndexError) as error:
        raise BoxError(f"init is cut off: {error}") from error


def _parse_init(data: bytes) -> InitFacts:
    facts = InitFacts()
    moov = need(data, "moov")
    tracks = [(b, e) for kind, b, e in boxes(data, *moov) if kind == "trak"]
    if len(tracks) != 1:
        raise BoxError(f"{len(tracks)} tracks in init")
    trak = tracks[0]
    body, _ = need(data, "tkhd", *trak)
    facts.track_id = struct.unpack_from(">I", data, body + (20 if data[body] == 1 else 12))[0]
    body, _ = need(data, "mdia/mdhd", *trak)
    facts.timescale = struct.unpack_from(">I", data, body + (20 if data[body] == 1 else 12))[0]
    body, _ = need(data, "mdia/hdlr", *trak)
    facts.kind = {b"vide": "video", b"soun": "audio"}.get(data[body + 8:body + 12], "other")
    edit = find(data, "edts/elst", *trak)
    if edit and struct.unpack_from(">I", data, edit[0] + 4)[0]:
        facts.edit_media_time = struct.unpack_from(">q" if data[edit[0]] == 1 else ">i", data, edit[0] + (16 if data[edit[0]] == 1 else 12))[0]
    body, end = need(data, "mdia/minf/stbl/stsd", *trak)
    entries = list(boxes(data, body + 8, end))
    if len(entries) != 1:
        raise BoxError(f"{len(entries)} sample entries")
    kind, body, end = entries[0]
    if facts.kind == "video":
        facts.width, facts.height = struct.unpack_from(">HH", data, body + 24)
        avcc, stop = need(data, "avcC", body + 78, end)
        facts.codec = f"{kind}.{data[avcc + 1]:02x}{data[avcc + 2]:02x}{data[avcc + 3]:02x}"
        if data[avcc + 5] & 31 and avcc + 8 < stop:
            size = struct.unpack_from(">H", data, avcc + 6)[0]
            facts.sps_width, facts.sps_height = sps_size(data[avcc + 8:min(avcc + 8 + size, stop)])
    elif facts.kind == "audio":
        facts.channels = struct.unpack_from(">H", data, body + 16)[0]
        facts.sample_rate = struct.unpack_from(">I", data, body + 24)[0] >> 16
        esds, stop = need(data, "esds", body + 28, end)
        facts.codec = _audio_codec(data, esds, stop)
    trex = find(data, "mvex/trex", *moov)
    if trex is None:
        raise BoxError("no mvex/trex box: not an init of fragments")
    _, _, facts.default_duration, facts.default_size, facts.default_flags = struct.unpack_from(">5I", data, trex[0] + 4)
    return facts


# ---- media segments

@dataclasses.dataclass
class SegmentFacts:
    tfdt: int = 0
    duration: int = 0           # sum over all fragments
    samples: int = 0
    fragments: int = 0
    sync_first: bool = False    # first sample is flagged as sync
    idr_first: bool | None = None  # first sample holds an IDR slice; None: not video or not readable
    inner_gaps: list = dataclasses.field(default_factory=list)  # (fragment, tfdt, expected) where fragments do not join
    sample_durations: dict = dataclasses.field(default_factory=dict)  # duration -> count
    moof_sequence: list = dataclasses.field(default_factory=list)

    @property
    def end(self) -> int:
        return self.tfdt + self.duration


NON_SYNC = 0x00010000


def parse_segment(data: bytes, init: InitFacts | None = None) -> SegmentFacts:
    try:
        return _parse_segment(data, init or InitFacts())
    except (struct.error, IndexError) as error:
        raise BoxError(f"segment is cut off: {error}") from error


def _parse_segment(data: bytes, init: InitFacts) -> SegmentFacts:
    facts = SegmentFacts()
    expected = None
    moof_at = None
    top = 0
    first_sample: tuple[int, int] | None = None
    saw_mdat = True
    for kind, body, end in boxes(data):
        if kind == "moof":
            if not saw_mdat:
                raise BoxError("moof without mdat")
            saw_mdat = False
            moof_at = top
            sequence = find(data, "mfhd", body, end)
            if sequence:
                facts.moof_sequence.append(struct.unpack_from(">I", data, sequence[0] + 4)[0])
            tfdt, duration, samples, flags, position, size = _parse_traf(data, *need(data, "traf", body, end), init, moof_at)
            if facts.fragments == 0:
                facts.tfdt = tfdt
                facts.sync_first = not flags & NON_SYNC
                first_sample = (position, size)
            elif tfdt != expected:
                facts.inner_gaps.append((facts.fragments, tfdt, expected))
            expected = tfdt + duration
            facts.duration += duration
            for d, n in samples.items():
                facts.sample_durations[d] = facts.sample_durations.get(d, 0) + n
                facts.samples += n
            facts.fragments += 1
        elif kind == "mdat":
            saw_mdat = True
        top = end
    if facts.fragments == 0:
        raise BoxError("no moof box")
    if not saw_mdat:
        raise BoxError("moof without mdat")
    if init.kind == "video" and first_sample:
        facts.idr_first = _has_idr(data, *first_sample)
    return facts


def _parse_traf(data, body, end, init, moof_at):
    """(tfdt, duration, {sample duration: count}, first sample's flags, its position, its size)"""
    at, stop = need(data, "tfhd", body, end)
    flags = struct.unpack_from(">I", data, at)[0] & 0xFFFFFF
    track = struct.unpack_from(">I", data, at + 4)[0]
    if init.track_id and track != init.track_id:
        raise BoxError(f"track {track}, init has {init.track_id}")
    at += 8
    base = moof_at
    if flags & 1:
        base = struct.unpack_from(">Q", data, at)[0]
        at += 8
    if flags & 2:
        at += 4
    duration_default, size_default, flags_default = init.default_duration, init.default_size, init.default_flags
    if flags & 8:
        duration_default = struct.unpack_from(">I", data, at)[0]
        at += 4
    if flags & 16:
        size_default = struct.unpack_from(">I", data, at)[0]
        at += 4
    if flags & 32:
        flags_default = struct.unpack_from(">I", data, at)[0]
    at, _ = need(data, "tfdt", body, end)
    tfdt = struct.unpack_from(">Q" if data[at] == 1 else ">I", data, at + 4)[0]
    total, durations, first_flags, position, first_size = 0, {}, None, base, 0
    for kind, at, stop in boxes(data, body, end):
        if kind != "trun":
            continue
        flags, count = struct.unpack_from(">II", data, at)
        flags &= 0xFFFFFF
        if count > 100_000:
            raise BoxError(f"{count} samples in one trun")
        at += 8
        offset = 0
        if flags & 1:
            offset = struct.unpack_from(">i", data, at)[0]
            at += 4
        run_first = flags_default
        if flags & 4:
            run_first = struct.unpack_from(">I", data, at)[0]
            at += 4
        for k in range(count):
            duration, size, sample_flags = duration_default, size_default, run_first if k == 0 else flags_default
            if flags & 0x100:
                duration = struct.unpack_from(">I", data, at)[0]
                at += 4
            if flags & 0x200:
                size = struct.unpack_from(">I", data, at)[0]
                at += 4
            if flags & 0x400:
                sample_flags = struct.unpack_from(">I", data, at)[0]
                at += 4
            if flags & 0x800:
                at += 4
            if first_flags is None:
                first_flags, position, first_size = sample_flags, base + offset, size
            total += duration
            durations[duration] = durations.get(duration, 0) + 1
        if at > stop:
            raise BoxError("trun is cut off")
    if first_flags is None:
        raise BoxError("no samples")
    return tfdt, total, durations, first_flags, position, first_size


def _has_idr(data: bytes, position: int, size: int) -> bool:
    """Whether a sample of 4-byte length-prefixed NAL units holds a slice of an IDR picture and no other slice."""
    end = min(position + size, len(data))
    at, idr = position, False
    while at + 5 <= end:
        length = struct.unpack_from(">I", data, at)[0]
        kind = data[at + 4] & 31
        if kind == 5:
            idr = True
        elif kind == 1:
            return False
        at += 4 + length
    return idr


# ---- writing, for synthetic recordings

def box(kind: str, *payload: bytes) -> bytes:
    body = b"".join(payload)
    return struct.pack(">I4s", len(body) + 8, kind.encode()) + body


def full(kind: str, version: int, flags: int, *payload: bytes) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *payload)


def make_sps(width: int, height: int, profile: int = 100, level: int = 30) -> bytes:
    """A minimal High profile SPS. width and height even."""
    bits = ""

    def ue(value: int) -> str:
        text = f"{value + 1:b}"
        return "0" * (len(text) - 1) + text

    mbs_x, mbs_y = -(-width // 16), -(-height // 16)
    bits += f"{profile:08b}{0:08b}{level:08b}" + ue(0) + ue(1) + ue(0) + ue(0) + "00"
    bits += ue(0) + ue(0) + ue(0) + ue(1) + "0" + ue(mbs_x - 1) + ue(mbs_y - 1) + "1" + "1"
    crop_x, crop_y = (mbs_x * 16 - width) // 2, (mbs_y * 16 - height) // 2
    bits += ("1" + ue(0) + ue(crop_x) + ue(0) + ue(crop_y)) if crop_x or crop_y else "0"
    bits += "0" + "1"
    bits += "0" * (-len(bits) % 8)
    raw = bytes(int(bits[k:k + 8], 2) for k in range(0, len(bits), 8))
    return b"\x67" + raw.replace(b"\x00\x00\x01", b"\x00\x00\x03\x01").replace(b"\x00\x00\x00", b"\x00\x00\x03\x00")


def make_init(kind: str, timescale: int, width: int = 0, height: int = 0, default_duration: int = 0, level: int = 30) -> bytes:
    """An init segment: H.264 High video or AAC-LC stereo sound."""
    if kind == "video":
        sps, pps = make_sps(width, height, 100, level), b"\x68\xee\x3c\x80"
        avcc = box("avcC", bytes([1, 100, 0, level, 0xFF, 0xE1]), struct.pack(">H", len(sps)), sps, b"\x01", struct.pack(">H", len(pps)), pps)
        entry = box("avc1", bytes(6), struct.pack(">H", 1), bytes(16), struct.pack(">HH", width, height),
                    struct.pack(">IIIH", 0x480000, 0x480000, 0, 1), bytes(32), struct.pack(">Hh", 24, -1), avcc)
    else:
        esds = full("esds", 0, 0, bytes([3, 25, 0, 0, 0, 4, 17, 0x40, 0x15, 0, 0, 0]), bytes(8), bytes([5, 2, 0x11, 0x90, 6, 1, 2]))
        entry = box("mp4a", bytes(6), struct.pack(">H", 1), bytes(8), struct.pack(">HHHHI", 2, 16, 0, 0, 48000 << 16), esds)
    empty = [full("stts", 0, 0, bytes(4)), full("stsc", 0, 0, bytes(4)), full("stsz", 0, 0, bytes(8)), full("stco", 0, 0, bytes(4))]
    stbl = box("stbl", full("stsd", 0, 0, struct.pack(">I", 1), entry), *empty)
    header = full("vmhd", 0, 1, bytes(8)) if kind == "video" else full("smhd", 0, 0, bytes(4))
    handler = full("hdlr", 0, 0, bytes(4), b"vide" if kind == "video" else b"soun", bytes(12), b"\x00")
    minf = box("minf", header, box("dinf", full("dref", 0, 0, struct.pack(">I", 1), full("url ", 0, 1))), stbl)
    mdia = box("mdia", full("mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, timescale, 0, 0x55C4, 0)), handler, minf)
    tkhd = full("tkhd", 0, 3, struct.pack(">IIIII", 0, 0, 1, 0, 0), bytes(8), struct.pack(">HHHH", 0, 0, 0, 0),
                struct.pack(">9I", 65536, 0, 0, 0, 65536, 0, 0, 0, 0x40000000), struct.pack(">II", width << 16, height << 16))
    mvhd = full("mvhd", 0, 0, struct.pack(">IIIIIH", 0, 0, 1000, 0, 65536, 256), bytes(10),
                struct.pack(">9I", 65536, 0, 0, 0, 65536, 0, 0, 0, 0x40000000), bytes(24), struct.pack(">I", 2))
    trex = full("trex", 0, 0, struct.pack(">IIIII", 1, 1, default_duration, 0, NON_SYNC if kind == "video" else 0))
    return box("ftyp", b"iso6", bytes(4), b"iso6cmfc") + box("moov", mvhd, box("trak", tkhd, mdia), box("mvex", trex))


def make_segment(kind: str, tfdt: int, duration: int, count: int, payload: bytes | None = None, sync: bool = True,
                 sequence: int = 1, filler: int = 0) -> bytes:
    """One fragment of `count` samples that share one duration; the first holds the payload, the others `filler` zero bytes.

    Samples without bytes keep recordings small; libav reads only such as have some.
    """
    if payload is None:
        payload = b"\x00\x00\x00\x02\x65\x88" if sync and kind == "video" else b"\x00\x00\x00\x02\x41\x9a" if kind == "video" else b"\x21\x10"
    if kind == "video":
        first = 0x02000000 if sync else NON_SYNC
    else:
        first = 0x02000000
    def moof(offset: int) -> bytes:
        tfhd = full("tfhd", 0, 0x020018, struct.pack(">III", 1, duration, filler))
        # Two runs: the first sample with a size of its own, the rest by default.
        one = full("trun", 0, 0x205, struct.pack(">IiII", 1, offset, first, len(payload)))
        rest = full("trun", 0, 0x001, struct.pack(">Ii", count - 1, offset + len(payload))) if count > 1 else b""
        return box("moof", full("mfhd", 0, 0, struct.pack(">I", sequence)), box("traf", tfhd, full("tfdt", 1, 0, struct.pack(">Q", tfdt)), one, rest))

    header = moof(0)
    return moof(len(header) + 8) + box("mdat", payload, bytes(filler * (count - 1)))
