#!/usr/bin/env python3
"""A trained model, stories260K, against what other software computes for it. Skipped where ../shared is absent."""

import re
import unittest

from programs import SHARED, converted, run_case, run_well, work_folder

CHECKPOINT = SHARED / "golden" / "stories260k"
TEXT = SHARED / "text" / "tinystories-sample"
EXPECTED = SHARED / "models" / "expected"


def measure(pattern, *arguments):
    return float(re.search(pattern, run_well("inkling-eval", *arguments, timeout=600).stdout).group(1))


@unittest.skipUnless(CHECKPOINT.is_dir() and TEXT.is_dir(), f"{CHECKPOINT} and {TEXT} are not there")
class PerplexityTest(unittest.TestCase):
    # llama.cpp's own figures, on the same windows: 5.9915 and 6.8458.
    def test_hundred_kilobytes(self):
        value = measure(r"perplexity ([\d.]+)", "perplexity", "--model", converted(CHECKPOINT, "--weights=f32"), "--text",
                        TEXT / "tiny_stories_first100K.txt", "--context", 512)
        self.assertAlmostEqual(value, 5.99, delta=0.005 * 5.99)

    def test_short_sample(self):
        value = measure(r"perplexity ([\d.]+)", "perplexity", "--model", converted(CHECKPOINT, "--weights=f32"), "--text",
                        TEXT / "tinystories_sample.txt", "--context", 128)
        self.assertAlmostEqual(value, 6.85, delta=0.005 * 6.85)


@unittest.skipUnless(CHECKPOINT.is_dir() and TEXT.is_dir(), f"{CHECKPOINT} and {TEXT} are not there")
class DivergenceTest(unittest.TestCase):
    def divergence(self, *flags):
        return measure(r"mean KL ([\d.e-]+)", "kl", "--model", converted(CHECKPOINT, *flags), "--reference",
                       converted(CHECKPOINT, "--weights=f32"), "--text", TEXT / "tiny_stories_first100K.txt", "--context", 512)

    def test_int8(self):
        self.assertLess(self.divergence("--weights=int8"), 0.003)

    def test_int4_in_blocks_of_32(self):
        self.assertLess(self.divergence("--weights=int4", "--block=32"), 0.11)

    def test_best_quality(self):
        """Calibrated on a part of the text that isn't measured: better at the same bits, better still with more."""
        whole = (TEXT / "tiny_stories_944K.txt").read_text()
        calibration, importance = work_folder() / "calibration.txt", work_folder() / "importance"
        calibration.write_text(whole[150000:250000])
        run_well("inkling-eval", "importance", "--model", converted(CHECKPOINT, "--weights=f32"), "--text", calibration,
                 "--output", importance, "--sensitivity-windows", 1, "--threads", 1)
        best = ("--weights=int4", "--quality=best", f"--importance={importance}")
        self.assertLess(self.divergence(*best), 0.075)
        self.assertLess(self.divergence(*best, "--bits=7.9"), 0.025)  # that of llama.cpp's Q4_K_M at 7.92


@unittest.skipUnless(CHECKPOINT.is_dir() and EXPECTED.is_dir(), f"{CHECKPOINT} and {EXPECTED} are not there")
class GreedyTextTest(unittest.TestCase):
    def test_equals_the_reference_program(self):
        expected = (EXPECTED / "stories260K.t0.n200.upstream-expected.txt").read_text()
        text = run_well("inkling-run", "--model", converted(CHECKPOINT, "--weights=f32"), "--prompt", "", "--temperature=0",
                        "--max-new-tokens=200", "--kv-cache=f32", "--ignore-eos").stdout
        self.assertEqual(text.rstrip("\n"), expected.rstrip("\n"))


if __name__ == "__main__":
    run_case("__main__")
