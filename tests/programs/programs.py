"""Runs Inkling's programs for the tests of this folder.

Imported by program_test.py and trained_model_test.py, which ctest runs with the folders of the build in the environment.
"""

import atexit
import functools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SKIPPED = 77

BIN = pathlib.Path(os.environ["INKLING_BIN_DIR"])
SOURCE = pathlib.Path(os.environ["INKLING_SOURCE_DIR"])
SHARED = pathlib.Path(os.environ["INKLING_SHARED_DIR"])
OWN_MODEL = SOURCE / "examples" / "models" / "inkling-tiny"


@functools.lru_cache(maxsize=None)
def work_folder():
    """A folder for the files of this process, removed at its end."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="inkling-programs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def run(program, *arguments, text=None, timeout=300):
    """Runs a program to its end and returns its exit code, standard output and standard error as text."""
    return subprocess.run([str(BIN / program), *map(str, arguments)], input=text, capture_output=True, text=True,
                          timeout=timeout, check=False)


def run_well(program, *arguments, **options):
    """As run, but anything but success is a failure that shows what the program said."""
    result = run(program, *arguments, **options)
    if result.returncode != 0:
        raise AssertionError(f"{program} {' '.join(map(str, arguments))} ended with {result.returncode}:\n{result.stderr}")
    return result


@functools.lru_cache(maxsize=None)
def converted(checkpoint, *flags):
    """The model file made of a checkpoint with these flags; made once for each process."""
    name = "-".join([pathlib.Path(checkpoint).name, *[flag.strip("-").replace("=", "_").replace("/", "_") for flag in flags]])
    path = work_folder() / f"{name}.tflite"
    run_well("inkling-convert", checkpoint, path, *flags)
    return path


@functools.lru_cache(maxsize=None)
def model_with_tools():
    """The repo's own model, converted with a template that has a place for tools."""
    folder = work_folder() / "with_tools"
    shutil.copytree(OWN_MODEL, folder)
    shutil.copy(SOURCE / "tests" / "golden" / "chat_templates" / "qwen3.jinja", folder / "chat_template.jinja")
    return converted(folder)


def run_case(module_name):
    """Runs the test class named on the command line; exit code 77 if all of it was skipped."""
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromName(sys.argv[1], sys.modules[module_name])
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun == 0 or len(result.skipped) == result.testsRun:
        for _, reason in result.skipped:
            print("skipped:", reason)
        sys.exit(SKIPPED)
