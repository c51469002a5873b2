# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""The machine-readable row on every frame of the demo media: what it looks like, and how to read it back.

In the coordinates of a 1280x720 picture the top left corner holds a black plate with a row of 28 cells of 16x16 pixels:
white, black, 24 bits (most significant first, white is 1), one parity bit (even over the 24), white. Right of it lies the
flash: white on the frames that begin a clap, black on all others; a larger square below does the same for people. All that
is read lies in the top 32 lines, which overlays leave alone. Everything scales with the picture.
"""
from __future__ import annotations

WIDTH, HEIGHT = 1280, 720
CELL = 16
CELLS = 28
ROW_X, ROW_Y = 16, 8
PLATE = (0, 0, 552, 32)  # x, y, w, h
FLASH = (488, 4, 48, 24)
SQUARE = (16, 48, 64, 64)  # the flash for people
FLASH_FRAMES = 2

AD_BIT = 0x800000
AD_IDS = ("ad-car-1", "ad-car-2", "ad-bistro-1", "ad-bistro-2", "ad-tea-1", "ad-tea-2", "ad-house-1", "ad-house-2",
          "clip-sports")


def cells_of(value: int) -> list[int]:
    """The 28 cells, left to right, 1 for white."""
    if not 0 <= value < 1 << 24:
        raise ValueError("24 bits only")
    bits = [(value >> k) & 1 for k in range(23, -1, -1)]
    return [1, 0, *bits, sum(bits) & 1, 1]


def media_base(media_id: str) -> int:
    """The value of frame 0 of an ad or clip. The programme starts at 0."""
    return AD_BIT + AD_IDS.index(media_id) * 4096


def describe(value: int) -> tuple[str, int]:
    """(id, frame) of a value: ("programme", n), or an ad's or clip's id and its frame."""
    if value < AD_BIT:
        return "programme", value
    index, frame = divmod(value - AD_BIT, 4096)
    return (AD_IDS[index] if index < len(AD_IDS) else f"unknown-{index}"), frame


def _mean(gray, width: int, x0: float, y0: float, x1: float, y1: float) -> float:
    """Mean of the pixels whose centres lie in the rectangle; at least one."""
    xa, xb = int(x0 + 0.5), max(int(x0 + 0.5) + 1, int(x1 + 0.5))
    ya, yb = int(y0 + 0.5), max(int(y0 + 0.5) + 1, int(y1 + 0.5))
    total = 0
    for y in range(ya, yb):
        total += sum(gray[y * width + xa:y * width + xb])
    return total / ((xb - xa) * (yb - ya))


def read_blocks(gray, width: int, height: int) -> int | None:
    """The 24-bit value of a picture, or None when there is no intact row (another picture, an overlay above it).

    gray: width*height luma bytes, row by row. Works from about 320x180 up.
    """
    sx, sy = width / WIDTH, height / HEIGHT
    margin = 4  # stay away from the cells' borders, which scaling blurs
    y0, y1 = (ROW_Y + margin) * sy, (ROW_Y + CELL - margin) * sy
    levels = []
    for k in range(CELLS):
        x = ROW_X + k * CELL
        levels.append(_mean(gray, width, (x + margin) * sx, y0, (x + CELL - margin) * sx, y1))
    white = min(levels[0], levels[-1])
    black = levels[1]
    if white - black < 80:
        return None
    low, high = black + (white - black) * 0.35, black + (white - black) * 0.65
    bits = []
    for level in levels[2:27]:
        if low < level < high:
            return None  # neither: blended with something
        bits.append(1 if level >= high else 0)
    if sum(bits) & 1:
        return None
    value = 0
    for bit in bits[:24]:
        value = value << 1 | bit
    return value


def flash_level(gray, width: int, height: int) -> float:
    """Mean luma of the flash's middle."""
    x, y, w, h = FLASH
    sx, sy = width / WIDTH, height / HEIGHT
    return _mean(gray, width, (x + w / 4) * sx, (y + h / 4) * sy, (x + w * 3 / 4) * sx, (y + h * 3 / 4) * sy)


def draw_row(gray: bytearray, width: int, height: int, value: int, flash: bool = False) -> None:
    """Paints the row and the square into a gray picture: for tests of whatever reads them."""
    sx, sy = width / WIDTH, height / HEIGHT

    def fill(x, y, w, h, level):
        for row in range(int(y * sy), int((y + h) * sy)):
            for column in range(int(x * sx), int((x + w) * sx)):
                gray[row * width + column] = level

    fill(*PLATE, 16)
    for k, bit in enumerate(cells_of(value)):
        fill(ROW_X + k * CELL, ROW_Y, CELL, CELL, 235 if bit else 16)
    fill(*FLASH, 235 if flash else 16)


def filter_chain(base: int, flash_every: int, flash_first: int) -> str:
    """The ffmpeg filters that draw row and square on 1280x720 frames, frame n carrying base + n."""
    def box(x, y, w, h, color, enable=None):
        return f"drawbox=x={x}:y={y}:w={w}:h={h}:color={color}:t=fill" + (f":enable='{enable}'" if enable else "")

    def cell(k, enable=None):
        return box(ROW_X + k * CELL, ROW_Y, CELL, CELL, "white", enable)

    chain = [box(*PLATE, "black"), cell(0), cell(27)]
    value = f"({base}+n)"
    for k in range(24):
        chain.append(cell(2 + k, f"mod(floor({value}/{1 << (23 - k)}),2)"))
    ones = "+".join(f"mod(floor({value}/{1 << k}),2)" for k in range(24))
    chain.append(cell(26, f"mod({ones},2)"))
    chain.append(box(*SQUARE, "black"))
    for area in (FLASH, SQUARE):
        chain.append(box(*area, "white", f"lt(mod(n-{flash_first}+{flash_every * 1000},{flash_every}),{FLASH_FRAMES})"))
    return ",".join(chain)
