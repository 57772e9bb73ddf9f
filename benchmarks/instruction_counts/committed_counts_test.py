#!/usr/bin/env python3
"""Counts per token, what is let through and what isn't, and arguments; run by ctest, without valgrind or qemu."""

import contextlib
import io
import pathlib
import tempfile
import unittest

from committed_counts import SKIPPED, Counting, change, per_token


class CommittedCountsTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name) / "counts.json"

    def counting(self, *arguments):
        return Counting(arguments, "the usage", "check.py", self.file, {"--write"})

    def exit_and_output(self, call):
        output = io.StringIO()
        with self.assertRaises(SystemExit) as ended, contextlib.redirect_stdout(output):
            call()
        return ended.exception.code, output.getvalue()

    def test_decode_is_without_its_prompt(self):
        counts = {"a prefill 10": {"x": 100, "y": 20}, "b prefill 10": {"x": 7},
                  "a prefill_and_decode 4": {"x": 140, "y": 20, "z": 8}}
        self.assertEqual(per_token(counts), {"a prefill": {"x": 10, "y": 2}, "b prefill": {"x": 0.7},
                                             "a decode": {"x": 10, "y": 0, "z": 2}})

    def test_five_percent_are_let_through(self):
        self.assertEqual([change(now, 1000) for now in (1051, 1050, 950, 949, None)],
                         ["grown", "", "", "shrunk", "missing"])
        self.assertEqual(change(1000, None), "missing")

    def test_what_is_written_is_expected(self):
        self.counting("program", "--compiler=GNU 12", "--write").write({"a prefill": 5})
        self.assertEqual(self.counting("--compiler=GNU 12", "program").expected(), {"a prefill": 5})

    def test_counts_of_another_compiler_are_no_measure(self):
        code, output = self.exit_and_output(self.counting("program", "--compiler=GNU 12").expected)
        self.assertEqual((code, "nobody" in output), (SKIPPED, True))
        self.counting("program", "--compiler=GNU 12").write({})
        code, output = self.exit_and_output(self.counting("program", "--compiler=Clang 19").expected)
        self.assertEqual((code, "GNU 12" in output and "Clang 19" in output), (SKIPPED, True))

    def test_growth_is_an_error_that_says_how_to_accept_it(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            self.assertEqual(self.counting("program").report([]), 0)
            self.assertEqual(self.counting("program", "--compiler=GNU 12").report(["int4 prefill"]), 1)
        self.assertIn("int4 prefill\n", output.getvalue())
        self.assertIn("check.py program '--compiler=GNU 12' --write\n", output.getvalue())

    def test_other_arguments_get_the_usage(self):
        for arguments in ([], ["program", "another"], ["program", "--functions"], ["program", "--writ"]):
            self.assertEqual(self.exit_and_output(lambda: self.counting(*arguments)), (2, "the usage\n"), arguments)
        self.assertEqual(self.exit_and_output(lambda: self.counting("--help")), (0, "the usage\n"))
        self.assertEqual(self.counting("program", "--write").flags, {"--write"})
        self.assertEqual(self.counting("program").compiler, "unknown")


if __name__ == "__main__":
    unittest.main()
