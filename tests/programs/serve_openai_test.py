#!/usr/bin/env python3
"""OpenAI's own Python and JavaScript clients against inkling-serve, unchanged: chat, streams, streams that are left, scores, errors.

Run by ctest: serve_openai_test.py CLASS; skipped where the package isn't installed (tests/run.sh --openai installs it).
"""

import json
import os
import pathlib
import shutil
import subprocess
import unittest

import programs
from serve_test import Server

try:
    import openai
except ImportError:
    openai = None


@unittest.skipIf(openai is None, "the package openai isn't installed (tests/run.sh --openai)")
class OpenaiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not (programs.BIN / "inkling-serve").exists():
            raise unittest.SkipTest("inkling-serve isn't built: cpp-httplib is missing")
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.client = openai.OpenAI(base_url=f"http://127.0.0.1:{cls.server.port}/v1", api_key="none", max_retries=0)

    def chat(self, text, **options):
        return self.client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": text}], temperature=0,
                                                   max_completion_tokens=options.pop("most", 16), **options)

    def test_chat(self):
        answer = self.chat("A story about Ben.")
        self.assertTrue(answer.choices[0].message.content)
        self.assertEqual(answer.choices[0].finish_reason, "length")
        self.assertEqual(answer.usage.completion_tokens, 16)

    def test_stream(self):
        text = "".join(chunk.choices[0].delta.content or "" for chunk in self.chat("A story about Ben.", stream=True))
        self.assertEqual(text, self.chat("A story about Ben.").choices[0].message.content)

    def test_stream_that_is_left(self):
        for _ in range(6):
            stream = self.chat("A long story.", stream=True, most=400)
            next(iter(stream))
            stream.close()
        self.assertTrue(self.chat("Still there?").choices[0].message.content)

    def test_scores_and_seed(self):
        answers = [self.client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "Hi"}], seed=3, logprobs=True,
                                                       top_logprobs=2, max_completion_tokens=5) for _ in range(2)]
        self.assertEqual(answers[0].choices[0].message.content, answers[1].choices[0].message.content)
        self.assertEqual(len(answers[0].choices[0].logprobs.content[0].top_logprobs), 2)

    def test_completions_and_models(self):
        answer = self.client.completions.create(model="tiny", prompt="Once upon a time", temperature=0, stop=["."])
        self.assertTrue(answer.choices[0].text)
        self.assertEqual([model.id for model in self.client.models.list()], ["tiny"])

    def test_embeddings(self):
        vectors = self.client.embeddings.create(model="tiny", input=["a dog", "a cat"]).data
        self.assertAlmostEqual(sum(value * value for value in vectors[0].embedding), 1, places=4)

    def test_structured_output(self):
        schema = {"type": "object", "properties": {"pet": {"enum": ["cat", "dog"]}}, "required": ["pet"], "additionalProperties": False}
        answer = self.chat("Which pet?", most=60, response_format={"type": "json_schema", "json_schema": {"name": "pet", "schema": schema}})
        self.assertIn(json.loads(answer.choices[0].message.content)["pet"], ("cat", "dog"))

    def test_tools(self):
        server = Server(model=programs.model_with_tools())
        self.addCleanup(server.close)
        client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key="none", max_retries=0)
        tool = {"type": "function", "function": {"name": "look", "description": "Looks", "parameters": {
            "type": "object", "properties": {"where": {"enum": ["left", "right"]}}, "required": ["where"]}}}
        messages = [{"role": "user", "content": "Where is the cat?"}]
        options = {"model": "tiny", "tools": [tool], "parallel_tool_calls": False, "max_completion_tokens": 200, "temperature": 0}
        message = client.chat.completions.create(messages=messages, tool_choice="required", **options).choices[0].message
        self.assertIn(json.loads(message.tool_calls[0].function.arguments)["where"], ("left", "right"))
        messages += [message, {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "there it is"}]
        self.assertTrue(client.chat.completions.create(messages=messages, tool_choice="none", **options).choices[0].message.content)
        with client.chat.completions.stream(messages=messages[:1], tool_choice="required", **options) as stream:
            final = stream.get_final_completion()
        self.assertEqual(final.choices[0].message.tool_calls[0].function.name, "look")

    def test_errors(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat("x", top_p=7)
        self.assertIn("top_p", str(caught.exception))
        with self.assertRaises(openai.NotFoundError):
            self.client.completions.create(model="other", prompt="x")


NODE_FOLDER = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "inkling" / "node"


@unittest.skipIf(shutil.which("node") is None or not (NODE_FOLDER / "node_modules" / "openai").exists(),
                 "node, or the package openai of JavaScript, isn't installed (tests/run.sh --openai)")
class JavaScriptTest(unittest.TestCase):
    def test_the_client_of_javascript(self):
        if not (programs.BIN / "inkling-serve").exists():
            raise unittest.SkipTest("inkling-serve isn't built: cpp-httplib is missing")
        server = Server(model=programs.model_with_tools())
        self.addCleanup(server.close)
        script = pathlib.Path(__file__).with_suffix(".mjs")
        result = subprocess.run(["node", script, NODE_FOLDER, str(server.port)], capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual(result.stdout.count(": ok"), 5, result.stdout)


if __name__ == "__main__":
    programs.run_case(__name__)
