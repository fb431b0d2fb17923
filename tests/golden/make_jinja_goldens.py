"""Makes jinja.json, the goldens of tests/jinja: what transformers' apply_chat_template renders (transformers 5.24, jinja2 3.1).

    python make_jinja_goldens.py

The templates here are ours, each small and about one feature. A row with "text" null is one that jinja2 raises an error
for. Needs jinja2 and transformers, whose environment it uses; the clock is set to one day.
"""

import datetime
import json
from pathlib import Path

from transformers.utils import chat_template_utils

HERE = Path(__file__).parent
DAY = datetime.datetime(2026, 3, 7)

MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": " What's 2+2?\n"},
    {"role": "assistant", "content": "<think>\nsum\n</think>\n\n4", "tool_calls": [
        {"type": "function", "function": {"name": "add", "arguments": {"b": 2, "a": [1, 2.5, None, True]}}}]},
    {"role": "user", "content": [{"type": "text", "text": "and \"caf\u00e9\""}, {"type": "image"}]},
]
VARIABLES = {
    "messages": MESSAGES,
    "n": 7,
    "x": 2.5,
    "s": "Hello, World",
    "empty": "",
    "nothing": None,
    "yes": True,
    "names": ["beta", "Alpha", "gamma", "alpha"],
    "numbers": [3, 1, 2],
    "d": {"b": 1, "A": {"deep": [1, {"k": "v"}]}, "items": "own"},
    "odd": "tab\t quote' \"double\" back\\ nul\u0001 \u00e9 \u200b \U0001f389",
}

