// The Jinja interpreter: what Jinja2 3.1 gives for the same source (computed with it once), and the
// bounds of hostile templates.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "converter/templates/jinja_template.h"
#include "gtest/gtest.h"

namespace inkling {
namespace {

JinjaValue::Dict Variables() {
  const auto message = [](absl::string_view role, absl::string_view text) {
    return JinjaValue::MakeDict(
        {{"role", JinjaValue::MakeText(role)}, {"content", JinjaValue::MakeText(text)}});
  };
  return {{"ms", JinjaValue::MakeList({message("a", "hey"), message("b", "ho")})}};
}

absl::StatusOr<std::string> Render(absl::string_view source) {
  absl::StatusOr<JinjaTemplate> parsed = JinjaTemplate::Parse(source);
  if (!parsed.ok()) return parsed.status();
  return parsed->Render(Variables());
}

// Each expression, and what Jinja2 writes for it.
void ExpectExpressions(const std::vector<std::pair<const char*, const char*>>& cases) {
  for (const auto& [source, expected] : cases) {
    const auto rendered = Render(absl::StrCat("{{ ", source, " }}"));
    ASSERT_TRUE(rendered.ok()) << source << ": " << rendered.status();
    EXPECT_EQ(*rendered, expected) << source;
  }
}

TEST(Jinja, NumbersAndLogicGiveWhatJinja2Gives) {
  ExpectExpressions({
      // Numbers and precedence.
      {"1+2*3", "7"},
      {"-7//2", "-4"},
      {"7%-3", "-2"},
      {"-2**2", "4"},
      {"7/2", "3.5"},
      {"3.0", "3.0"},
      {"1.0e3", "1000.0"},
      {"-1|abs", "1"},
      {"1 ~ 1 + 'x'", "11x"},
      {"\"a\"|length == 1", "True"},
      {"not 1 == 2", "True"},
      // Comparisons, logic, conditionals.
      {"1<2<3", "True"},
      {"1<2>3", "False"},
      {"true==1", "True"},
      {"3 not in [1,2]", "True"},
      {"'a' in 'abc'", "True"},
      {"'k' in {'k':1}", "True"},
      {"0 or 3", "3"},
      {"1 and 2", "2"},
      {"1 if false", ""},
      {"x is defined", "False"},
      {"x is not defined and not none is string", "True"},
      {"1 is boolean", "False"},
      {"4 is divisibleby 2", "True"},
      {"1 is in [1,2]", "True"},
      {"(1,) == [1]", "False"},
  });
}

TEST(Jinja, StringsGiveWhatJinja2Gives) {
  ExpectExpressions({
      {"'a' \"b\"", "ab"},
      {"'a\\tb\\x41\\u00e9\\q'", "a\tbA\xC3\xA9\\q"},
      {"'abc'[-1]", "c"},
      {"'abcdef'[4:1:-2]", "ec"},
      {"'\xC3\xA4\xC3\xB6'[1]", "\xC3\xB6"},
      {"'\xC3\xA4\xC3\xB6'|length", "2"},
      {"' a\xE3\x80\x80'.strip()", "a"},
      {"'xxaxx'|trim('x')", "a"},
      {"'\\n\\na\\n'.lstrip('\\n')", "a\n"},
      {"' a  b '.split()", "['a', 'b']"},
      {"'a,b,c'.split(',',1)", "['a', 'b,c']"},
      {"'a,b,c'.rsplit(',',1)", "['a,b', 'c']"},
      {"'a,b,c'.rsplit(',')", "['a', 'b', 'c']"},
      {"' a  b '.rsplit()", "['a', 'b']"},
      {"'a,b,c'.partition(',')", "('a', ',', 'b,c')"},
      {"'a,b,c'.rpartition(',')", "('a,b', ',', 'c')"},
      {"'abc'.partition(',')[2] ~ 'abc'.rpartition(',')[2]", "abc"},
      {"'abab'.removeprefix('ab') ~ 'abab'.removesuffix('x')", "ababab"},
      {"'abc'.startswith(('x','ab'))", "True"},
      {"'abcabc'.count('b')", "2"},
      {"'hello world'.title()", "Hello World"},
      {"'-'.join(['a','b'])", "a-b"},
      {"'ab'*2", "abab"},
  });
}

TEST(Jinja, ContainersGiveWhatJinja2Gives) {
  ExpectExpressions({
      {"[1,2,3][::-1]", "[3, 2, 1]"},
      {"[1,2,3][-2:]", "[2, 3]"},
      {"{'a':1,'b':[1,'x']}", "{'a': 1, 'b': [1, 'x']}"},
      {"(1,)", "(1,)"},
      {"['a\\'b', 'c\"d', none, 1.5]", "[\"a'b\", 'c\"d', None, 1.5]"},
      {"{'b':1}.get('c',5)", "5"},
      {"{'b':1}.items()|list", "[('b', 1)]"},
      {"{'b':1,'a':2}|dictsort", "[('a', 2), ('b', 1)]"},
      {"[1,1,2]|unique|list", "[1, 2]"},
      {"ms|selectattr('role','equalto','b')|map(attribute='content')|list", "['ho']"},
      {"ms|rejectattr('role','equalto','b')|list|length", "1"},
      {"ms[0] == ms[0] and ms[0] != ms[1]", "True"},
      {"ms[1].content ~ ms[0]['role'] ~ ms[5]", "hoa"},
      {"[' a ']|map('trim')|join('.')", "a"},
      {"range(3,0,-1)|list", "[3, 2, 1]"},
      {"x|default('d') ~ ''|default('e') ~ ''|default('f',true)", "df"},
      {"{'a':[1,2.5,'x\\n\xC3\xA9',none,true]}|tojson",
       "{\"a\": [1, 2.5, \"x\\n\xC3\xA9\", null, true]}"},
  });
}

// Expected texts are those of Python's json.dumps.
TEST(Jinja, JsonIsWhatPythonWrites) {
  ExpectExpressions({
      {"{'a':[1,{'b':'x'}],'c':[],'d':{}}|tojson(indent=4)",
       "{\n    \"a\": [\n        1,\n        {\n            \"b\": \"x\"\n        }\n    ],\n"
       "    \"c\": [],\n    \"d\": {}\n}"},
      {"[1,[2]]|tojson(indent='- ')", "[\n- 1,\n- [\n- - 2\n- ]\n]"},
      {"[1,2]|tojson(indent=0)", "[\n1,\n2\n]"},
      {"[1,2]|tojson(indent=none)", "[1, 2]"},
      {"{'b':1,'a':2}|tojson(sort_keys=true)", "{\"a\": 2, \"b\": 1}"},
      {"{'b':1,'a':[2,3]}|tojson(separators=(',',':'))", "{\"b\":1,\"a\":[2,3]}"},
      {"{'a':[1]}|tojson(false,2,(', ',' = '))", "{\n  \"a\" = [\n    1\n  ]\n}"},
      {"'\xC3\xA9\xF0\x9F\x98\x80'|tojson(ensure_ascii=true)", "\"\\u00e9\\ud83d\\ude00\""},
      {"'\xC3\xA9</a>&\\'\"\\\\\\t\\x01\\x7f'|tojson", "\"\xC3\xA9</a>&'\\\"\\\\\\t\\u0001\x7f\""},
      {"[1.0,-2.5,1e20,1e-7,0.1,true,none]|tojson", "[1.0, -2.5, 1e+20, 1e-07, 0.1, true, null]"},
  });
}

TEST(Jinja, StatementsAndWhiteSpaceGoAsInJinja2) {
  const std::pair<const char*, const char*> kCases[] = {
      {"{% for i in [1,2] %}{{ loop.index0 }}{{ loop.last }}{{ loop.previtem }};{% endfor %}",
       "0False;1True1;"},
      {"{% for i in [] %}a{% else %}b{% endfor %}", "b"},
      {"{% for i in [1,2,3] if i != 2 %}{{ loop.index }}{{ i }}{% endfor %}", "1123"},
      {"{% set x = 1 %}{% for i in [1,2] %}{{ x }}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}",
       "12121"},
      {"{% set ns = namespace(a=1) %}{% for i in [1,2] %}{% set ns.a = ns.a + i %}{% endfor %}"
       "{{ ns.a }}",
       "4"},
      {"{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }}{{ m(1,b=3) }}{{ m() }}",
       "1-21-3-2"},
      {"{% set x %} a {{ 1 }} {% endset %}[{{ x }}]", "[ a 1 ]"},
      {"{% for k, v in {'a':1}.items() %}{{ k }}{{ v }}{% endfor %}", "a1"},
      {"{% for i in range(5) %}{% if i == 3 %}{% break %}{% endif %}{% if i == 1 %}"
       "{% continue %}{% endif %}{{ i }}{% endfor %}",
       "02"},
      {"{% if x %}a{% elif not y %}b{% else %}c{% endif %}", "b"},
      {"{% set a, b = 1, 2 %}{{ a }}{{ b }}", "12"},
      {"  {% if true %}\n  a\n  {% endif %}\nb\n", "  a\nb"},
      {"a\n    {%- if true -%}   \n   b\n  {%- endif %}   \nc\n\n", "ab   \nc\n"},
      {"{%+ if true %}a{% endif +%}\nb", "a\nb"},
      {"  {{ 1 }}\n  {{- 2 -}}\n c", "  12c"},
      {"a {# c #} b\n{# d #}\ne", "a  b\ne"},
      {"{% raw %}{{ a }}{% endraw %}x", "{{ a }}x"},
      {"{{ '}}' }}{{ {'a':{'b':1}} }}", "}}{'a': {'b': 1}}"},
      {"x\r\ny\rz\n", "x\ny\nz"},
      {"{% generation %}a{% endgeneration %}", "a"},
      {"{{ strftime_now('%d %b') }}", "\x1A%d %b\x1A"},
  };
  for (const auto& [source, expected] : kCases) {
    const auto rendered = Render(source);
    ASSERT_TRUE(rendered.ok()) << source << ": " << rendered.status();
    EXPECT_EQ(*rendered, expected) << source;
  }
}

TEST(Jinja, ErrorsAreNamedWithTheirLine) {
  const std::pair<const char*, const char*> kCases[] = {
      {"a\n{{ raise_exception('no') }}", "line 2: no"},
      {"{% if x %}", "line 1"},
      {"{{ a", "without an end"},
      {"{{ 'a }}", "string without an end"},
      {"{{ 1 + }}", "line 1"},
      {"{{ 1 1 }}", "unexpected '1'"},
      {"{% include 'x' %}", "'include'"},
      {"{{ 1|shuffle }}", "'shuffle'"},
      {"{{ 1 is odder }}", "'odder'"},
      {"{{ x.y }}", "'x' is undefined"},
      {"{{ x + 'a' }}", "'x' is undefined"},
      {"{{ 'a' + 1 }}", "a string + an int"},
      {"{{ 1/0 }}", "division by zero"},
      {"{% for i in 5 %}{% endfor %}", "a loop doesn't take an int"},
      {"{% set x.y = 1 %}", "no namespace"},
      {"{{ 'a'.encode() }}", "'encode'"},
      {"{{ strftime_now('%H:%M') }}", "%H:%M"},
      {"{{ ['a']|tojson(indent='x', default=1) }}", "tojson(default=)"},
      {"{{ ['a']|tojson(indent=[]) }}", "tojson(indent=a list)"},
      {"{{ ['a']|tojson(indent=1000000) }}", "tojson(indent"},
      {"{{ ['a']|tojson(separators=',') }}", "tojson(separators"},
      {"{{ '\xC3\xA9'.upper() }}", "upper"},
  };
  for (const auto& [source, expected] : kCases) {
    const auto rendered = Render(source);
    ASSERT_FALSE(rendered.ok()) << source << ": " << *rendered;
    EXPECT_TRUE(absl::StrContains(rendered.status().message(), expected))
        << source << ": " << rendered.status();
  }
}

TEST(Jinja, HostileTemplatesEndInAnError) {
  std::string deep = "{{ ";
  for (int i = 0; i < 5000; ++i) deep += "(";
  std::string chain = "{{ 1";
  for (int i = 0; i < 50000; ++i) chain += "+1";
  std::string blocks;
  for (int i = 0; i < 5000; ++i) blocks += "{% if 1 %}";
  const std::string kSources[] = {
      deep,
      chain + " }}",
      blocks,
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
      "{% for a in range(9999999999) %}{% endfor %}",
      "{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}"
      "{% endfor %}",
      "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = [ns.s, ns.s] %}"
      "{% endfor %}{{ ns.s }}",
      "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns.a }}",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{{ 'a' * 99999999999 }}",
      "{{ 9223372036854775807 + 1 }}",
      "{{ (-9223372036854775807 - 1) // -1 }}",
      "{{ 10 ** 100 }}",
  };
  for (const std::string& source : kSources) {
    const auto rendered = Render(source);
    EXPECT_FALSE(rendered.ok()) << source.substr(0, 80);
  }
  // Every prefix of a template with everything in it is a template or an error.
  const std::string all =
      "{# c #}{% set ns = namespace(a={'b': [1, 'x\\n']}) -%} {% for k, v in ns.a.items() if k %}"
      "{{- v[::-1]|join(',') if loop.first else 'n' ~ 1 }}{% else %}-{% endfor %}{% macro m(a=1) %}"
      "{{ a is not none and (a ** 2 >= -1.5e1) }}{% endmacro %}{{ m(a=3) }}{% raw %}{{{% endraw %}";
  EXPECT_TRUE(Render(all).ok()) << Render(all).status();
  for (size_t length = 0; length < all.size(); ++length) {
    const auto rendered = Render(all.substr(0, length));
    EXPECT_TRUE(rendered.ok() || !rendered.status().message().empty());
  }
}

}  // namespace
}  // namespace inkling
