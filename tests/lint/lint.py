#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Checks what a compiler does not: format, clang-tidy, arrows, headers, and the rest listed under RULES.

  ./dev lint            every rule on every file; clang-tidy on changed files, for at most --tidy-seconds
  ./dev lint --all      clang-tidy on every file, however long it takes
  ./dev lint --only arrows,format

Prints one line per finding, "path:line: rule: text", and a summary. Exit code 1 when a finding is an error.
"""
from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import arrows  # noqa: E402
import headers  # noqa: E402

MAX_BYTES = 1_000_000
WARN_LINES, MAX_LINES = 500, 700
CODE = {".h", ".cpp", ".py", ".mjs", ".js", ".sh"}
WITH_SPDX = CODE | {".cmake", ".css", ".html", ".toml", ".ts"}
# Paths of somebody's machine. Written in parts, so that this file does not find itself.
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:" + "|".join(["wo" + "rk/", "ro" + "ot/", "ho" + r"me/[A-Za-z]"]) + ")")
LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
COPYRIGHT = "SPDX-FileCopyrightText: The DVPE authors"


@dataclasses.dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    text: str
    error: bool = True

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.rule}{'' if self.error else ' (warning)'}: {self.text}"


class Tree:
    """The files to look at, relative to the root; read once each."""

    def __init__(self, root, files=None):
        self.root = pathlib.Path(root)
        self.files = sorted(files if files is not None else self._list())
        self._texts: dict[str, str | None] = {}

    def _list(self) -> list[str]:
        git = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=self.root, capture_output=True, check=False)
        if git.returncode == 0:
            names = [n for n in git.stdout.decode().split("\0") if n]
        else:  # an unpacked archive
            names = [str(p.relative_to(self.root)) for p in self.root.rglob("*")]
            names = [n for n in names if not n.startswith((".git/", "build/", "node_modules/")) and "__pycache__" not in n]
        return [n for n in names if (self.root / n).is_file()]

    def text(self, name: str) -> str | None:
        """None for what is not text, or too long to be."""
        if name not in self._texts:
            data = (self.root / name).read_bytes()[: 4 * MAX_BYTES]
            try:
                self._texts[name] = None if b"\0" in data else data.decode()
            except UnicodeDecodeError:
                self._texts[name] = None
        return self._texts[name]

    def code(self, *suffixes: str) -> list[str]:
        return [f for f in self.files if pathlib.PurePath(f).suffix in suffixes]


# ---- rules: each takes a tree and yields findings

def check_spdx(tree: Tree):
    for name in tree.files:
        text = tree.text(name)
        wanted = pathlib.PurePath(name).suffix in WITH_SPDX or pathlib.PurePath(name).name == "CMakeLists.txt"
        if text is None or not (wanted or text.startswith("#!")):
            continue
        head = text.splitlines()[:5]
        for line in (LICENCE, COPYRIGHT):
            if not any(line in have for have in head):
                yield Finding(name, 1, "spdx", f"expected '{line}' in the first lines")


def check_size(tree: Tree):
    for name in tree.files:
        size = (tree.root / name).stat().st_size
        if size > MAX_BYTES:
            yield Finding(name, 0, "size", f"{size} bytes; a file has at most {MAX_BYTES}")
        text = tree.text(name)
        if pathlib.PurePath(name).suffix in CODE and text is not None:
            lines = text.count("\n")
            if lines > WARN_LINES:
                yield Finding(name, 0, "size", f"{lines} lines; aim for {WARN_LINES}, at most {MAX_LINES}", lines > MAX_LINES)


def check_machine_paths(tree: Tree):
    for name in tree.files:
        for number, line in enumerate((tree.text(name) or "").splitlines(), 1):
            if found := MACHINE_PATHS.search(line):
                yield Finding(name, number, "words", f"'{found.group().strip()}' is a path of somebody's machine")


def check_readme(tree: Tree):
    have = set(tree.files)
    for name in tree.files:
        match = re.fullmatch(r"((?:shared|node|studio)/[^/]+)/CMakeLists\.txt", name)
        if match and f"{match[1]}/README.md" not in have:
            yield Finding(match[1], 0, "readme", "a module has a README.md: purpose, in, out, threads")


def check_arrows(tree: Tree):
    yield from (Finding(*found) for found in arrows.check(tree))


def check_headers(tree: Tree):
    yield from (Finding(*found) for found in headers.check(tree))


def check_syntax(tree: Tree):
    for name in tree.files:
        text = tree.text(name)
        if text is None:
            continue
        first = text.split("\n", 1)[0]
        if name.endswith(".py") or (first.startswith("#!") and "python" in first):
            try:
                compile(text, name, "exec")
            except (SyntaxError, ValueError) as error:
                yield Finding(name, getattr(error, "lineno", 0) or 0, "syntax", str(error))
        elif name.endswith((".sh", ".bash")) or (first.startswith("#!") and re.search(r"\b(ba)?sh\b", first)):
            result = subprocess.run(["bash", "-n", str(tree.root / name)], capture_output=True, text=True, check=False)
            if result.returncode != 0:
                yield Finding(name, 0, "syntax", (result.stderr.strip().splitlines() or ["bash -n fails"])[0])


def check_format(tree: Tree):
    tool = shutil.which("clang-format-14")
    if not tool:
        yield Finding("clang-format-14", 0, "format", "is not installed")
        return
    files = tree.code(".h", ".cpp")

    def look(some: list[str]):
        return subprocess.run([tool, "--dry-run", "-style=file", *some], cwd=tree.root, capture_output=True, text=True, check=False)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for result in pool.map(look, [files[i:i + 16] for i in range(0, len(files), 16)]):
            seen: dict[str, int] = {}
            for match in re.finditer(r"^(.+?):(\d+):\d+: \w+: code should be clang-formatted", result.stderr, re.M):
                seen.setdefault(match[1], int(match[2]))
            for path, line in seen.items():
                yield Finding(os.path.relpath(tree.root / path, tree.root), line, "format", "run ./dev format")
            if result.returncode != 0 and not seen:
                yield Finding("clang-format-14", 0, "format", result.stderr.strip()[:300])


RULES = {
    "spdx": check_spdx,
    "size": check_size,
    "words": check_machine_paths,
    "readme": check_readme,
    "arrows": check_arrows,
    "headers": check_headers,
    "syntax": check_syntax,
    "format": check_format,
}


# ---- clang-tidy: slow, so that it has a time of its own

def changed_files(root: pathlib.Path) -> set[str]:
    """What differs from where this branch left origin/main, or from HEAD; new files too. Empty on a clean checkout."""
    def git(*words: str) -> list[str]:
        result = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
        return result.stdout.split("\n") if result.returncode == 0 else []

    base = (git("merge-base", "HEAD", "origin/main") or ["HEAD"])[0] or "HEAD"
    names = git("diff", "--name-only", "--relative", base) + git("ls-files", "-o", "--exclude-standard")
    return {n for n in names if n}


def tidy_findings(root: pathlib.Path, output: str) -> list[Finding]:
    found = []
    for match in re.finditer(r"^(.+?):(\d+):\d+: (?:warning|error): (.+)$", output, re.M):
        path = pathlib.Path(match[1])
        if path.is_absolute() and root not in path.parents:
            continue
        name = os.path.relpath(root / path, root)
        if not name.startswith("build/"):
            found.append(Finding(name, int(match[2]), "tidy", match[3]))
    return found


def run_tidy(tree: Tree, everything: bool, seconds: float, preset: str) -> tuple[list[Finding], str]:
    """Findings, and what to say about what was not looked at."""
    database = tree.root / "build" / preset / "compile_commands.json"
    tool = shutil.which("clang-tidy-14")
    if not tool or not database.is_file():
        return [], f"clang-tidy skipped: {'no clang-tidy-14' if not tool else 'build first'}"
    known = database.read_text()
    files = [f for f in tree.code(".cpp") if f'"{tree.root / f}"' in known]
    if not everything:
        changed = changed_files(tree.root)
        files = [f for f in files if f in changed]
        files.sort(key=lambda f: -(tree.root / f).stat().st_mtime)  # what was just worked on comes first
    end = time.monotonic() + seconds
    findings: dict[Finding, None] = {}
    skipped = 0

    def look(name: str):
        left = end - time.monotonic()
        if not everything and left <= 1:
            return None
        try:
            return subprocess.run([tool, "-p", str(database.parent), "--quiet", "--extra-arg=-Wno-unknown-warning-option", name], cwd=tree.root, capture_output=True, text=True,
                                  check=False, timeout=None if everything else left)
        except subprocess.TimeoutExpired:
            return None

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for name, result in zip(files, pool.map(look, files)):
            if result is None:
                skipped += 1
                continue
            new = tidy_findings(tree.root.resolve(), result.stdout)
            if result.returncode != 0 and not new:
                new = [Finding(name, 0, "tidy", (result.stderr.strip().splitlines() or ["clang-tidy-14 fails"])[-1])]
            findings.update(dict.fromkeys(new))
    said = f"clang-tidy: {len(files) - skipped} of {len(files)} {'files' if everything else 'changed files'}"
    return list(findings), said + (f" ({skipped} left for --all)" if skipped else "")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="clang-tidy on every file")
    parser.add_argument("--only", help=f"comma-separated: {', '.join([*RULES, 'tidy'])}")
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parents[2], type=pathlib.Path)
    parser.add_argument("--preset", default="dev", help="whose compile_commands.json clang-tidy reads")
    parser.add_argument("--tidy-seconds", default=40, type=float, help="for clang-tidy without --all")
    options = parser.parse_args(arguments)
    chosen = options.only.split(",") if options.only else [*RULES, "tidy"]
    if unknown := set(chosen) - {*RULES, "tidy"}:
        parser.error(f"no such rule: {', '.join(sorted(unknown))}")

    start = time.monotonic()
    tree = Tree(options.root.resolve())
    findings: list[Finding] = []
    for rule in chosen:
        if rule != "tidy":
            findings += RULES[rule](tree)
    said = ""
    if "tidy" in chosen:
        found, said = run_tidy(tree, options.all, options.tidy_seconds, options.preset)
        findings += found
    for finding in sorted(findings, key=lambda f: (f.path, f.line, f.rule)):
        print(finding)
    errors = sum(f.error for f in findings)
    words = [f"{errors} errors", f"{len(findings) - errors} warnings", f"{len(tree.files)} files", f"{time.monotonic() - start:.1f} s"]
    print(f"lint: {', '.join(words)}{'; ' + said if said else ''}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
