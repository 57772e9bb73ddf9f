#!/usr/bin/env python3
"""The first minute with a model of one's own: inkling-run converts a checkpoint once, and every program names a file that
isn't a model file."""

import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import unittest

from programs import BIN, OWN_MODEL, SOURCE, converted, run_case, work_folder

sys.path.insert(0, str(SOURCE / "tests" / "converter"))
from convert_program_test import write_checkpoint, write_gguf

PROMPT = ("-p", "Once upon a time", "-n", "12", "--temperature=0")


class CheckpointTest(unittest.TestCase):
    """inkling-run with a checkpoint in the place of a model file."""

    def setUp(self):
        self.folder = work_folder() / self.id().rsplit(".", 1)[-1]
        self.folder.mkdir()
        self.cache = self.folder / "cache"
        self.checkpoint = self.folder / "my-model"

    def run_program(self, *arguments, environment=None, program="inkling-run", **options):
        environment = environment if environment is not None else {"XDG_CACHE_HOME": str(self.cache)}
        return subprocess.run([BIN / program, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False,
                              stdin=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], **environment}, **options)

    def run_well(self, *arguments, **options):
        result = self.run_program(*arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def kept(self):
        return sorted(path.name for path in (self.cache / "inkling" / "models").glob("*"))

    def test_a_folder_is_converted_once(self):
        shutil.copytree(OWN_MODEL, self.checkpoint)
        first = self.run_well(self.checkpoint, *PROMPT)
        self.assertRegex(first.stderr, r"converting \S+/my-model \(\d+ files, 9\.\d MB\) once, to \S+/my-model-")
        self.assertRegex(first.stderr, r"converting: 100%")
        self.assertRegex(first.stderr, r"converted in [\d.]+ s: \d\.\d MB, \d\.\d\d bits per weight; template: gemma")
        self.assertEqual(len(self.kept()), 1)
        path = self.cache / "inkling" / "models" / self.kept()[0]
        before = path.stat()
        again = self.run_well("--model", self.checkpoint, *PROMPT)
        self.assertEqual(again.stdout, first.stdout)
        self.assertIn(f"using {path}, converted before", again.stderr)
        self.assertNotIn("converting", again.stderr)
        self.assertEqual((path.stat().st_mtime_ns, path.stat().st_ino), (before.st_mtime_ns, before.st_ino))
        own = self.run_well(converted(OWN_MODEL, "--weights=int4"), *PROMPT)
        self.assertEqual(own.stdout, first.stdout)

    def test_relative_paths_and_links_are_the_same_checkpoint(self):
        shutil.copytree(OWN_MODEL, self.checkpoint)
        (self.folder / "link").symlink_to(self.checkpoint)
        self.run_well(self.checkpoint, *PROMPT)
        for path in ("my-model/", "./my-model", "link"):
            self.assertIn("converted before", self.run_well(path, *PROMPT, cwd=self.folder).stderr)
        # As in a hub's cache, where files are links.
        snapshot = self.folder / "snapshot"
        snapshot.mkdir()
        for path in self.checkpoint.iterdir():
            (snapshot / path.name).symlink_to(path)
        for said in ("converted in", "converted before"):
            self.assertIn(said, self.run_well(snapshot / "model.safetensors", *PROMPT).stderr)
        self.assertTrue(any(name.startswith("model.safetensors-") for name in self.kept()))

    def test_a_changed_checkpoint_is_converted_again_and_replaces_the_old_one(self):
        shutil.copytree(OWN_MODEL, self.checkpoint)
        self.run_well(self.checkpoint, *PROMPT)
        old = self.kept()
        for change in (lambda: os.utime(self.checkpoint / "tokenizer_config.json", ns=(1, 1)),
                       lambda: (self.checkpoint / "chat_template.jinja").write_text("{{ messages[0].content }}"),
                       lambda: (self.checkpoint / "chat_template.jinja").unlink(),
                       lambda: (self.checkpoint / "additional_chat_templates").mkdir()
                       or (self.checkpoint / "additional_chat_templates" / "other.jinja").write_text("{{ 1 }}")):
            change()
            result = self.run_well(self.checkpoint, *PROMPT)
            self.assertIn("converted in", result.stderr)
            self.assertIn(f"removed {self.cache}/inkling/models/{old[0]}", result.stderr)
            self.assertEqual(len(self.kept()), 1)
            self.assertNotEqual(self.kept(), old)
            old = self.kept()

    def test_flags_of_the_conversion_have_files_of_their_own(self):
        texts = set()
        for flags in ((), ("--weights=f32",), ("--weights=int4", "--block=64"), ("--weights=int8", "--embedding=f16")):
            result = self.run_well(OWN_MODEL, *PROMPT, *flags)
            self.assertIn("converted in", result.stderr)
            texts.add(re.search(r"s: ([\d.]+ MB)", result.stderr).group(1))
        self.assertEqual(len(self.kept()), 4)
        self.assertEqual(len(texts), 4)
        self.assertIn("converted before", self.run_well(OWN_MODEL, *PROMPT, "--weights=f32").stderr)
        wrong = self.run_program(OWN_MODEL, *PROMPT, "--quality=best")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("--importance", wrong.stderr)

    def test_flags_of_the_conversion_are_refused_for_a_model_file(self):
        result = self.run_program(converted(OWN_MODEL, "--weights=int4"), *PROMPT, "--weights=int8")
        self.assertEqual(result.returncode, 1)
        self.assertIn("--weights=int8 is for checkpoints", result.stderr)

    def test_files_that_are_checkpoints(self):
        shutil.copytree(OWN_MODEL, self.checkpoint)
        self.assertIn("converted in", self.run_well(self.checkpoint / "model.safetensors", *PROMPT).stderr)
        write_gguf(self.folder / "tiny.Q8_0.gguf", 64, 96, 2, 259)
        for said in ("(1 file, ", "converted before"):
            self.assertIn(said, self.run_well(self.folder / "tiny.Q8_0.gguf", *PROMPT).stderr)
            (self.folder / "another.gguf").write_text("not of this model")
        self.assertEqual(sum(name.startswith("tiny.Q8_0.gguf-") for name in self.kept()), 1)

    def test_a_draft_may_be_a_checkpoint_too(self):
        model = converted(OWN_MODEL, "--weights=f32")
        result = self.run_well(model, "--draft", OWN_MODEL, "--weights=int8", *PROMPT)
        self.assertIn("converted in", result.stderr)
        self.assertEqual(result.stdout, self.run_well(model, *PROMPT).stdout)

    def test_the_cache_is_in_the_home_folder_unless_told(self):
        for environment in ({"HOME": str(self.folder / "home")},
                            {"HOME": str(self.folder / "home"), "XDG_CACHE_HOME": "relative"}):
            self.run_well(OWN_MODEL, *PROMPT, environment=environment)
        self.assertEqual(len(list((self.folder / "home" / ".cache" / "inkling" / "models").glob("*.tflite"))), 1)
        result = self.run_program(OWN_MODEL, *PROMPT, environment={})
        self.assertEqual(result.returncode, 1)
        self.assertIn("neither XDG_CACHE_HOME nor HOME", result.stderr)
        self.assertIn(f"inkling-convert {OWN_MODEL} model.tflite", result.stderr)

    def test_a_cache_that_cannot_be_written_says_what_to_do(self):
        self.cache.write_text("a file in the place of the folder")
        result = self.run_program(OWN_MODEL, *PROMPT)
        self.assertEqual(result.returncode, 1)
        for part in (str(self.cache), "set XDG_CACHE_HOME to a folder with room", f"inkling-convert {OWN_MODEL} model.tflite"):
            self.assertIn(part, result.stderr)

    def test_a_full_disk_leaves_nothing_and_says_what_to_do(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

        result = self.run_program(OWN_MODEL, *PROMPT, preexec_fn=limit)
        self.assertEqual(result.returncode, 1, result.stderr)
        for part in ("ile too large", "set XDG_CACHE_HOME to a folder with room"):
            self.assertIn(part, result.stderr)
        self.assertEqual(self.kept(), [])

    def test_a_conversion_that_was_stopped_or_killed_is_done_anew(self):
        write_checkpoint(self.checkpoint, 2048, 8192, 1, 32000)
        models = self.cache / "inkling" / "models"
        for stop, left in ((signal.SIGINT, 0), (signal.SIGKILL, 1)):
            process = subprocess.Popen([BIN / "inkling-run", self.checkpoint, *PROMPT], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, env={"XDG_CACHE_HOME": str(self.cache)})
            end = time.monotonic() + 60
            while time.monotonic() < end and not list(models.glob("*")):
                time.sleep(0.001)
            process.send_signal(stop)
            _, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 130 if stop == signal.SIGINT else -signal.SIGKILL, errors)
            self.assertEqual(len(self.kept()), left)
            self.assertEqual(list(models.glob("*.tflite")), [])
        self.run_well(self.checkpoint, "-p", "a", "-n", "1", "--ignore-eos")
        self.assertEqual([pathlib.Path(name).suffix for name in self.kept()], [".tflite"])

    def test_what_the_converter_refuses_is_said_and_nothing_is_kept(self):
        self.checkpoint.mkdir()
        result = self.run_program(self.checkpoint, *PROMPT)
        self.assertEqual(result.returncode, 1)
        self.assertIn("no config.json", result.stderr)
        self.assertNotIn("XDG_CACHE_HOME", result.stderr)
        self.assertEqual(self.kept(), [])


class NamedFileTest(unittest.TestCase):
    """Files that aren't model files, given to every program."""

    FILES = {
        "a GGUF file": b"GGUF\x03\0\0\0" + bytes(200),
        "a safetensors file": b"\x10\0\0\0\0\0\0\0{}" + b" " * 200,
        "a .litertlm bundle": b"LITERTLM" + bytes(200),
        "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n",
        "a web page": b"<!doctype html><html><title>Sign in</title></html>",
        "a JSON file": b'{"architectures": []}' + b" " * 100,
        "a pickle": b"\x80\x02}q\x01(X" + bytes(100),
    }

    def test_programs_that_open_models_name_them(self):
        for name, data in self.FILES.items():
            path = work_folder() / "foreign.bin"
            path.write_bytes(data)
            for program, arguments in (("inkling-bench", ["-m", path]), ("inkling-describe", [path]),
                                       ("inkling-eval", ["generate", "--model", path, "--tokens", "1"]), ("inkling-run", [path])):
                result = subprocess.run([BIN / program, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False,
                                        stdin=subprocess.DEVNULL, env={"XDG_CACHE_HOME": str(work_folder() / "unused")})
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn("foreign.bin", result.stderr)
                converts = name in ("a GGUF file", "a safetensors file")
                if program == "inkling-run" and converts:
                    continue  # it tries to convert them
                self.assertIn(name, result.stderr, program)
                self.assertEqual(f"inkling-convert {path}" in result.stderr, converts, result.stderr)

    def test_the_converter_names_them_too(self):
        for name in ("a .litertlm bundle", "a Git LFS pointer", "a web page", "a JSON file", "a pickle"):
            path = work_folder() / "foreign.bin"
            path.write_bytes(self.FILES[name])
            result = subprocess.run([BIN / "inkling-convert", path, work_folder() / "out"], capture_output=True, text=True, timeout=60,
                                    check=False)
            self.assertEqual(result.returncode, 1, result.stderr)
            self.assertIn(name.replace("a pickle", "pickle"), result.stderr)

    def test_a_web_page_among_the_files_of_a_checkpoint_is_named(self):
        folder = work_folder() / "page"
        shutil.copytree(OWN_MODEL, folder)
        (folder / "config.json").write_text("<!DOCTYPE html>\n<html></html>")
        result = subprocess.run([BIN / "inkling-convert", folder, work_folder() / "out"], capture_output=True, text=True, timeout=60,
                                check=False)
        self.assertIn("config.json: is a web page", result.stderr)

    def test_a_name_on_a_hub_is_no_path(self):
        for path, hint in (("someone/some-model", True), ("./missing", False), ("missing.tflite", False)):
            result = subprocess.run([BIN / "inkling-run", path], capture_output=True, text=True, timeout=60, check=False, cwd=work_folder())
            self.assertEqual(result.returncode, 1)
            self.assertIn(f"{path}: no such file or folder", result.stderr)
            self.assertEqual("download its folder first" in result.stderr, hint)

    def test_a_missing_cache_dir_is_told(self):
        model = converted(OWN_MODEL, "--weights=int4")
        result = subprocess.run([BIN / "inkling-run", model, *PROMPT, "--cache-dir", work_folder() / "missing"], capture_output=True,
                                text=True, timeout=60, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr, r"--cache-dir: .*missing.*packs again")
        (work_folder() / "there").mkdir()
        for _ in range(2):
            result = subprocess.run([BIN / "inkling-run", model, *PROMPT, "--cache-dir", work_folder() / "there"],
                                    capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(result.stderr, "")


if __name__ == "__main__":
    run_case("__main__")
