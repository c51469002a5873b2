#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Each rule finds what it is for, on samples that are wrong in one way, and leaves alone what is right."""
from __future__ import annotations

import contextlib
import io
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import arrows  # noqa: E402
import lint  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
CPP = f"// {lint.LICENCE}\n// {lint.COPYRIGHT}\n"
HASH = f"# {lint.LICENCE}\n# {lint.COPYRIGHT}\n"
TABLE = """# x

| folder | may use |
|---|---|
| shared/media, rules | - |
| shared/release; protocol | -; release |
| shared/decisions | rules |
| node/timeline | - |
| node/ingest | timeline, shared/media |
| node/control | shared/protocol, shared/release (by adapters; in node/main) |
| node/main | all of node and shared |
| studio/widgets; session | -; shared/release, protocol, media |
| studio/features; shell | widgets, session, shell's registration, shared/*; all |

after
"""


class Samples(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-lint-"))
        self.addCleanup(shutil.rmtree, self.root)

    def tree(self, **files) -> lint.Tree:
        names = {}
        for name, content in files.get("files", {}).items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            names[name] = None
        return lint.Tree(self.root, names)

    def found(self, rule: str, files: dict) -> list[str]:
        return [str(f) for f in lint.RULES[rule](self.tree(files=files))]

    def test_spdx(self):
        self.assertEqual(self.found("spdx", {"a.cpp": CPP, "b.py": "#!/usr/bin/env python3\n" + HASH, "CMakeLists.txt": HASH,
                                             "data.json": "{}", "picture.h": b"\0"}), [])
        self.assertEqual(len(self.found("spdx", {"a.cpp": "int x;\n"})), 2)
        self.assertEqual(len(self.found("spdx", {"run": "#!/bin/sh\necho\n"})), 2)
        self.assertEqual(len(self.found("spdx", {"a.cpp": CPP.replace("3.0-or-later", "2.0")})), 1)

    def test_size(self):
        self.assertEqual(self.found("size", {"a.cpp": "\n" * 500, "long.md": "\n" * 5000}), [])
        findings = list(lint.RULES["size"](self.tree(files={"a.cpp": "\n" * 501, "b.py": "\n" * 701, "c.bin": b"x" * 1_000_001})))
        self.assertEqual([(f.path, f.error) for f in findings], [("a.cpp", False), ("b.py", True), ("c.bin", True)])

    def test_machine_paths(self):
        bad = ["/wo" + "rk/x", "cd /ro" + "ot/", "'/ho" + "me/ann/x'"]
        for text in bad:
            self.assertEqual(len(self.found("words", {"a.md": f"see\n{text}\n"})), 1, text)
        self.assertEqual(self.found("words", {"a.md": "https://x.org/root/a, ~/x, $HOME/x, network/x, /home/, /homestead\n"}), [])

    def test_readme(self):
        self.assertEqual(len(self.found("readme", {"node/x/CMakeLists.txt": ""})), 1)
        self.assertEqual(self.found("readme", {"node/x/CMakeLists.txt": "", "node/x/README.md": "", "tests/x/CMakeLists.txt": ""}), [])

    def test_syntax(self):
        self.assertEqual(self.found("syntax", {"a.py": "x = 1\n", "b.sh": "if true; then :; fi\n", "c": "#!/bin/bash\n:\n"}), [])
        self.assertEqual(len(self.found("syntax", {"a.py": "def f(:\n"})), 1)
        self.assertEqual(len(self.found("syntax", {"b.sh": "if true; then\n"})), 1)
        self.assertEqual(len(self.found("syntax", {"c": "#!/usr/bin/env bash\n((\n"})), 1)

    @unittest.skipUnless(shutil.which("clang-format-14"), "needs clang-format-14")
    def test_format(self):
        style = {".clang-format": "BasedOnStyle: Google\n"}
        self.assertEqual(self.found("format", {**style, "a.cpp": "int x = 1;\n"}), [])
        self.assertEqual(len(self.found("format", {**style, "a.cpp": "int  x=1;\nint  y=1;\n"})), 1, "one finding a file")

    # ---- arrows

    def test_the_table_of_arrows_is_read_as_it_is_written(self):
        table = arrows.parse(TABLE)
        self.assertEqual(table["shared/rules"], set())
        self.assertEqual(table["shared/protocol"], {"shared/release"})
        self.assertEqual(table["shared/decisions"], {"shared/rules"})
        self.assertEqual(table["node/ingest"], {"node/timeline", "shared/media"})
        self.assertEqual(table["node/control"], {"shared/protocol", "shared/release"})
        self.assertEqual(table["node/main"], {"node/*", "shared/*"})
        self.assertEqual(table["studio/session"], {"shared/release", "shared/protocol", "shared/media"})
        self.assertEqual(table["studio/features"], {"studio/widgets", "studio/session", "studio/shell", "shared/*"})
        self.assertEqual(table["studio/shell"], {"shared/*", "node/*", "studio/*"})

    def test_a_table_that_makes_no_sense_is_an_error(self):
        for bad in ("no table", TABLE.replace("-; release", "-; release; x"), TABLE.replace("| rules |", "| ruels |")):
            with self.assertRaises(ValueError):
                arrows.parse(bad)

    def test_the_designs_own_table_is_understood(self):
        table = arrows.parse((ROOT / arrows.DESIGN).read_text())
        self.assertIn("node/timeline", table["node/serve"])
        self.assertIn("shared/media", table["node/decode"])
        self.assertNotIn("node/serve", table["node/render"])
        for name in ("shared/overlay", "node/package", "studio/shell"):
            self.assertIn(name, table)

    def arrows_of(self, name: str, include: str) -> list[str]:
        return self.found("arrows", {"docs/design/README.md": TABLE, name: f"{CPP}#include {include}\n"})

    def test_arrows(self):
        self.assertEqual(self.arrows_of("node/ingest/a.cpp", '"node/timeline/grid.h"'), [])
        self.assertEqual(self.arrows_of("node/ingest/a.cpp", '"shared/base/ticks.h"'), [])
        self.assertEqual(self.arrows_of("node/ingest/rtmp/a.cpp", '"node/ingest/impl/x.h"'), [])
        self.assertEqual(self.arrows_of("node/main/a.cpp", '"node/ingest/a.h"'), [])
        self.assertEqual(self.arrows_of("tests/unit/a.cpp", '"node/ingest/impl/x.h"'), [])
        self.assertIn("node/timeline may not use node/ingest", self.arrows_of("node/timeline/a.h", '"node/ingest/a.h"')[0])
        self.assertIn("may not use", self.arrows_of("shared/base/a.h", '"shared/model/a.h"')[0])
        self.assertIn("may not use", self.arrows_of("shared/media/a.h", '"shared/rules/a.h"')[0])
        self.assertIn("has no row", self.arrows_of("node/brandnew/a.h", "<vector>")[0])
        self.assertIn("is inside", self.arrows_of("node/ingest/a.cpp", '"shared/media/impl/a.h"')[0])
        self.assertIn("repository root", self.arrows_of("node/ingest/a.cpp", '"a.h"')[0])
        self.assertIn("libav", self.arrows_of("node/ingest/a.cpp", "<libavcodec/avcodec.h>")[0])
        self.assertEqual(self.arrows_of("shared/media/ffmpeg/a.cpp", "<libavcodec/avcodec.h>"), [])

    def test_a_tree_without_the_table_is_an_error(self):
        self.assertEqual(len(self.found("arrows", {"node/main/a.cpp": CPP})), 1)

    # ---- headers

    def headers_of(self, body: str, head: str = "//\n// What it is for.\n#pragma once\n") -> list[str]:
        return self.found("headers", {"node/x/sample.h": CPP + head + "namespace dvpe::x {\n\n" + body + "\n}  // namespace\n"})

    def test_a_header_says_what_it_is_for(self):
        self.assertEqual(self.headers_of(""), [])
        self.assertEqual(len(self.headers_of("", "#pragma once\n")), 1)
        self.assertEqual(len(self.headers_of("", "//\n#pragma once\n")), 1)
        self.assertEqual(self.found("headers", {"node/x/impl/sample.h": CPP}), [], "not a public one")

    def test_classes_and_functions_have_comments(self):
        fine = ["// Does it.\nint f(int a,\n      int b);", "int f();  // does it", "// Both.\nint f();\nint g();", "class X;",
                "// It.\nclass X {\n  int f();\n};", "struct P { int x, y; };", "struct P {\n  int x;  // pixels\n};",
                "class Sample {\n  int f();\n};", "// One.\nint f(int);\n\nint f(long);", "struct P {\n  int x;\n};\nint read(P p);",
                "// T.\ntemplate <class T>\nT f(T t) {\n  return t;\n}", "// X.\nclass X::Impl {\n};", "using Y = int;"]
        for body in fine:
            self.assertEqual(self.headers_of(body), [], body)
        bad = ["int f();", "class X {\n  int f();\n};", "// Does it.\nint f();\n\nint g();", "template <class T>\nT f(T t);",
               "inline std::vector<int> f(const std::string& s) {\n  return {};\n}",
               "struct P {\n  int a;\n  int b;\n  int c;\n  int d;\n  int e;\n};", "[[nodiscard]] const char* name(int code);"]
        for body in bad:
            self.assertEqual(len(self.headers_of(body)), 1, body)

    # ---- the program

    def run_main(self, *words: str) -> tuple[int, str]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = lint.main(["--root", str(self.root), *words])
        return code, out.getvalue()

    def test_warnings_alone_are_not_a_failure_and_errors_are(self):
        self.tree(files={"a.cpp": CPP + "\n" * 600})
        code, said = self.run_main("--only", "spdx,size")
        self.assertEqual(code, 0)
        self.assertRegex(said, r"a\.cpp: size \(warning\): .*\nlint: 0 errors, 1 warnings, 1 files, [\d.]+ s\n$")
        self.tree(files={"b.cpp": "int x;\n"})
        code, said = self.run_main("--only", "spdx,size")
        self.assertEqual(code, 1)
        self.assertIn("lint: 2 errors", said)

    def test_an_unknown_rule_is_a_usage_error(self):
        with self.assertRaises(SystemExit) as ended, contextlib.redirect_stderr(io.StringIO()):
            self.run_main("--only", "nonsense")
        self.assertEqual(ended.exception.code, 2)

    def git(self, *words: str) -> None:
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=self.root, check=True, capture_output=True)

    def test_changed_files_are_those_that_differ_and_those_that_are_new(self):
        self.git("init", "-q")
        self.tree(files={"a.cpp": "1", "b.cpp": "1", ".gitignore": "ignored\n"})
        self.git("add", ".")
        self.git("commit", "-qm", "x")
        self.assertEqual(lint.changed_files(self.root), set())
        self.tree(files={"b.cpp": "2", "c.cpp": "1", "ignored": "1"})
        self.assertEqual(lint.changed_files(self.root), {"b.cpp", "c.cpp"})
        self.assertEqual(set(lint.Tree(self.root).files), {"a.cpp", "b.cpp", "c.cpp", ".gitignore"})

    @unittest.skipUnless(shutil.which("clang-tidy-14"), "needs clang-tidy-14")
    def test_clang_tidy_finds_faults_in_files_that_the_build_knows(self):
        tree = self.tree(files={"a.cpp": "int* f() { return 0; }\n", ".clang-tidy": "Checks: '-*,modernize-use-nullptr'\n"})
        self.assertIn("build first", lint.run_tidy(tree, True, 60, "dev")[1])
        database = self.root / "build" / "dev" / "compile_commands.json"
        database.parent.mkdir(parents=True)
        database.write_text(f'[{{"directory": "{self.root}", "command": "c++ -c a.cpp", "file": "{self.root}/a.cpp"}}]')
        findings, said = lint.run_tidy(lint.Tree(self.root, ["a.cpp"]), True, 60, "dev")
        self.assertEqual([(f.path, f.line, f.error) for f in findings], [("a.cpp", 1, True)])
        self.assertIn("1 of 1", said)


if __name__ == "__main__":
    unittest.main()
