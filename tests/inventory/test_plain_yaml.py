"""The reader of flat shapes returns the parser's nodes, or leaves the text to the parser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanready.inventory import InventoryError, Problem, plain_yaml
from scanready.inventory.nodes import Node
from scanready.inventory.plain_yaml import plain_nodes, read_nodes
from scanready.inventory.yaml_nodes import compose

#: Shapes of large inventories; none of them may need the parser.
FLAT = {
    "urls": "targets:\n- mysql://db1:3306/hr\n- ssh://[2001:db8::7]:22\n- smb://fs01/finance  # a note\n",
    "hosts": "targets:\n  - 10.0.0.1\n  - db7.corp.example.\n  - db8:5432\n",
    "hosts in brackets": "targets:\n  - {hosts: [web1, web2, 10.1.0.0/28], type: unix, port: 22}\n",
    "one-line mappings": "targets:\n  - {host: fs01, types: [smb, windows], credential: ad-scan, tags: [finance]}\n",
    "block mappings": (
        "targets:\n  - host: nas\n    type: nfs\n    tags:\n    - a\n    - b\n  - host: b\n    tags: [x]\n"
    ),
    "whole": (
        "# all of it\nagent: {name: proxy-nyc, master: er-master.corp}\ndefaults:\n  timeout: 10\n  depth: access\n\n"
        "credentials:\n  pg: {username: er, password: file:/run/secrets/pg}\n  unix:  # the scan\n"
        "    username: svc-er\n    password: env:UNIX_PW\ntargets:\n- postgresql://db7/hr\n"
    ),
    "Windows' line ends": "targets:\r\n- ssh://a\r\n- {host: b, type: ssh}\r\n",
    "letters of other alphabets": "targets:\n- ssh://bücher.example\n# größer\n",
    "values that are no text": "targets:\n- 7\n- true\n- 1.5\n- {host: null, port: 0x10, tags: [.5, 1e3, 007]}\n",
}
#: Texts that the parser decides, because of errors or of more YAML than the flat shapes have.
ODD = {
    "repeated key": "targets: [a]\ntargets: [b]\n",
    "anchor and alias": "targets:\n- &a x\n- *a\n",
    "merge key": "targets:\n- {<<: {a: b}}\n",
    "quotes": "targets:\n- \"a\"\n- 'b'\n",
    "quotes in brackets": "targets: [a, 'b, c']\n",
    "tag": "targets:\n- !!str 5\n",
    "tab": "targets:\n\t- a\n",
    "tab within": "targets:\n- a\t# no comment\n",
    "mark of byte order": "targets:\n- \ufeffa\n",
    "other line ends": "targets:\n- a\x85- b\n- c\u2028- d\n- e\r- f\n",
    "text over two lines": "targets:\n- a\n  b\n",
    "mapping after text": "targets:\n- a\n  b: c\n",
    "brackets over two lines": "targets: [a,\n  b]\n",
    "not closed": "targets: [a\n",
    "text after brackets": "targets: [a] b\n",
    "comma at the end": "targets: [a, b,]\n",
    "comment without a space": "targets: [a]#c\n",
    "empty item": "targets:\n-\n- a\n",
    "empty value": "agent:\ntargets: [a]\n",
    "empty value at the end": "targets:\n",
    "list in a list": "targets:\n- - a\n",
    "shallower item": "targets:\n   - a\n  - b\n",
    "deeper item": "targets:\n  - a\n   - b\n",
    "deeper key": "targets:\n  - a: b\n     c: d\n",
    "no key": "targets\n",
    "only a list": "- a\n- b\n",
    "block text": "targets:\n- |\n  a\n",
    "long key": "targets:\n- " + "k" * 1100 + ": v\n",
    "two documents": "targets: [a]\n---\ntargets: [b]\n",
    "end of a document": "targets: [a]\n...\n",
    "version": "%YAML 1.1\n---\ntargets: [a]\n",
    "no space after the key": "targets:\n- {password:hunter2}\n",
    "colon and space": "targets:\n- a: b: c\n",
    "pair in a list": "targets: [a: b]\n",
    "key with a question": "? targets\n: [a]\n",
    "nothing": "# nothing\n",
    "deep": "".join(f"{' ' * depth}a:\n" for depth in range(40)) + " " * 40 + "b: c\n",
}
_WORDS = r"""a db1 10.0.0.1 ssh://h:22/x mysql://u@[::1]:3306 true no ~ null 7 -1 0x1F 1e5 .5 .inf 2026-01-02 22:22
a:b a: :a a#b #a ü << 'q' "q" "q a'b *x - -- --- ... %a @a `a | > a,b [a] {} [] [a,] [[a]] {a} [a:b] {a:b} [ ] a] a}
a?b a\nb $A =a"""
_MORE = ["", " ", "a b", "a: b", "a #b", "&x a", "!t a", "? a", "- a", "a, b", "{a: b}", "[a, b]", "{a: [b, c], d: e}"]
_ODD_TEXTS = ["\ufeff", "\x07", "a\tb", "\t", "\xa0", "a\xa0b", "\u2028", "\x85", "\r", "k" * 130, "v" * 1100]
_NESTED = ["{a: }", "{a: {b: c}}", "[a: b]", "[a ,b ]", "{ a: b ,c: d }"]
_SMALL = st.sampled_from([*_WORDS.split(), *_MORE, *_ODD_TEXTS, *_NESTED])
_KEYS = st.sampled_from(["targets:", "a:", "host:", "type: ", "a :", "b:  ", "a:b", "7:", "true:", "'a':", ""])
_LINES = st.builds(
    lambda indent, dash, key, space, value, after, end: indent * " " + dash + key + space + value + after + end,
    st.integers(0, 5),
    st.sampled_from(["", "", "- ", "- ", "-  ", "-"]),
    _KEYS,
    st.sampled_from(["", " "]),
    _SMALL,
    st.sampled_from(["", "", "", " ", " # b", " #", "#c"]),
    st.sampled_from(["\n", "\n", "\n", "\n", "\r\n", "\n\n", "\r", ""]),
)
_TIDY = st.builds(
    lambda indent, dash, key, value: f"{indent * ' '}{dash}{key}{value}\n",
    st.sampled_from([0, 0, 2, 2, 4]),
    st.sampled_from(["", "- "]),
    st.sampled_from(["", "a: ", "b: ", "a:", "c:"]),
    st.sampled_from(["", "x", "10.0.0.1", "[a, b]", "{a: b, c: [d]}", "7", "# c"]),
)
_BITS = st.sampled_from([*" :,#-[]{}'\"\n\t\r?x", "", "  ", ": ", " #", "- ", "&a ", "*a"])


@st.composite
def _changed(draw: st.DrawFn) -> str:
    """Return a flat text, with a few small changes."""
    text = draw(st.sampled_from([*FLAT.values()]))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(_BITS) + text[at + draw(st.integers(0, 3)) :]
    return text


TEXTS = st.one_of(
    _changed(),
    _changed(),
    *(
        st.lists(lines, max_size=10).map(lambda found: "targets:\n" + "".join(found))
        for lines in (_LINES, _TIDY, st.one_of(_TIDY, _LINES))
    ),
)


def parsed(text: str) -> object:
    """Return what the parser makes of a text: its root and its problems, or its error."""
    try:
        return compose(text, "i.yaml")
    except InventoryError as error:
        return error


@pytest.mark.parametrize("shape", FLAT)
def test_a_flat_shape_needs_no_parser(shape: str) -> None:
    root = plain_nodes(FLAT[shape])
    assert root is not None
    assert (root, []) == parsed(FLAT[shape])


@pytest.mark.parametrize("shape", ODD)
def test_everything_else_is_left_to_the_parser(shape: str) -> None:
    assert plain_nodes(ODD[shape]) is None


@given(TEXTS)
@settings(max_examples=500)
def test_any_text_has_the_nodes_of_the_parser_or_is_left_to_it(text: str) -> None:
    root = plain_nodes(text)
    if root is not None:
        assert (root, []) == parsed(text)


def streamed(text: str) -> tuple[Node | None, list[Problem]]:
    """Return what the reader of long texts makes of a text, with all of its targets taken."""
    try:
        root, problems = read_nodes(text, "i.yaml")
    except InventoryError as error:
        return None, [*error.problems]
    if root is not None and isinstance(root.value, dict) and "targets" in root.value:
        key, targets = root.value["targets"]
        if isinstance(targets.value, Iterator):
            root.value["targets"] = key, replace(targets, value=list(targets.value))
    return root, problems


@given(TEXTS)
@example("targets:\n- a\nb: c\n")
@example("targets:\n  - a: b\n    c:\n  - d\n")
@example("a: b\ntargets:\n")
@example("targets:\n  a: x\na: \n- x\n")
@settings(max_examples=500)
def test_a_long_text_has_the_same_nodes_or_one_problem_with_its_line(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_yaml, "LONGEST_FOR_PARSER", -1)
        root, problems = streamed(text)
    if problems:
        (problem,) = problems
        assert 1 <= (problem.line or 0) <= text.count("\n") + 1
        keys = [line.partition(":")[0] for line in text.split("\n") if line[:1].isalpha()]
        assert plain_nodes(text) is None or keys[-1] != "targets"
    else:
        assert root == plain_nodes(text)


def test_each_entry_of_a_long_text_is_read_when_it_is_taken() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_yaml, "LONGEST_FOR_PARSER", -1)
        root, problems = read_nodes("targets:\n- a\n- b: c\n  d: [e]\n- 'f'\n- g\n", "i.yaml")
    assert root is not None
    entries = root["targets"].value
    assert next(entries).value == "a"
    assert problems == []
    assert [entry.plain() for entry in entries] == [{"b": "c", "d": ["e"]}]
    assert [problem.line for problem in problems] == [5]