TEMPLATES = {
    # white space around tags: trim_blocks and lstrip_blocks are on
    "space/plain": "a\n  {% if yes %}\n  b\n  {% endif %}\nc\n",
    "space/minus": "a \n {%- if yes -%} \n b \n {%- endif -%} \n c",
    "space/plus": "a\n  {%+ if yes +%}\n b\n {%+ endif %}\nc",
    "space/output": "a\n  {{ n }}\n{{- n -}}\n b {{ n }} \n",
    "space/comment": "a\n  {# no -#} \n b {#- gone #}\n c {# {{ n }} #}d",
    "space/raw": "{% raw %}{{ n }} {% if %}{% endraw %}|{%- raw -%} x {% endraw -%} y",
    "space/raw_lines": "a\n  {% raw %}\n {{ b }}\n  {% endraw %}\nc",
    "space/nested": "{% for m in messages %}\n    {% if loop.first %}\n        [{{ m.role }}]\n    {% endif %}\n{% endfor %}\nend\n\n",
    "space/crlf": "a\r\n{% if yes %}\r\nb\r{% endif %}\r\nc\r\n",
    "space/tabs": "\t{% set a = 1 %}\n\u00a0{% set a = 2 %}\nx\t{% set a = 3 %}\n{{ a }}",
    "space/bom": "\ufeff{{ n }}",
    "space/last_newline": "a\n\n",
    # literals
    "literal/numbers": "{{ 1 }} {{ 1.50 }} {{ 1e3 }} {{ 1_000 }} {{ 2.5e-7 }} {{ 1e16 }} {{ 123456789012345678 }} {{ 0 }}",
    "literal/strings": "{{ 'a\\n\\t\\'\\x41\\u00e9\\101\\q' }}{{ \"b\" 'c' }}{{ 'line\\\nline' }}",
    "literal/constants": "{{ true }} {{ False }} {{ none }} {{ None }} {{ () }} {{ (1,) }} {{ [1, 'a', [2.0]] }} {{ {'a': 1, 2: none} }}",
    "literal/non_ascii": "{{ '\u3053\u3093 \U0001f389' }} \u00e9",
    "literal/repr": "{{ [odd] }} {{ ['it\\'s', \"both ' and \\\"\"] }} {{ ('a',) }} {{ {'k': 'v'} }}",
    "literal/trailing_commas": "{{ [1, 2,] }} {{ {'a': 1,} }} {{ (1, 2,) }} {{ 1, 2 }}",
    # operators
    "operator/arithmetic": "{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ -n }} {{ +x }} {{ n - x }} {{ true + 1 }}",
    "operator/strings": "{{ 'a' + 'b' }} {{ 'ab' * 3 }} {{ 3 * 'x' }} {{ 'a' ~ 1 ~ none ~ 2.0 ~ [1] }} {{ '%s is %d%%' % ('it', 5) }} {{ '%s' % n }}",
    "operator/lists": "{{ [1] + [2] }} {{ [0] * 3 }} {{ (1,) + (2,) }}",
    "operator/compare": "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'a' < 'b' }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' != 'b' }} {{ [1, 2] == [1, 2] }} {{ [1] < [2] }} {{ (1,) == [1] }} {{ none == none }} {{ gone == gone2 }} {{ {'a': 1} == {'a': 1.0} }}",
    "operator/in": "{{ 'ell' in s }} {{ 3 in numbers }} {{ 'b' in d }} {{ 'c' not in d }} {{ 2 in (1, 2) }} {{ 'x' in gone }} {{ not 'x' in s }}",
    "operator/logic": "{{ 0 or 'b' }} {{ 1 and 'c' }} {{ '' and 1 }}| {{ not n }} {{ not not '' }} {{ [] or {} or 'z' }} {{ yes and not nothing or 1 }}",
    "operator/inline_if": "{{ 'a' if yes else 'b' }} {{ 'a' if nothing }}| {{ 1 if nothing else 2 if nothing else 3 }}",
    "operator/precedence": "{{ 'x' + 2 ~ 3 }} {{ -2 ** 2 }} {{ 2 * 3 ~ 4 }} {{ not 1 == 2 }} {{ 10 - 2 - 3 }} {{ -1 | string }} {{ 'a' ~ 'b' | upper }} {{ 1 + 1 == 2 and 'yes' }}",
    "operator/undefined": "{{ gone }}|{{ gone ~ 'a' }}|{{ gone | length }}|{{ gone is defined }}|{{ not gone }}|{{ gone == '' }}",
    # items, attributes, slices
    "item/all": "{{ messages[0].role }} {{ messages[-1]['role'] }} {{ d['b'] }} {{ d.A.deep[1].k }} {{ s[0] }}{{ s[-1] }} {{ numbers.0 }} {{ numbers[9] is defined }} {{ d['gone'] is defined }} {{ d.gone | default('x') }} {{ none.a is defined }}",
    "item/slices": "{{ s[1:4] }} {{ s[:-3] }} {{ s[::-1] }} {{ s[10:2:-2] }} {{ numbers[1:] }} {{ numbers[:1] }} {{ numbers[-2:] }} {{ (1, 2, 3)[::2] }} {{ s[50:] }}| {{ numbers[5:1] }}",
    "item/methods_first": "{{ d['items'] }} {% for k, v in d.items() %}{{ k }},{% endfor %}{{ d.get('items') }} {{ d['keys'] is defined }} {{ s['upper']() }}",
    "item/bool_index": "{{ numbers[true] }}",
    # statements
    "if/chain": "{% for i in range(4) %}{% if i == 0 %}a{% elif i == 1 %}b{% elif i == 2 %}c{% else %}d{% endif %}{% endfor %}",
    "if/undefined": "{% if gone %}a{% else %}b{% endif %}{% if gone is defined and gone.x %}c{% endif %}",
    "for/loop": "{% for i in 'abc' %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }} {% endfor %}",
    "for/neighbours": "{% for i in numbers %}{{ loop.previtem }}<{{ i }}<{{ loop.nextitem }} {% if loop.nextitem is defined %}+{% endif %}{% endfor %}",
    "for/else": "{% for i in [] %}a{% else %}b{% endfor %}{% for i in gone %}a{% else %}c{% endfor %}{% for i in [1] if i > 1 %}{% else %}d{% endfor %}",
    "for/filter": "{% for m in messages if m.role == 'user' %}{{ loop.index }}/{{ loop.length }}{{ m.role }} {% endfor %}",
    "for/lazy_filter": "{% set ns = namespace(stop=false) %}{% for i in range(5) if not ns.stop %}{{ i }}{% if i == 2 %}{% set ns.stop = true %}{% endif %}{% endfor %}",
    "for/unpack": "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for (a, (b, c)) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}{% for a, b in ['xy'] %}{{ b }}{{ a }}{% endfor %}",
    "for/break": "{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% else %}z{% endfor %}",
    "for/scope": "{% set a = 1 %}{% for i in [1, 2] %}{{ a }}{% set a = a + i %}{{ a }} {% endfor %}{{ a }}",
    "for/nested": "{% for i in [1, 2] %}{% for j in [3, 4] %}{{ loop.index }}{{ loop.depth }}{% endfor %}{{ loop.index }} {% endfor %}",
    "for/dict": "{% for k in d %}{{ k }}{% endfor %}",
    "for/range": "{% for i in range(10, 0, -3) %}{{ i }} {% endfor %}{{ range(3) | list }} {{ range(2, 5) | length }} {{ range(5)[1] }}",
    "for/generator_once": "{% set g = numbers | map('string') %}{% for i in g %}{{ i }}{% endfor %}|{% for i in g %}{{ i }}{% endfor %}|{{ (numbers | select) is defined }}",
    "for/generator_break": "{% set g = numbers | map('string') %}{% for i in g %}{{ i }}{% break %}{% endfor %}|{% for i in g %}{{ i }}{% endfor %}",
    "for/outer_loop_in_else": "{% for i in [1, 2] %}{% for j in [] %}{% else %}{{ loop.index }}{% endfor %}{% endfor %}",
    "set/all": "{% set a = 1 %}{% set b, c = 2, 3 %}{% set t = 1, 2 %}{{ a }}{{ b }}{{ c }}{{ t }}{% set a = a + 1 %}{{ a }}",
    "set/block": "{% set a %}x{{ n }}\n{% endset %}[{{ a }}]{% set b | upper | trim %} y {% endset %}[{{ b }}]",
    "set/namespace": "{% set ns = namespace(a=1, b='x') %}{% for i in numbers %}{% set ns.a = ns.a + i %}{% set ns.c = i %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.c }}{{ ns.gone is defined }}{{ ns['a'] }}",
    "set/namespace_of_dict": "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a + ns.b }}",
    "set/if_leaks": "{% if yes %}{% set a = 5 %}{% endif %}{{ a }}",
    "with": "{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% set a = 3 %}{% endwith %}{{ a }}",
    "filter_block": "{% filter upper %}a{{ s }}{% endfilter %}{% filter trim | replace('a', 'b') %} aa {% endfilter %}",
    "macro/arguments": "{% macro m(a, b='B', c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}{{ m(1, c=none) }}",
    "macro/spread": "{% macro m(a, b, c=3) %}{{ a }}{{ b }}{{ c }} {% endmacro %}{{ m(*[1, 2]) }}{{ m(1, *(2,), c=4) }}{{ m(**{'a': 5, 'b': 6}) }}{{ [m][0](7, **dict(b=8)) }}",
    "macro/missing": "{% macro m(a, b) %}{{ a }}|{{ b is defined }}|{{ b }}{% endmacro %}{{ m(1) }}",
    "macro/recursion": "{% macro count(i) %}{{ i }}{% if i > 0 %}{{ count(i - 1) }}{% endif %}{% endmacro %}{{ count(4) }}",
    "macro/scope": "{% set a = 1 %}{% macro m() %}{{ a }}{% set a = 9 %}{% endmacro %}{% set a = 2 %}{{ m() }}{{ a }}",
    "macro/as_string": "{% macro m(x) %} {{ x }} {% endmacro %}{{ m(1) | trim | length }}{{ m(2) + '!' }}{% set r = m(3) %}[{{ r }}]",
    "macro/caller": "{% macro m(t) %}<{{ t }}>{{ caller('u') }}</{{ t }}>{% endmacro %}{% call(v) m('a') %}{{ v }}{{ n }}{% endcall %}",
    "macro/no_caller": "{% macro m() %}{{ caller is defined }}{% if caller %}{{ caller() }}{% endif %}{% endmacro %}{{ m() }}{% call m() %}x{% endcall %}",
    "generation": "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{% set q = 1 %}{{ m.content }}{% endgeneration %}{{ q is defined }}{% endif %}{% endfor %}",
    # tests
    "test/kinds": "{% for v in [1, 1.5, true, 's', none, [], (1,), {}, gone] %}{{ v is number }}{{ v is integer }}{{ v is float }}{{ v is boolean }}{{ v is string }}{{ v is none }}{{ v is sequence }}{{ v is iterable }}{{ v is mapping }}{{ v is defined }}{{ v is undefined }}{{ v is true }}{{ v is false }}{{ v is callable }}\n{% endfor %}",
    "test/arguments": "{{ 4 is divisibleby 2 }}{{ 4 is divisibleby(3) }}{{ 3 is odd }}{{ 3 is even }}{{ 'a' is eq 'a' }}{{ 1 is equalto 2 }}{{ 2 is gt 1 }}{{ 2 is in [1, 2] }}{{ 2 is not in [1, 2] }}{{ none is sameas none }}{{ true is sameas false }}{{ 'ab' is lower }}{{ 'aB' is upper }}{{ 'trim' is filter }}{{ 'x' is test }}",
    "test/precedence": "{{ n is defined and n is number }} {{ not n is string }} {{ 1 + n is number }} {{ n is not none }}",
    # filters
    "filter/tojson": "{{ d | tojson }} {{ messages[2].tool_calls | tojson(indent=2) }} {{ odd | tojson }} {{ odd | tojson(ensure_ascii=true) }} {{ d | tojson(sort_keys=true) }} {{ d | tojson(separators=(',', ':')) }} {{ [] | tojson(indent=4) }} {{ {} | tojson }} {{ [1.0, 1e20, none, true, 'a</b>'] | tojson }} {{ (1, 2) | tojson(indent=0) }}",
    "filter/trim": "[{{ '  a b \n' | trim }}] [{{ 'xxaxx' | trim('x') }}] [{{ '\u3000\x1c a \u00a0' | trim }}] [{{ n | trim }}] [{{ gone | trim }}]",
    "filter/case": "{{ s | upper }} {{ s | lower }} {{ 'hELLO wORLD' | capitalize }} {{ 'hello big-world (new) x_y' | title }}",
    "filter/length": "{{ s | length }} {{ numbers | count }} {{ d | length }} {{ '\U0001f389\u00e9' | length }}",
    "filter/join": "{{ numbers | join }} {{ numbers | join(', ') }} {{ messages | join('|', attribute='role') }} {{ 'abc' | join('-') }} {{ [1, none, 'a'] | join(d=' ') }}",
    "filter/default": "{{ gone | default('x') }} {{ empty | default('y') }}| {{ empty | default('y', true) }} {{ nothing | d('z') }} {{ nothing | d('z', boolean=true) }} {{ gone | default }}|",
    "filter/dictsort": "{% for k, v in d | dictsort %}{{ k }}{% endfor %} {% for k, v in d | dictsort(true) %}{{ k }}{% endfor %} {{ {'a': 2, 'b': 1} | dictsort(by='value', reverse=true) }}",
    "filter/items": "{% for k, v in d | items %}{{ k }}{% endfor %}{{ gone | items | list }}",
    "filter/first_last": "{{ numbers | first }}{{ numbers | last }}{{ s | first }}{{ s | last }}{{ d | first }}{{ [] | first }}|{{ (numbers | map('string')) | first }}",
    "filter/list": "{{ 'abc' | list }} {{ d | list }} {{ numbers | map('abs') | list }} {{ d.values() | list }} {{ d.keys() | list }}",
    "filter/map": "{{ messages | map(attribute='role') | list }} {{ names | map('upper') | join(' ') }} {{ messages | map(attribute='gone', default='-') | join }} {{ [[1, 2], [3]] | map('join', '+') | list }} {{ [d] | map(attribute='A.deep.1.k') | list }}",
    "filter/select": "{{ numbers | select('odd') | list }} {{ numbers | reject('gt', 1) | list }} {{ [0, 1, ''] | select | list }} {{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ messages | rejectattr('role', 'eq', 'user') | map(attribute='role') | list }} {{ messages | selectattr('tool_calls', 'defined') | list | length }} {{ messages | selectattr('tool_calls') | list | length }} {{ messages | selectattr('role', 'in', ['user', 'x']) | list | length }}",
    "filter/nothing": "{{ none | map('string') | list }}{{ none | selectattr('a') | list }}{{ 0 | reject | list }}{{ (numbers | map('string')).type is defined }}",
    "filter/sort": "{{ names | sort }} {{ names | sort(case_sensitive=true) }} {{ numbers | sort(reverse=true) }} {{ messages | sort(attribute='role') | map(attribute='role') | list }}",
    "filter/unique": "{{ names | unique | list }} {{ names | unique(case_sensitive=true) | list }} {{ [1, 1.0, 2] | unique | list }}",
    "filter/numbers": "{{ '12' | int }} {{ ' 3 ' | int }} {{ '2.7' | int }} {{ 'x' | int }} {{ 'x' | int(5) }} {{ 2.9 | int }} {{ -2.9 | int }} {{ none | int }} {{ true | int }} {{ '1.5' | float }} {{ 'x' | float }} {{ 2 | float }} {{ -3 | abs }}",
    "filter/string": "{{ 1 | string + 'a' }} {{ none | string }} {{ 1.0 | string }} {{ [1] | string | length }} {{ '<a>' | safe }} {{ '<a>' | safe ~ '<b>' }} {{ ('<a>' | safe) + '<&>' + s }} {{ '\"\\'' + ('<a>' | safe) }}",
    "filter/replace": "{{ s | replace('l', 'L') }} {{ s | replace('l', 'L', 1) }} {{ 112 | replace('1', 'x') }} {{ 'aaa' | replace('aa', 'b') }}",
    "filter/indent": "{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2, true) }}|{{ 'a\n\nb' | indent(width=1, blank=true) }}|{{ 'a\nb\n' | indent('> ', first=true) }}",
    "filter/format": "{{ '%s-%s' | format(1, 'a') }} {{ \"%d\" | format(true) }}",
    "filter/reverse": "{{ 'abc' | reverse }} {{ numbers | reverse | list }}",
    "filter/chain": "{{ ' A b ' | trim | lower | replace(' ', '_') | upper }}",
    # methods
    "method/strip": "[{{ '  a '.strip() }}][{{ 'xax'.strip('x') }}][{{ '  a '.lstrip() }}][{{ '\n a \n'.rstrip('\n') }}][{{ 'abcba'.strip('ab') }}]",
    "method/split": "{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a b c'.split(' ', 1) }} {{ 'a b c'.rsplit(' ', 1) }} {{ 'a  b c '.split(none, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'x</think>y</think>z'.split('</think>')[-1] }} {{ 'a\nb\r\nc\n'.splitlines() }} {{ 'aXbX'.split('X', maxsplit=1) }}",
    "method/starts": "{{ s.startswith('He') }} {{ s.endswith(('x', 'ld')) }} {{ s.startswith('') }} {{ s.endswith('He') }}",
    "method/find": "{{ s.find('o') }} {{ s.rfind('o') }} {{ s.find('z') }} {{ s.index('W') }} {{ s.count('l') }} {{ numbers.index(2) }} {{ numbers.count(1) }}",
    "method/case": "{{ s.upper() }} {{ s.lower() }} {{ 'aBC d'.capitalize() }} {{ \"they're bill's x1y\".title() }}",
    "method/classes": "{{ '12'.isdigit() }} {{ ''.isdigit() }} {{ 'ab'.isalpha() }} {{ 'a1'.isalnum() }} {{ ' \t'.isspace() }}",
    "method/replace_join": "{{ s.replace('o', '0') }} {{ s.replace('o', '0', 1) }} {{ '-'.join(['a', 'b']) }} {{ 'ab'.removeprefix('a') }} {{ 'ab'.removesuffix('b') }}",
    "method/dict": "{{ d.get('b') }} {{ d.get('gone') }} {{ d.get('gone', 'x') }} {% for v in d.values() %}{{ v }}{% endfor %}{{ d.keys() | list }} {{ d.copy() == d }} {{ d.items() | length }}",
    "method/forbidden": "{{ numbers.append is defined }} {{ d.pop is defined }}",
    # globals
    "global/strftime": "{{ strftime_now('%d %B %Y') }} {{ strftime_now('%Y-%m-%d %b %A %a %j %y %-d %-m %%') }} {{ strftime_now is defined }}",
    "global/dict": "{{ dict(a=1) }} {{ dict({'a': 1}, b=2) }}",
    "global/tools": "{{ tools is defined }} {{ tools is none }} {{ add_generation_prompt }}",
    # as chat templates are put together
    "chat/loop": "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + (m.content if m.content is string else m.content | tojson) + '</s>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}",
    "chat/system_apart": "{%- if messages[0]['role'] == 'system' %}{%- set system = messages[0]['content'] | trim %}{%- set messages = messages[1:] %}{%- else %}{%- set system = '' %}{%- endif %}{{- system }}{%- for m in messages %}{{- m.role }}{%- endfor %}",
    "chat/reverse_search": "{%- set ns = namespace(found=false, at=messages|length - 1) %}{%- for m in messages[::-1] %}{%- set i = messages|length - 1 - loop.index0 %}{%- if not ns.found and m.role == 'user' and m.content is string and not (m.content.startswith('<t>') and m.content.endswith('</t>')) %}{%- set ns.found = true %}{%- set ns.at = i %}{%- endif %}{%- endfor %}{{- ns.at }}",
    "chat/parts": "{%- macro show(content) %}{%- if content is string %}{{- content }}{%- elif content is iterable and content is not mapping %}{%- for item in content %}{%- if 'image' in item or item.type == 'image' %}<img>{%- elif 'text' in item %}{{- item.text }}{%- endif %}{%- endfor %}{%- endif %}{%- endmacro %}{%- for m in messages %}{{- show(m.content) | trim }}|{%- endfor %}",
    "chat/tools": "{%- for m in messages %}{%- if m.tool_calls %}{%- for t in m.tool_calls %}{%- if t.function is defined %}{%- set t = t.function %}{%- endif %}{{- '{\"name\": \"' ~ t.name ~ '\", \"arguments\": ' ~ (t.arguments | tojson) ~ '}' }}{%- endfor %}{%- endif %}{%- endfor %}",
    # what jinja2 raises an error for
    "error/raise": "{{ raise_exception('no ' + s) }}",
    "error/undefined_attribute": "{{ gone.a }}",
    "error/undefined_item": "{{ gone['a'] }}",
    "error/undefined_call": "{{ gone() }}",
    "error/undefined_plus": "{{ gone + 'a' }}",
    "error/add": "{{ 'a' + 1 }}",
    "error/order": "{{ 1 < 'a' }}",
    "error/in": "{{ 1 in 'a' }}",
    "error/iterate": "{% for i in 3 %}{% endfor %}",
    "error/unpack": "{% for a, b in [1] %}{% endfor %}",
    "error/unpack_count": "{% set a, b = [1, 2, 3] %}",
    "error/division": "{{ 1 // 0 }}",
    "error/length": "{{ 3 | length }}",
    "error/length_of_generator": "{{ numbers | map('string') | length }}",
    "error/append": "{{ numbers.append(1) }}",
    "error/macro_arguments": "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
    "error/macro_keyword": "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}",
    "error/macro_caller": "{% macro m() %}{% endmacro %}{% call m() %}{% endcall %}",
    "error/namespace": "{% set a = 1 %}{% set a.b = 2 %}",
    "error/namespace_underscore": "{% set ns = namespace(_a=1) %}",
    "error/slice_of_none": "{{ nothing[1:] }}",
    "error/tojson": "{{ gone | tojson }}",
    "error/items": "{{ [1] | items | list }}",
    "error/filter": "{{ s | nonesuch }}",
    "error/test": "{{ s is nonesuch }}",
    "error/tag": "{% nonesuch %}",
    "error/unclosed": "{% if yes %}a",
    "error/unclosed_output": "{{ n ",
    "error/unbalanced": "{{ (n }}",
    "error/comment": "{# a",
    "error/break_outside": "{% break %}",
    "error/range": "{{ range(100001) | length }}",
    "error/format": "{{ '%d' % 'a' }}",
    "error/format_count": "{{ '%s' % (1, 2) }}",
    "error/index": "{{ [1].index(2) }}",
    "error/set_constant": "{% set true = 1 %}",
    "error/hash": "{{ {[1]: 2} }}",
    # an unknown name behind a condition is found out when it is reached
    "late/filter": "{% if nothing %}{{ s | nonesuch }}{% endif %}ok",
    "late/inline": "{{ s | nonesuch if nothing else 'ok' }}",
    "late/reached": "{% if yes %}{{ s | nonesuch }}{% endif %}",
    "late/loop": "{% if nothing %}{% for i in [1] %}{{ s | nonesuch }}{% endfor %}{% endif %}",
}  # fmt: skip


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return DAY


def render(template, variables, add_generation_prompt=True):
    """As apply_chat_template does; None: it raises an error."""
    chat_template_utils.datetime = Clock
    try:
        compiled = chat_template_utils._compile_jinja_template(template)
        return compiled.render(**{"tools": None, "documents": None, "add_generation_prompt": add_generation_prompt, **variables})
    except Exception:  # of jinja2, or of Python under it
        return None


def main():
    rows = [{"name": name, "template": template, "text": render(template, VARIABLES)} for name, template in TEMPLATES.items()]
    for row in rows:
        if row["name"].startswith("error/") != (row["text"] is None) and not row["name"].startswith("late/"):
            raise SystemExit(f"{row['name']}: {row['text']!r}")
    golden = {"day": [DAY.year, DAY.month, DAY.day], "variables": VARIABLES, "rows": rows}
    (HERE / "jinja.json").write_text(json.dumps(golden, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(len(rows), "templates")


if __name__ == "__main__":
    main()
