"""A long list of targets shows ranges as one word, is cut by count, and counts the omitted targets."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanready.report.listed import listed


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([f"ssh://10.0.0.{n}" for n in range(1, 255)], "ssh://10.0.0.[1-254]"),
        ([f"ssh://web{n:02}.corp:22" for n in range(1, 41)], "ssh://web[01-40].corp:22"),
        ([f"ssh://web{n}.corp:22" for n in range(8, 12)], "ssh://web[8-11].corp:22"),
        ([f"ssh://db7-{n}.corp" for n in range(3, 6)], "ssh://db7-[3-5].corp"),
        (["ssh://a1", "ssh://a2"], "ssh://a1, ssh://a2"),
        (["ssh://a9", "ssh://a010", "ssh://a011"], "ssh://a9, ssh://a010, ssh://a011"),
        (["ssh://a3", "smb://b", "ssh://a1", "ssh://a2"], "ssh://a[1-3], smb://b"),
        (["https://x/1", "https://x/2", "https://x/3"], "https://x/1, https://x/2, https://x/3"),
        (["any://h:1", "any://h:2", "any://h:3"], "any://h:1, any://h:2, any://h:3"),
        ([f"ssh://[2001:db8::{n}]" for n in range(1, 4)], "ssh://[2001:db8::1], ssh://[2001:db8::2], ssh://[2001:db8::3]"),
        (["smb://er@fs1/x", "smb://er@fs2/x", "smb://er@fs3/x", "smb://er@fs4/y"], "smb://er@fs[1-3]/x, smb://er@fs4/y"),
        ([], ""),
    ],
    ids=[
        "addresses", "padded", "over-ten", "the-last-number", "two-are-no-range", "other-padding", "in-any-order",
        "paths-are-no-hosts", "ports-are-no-hosts", "ipv6", "with-user-and-path", "none",
    ],
)  # fmt: skip
def test_ranges(names: list[str], text: str) -> None:
    assert listed(names) == text


def test_a_long_list_is_cut_by_count_and_says_how_many_are_left() -> None:
    names = [f"ssh://10.0.{third}.{last}" for third in range(4) for last in range(0, 256, 2)]
    text = listed(names)
    assert text.endswith("ssh://10.0.0.78 and 472 more")
    assert len(text.split(", ")) == 40
    assert listed(["smb://a", *(f"ssh://w{n}" for n in range(9)), "nfs://b"], most=1) == "smb://a and 10 more"


@given(st.lists(st.from_regex(r"ssh://[a-c]{0,2}(0?[0-9]|1[0-9]){1,2}(\.x)?", fullmatch=True), max_size=30))
def test_every_target_is_on_the_list_once(names: list[str]) -> None:
    found: list[str] = []
    for word in filter(None, listed(names, most=1000).split(", ")):
        span = re.fullmatch(r"(.*)\[(\d+)-(\d+)\](.*)", word)
        if span is None:
            found.append(word)
            continue
        before, first, last, after = span.groups()
        width = len(first) if first.startswith("0") else 0
        found += [f"{before}{number:0{width}}{after}" for number in range(int(first), int(last) + 1)]
    assert sorted(found) == sorted(set(names))
