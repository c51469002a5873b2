# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""docs/reference/rights.md: two generated parts, each written by a test of its own."""
from __future__ import annotations

import pathlib

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference" / "rights.md"
COMMANDS = "\n## Orders to a node\n"  # begins the second part


def _parts() -> dict[str, str]:
    text = DOCUMENT.read_text(encoding="utf-8")
    at = text.find(COMMANDS)
    return {"database": text, "commands": ""} if at < 0 else {"database": text[:at], "commands": text[at:]}


def read(part: str) -> str:
    return _parts()[part]


def write(part: str, text: str) -> None:
    parts = {**_parts(), part: text}
    DOCUMENT.write_text(parts["database"] + parts["commands"], encoding="utf-8")
