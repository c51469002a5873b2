# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Public headers say what they are for, and so does each class and function in them.

A heuristic over lines, not a parser. A public header is one that lies in a module's folder, not below impl/. It begins
with the two SPDX lines and a comment that says what it is for; each class, and each function at namespace level, has a
comment above it or beside it, shares one with the declarations directly above it, or is what the header's own comment is
about: by name, or because the file is called after it. A further overload needs none. A struct or enum may explain itself
by comments inside, and when it has at most four lines, by the names in it.
"""
from __future__ import annotations

import re

_TYPE = re.compile(r"^(?:template\s*<[^;{]*>\s*)?(class|struct|enum(?:\s+class|\s+struct)?|union)\s+(?:\[\[[^\]]*\]\]\s*)?(\w+)(?!\w*::)")
_SMALL = 4  # lines of a struct that need no comment
_FUNCTION = re.compile(r"^(?!using\b|typedef\b|namespace\b|return\b|if\b|for\b|while\b|#|//|\}|static_assert\b|friend\b|extern\b)"
                       r"(?:template\s*<[^;{]*>\s*)?[\w:<>,&*\[\]\s.]+?[\s&*>]([A-Za-z_]\w*|operator\W{1,3})\s*\(")


def _strip(line: str) -> str:
    """Without strings, characters and comments, so that braces count."""
    line = re.sub(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)\'', '""', line)
    return re.sub(r"//.*", "", line)


def public(name: str) -> bool:
    parts = name.split("/")
    return name.endswith(".h") and len(parts) == 3 and parts[0] in ("shared", "node", "studio")


def check_text(name: str, text: str):
    lines = text.splitlines()
    body = [line for line in lines if not line.startswith("#!")]
    head = body[2:] if len(body) > 2 else []
    purpose = []
    for line in head:
        if not line.startswith("//"):
            break
        purpose.append(line.strip("/ "))
    if not any(purpose):
        yield (name, 1, "headers", "expected a comment after the SPDX lines that says what this header is for")

    about = " ".join(purpose).lower()
    file = name.rsplit("/", 1)[-1][:-2].replace("_", "")
    described: set[str] = set()  # functions of which an overload has a comment

    def explained(label: str) -> bool:
        return label.lower() == file or bool(re.search(rf"\b{re.escape(label.lower())}s?\b", about)) or label in described

    depth = 0            # of braces that are not namespaces'
    spaces = 0           # open namespaces
    documented = False   # by the comment above, or by that of the declaration above
    statement = ""       # of the declaration so far, when it goes on
    pending = None       # a struct or enum that may still explain itself inside: [line, word, name, depth]
    for number, line in enumerate(lines, 1):
        code = _strip(line).strip()
        if depth == 0 and not statement:
            if line.strip().startswith("//"):
                documented = True
                continue
            if not line.strip():
                documented = False
                continue
            if code.startswith("#"):
                continue
            if code.startswith("template") and not re.search(r"[{;]", code):
                continue  # the next line says what it is a template of
            opened = re.match(r"(?:inline\s+)?namespace\b[^{;]*\{", code)
            if opened:
                spaces += code.count("{")
                continue
            if code.startswith("}") and spaces > 0:
                spaces -= 1
                continue
            beside = "//" in re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)
            kind = _TYPE.match(code)
            function = None if kind else _FUNCTION.match(code)
            what = kind or function
            if what and not documented and not beside and not re.fullmatch(r"(class|struct|enum class) \w+;", code):
                word, label = (kind[1].split()[0], kind[2]) if kind else ("function", function[1])
                if explained(label):
                    documented = True
                elif word == "class" or word == "function":
                    yield (name, number, "headers", f"{word} {label} has no comment")
                elif code.count("{") > code.count("}"):
                    pending = [number, word, label]
                # a struct on one line says what it is by its names
            elif what:
                documented = True
                if function:
                    described.add(function[1])
        elif pending and "//" in line:
            pending = None
        statement = code if depth == 0 and code and not re.search(r"[;{}]\s*$", code) and not code.startswith("#") else ""
        depth += code.count("{") - code.count("}")
        if depth <= 0:
            depth = 0
            if code.startswith("}"):
                documented = True  # what follows without a blank line belongs to it
            if pending and number > pending[0]:
                if number - pending[0] - 1 > _SMALL:
                    yield (name, pending[0], "headers", f"{pending[1]} {pending[2]} has no comment")
                pending = None


def check(tree):
    """Yields (path, line, rule, text)."""
    for name in tree.code(".h"):
        if public(name):
            yield from check_text(name, tree.text(name) or "")
