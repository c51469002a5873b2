# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import blocks  # noqa: E402


def picture(width, height, value, flash=False, level=90):
    gray = bytearray([level]) * (width * height)
    blocks.draw_row(gray, width, height, value, flash)
    return gray


class Blocks(unittest.TestCase):
    def test_a_number_reads_back_at_every_size_of_the_ladder(self):
        for width, height in ((1920, 1080), (1280, 720), (854, 480), (640, 360), (426, 240), (320, 180)):
            for value in (0, 1, 0x555555, 0xAAAAAA, 0xFFFFFF, 0x800000 + 5 * 4096 + 77):
                self.assertEqual(blocks.read_blocks(picture(width, height, value), width, height), value, (width, height))

    def test_a_picture_without_a_row_has_no_number(self):
        for level in (0, 128, 255):
            self.assertIsNone(blocks.read_blocks(bytes([level]) * (640 * 360), 640, 360))
        gradient = bytes((x * 255 // 639) for _ in range(360) for x in range(640))
        self.assertIsNone(blocks.read_blocks(gradient, 640, 360))

    def test_one_wrong_cell_is_noticed(self):
        for k in range(2, 27):
            gray = picture(640, 360, 0x123456)
            for y in range(4, 12):
                for x in range((16 + 16 * k) // 2, (32 + 16 * k) // 2):
                    gray[y * 640 + x] = 251 - gray[y * 640 + x]
            self.assertIsNone(blocks.read_blocks(gray, 640, 360), k)

    def test_a_cell_that_is_neither_black_nor_white_is_noticed(self):
        gray = picture(640, 360, 0x123456)
        for y in range(4, 12):
            for x in range(80, 88):
                gray[y * 640 + x] = 126
        self.assertIsNone(blocks.read_blocks(gray, 640, 360))

    def test_the_flash_square_is_told_apart(self):
        self.assertGreater(blocks.flash_level(picture(640, 360, 9, True), 640, 360), 200)
        self.assertLess(blocks.flash_level(picture(640, 360, 9, False), 640, 360), 40)

    def test_a_value_tells_what_is_shown(self):
        self.assertEqual(blocks.describe(1234), ("programme", 1234))
        for media_id in blocks.AD_IDS:
            self.assertEqual(blocks.describe(blocks.media_base(media_id) + 449), (media_id, 449))
        self.assertEqual(blocks.describe(0x800000 + 200 * 4096)[0], "unknown-200")

    def test_more_than_24_bits_are_refused(self):
        with self.assertRaises(ValueError):
            blocks.cells_of(1 << 24)
