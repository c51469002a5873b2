# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Which folder may include which: the table in docs/design/README.md, section 3, is the law, and is read from there.

Reading it: a row is "folders | what they may use". Several folders, or several lists, are parted by ';' and pair up;
one list is for all folders of its row. A name without a folder before it belongs to the row's own tree when there is
such a folder, else to shared/. '-' is nothing, 'x/*' and 'all of x' are a whole tree, 'all' is everything; what stands
in brackets is a remark. Everybody may use shared/base and shared/model.
"""
from __future__ import annotations

import re

DESIGN = "docs/design/README.md"
FOR_ALL = ("shared/base", "shared/model")
BASE = {"shared/base": set(), "shared/model": {"shared/base"}}
TREES = ("shared", "node", "studio")


def _split_folders(cell: str) -> list[list[str]]:
    """'shared/release; protocol' -> [['shared/release'], ['shared/protocol']]: the tree is carried on."""
    groups, tree = [], ""
    for group in cell.split(";"):
        names = []
        for name in filter(None, (n.strip(" `") for n in group.split(","))):
            if "/" in name:
                tree = name.split("/")[0]
            names.append(name if "/" in name else f"{tree}/{name}")
        groups.append(names)
    return groups


def _allowed(words: str, tree: str, known: set[str]) -> set[str]:
    words = re.sub(r"\([^)]*\)", "", words).strip()
    if words == "all":
        return {f"{t}/*" for t in TREES}
    if match := re.fullmatch(r"all of (.+)", words):
        return {f"{t.strip()}/*" for t in re.split(r",| and ", match[1]) if t.strip()}
    out = set()
    for name in filter(None, (re.sub(r"'s .*", "", n).strip(" `") for n in words.split(","))):
        if name == "-":
            continue
        if "/" not in name:
            name = f"{tree}/{name}" if f"{tree}/{name}" in known else f"shared/{name}"
        out.add(name)
    return out


def parse(design: str) -> dict[str, set[str]]:
    """folder -> what it may use. ValueError when the table is not there or does not make sense."""
    rows = []
    lines = iter(design.splitlines())
    for line in lines:
        if re.match(r"\|\s*folder\s*\|\s*may use\s*\|", line):
            next(lines, None)
            break
    for line in lines:
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if not line.startswith("|") or len(cells) != 2:
            break
        rows.append((_split_folders(cells[0]), re.split(r";(?![^(]*\))", cells[1])))
    if not rows:
        raise ValueError("the table 'folder | may use' is missing")
    known = {name for groups, _ in rows for group in groups for name in group}
    table: dict[str, set[str]] = {k: set(v) for k, v in BASE.items()}
    for groups, lists in rows:
        if len(lists) not in (1, len(groups)):
            raise ValueError(f"{len(groups)} folders and {len(lists)} lists do not pair up in the row of {groups[0][0]}")
        for index, group in enumerate(groups):
            for name in group:
                table[name] = _allowed(lists[index if len(lists) > 1 else 0], name.split("/")[0], known)
    for name, uses in table.items():
        for use in uses:
            if not use.endswith("/*") and use not in known and use not in FOR_ALL:
                raise ValueError(f"{name} may use {use}, which no row describes")
    return table


def may(table: dict[str, set[str]], user: str, used: str) -> bool:
    if user == used:
        return True
    if user not in BASE and used in FOR_ALL:
        return True
    uses = table.get(user, set())
    return used in uses or used.split("/")[0] + "/*" in uses


def check(tree):
    """Yields (path, line, rule, text)."""
    design = tree.text(DESIGN) if DESIGN in tree.files else None
    if design is None:
        yield (DESIGN, 0, "arrows", "is missing: it holds the table of arrows")
        return
    try:
        table = parse(design)
    except ValueError as error:
        yield (DESIGN, 0, "arrows", str(error))
        return
    reported = set()
    for name in tree.code(".h", ".cpp"):
        parts = name.split("/")
        module = "/".join(parts[:2]) if parts[0] in TREES and len(parts) > 2 else None
        if module and module not in table and module not in reported:
            reported.add(module)
            yield (name, 0, "arrows", f"{module} has no row in the table of {DESIGN}, section 3")
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if not match:
                continue
            target = match[2].split("/")
            if match[1] == "<" and re.match(r"lib(av|sw)\w+/", match[2]) and module and not name.startswith("shared/media/"):
                yield (name, number, "arrows", f"{match[2]}: libav is named in shared/media only")
            if match[1] == "<" or not module:
                continue
            if len(target) < 3 or target[0] not in TREES:
                if not (tree.root / match[2]).is_file():
                    yield (name, number, "arrows", f'"{match[2]}": includes are from the repository root')
                continue
            used = "/".join(target[:2])
            if not may(table, module, used):
                yield (name, number, "arrows", f"{module} may not use {used} ({DESIGN}, section 3)")
            elif used != module and "impl" in target[2:-1]:
                yield (name, number, "arrows", f"{match[2]} is inside {used}: use its public headers")
