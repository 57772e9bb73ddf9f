#!/usr/bin/env python3
"""Tests the house rules that read more than single words, and function_lengths.py, with small files made here."""

import pathlib
import tempfile
import unittest

import function_lengths
import house_rules_test


def lines(count, text="  Call();\n"):
    return text * count


def found(suffix, text):
    """{name: number of lines} of the functions of a file."""
    return {name: last - first + 1 for first, last, name in function_lengths.functions(suffix, text)}


class FunctionLengthsTest(unittest.TestCase):

    def test_the_rule_finds_a_function_of_61_lines_and_none_of_60(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "a.cc").write_text("void Long() {\n" + lines(59) + "}\n\nvoid Short() {\n" + lines(58) + "}\n")
            (root / "b.py").write_text("def long():\n" + lines(60, "    call()\n") + "\n\ndef short():\n" + lines(59, "    call()\n"))
            (root / "c.cc").write_text("void Broken() {\n")
            findings = list(house_rules_test.rule_functions(root, ["a.cc", "b.py", "c.cc"]))
        self.assertEqual(findings, [
            "a.cc:1: Long has 61 lines; no function is over 60",
            "b.py:1: long has 61 lines; no function is over 60",
            "c.cc:1: its functions can't be measured: the brace of line 1 isn't closed",
        ])

    def test_members_and_nested_namespaces(self):
        text = ("namespace a {\nnamespace {\nclass Deep {\n public:\n  struct Inner {\n    int Member() const {\n" + lines(3) +
                "    }\n  };\n  explicit Deep(int a)\n      : a_{a}, b_(2) {\n" + lines(4) + "  }\n};\n}  // namespace\n"
                "template <class T = int>\nT Deep::operator==(const T& other) {\n" + lines(5) + "}\n}\n")
        self.assertEqual(found(".h", text), {"Member": 5, "Deep": 7, "Deep::operator==": 8})

    def test_lambdas_count_in_the_function_around_them(self):
        text = "void Outer() {\n  auto inner = [&](int i) {\n" + lines(5) + "  };\n}\nconst auto kAlone = [](int i) {\n" + lines(2) + "};\n"
        self.assertEqual(sorted(found(".cc", text).values()), [4, 9])

    def test_tests_and_macros(self):
        text = "TEST(A, B) {\n" + lines(3) + "}\n#define LOOP(x) \\\n  do { \\\n    x; \\\n  } while (false)\n"
        self.assertEqual(sorted(found(".cc", text).values()), [4, 5])

    def test_braces_that_open_nothing(self):
        text = ('constexpr int kTable[] = {Count(1),\n{2}};\nvoid F() {\n  g("{", \'{\', R"x({ " {)x");  // {\n  /* {\n */ h(1\'000, \'}\');\n}\n')
        self.assertEqual(found(".cc", text), {"F": 5})

    def test_a_brace_opened_in_each_branch_of_a_conditional(self):
        text = "#if defined(A)\nvoid F(int a) {\n#else\nvoid F(long a) {\n#endif\n" + lines(2) + "}\nvoid G() {\n}\n"
        self.assertEqual(set(found(".cc", text)), {"F", "G"})

    def test_other_languages(self):
        self.assertEqual(found(".js", "function f(a) {\n  return `{${a}`.replace(/[{]/g, '');\n}\n"), {"f": 3})
        self.assertEqual(found(".sh", "a() {\n  b\n}\nc\n"), {"a": 3})
        self.assertEqual(found(".cmake", "function(a b)\n  c()\nendfunction()\n"), {"a": 3})
        self.assertEqual(found(".py", "class A:\n    @b\n    def c(self):\n        def d():\n            pass\n"), {"c": 4, "d": 2})


class VocabularyTest(unittest.TestCase):

    def findings(self, name, text):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return [finding.split(":")[1] for finding in house_rules_test.rule_vocabulary(pathlib.Path(folder), [name])]

    def test_old_words_are_found_in_prose_and_in_identifiers(self):
        old = ["the pro" "duct of a row", "kMaxPro" "ducts", "Remain" "ders", "int8 lev" "els", "NearestLev" "el", "lev" "el_sums", "Wid" "ened",
               "its lea" "se", "ThreadPoolLea" "se", "a gue" "ss", "num_gue" "ssed_tokens", "num_draf" "ted_tokens", "max_tok" "ens"]
        self.assertEqual(self.findings("src/a.h", "\n".join(old) + "\n"), [str(number + 1) for number in range(len(old))])

    def test_words_with_another_meaning_may_stay(self):
        self.assertEqual(self.findings("a.md", "dot pro" "duct, dot\n// pro" "ducts, DotPro" "duct, repro" "duction, byte-lev" "el, ByteLev" "el, second cache\n"
                                               "lev" "el, top-lev" "el, release, please, max_new_tokens, drafted\n"), [])
        self.assertEqual(self.findings("converter/jinja_parser.cc", "32 lev" "els"), [])

    def test_the_table_of_words_may_have_them(self):
        text = "gue" "ss\n<!-- words -->\n| gue" "ss | draft token |\n<!-- /words -->\n"
        self.assertEqual(self.findings("src/README.md", text), ["1"])


if __name__ == "__main__":
    unittest.main()
