"""The name of a target is a URL that asks for the same target again, and for no other."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scanready.catalogue.wrong import Wrong
from scanready.inventory.problems import InventoryError
from scanready.inventory.targets import expand, parse_target
from scanready.model import Credential, Target
from scanready.report.parse import target_restored
from scanready.report.serialize import target_object
from scanready.run.built_in import built_in_rows
from scanready.run.target_name import name_of, visible_name

#: Characters that mean something in a URL, in a shell or to a terminal, and some that mean nothing.
_LETTERS = st.sampled_from("ab/?#&=%+@:;,.\\ ~'\"`$*()[]{}|<>^!_-09äжß漢")
_TEXTS = st.text(_LETTERS, min_size=1, max_size=12)
_VALUES = st.one_of(
    _TEXTS,
    st.text(_LETTERS, max_size=8).map(lambda rest: f"/{rest}"),
    st.booleans(),
    st.integers(0, 70_000),
    st.sampled_from(["proxy.lab:3128", "10.0.0.0/24,db7", "4.1", "/a/b/", "//", "%2F", "a%20b", "/EWS/Exchange.asmx"]),
)
_HOSTS = st.sampled_from(["db7", "db7.example.com.", "10.0.0.7", "fd00::7", "fe80::7%eth0"])
_ACCOUNTS = st.none() | _TEXTS.map(lambda user: Credential(user, user))


@st.composite
def targets(draw: st.DrawFn) -> Target:
    """Any target of a built-in type, as an inventory makes it."""
    row = draw(st.sampled_from(list(built_in_rows().values())))
    options = {}
    for option in draw(st.lists(st.sampled_from(row.options), unique_by=id)) if row.options else ():
        value = draw(_VALUES)
        with contextlib.suppress(Wrong):
            option.read(option.name, value)
            options[option.name] = value
    host = draw(st.sampled_from(["dropbox", "s3"]) if row.name == "cloud" else _HOSTS)
    port = draw(st.none() | st.integers(1, 65535)) or row.port or 8443
    try:
        return expand(host, [row], port, options, draw(_ACCOUNTS))[0]
    except Wrong:
        assume(False)  # the type refuses these together
        raise


def _same(target: Target) -> Target:
    """Without what a name does not say: whether the usual port was written down."""
    return replace(target, explicit_port=False)


@settings(max_examples=1500)
@given(targets())
def test_the_name_asks_for_the_same_target(target: Target) -> None:
    (again,) = parse_target(name_of(target))
    assert _same(again) == _same(target)
    assert name_of(again) == name_of(target)


NAMES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "postgresql://db7:5432/hr": ("postgresql", "db7", {"database": "hr"}),
    "postgresql://db7:5432/a%2Fb": ("postgresql", "db7", {"database": "a/b"}),
    "smb://fs01:445/finance/2025/q1": ("smb", "fs01", {"share": "finance", "path": "2025/q1"}),
    "smb://fs01:445/finance?path=/q1": ("smb", "fs01", {"share": "finance", "path": "/q1"}),
    "nfs://nas:2049/export/home?nfs_version=3": ("nfs", "nas", {"export": "/export/home", "nfs_version": 3}),
    "https://[fd00::7]:443/a%20b": ("https", "fd00::7", {"path": "/a%20b"}),
    "https://intranet:443?path=/a%3Fb": ("https", "intranet", {"path": "/a?b"}),
    "mssql://sql1/HR": ("mssql", "sql1", {"instance": "HR"}),
    "ews://mail:443/EWS/Exchange.asmx": ("ews", "mail", {"path": "/EWS/Exchange.asmx"}),
    "oracle://db7:1521/продажи": ("oracle", "db7", {"service": "продажи"}),
}


@pytest.mark.parametrize("name", NAMES)
def test_names(name: str) -> None:
    kind, host, options = NAMES[name]
    (target,) = expand(host, [built_in_rows()[kind]], None, options, None)
    assert name_of(target) == name


def test_an_account_is_named_by_its_user() -> None:
    target = Target("fs01", "smb", 445, credential=Credential("finance reader", "CORP\\svc"))
    assert name_of(target) == "smb://CORP%5Csvc@fs01:445"


@pytest.mark.parametrize(
    ("user", "shown", "read"),
    [
        ("a\u00a0b", "a%C2%A0b", True),
        ("a\u00adb", "a%C2%ADb", True),
        ("a\u202eb", "a%E2%80%AEb", True),
        ("a\u2028b", "a%E2%80%A8b", False),
        ("a\ud800b", "a%ED%A0%80b", False),
        ("a\\xa0b", "a%5Cxa0b", True),
        ("\u043e\u043b\u044f", "\u043e\u043b\u044f", True),
    ],
    ids=["no-break space", "soft hyphen", "right to left", "line separator", "half a pair", "backslash", "letters"],
)
def test_an_invisible_character_is_no_other_account(user: str, shown: str, read: bool) -> None:
    """A terminal shows it escaped, and that text would ask for another account."""
    target = Target("fs01", "smb", 445, credential=Credential("c", user))
    assert name_of(target) == visible_name(target) == f"smb://{shown}@fs01:445"
    if not read:  # nor does an inventory take these
        with pytest.raises(InventoryError):
            parse_target(visible_name(target))
        return
    (again,) = parse_target(visible_name(target))
    assert again.credential is not None
    assert again.credential.username == user


def test_a_given_port_is_part_of_the_name_where_a_broker_would_say_another() -> None:
    (target,) = parse_target("mssql://sql1:1433/HR")
    assert name_of(target) == "mssql://sql1:1433/HR"


def test_a_stored_result_has_the_same_name() -> None:
    for text in ("mssql://sql1:1433/HR", "mssql://sql1/HR", "smb://svc@fs01/finance/2025"):
        (target,) = parse_target(text)
        assert name_of(target_restored(target_object(target))) == name_of(target) == target_object(target)["name"]


def test_a_host_without_a_type() -> None:
    assert parse_target("any://db7") == parse_target("db7")
    assert parse_target("any://[fd00::7]:22") == parse_target("[fd00::7]:22")


def test_what_may_be_a_secret_is_masked() -> None:
    options = {"proxy": "http://u:hunter2@proxy.lab:3128", "token": "hunter2"}
    assert "hunter2" not in name_of(Target("h", "unheard-of", 1, options))


def test_values_of_a_type_that_is_not_installed_are_told_apart() -> None:
    of = [name_of(Target("h", "unheard-of", 1, {"where": value})) for value in ("1", 1, ["1"], {"1": 1})]
    assert len({*of}) == 3, of  # a URL writes numbers and texts alike, and so does a check of it
