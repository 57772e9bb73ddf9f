#!/usr/bin/env python3
"""inkling-serve over plain HTTP: what OpenAI's API promises, with nothing but Python's standard library.

Run by ctest: serve_test.py CLASS. serve_openai_test.py does the same with OpenAI's own client.
"""

import base64
import http.client
import json
import signal
import struct
import subprocess
import threading
import time
import unittest

import programs


class Server:
    """An inkling-serve on a free port, ended by close()."""

    def __init__(self, *flags, model=None):
        model = model or programs.converted(programs.OWN_MODEL)
        self.process = subprocess.Popen([str(programs.BIN / "inkling-serve"), str(model), "--port", "0", "--name", "tiny", "-t", "2", *flags],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if "http://" not in line:
            raise AssertionError(f"inkling-serve didn't start: {line}{self.process.stderr.read()}")
        self.port = int(line.split(":")[-1].split("/")[0])

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.process.stdout.close()
        self.process.stderr.close()

    def open(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        text = body if isinstance(body, (str, type(None))) else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"})
        return connection, connection.getresponse()

    def ask(self, path, body=None):
        """(status, JSON)."""
        connection, response = self.open("GET" if body is None else "POST", path, body)
        text = response.read()
        connection.close()
        return response.status, json.loads(text)

    def stream(self, path, body):
        """Every event of a stream, the last one not included: that is [DONE]."""
        connection, response = self.open("POST", path, {**body, "stream": True})
        events = [line[6:] for line in response.read().decode().split("\n") if line.startswith("data: ")]
        connection.close()
        assert events[-1] == "[DONE]", events
        return [json.loads(event) for event in events[:-1]]


def chat(*texts, **fields):
    """A request whose messages are the user's and the assistant's in turns."""
    messages = [{"role": "user" if i % 2 == 0 else "assistant", "content": text} for i, text in enumerate(texts)]
    return {"model": "tiny", "messages": messages, "temperature": 0, "max_" + "tokens": 16, **fields}


WEATHER = {"type": "function", "function": {"name": "weather", "description": "Tells the weather", "strict": True, "parameters": {
    "type": "object", "properties": {"city": {"type": "string", "maxLength": 9}, "day": {"enum": ["today", "tomorrow"]}},
    "required": ["city", "day"], "additionalProperties": False}}}


class ToolsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not (programs.BIN / "inkling-serve").exists():
            raise unittest.SkipTest("inkling-serve isn't built: cpp-httplib is missing")
        cls.server = Server(model=programs.model_with_tools())
        cls.addClassCleanup(cls.server.close)

    def test_calls_come_back_parsed_and_results_go_on(self):
        body = chat("How is it in Rome?", tools=[WEATHER], tool_choice="required", parallel_tool_calls=False, **{"max_" + "tokens": 200})
        status, answer = self.server.ask("/v1/chat/completions", body)
        self.assertEqual(status, 200, answer)
        choice = answer["choices"][0]
        self.assertEqual(choice["finish_reason"], "tool_calls")
        self.assertIsNone(choice["message"]["content"])
        (call,) = choice["message"]["tool_calls"]
        self.assertEqual((call["type"], call["function"]["name"]), ("function", "weather"))
        self.assertEqual(list(json.loads(call["function"]["arguments"])), ["city", "day"])
        events = self.server.stream("/v1/chat/completions", body)
        streamed = [event["choices"][0]["delta"]["tool_calls"] for event in events if "tool_calls" in event["choices"][0]["delta"]]
        self.assertEqual([[part["function"] for part in parts] for parts in streamed], [[call["function"]]])
        body["messages"] += [choice["message"], {"role": "tool", "tool_call_id": call["id"], "content": "sunny"}]
        status, answer = self.server.ask("/v1/chat/completions", {**body, "tool_choice": "none", "max_" + "tokens": 12})
        self.assertEqual(status, 200, answer)
        self.assertTrue(answer["choices"][0]["message"]["content"])
        self.assertGreater(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 100)

    def test_what_is_wrong_with_tools_is_said(self):
        def with_parameters(schema):
            return {"type": "function", "function": {"name": "f", "parameters": schema}}

        for fields, message in (({"tool_choice": "sometimes"}, "tool_choice"), ({"tools": [with_parameters({"not": {}})]}, "tools[0]"),
                                ({"tools": [WEATHER, WEATHER]}, "two tools are called"),
                                ({"response_format": {"type": "json_object"}}, "constraint and tools"),
                                ({"tool_choice": {"type": "function", "function": {"name": "x"}}}, "no function")):
            status, answer = self.server.ask("/v1/chat/completions", {**chat("x", tools=[WEATHER]), **fields})
            self.assertIn(status, (400, 501), answer)
            self.assertIn(message, answer["error"]["message"])


class ServeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not (programs.BIN / "inkling-serve").exists():
            raise unittest.SkipTest("inkling-serve isn't built: cpp-httplib is missing")
        cls.server = Server("--sessions", "3")
        cls.addClassCleanup(cls.server.close)

    def test_models(self):
        status, models = self.server.ask("/v1/models")
        self.assertEqual(status, 200)
        self.assertEqual([model["id"] for model in models["data"]], ["tiny"])

    def test_chat_answers_and_streams_the_same(self):
        status, answer = self.server.ask("/v1/chat/completions", chat("A story about Ben."))
        self.assertEqual(status, 200, answer)
        text = answer["choices"][0]["message"]["content"]
        self.assertTrue(text)
        self.assertEqual(answer["choices"][0]["finish_reason"], "length")
        self.assertEqual(answer["usage"]["completion_tokens"], 16)
        events = self.server.stream("/v1/chat/completions", chat("A story about Ben.", stream_options={"include_usage": True}))
        self.assertEqual("".join(event["choices"][0]["delta"].get("content", "") for event in events if event["choices"]), text)
        self.assertEqual(events[-1]["usage"]["completion_tokens"], 16)
        self.assertEqual(events[-2]["choices"][0]["finish_reason"], "length")

    def test_one_more_turn_reuses_the_conversation(self):
        status, first = self.server.ask("/v1/chat/completions", chat("A question about a little dog."))
        self.assertEqual(status, 200, first)
        text = first["choices"][0]["message"]["content"]
        status, second = self.server.ask("/v1/chat/completions", chat("A question about a little dog.", text, "And a cat?"))
        self.assertEqual(status, 200, second)
        cached = second["usage"]["prompt_tokens_details"]["cached_tokens"]
        self.assertGreaterEqual(cached, first["usage"]["prompt_tokens"] + 15)

    def test_completions(self):
        status, answer = self.server.ask("/v1/completions", {"prompt": ["Once", "Once"], "max_" + "tokens": 5, "temperature": 0, "echo": True, "logprobs": 2})
        self.assertEqual(status, 200, answer)
        texts = [choice["text"] for choice in answer["choices"]]
        self.assertEqual(texts[0], texts[1])
        self.assertTrue(texts[0].startswith("Once"))
        self.assertEqual(len(answer["choices"][0]["logprobs"]["tokens"]), 5)
        events = self.server.stream("/v1/completions", {"prompt": "Once", "max_" + "tokens": 5, "temperature": 0})
        self.assertEqual("Once" + "".join(event["choices"][0]["text"] for event in events), texts[0])

    def test_seed_stop_and_log_probabilities(self):
        body = chat("Hello", temperature=1, seed=7, logprobs=True, top_logprobs=3)
        answers = [self.server.ask("/v1/chat/completions", body)[1]["choices"][0] for _ in range(2)]
        self.assertEqual(answers[0]["message"], answers[1]["message"])
        tokens = answers[0]["logprobs"]["content"]
        self.assertEqual([len(token["top_logprobs"]) for token in tokens], [3] * len(tokens))
        stopped = self.server.ask("/v1/chat/completions", chat("Hello", stop=[" "], **{"max_" + "tokens": 50}))[1]["choices"][0]
        self.assertEqual(stopped["finish_reason"], "stop")
        self.assertNotIn(" ", stopped["message"]["content"])

    def test_answers_have_the_form_that_is_asked_for(self):
        schema = {"type": "object", "properties": {"word": {"type": "string", "maxLength": 8}, "a": {"enum": [1, 2]}},
                  "required": ["word", "a"], "additionalProperties": False}
        form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
        body = chat("Hello", response_format=form, **{"max_" + "tokens": 200})
        status, answer = self.server.ask("/v1/chat/completions", body)
        self.assertEqual(status, 200, answer)
        choice = answer["choices"][0]
        self.assertEqual(choice["finish_reason"], "stop")
        self.assertEqual(list(json.loads(choice["message"]["content"])), ["word", "a"])
        streamed = "".join(event["choices"][0]["delta"].get("content", "") for event in self.server.stream("/v1/chat/completions", body))
        self.assertEqual(streamed, choice["message"]["content"])

    def test_embeddings(self):
        status, floats = self.server.ask("/v1/embeddings", {"input": ["a dog", "a cat"]})
        self.assertEqual(status, 200, floats)
        vector = floats["data"][1]["embedding"]
        self.assertAlmostEqual(sum(value * value for value in vector), 1, places=4)
        encoded = self.server.ask("/v1/embeddings", {"input": "a cat", "encoding_format": "base64"})[1]["data"][0]["embedding"]
        values = struct.unpack(f"<{len(vector)}f", base64.b64decode(encoded))
        self.assertEqual([round(value, 5) for value in values], [round(value, 5) for value in vector])

    def test_errors_name_the_field(self):
        cases = [(chat("x", temperature="hot"), 400, "temperature"), (chat("x", foo=1), 400, "foo"), (chat("x", tools={}), 400, "tools"),
                 (chat("x", tools=[{"type": "function", "function": {"name": "f"}}]), 400, None), (chat("x", tools=[7]), 400, "tools[0].function"),
                 (chat("x", response_format={"type": "xml"}), 400, "response_format.type"),
                 (chat("x", response_format={"type": "json_schema"}), 400, "response_format.json_schema.schema"),
                 (chat("x", response_format={"type": "json_schema", "json_schema": {"schema": {"not": {}}}}), 400, "response_format"),
                 (chat("x", response_format={"type": 7}), 400, "response_format.type"),
                 (chat("x", response_format=[]), 400, "response_format"), (chat("x", n=3), 400, "n"),
                 ({"messages": []}, 400, "messages"), ({"messages": [{"role": "robot", "content": "x"}]}, 400, "messages[0].role"),
                 (chat("x", model="other"), 404, None), ("{", 400, None), (chat("x" * 40000), 400, None)]
        for body, expected, field in cases:
            status, answer = self.server.ask("/v1/chat/completions", body)
            self.assertEqual(status, expected, answer)
            self.assertEqual(answer["error"]["param"], field, answer)
            self.assertTrue(answer["error"]["message"])
        self.assertEqual(self.server.ask("/v1/nothing")[0], 404)

    def test_prompts_of_token_ids(self):
        status, answer = self.server.ask("/v1/completions", {"prompt": [1, 2, 3]})
        self.assertEqual(status, 200, answer)
        for prompt in ([1, "x"], [1, -1], [1, 1 << 40], [2.5], []):
            status, answer = self.server.ask("/v1/completions", {"prompt": prompt})
            self.assertEqual((status, answer["error"]["param"]), (400, "prompt"), answer)

    def test_several_conversations_at_once(self):
        answers = {}

        def ask(name):
            answers[name] = self.server.ask("/v1/chat/completions", chat(f"A story about {name}."))[1]["choices"][0]["message"]["content"]

        names = ["Tom", "Lily", "Max", "Sue", "Ben"]
        threads = [threading.Thread(target=ask, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in names:
            alone = self.server.ask("/v1/chat/completions", chat(f"A story about {name}."))[1]
            self.assertEqual(alone["choices"][0]["message"]["content"], answers[name])

    def test_a_client_that_goes_ends_its_answer(self):
        for _ in range(4):  # more than there are sessions: each is given back
            connection, response = self.server.open("POST", "/v1/completions", {"prompt": "Once", "max_" + "tokens": 400, "stream": True})
            self.assertTrue(response.readline())
            response.close()
            connection.close()
        begin = time.monotonic()
        status, _ = self.server.ask("/v1/chat/completions", chat("Still there?"))
        self.assertEqual(status, 200)
        self.assertLess(time.monotonic() - begin, 60, "the answers that nobody waits for went on")


if __name__ == "__main__":
    programs.run_case(__name__)
