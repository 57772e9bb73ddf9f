#!/usr/bin/env python3
"""The programs on the model that ships with the repository: what they print, and how they fail."""

import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import time
import unittest

from programs import BIN, OWN_MODEL, SOURCE, converted, model_with_tools, run, run_case, run_well, work_folder

PROMPT = "Once upon a time"


def own_model():
    return converted(OWN_MODEL, "--weights=int4")


class ConvertTest(unittest.TestCase):
    def test_summary_and_file(self):
        path = work_folder() / "summary.tflite"
        result = run_well("inkling-convert", OWN_MODEL, path, "--weights", "int4", "--block", "64")
        self.assertTrue(path.is_file())
        self.assertEqual(path.read_bytes()[4:8], b"TFL3")
        self.assertRegex(result.stdout + result.stderr, r"bits per weight")

    def test_types_change_the_size(self):
        sizes = [converted(OWN_MODEL, f"--weights={kind}").stat().st_size for kind in ("int4", "int8", "f16", "f32")]
        self.assertEqual(sizes, sorted(sizes))
        self.assertLess(sizes[0] * 3, sizes[3])

    def test_converting_twice_gives_the_same_bytes(self):
        again = work_folder() / "again.tflite"
        run_well("inkling-convert", OWN_MODEL, again, "--weights=int4")
        self.assertEqual(again.read_bytes(), own_model().read_bytes())

    def test_describe_as_text_and_json(self):
        text = run_well("inkling-describe", own_model()).stdout
        self.assertIn("embedding.weight", text)
        facts = json.loads(run_well("inkling-describe", own_model(), "--json").stdout)
        self.assertTrue(facts["tensors"])

    def test_a_failure_leaves_nothing_behind(self):
        folder = work_folder() / "empty"
        folder.mkdir()
        out = work_folder() / "nothing.tflite"
        result = run("inkling-convert", folder, out)
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual([p.name for p in work_folder().iterdir() if p.name.startswith("nothing")], [])


