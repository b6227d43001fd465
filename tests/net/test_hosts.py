"""A host that is written as it is kept is kept; whether it is takes one look, not all rules."""

from __future__ import annotations

import re
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanready.catalogue.wrong import Wrong
from scanready.net import hosts

_PARTS = ["a", "b1", "_x", "x-", "-x", "A", "ü", "1-5", "x_y", "xn--bcher-kva", "", "k" * 63, "k" * 64]
_NUMBERS = ["0", "1", "01", "10", "223", "224", "255", "256", "99999"]
_NAMES = st.lists(st.sampled_from([*_PARTS, *_NUMBERS]), min_size=1, max_size=6)
_HOSTS = st.builds(lambda parts, end: ".".join(parts) + end, _NAMES, st.sampled_from(["", "", ".", " "]))


def outcome(text: str) -> str | tuple[str, ...]:
    try:
        return hosts.clean_host(text)
    except Wrong as wrong:
        return wrong.messages


@given(_HOSTS)
def test_the_look_and_the_rules_agree(text: str) -> None:
    with patch.object(hosts, "_CLEAN", re.compile("(?!)")):
        by_rules = outcome(text)
    assert outcome(text) == by_rules


@pytest.mark.parametrize("text", ["10.0.0.1", "223.255.255.255", "db7", "db7.corp.example.", "a_b.xn--bcher-kva.de"])
def test_a_usual_host_takes_one_look(text: str) -> None:
    assert hosts._CLEAN.fullmatch(text)
    assert hosts.clean_host(text) == text