class RunTest(unittest.TestCase):
    def test_answers_a_list_of_messages(self):
        path = work_folder() / "messages.json"
        path.write_text(json.dumps([{"role": "user", "content": "A story about Ben."}, {"role": "assistant", "content": "Ben had a dog."},
                                    {"role": "user", "content": "And a cat?"}]))
        answer = run_well("inkling-run", own_model(), "--messages", path, "--temperature=0", "-n", 12).stdout
        self.assertTrue(answer.strip())
        path.write_text('[{"role": "robot", "content": "x"}]')
        wrong = run("inkling-run", own_model(), "--messages", path)
        self.assertEqual(wrong.returncode, 1)
        self.assertIn('message 0: role: expected system, user, assistant or tool, found "robot"', wrong.stderr)

    def test_calls_of_tools_are_lines_of_json(self):
        tools, messages = work_folder() / "tools.json", work_folder() / "calls.json"
        tools.write_text(json.dumps([{"name": "look", "description": "Looks", "parameters": {
            "type": "object", "properties": {"where": {"enum": ["left", "right"]}}, "required": ["where"]}}]))
        arguments = ("inkling-run", model_with_tools(), "--tools", tools, "-n", 200, "--seed=1")
        called = run_well(*arguments, "-p", "Where is the cat?", "--tool-choice=required").stdout.splitlines()
        self.assertIn(json.loads(called[0])["arguments"]["where"], ("left", "right"))
        messages.write_text(json.dumps([{"role": "user", "content": "Where is the cat?"},
                                        {"role": "assistant", "tool_calls": [json.loads(called[0])]},
                                        {"role": "tool", "name": "look", "content": "there it is"}]))
        self.assertTrue(run_well(*arguments, "--messages", messages, "--tool-choice=none").stdout.strip())
        talk = run_well(*arguments, "--tool-choice=required", "--stats", text="Where is the cat?\nthere\nthere\nthere\n")
        self.assertIn('{"name":"look"', talk.stdout)
        wrong = run("inkling-run", own_model(), "-p", "x", "--tools", tools)
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("has no place for tools", wrong.stderr)

    def test_the_example_in_c(self):
        if not (BIN / "inkling-run-c").exists():
            self.skipTest("inkling-run-c isn't built here")
        schema = work_folder() / "pet.json"
        schema.write_text('{"type": "object", "properties": {"pet": {"enum": ["cat", "dog"]}}, "required": ["pet"], "additionalProperties": false}')
        self.assertTrue(run_well("inkling-run-c", own_model(), PROMPT).stdout.strip())
        self.assertIn(json.loads(run_well("inkling-run-c", own_model(), "--json-schema", schema, PROMPT).stdout)["pet"], ("cat", "dog"))

    def test_streams_the_prompt_and_its_continuation(self):
        result = run_well("inkling-run", "--model", own_model(), "--prompt", PROMPT, "--temperature=0", "-n", 40, "--stats")
        self.assertTrue(result.stdout.startswith(PROMPT))
        self.assertGreater(len(result.stdout), len(PROMPT) + 60)
        self.assertRegex(result.stderr, r"generated 40 tokens, [\d.]+ tokens/s")
        self.assertRegex(result.stderr, r"peak memory \d+ MB")

    def test_same_seed_same_text(self):
        first, again, other = [
            run_well("inkling-run", own_model(), "-p", PROMPT, "-n", 30, f"--seed={seed}", "--temperature=1.5").stdout
            for seed in (5, 5, 6)]
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_without_a_seed_the_text_is_another_and_its_seed_is_shown(self):
        arguments = ("inkling-run", own_model(), "-p", PROMPT, "-n", 30, "--temperature=1.5")
        first, other = [run_well(*arguments, "--stats") for _ in range(2)]
        self.assertNotEqual(first.stdout, other.stdout)
        seed = re.search(r"seed (\d+);", first.stderr).group(1)
        self.assertEqual(run_well(*arguments, "--seed", seed).stdout, first.stdout)

    def test_interrupt_in_a_prompt_ends_the_program(self):
        for repeat in range(5):
            process = subprocess.Popen([BIN / "inkling-run", own_model(), "-p", "so " * 500, "-n", "1", "--chunk=1"],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
            process.stdout.read(1)  # the prompt, which is shown before it runs
            time.sleep(0.02 * (repeat + 1))
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
            if process.returncode == 130:
                break
        self.assertEqual(process.returncode, 130)
        self.assertIn("cancelled before it generated a token", errors)

    def test_answers_have_the_form_that_is_asked_for(self):
        schema, grammar = work_folder() / "schema.json", work_folder() / "list.gbnf"
        schema.write_text(json.dumps({"type": "object", "properties": {"name": {"type": "string", "maxLength": 9}, "age": {"type": "integer", "minimum": 0, "maximum": 99}},
                                      "required": ["name", "age"], "additionalProperties": False}))
        grammar.write_text('root ::= "- " word ("\\n- " word){2}\nword ::= [a-z]{2,8}\n')
        arguments = ("inkling-run", own_model(), "-p", "", "--seed=1", "-n", 200)
        answer = json.loads(run_well(*arguments, "--json-schema", schema).stdout)
        self.assertEqual(list(answer), ["name", "age"])
        self.assertLessEqual(len(answer["name"]), 9)
        self.assertRegex(run_well(*arguments, "--grammar", grammar).stdout, r"^- [a-z]{2,8}(\n- [a-z]{2,8}){2}\n$")
        ended = run_well(*arguments, "--regex", "(yes|no)!", "--stats")
        self.assertIn(ended.stdout, ("yes!\n", "no!\n"))
        self.assertIn("the text is complete", ended.stderr)

    def test_what_is_wrong_with_a_form_is_said(self):
        schema = work_folder() / "wrong.json"
        schema.write_text('{"properties": {"a": {"not": {}}}}')
        for flags, message in ((("--json-schema", schema), "wrong.json: JSON Schema at #/properties/a"), (("--regex", "("), "--regex: regular expression"),
                               (("--grammar", "/nothing.gbnf"), "/nothing.gbnf: the file can't be read")):
            wrong = run("inkling-run", own_model(), "-p", "x", *flags)
            self.assertEqual(wrong.returncode, 1)
            self.assertIn(message, wrong.stderr)
        self.assertEqual(run("inkling-run", own_model(), "-p", "x", "--regex", "a", "--json-schema", schema).returncode, 2)

    def test_stop_string(self):
        text = run_well("inkling-run", own_model(), "-p", PROMPT, "-n", 60, "--temperature=0").stdout
        self.assertIn(".", text)
        stopped = run_well("inkling-run", own_model(), "-p", PROMPT, "-n", 60, "--temperature=0", "--stop", ".").stdout
        self.assertEqual(stopped.rstrip("\n"), text[:text.index(".")])

    def test_a_draft_model_leaves_the_text_as_it_is(self):
        model = converted(OWN_MODEL, "--weights=f32")
        for temperature in ("0", "0.8"):
            arguments = (model, "-p", PROMPT, "-n", 60, f"--temperature={temperature}", "--seed=0")
            plain = run_well("inkling-run", *arguments, "--stats")
            drafted = run_well("inkling-run", *arguments, "--stats", "--draft", own_model())
            self.assertEqual(drafted.stdout, plain.stdout)
            self.assertNotIn("draft model", plain.stderr)
            self.assertRegex(drafted.stderr, r"of [1-9]\d* by the draft model\)")

    def test_a_saved_session_goes_on_where_it_was(self):
        state = work_folder() / "session.state"
        arguments = ("inkling-run", own_model(), "--temperature=0", "--ignore-eos")
        whole = run_well(*arguments, "-p", PROMPT, "-n", 40).stdout
        first = run_well(*arguments, "-p", PROMPT, "-n", 15, "--save", state).stdout
        rest = run_well(*arguments, "-p", "", "-n", 25, "--load", state).stdout
        self.assertEqual(first.rstrip("\n") + rest, whole)
        refused = run(*arguments, "-p", "", "--load", state, "--kv-cache=f32")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("kv_cache_type", refused.stderr)

    def test_a_full_context_ends_or_slides(self):
        arguments = ("inkling-run", own_model(), "-p", PROMPT, "-n", 100, "--temperature=0", "--ignore-eos", "--context=40", "--stats")
        self.assertNotIn("generated 100 tokens", run_well(*arguments).stderr)
        self.assertIn("generated 100 tokens", run_well(*arguments, "--slide", "--keep=4").stderr)

    def test_help_names_every_default(self):
        result = run_well("inkling-run", "--help")
        for word in ("--temperature", "--top-k", "--seed", "--threads", "--stats", "--system", "40", "0.8"):
            self.assertIn(word, result.stdout)


class ChatTest(unittest.TestCase):
    def test_answers_on_a_pipe_and_obeys_commands(self):
        result = run_well("inkling-run", own_model(), "--temperature=0", "-n", 30,
                          text='Hello!\n/stats\n"""\nTell me a story\nabout a cat.\n"""\n/undo\n/reset\n/stats\n/nonsense\n/quit\n')
        used = [int(n) for n in re.findall(r"(\d+) positions used", result.stdout)]
        self.assertEqual(len(used), 2)
        self.assertGreater(used[0], 5)
        self.assertEqual(used[1], 0)
        self.assertIn("'/nonsense' is not a command", result.stdout)

    def test_one_turn_of_chat(self):
        result = run_well("inkling-run", own_model(), "--chat", "-p", "Hello!", "--temperature=0", "-n", 30)
        self.assertGreater(len(result.stdout.strip()), 3)
        self.assertNotIn("start_of_turn", result.stdout)

    def test_interrupt_stops_the_answer_and_not_the_program(self):
        main, side = pty.openpty()
        process = subprocess.Popen(
            [str(BIN / "inkling-run"), str(own_model()), "--ignore-eos", "-n", "1000000", "--stats"], stdin=side,
            stdout=side, stderr=side, close_fds=True, start_new_session=True)
        os.close(side)
        try:
            read_until(main, b"/help")
            os.write(main, b"Tell me a story.\n")
            read_until(main, b" ", least=300)
            process.send_signal(signal.SIGINT)
            read_until(main, b"stopped")
            os.write(main, b"/stats\n")
            read_until(main, b"positions used")
            os.write(main, b"/quit\n")
            self.assertEqual(process.wait(timeout=20), 0)
        finally:
            process.kill()
            os.close(main)


    def test_interrupt_before_the_answer_takes_the_message_back(self):
        process = subprocess.Popen([str(BIN / "inkling-run"), str(own_model()), "--chunk=1"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0, start_new_session=True)
        output = process.stdout.fileno()
        try:
            process.stdin.write(b"/stats\n")
            read_until(output, b"0 positions used")
            process.stdin.write(b"so " * 500 + b"\n")
            # Ctrl-C does nothing while the console waits for a message; one of many meets the prompt's first tokens.
            shown = b""
            end = time.monotonic() + 20
            while b"taken back" not in shown and time.monotonic() < end:
                process.send_signal(signal.SIGINT)
                ready, _, _ = select.select([output], [], [], 0.002)
                shown += os.read(output, 4096) if ready else b""
            self.assertIn(b"Stopped before the answer began; the message is taken back", shown)
            process.stdin.write(b"/stats\n/undo\n/quit\n")
            shown = read_until(output, b"nothing to undo")
            self.assertIn(b"0 positions used", shown)
            self.assertEqual(process.wait(timeout=20), 0)
        finally:
            process.kill()
            process.stdin.close()
            process.stdout.close()


def read_until(terminal, wanted, least=0, seconds=60):
    """Reads from a terminal until `wanted` came in at least `least` bytes."""
    seen = b""
    end = time.monotonic() + seconds
    while wanted not in seen or len(seen) < least:
        ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
        if not ready:
            raise AssertionError(f"{wanted!r} did not come within {seconds} s; the terminal shows {seen[-400:]!r}")
        seen += os.read(terminal, 4096)
    return seen


def read_npy(path):
    """The rows of a float32 .npy matrix."""
    data = path.read_bytes()
    assert data[:8] == b"\x93NUMPY\x01\x00"
    begin = 10 + int.from_bytes(data[8:10], "little")
    rows, columns = map(int, re.search(rb"\((\d+), (\d+)\)", data[:begin]).groups())
    values = struct.unpack(f"<{rows * columns}f", data[begin:])
    return [list(values[i * columns:(i + 1) * columns]) for i in range(rows)]


class EvalTest(unittest.TestCase):
    def test_scores_are_ordered_as_people_would(self):
        texts = work_folder() / "continuations.json"
        texts.write_text(json.dumps([" time there was a little girl.", " carburettor of parliament zzz"]))
        scores = json.loads(run_well("inkling-eval", "score", "--model", own_model(), "--text", "Once upon a", "--continuations", texts).stdout)
        self.assertGreater(scores[0]["log_probability"], scores[1]["log_probability"])
        for score in scores:
            self.assertAlmostEqual(sum(score["log_probabilities"]), score["log_probability"], places=3)
            self.assertEqual(len(score["tokens"]), len(score["log_probabilities"]))

    def test_embeddings_as_json_and_npy(self):
        texts = work_folder() / "texts.txt"
        texts.write_text("A dog ran.\nA cat ran.\n")
        path = work_folder() / "embeddings.npy"
        run_well("inkling-eval", "embed", "--model", own_model(), "--texts", texts, "--output", path, "--pooling", "mean")
        printed = json.loads(run_well("inkling-eval", "embed", "--model", own_model(), "--texts", texts, "--pooling", "mean").stdout)
        rows = read_npy(path)
        self.assertEqual([one["text"] for one in printed], ["A dog ran.", "A cat ran."])
        self.assertEqual(len(rows), 2)
        self.assertAlmostEqual(sum(value * value for value in rows[0]), 1, places=4)
        self.assertAlmostEqual(rows[1][0], printed[1]["embedding"][0], places=6)

    def test_an_adapter_changes_logits_by_its_weight(self):
        golden = SOURCE / "tests" / "golden"
        base = converted(golden / "llama", "--weights=f32")
        adapter = work_folder() / "adapter.tflite"
        run_well("inkling-convert", "--lora", golden / "lora" / "llama", adapter, f"--base={base}")
        expected = json.loads((golden / "lora" / "llama" / "golden.json").read_text())["prompts"][1]
        tokens = ",".join(map(str, expected["input_ids"]))
        greedy = expected["greedy"]["ids"]
        new = run_well("inkling-eval", "generate", "--model", base, "--tokens", tokens, "--max-new-tokens", len(greedy), "--ignore-eos",
                       f"--lora={adapter}").stdout.split()
        self.assertEqual(list(map(int, new)), greedy)
        rows = {}
        for name, flags in {"none": [], "off": [f"--lora={adapter}=0"], "on": [f"--lora={adapter}"]}.items():
            path = work_folder() / f"{name}.npy"
            run_well("inkling-eval", "logits", "--model", base, "--tokens", tokens, "--output", path, *flags)
            rows[name] = read_npy(path)[-1]
        self.assertEqual(rows["none"], rows["off"])
        self.assertLess(max(abs(a - b) for a, b in zip(rows["on"], expected["last_logits"])), 1e-3)

    def test_tokenize_and_back(self):
        text = "A fox met a bear.\nIt said: hello!"
        ids = run_well("inkling-eval", "tokenize", "--model", own_model(), text=text).stdout
        self.assertEqual(run_well("inkling-eval", "tokenize", "--model", own_model(), "--decode", text=ids).stdout, text)
        from_file = run_well("inkling-eval", "tokenize", "--tokenizer", OWN_MODEL / "tokenizer.model", text=text).stdout
        self.assertEqual(from_file, ids)

    def test_greedy_tokens_are_the_largest_logits(self):
        tokens = "2,100,200,300"
        new = run_well("inkling-eval", "generate", "--model", own_model(), "--tokens", tokens, "--max-new-tokens", 3,
                       "--ignore-eos").stdout.split()
        self.assertEqual(len(new), 3)
        path = work_folder() / "logits.npy"
        all_tokens = ",".join([tokens, *new[:2]])
        run_well("inkling-eval", "logits", "--model", own_model(), "--tokens", all_tokens, "--output", path)
        rows = read_npy(path)
        self.assertEqual(len(rows), 6)
        for i, token in enumerate(new):
            row = rows[3 + i]
            self.assertEqual(row.index(max(row)), int(token))

    def test_perplexity_and_divergence(self):
        text = work_folder() / "stories.txt"
        text.write_text("Once upon a time there was a little fox. The fox lived in a forest with his friends. " * 60)
        exact = converted(OWN_MODEL, "--weights=f32")
        measured = run_well("inkling-eval", "perplexity", "--model", exact, "--text", text, "--context", 64).stdout
        perplexity = float(re.search(r"perplexity ([\d.]+)", measured).group(1))
        self.assertGreater(perplexity, 1)
        self.assertLess(perplexity, 100)  # a model that knows nothing has its vocabulary's 2048
        same = run_well("inkling-eval", "kl", "--model", exact, "--reference", exact, "--text", text, "--context", 64).stdout
        self.assertAlmostEqual(float(re.search(r"mean KL ([\d.e-]+)", same).group(1)), 0, places=6)
        self.assertIn("same top token 100.00%", same)
        int8 = run_well("inkling-eval", "kl", "--model", converted(OWN_MODEL, "--weights=int8"), "--reference", exact,
                        "--text", text, "--context", 64).stdout
        divergence = float(re.search(r"mean KL ([\d.e-]+)", int8).group(1))
        self.assertGreater(divergence, 0)
        self.assertLess(divergence, 0.05)


class BenchTest(unittest.TestCase):
    FLAGS = ("-p", 32, "-n", 8, "-r", 2, "-t", 1)

    def test_markdown_has_the_usual_columns(self):
        lines = run_well("inkling-bench", "-m", own_model(), *self.FLAGS).stdout.splitlines()
        columns = [cell.strip() for cell in lines[0].strip("|").split("|")]
        self.assertEqual(columns, ["model", "size", "params", "backend", "threads", "test", "t/s"])
        self.assertEqual([line.split("|")[6].strip() for line in lines[2:]], ["pp32", "tg8"])

    def test_json_has_the_usual_keys(self):
        report = json.loads(run_well("inkling-bench", "-m", own_model(), *self.FLAGS, "-o", "json").stdout)
        self.assertEqual([(row["n_prompt"], row["n_gen"]) for row in report], [(32, 0), (0, 8)])
        for row in report:
            self.assertEqual(len(row["samples_ts"]), 2)
            self.assertAlmostEqual(row["avg_ts"], sum(row["samples_ts"]) / 2, delta=row["avg_ts"] * 1e-6)
            self.assertGreater(row["model_n_params"], 1000000)
            self.assertEqual(row["n_threads"], 1)
            self.assertIn("stddev_ts", row)

    def test_json_lines_hold_a_test_each(self):
        lines = run_well("inkling-bench", "-m", own_model(), *self.FLAGS, "-o", "jsonl").stdout.splitlines()
        self.assertEqual([json.loads(line)["n_gen"] for line in lines], [0, 8])

    def test_a_profile_names_where_the_time_goes(self):
        report = json.loads(run_well("inkling-bench", "-m", own_model(), *self.FLAGS, "--profile", "-o", "json").stdout)
        for row, passes in zip(report, (1, 8)):
            profile = row["profile"]
            self.assertEqual(profile["head"]["count"], passes)
            self.assertEqual(profile["attention"]["count"], 4 * passes)  # layers
            whole = sum(step["ns"] for step in profile.values())
            self.assertGreater(whole, 0)
        table = run_well("inkling-bench", "-m", own_model(), *self.FLAGS, "--profile").stdout
        self.assertIn("pp32: step", table)
        self.assertIn("tg8: step", table)

    def test_rates_are_compared_with_the_limits_of_the_machine(self):
        report = json.loads(run_well("inkling-bench", "-m", own_model(), *self.FLAGS, "--probe", "-o", "json").stdout)
        self.assertEqual([row["rate_unit"] for row in report], ["Gop/s", "GB/s"])
        for row in report:
            self.assertGreater(row["limit"], 1)
            self.assertAlmostEqual(row["share_of_limit"], row["rate"] / row["limit"])
        self.assertIn("reached |", run_well("inkling-bench", "-m", own_model(), *self.FLAGS, "--probe").stdout)

    def test_generated_tokens_may_have_threads_of_their_own(self):
        flags = ("-p", 8, "-n", 2, "-r", 1, "-t", 1, "--decode-threads", 2)
        report = json.loads(run_well("inkling-bench", "-m", own_model(), *flags, "-o", "json").stdout)
        self.assertEqual([(row["n_threads"], row["cpus"]) for row in report], [(1, []), (2, [])])
        lines = run_well("inkling-bench", "-m", own_model(), *flags).stdout.splitlines()
        self.assertEqual([line.split("|")[5].strip() for line in lines[2:]], ["1", "2"])

    @unittest.skipUnless(hasattr(os, "sched_getaffinity"), "this system binds no threads to CPUs")
    def test_threads_are_bound_to_cpus(self):
        cpu = max(os.sched_getaffinity(0))
        flags = ("-p", 8, "-n", 2, "-r", 1, "--cpus", cpu)
        report = json.loads(run_well("inkling-bench", "-m", own_model(), *flags, "-o", "json").stdout)
        self.assertEqual([(row["n_threads"], row["cpus"]) for row in report], [(1, [cpu])] * 2)
        run_well("inkling-run", "--cpus", cpu, own_model(), "--prompt", "Once", "-n", 1)
        self.assertIn(f"found {cpu + 1}", run("inkling-bench", "-m", own_model(), "--cpus", cpu + 1).stderr)

    def test_prompts_are_multiplied_as_they_are_told(self):
        for choice, expected in (("int8", "int8"), ("float", "float from 9 rows on")):
            flags = ("-p", 16, "-n", 0, "-r", 1, "--prefill", choice, "-o", "json")
            row = json.loads(run_well("inkling-bench", "-m", own_model(), *flags).stdout)[0]
            self.assertTrue(row["prefill_activations"].startswith(expected), row["prefill_activations"])
            run_well("inkling-run", "--prefill", choice, own_model(), "--prompt", "Once upon a time", "-n", 1)
        for program in ("inkling-bench", "inkling-run"):
            self.assertEqual(run(program, "-m", own_model(), "--prefill", "half").returncode, 2)

    def test_kept_weights_are_opened_twice(self):
        row = json.loads(run_well("inkling-bench", "-m", own_model(), "-p", 8, "-n", 0, "-r", 1, "--cache-dir",
                                  work_folder() / "packed", "-o", "json").stdout)[0]
        self.assertGreater(row["warm_load_seconds"], 0)
        self.assertGreater(row["peak_memory_bytes"], 1 << 20)

    def test_csv_has_a_line_for_each_test(self):
        lines = run_well("inkling-bench", "-m", own_model(), *self.FLAGS, "--output", "csv").stdout.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertIn("avg_ts", lines[0])


class BadInputTest(unittest.TestCase):
    def check(self, code, fragments, program, *arguments):
        result = run(program, *arguments, text="")
        self.assertEqual(result.returncode, code, result.stderr)
        for fragment in fragments:
            self.assertIn(fragment, result.stderr)
        self.assertLessEqual(len(result.stderr.strip().splitlines()), 2, result.stderr)

    def test_a_missing_model_is_named(self):
        for program, arguments in (("inkling-run", ["nowhere.tflite", "-p", "x"]),
                                   ("inkling-bench", ["-m", "nowhere.tflite"]),
                                   ("inkling-describe", ["nowhere.tflite"]),
                                   ("inkling-eval", ["logits", "--model", "nowhere.tflite", "--tokens", "1", "--output",
                                                     str(work_folder() / "x.npy")])):
            self.check(1, ["nowhere.tflite"], program, *arguments)

    def test_a_truncated_model_is_refused(self):
        data = own_model().read_bytes()
        for part in (0, 5, 1000, len(data) // 2, len(data) - 1):
            path = work_folder() / "truncated.tflite"
            path.write_bytes(data[:part])
            self.check(1, ["truncated.tflite"], "inkling-run", path, "-p", "x")

    def test_unknown_flags_are_usage_errors(self):
        for program in ("inkling-run", "inkling-bench", "inkling-eval", "inkling-describe", "inkling-convert"):
            result = run(program, "--no-such-flag")
            self.assertEqual(result.returncode, 2, program)
            self.assertTrue(result.stderr.strip(), program)

    def test_options_out_of_range_are_named(self):
        model = own_model()
        self.check(1, ["temperature", "nan"], "inkling-run", model, "-p", "x", "--temperature=nan")
        self.check(1, ["top_p", "2"], "inkling-run", model, "-p", "x", "--top-p=2")
        self.check(1, ["max_new_tokens", "0"], "inkling-run", model, "-p", "x", "-n", 0)
        self.check(1, ["context_length", "9999999"], "inkling-run", model, "-p", "x", "-c", 9999999)
        self.check(1, ["room for"], "inkling-run", model, "-p", "word " * 400, "-c", 16)
        self.check(1, ["'x'"], "inkling-eval", "generate", "--model", model, "--tokens", "1,x")
        self.check(1, ["no tokens"], "inkling-eval", "generate", "--model", model, "--tokens", ",")
        self.check(1, ["999999"], "inkling-eval", "generate", "--model", model, "--tokens", "1,999999")
        self.check(1, ["--context"], "inkling-eval", "perplexity", "--model", model, "--text", __file__, "--context", 2)

    def test_bad_types_are_refused(self):
        out = work_folder() / "bad.tflite"
        self.assertNotEqual(run("inkling-convert", OWN_MODEL, out, "--weights=int3").returncode, 0)
        self.assertNotEqual(run("inkling-convert", OWN_MODEL, out, "--weights=int4", "--block=48").returncode, 0)
        self.assertFalse(out.exists())


class MemoryTest(unittest.TestCase):
    def test_peak_is_the_packed_weights_the_cache_and_little_else(self):
        path = work_folder() / "large.tflite"
        facts = json.loads(run_well("fabricate_model", path).stdout)
        self.assertGreater(path.stat().st_size, 900e6)
        result = run_well("inkling-run", path, "-p", "memory", "-n", 8, "--ignore-eos", "--stats", "-c", 1024, timeout=600)
        path.unlink()
        peak = float(re.search(r"peak memory (\d+) MB", result.stderr).group(1)) * 2**20
        expected = facts["packed_bound"] + facts["kv_bytes_per_position"] * 1024 + 60 * 2**20
        self.assertLess(peak, 1.1 * expected)


if __name__ == "__main__":
    run_case("__main__")
