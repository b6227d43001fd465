"""The options of the catalogue and those that verifiers read are the same: nothing is accepted that does nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import scanready
from scanready.catalogue import option
from scanready.catalogue.option import fixed_port, fixed_ports, places
from scanready.catalogue.wrong import Wrong
from scanready.clients import http_options
from scanready.inventory import parse_target
from scanready.inventory.options import accepted
from scanready.run.registry import catalogue
from scanready.targets.nfs import options as of_nfs
from scanready.targets.windows import options as of_windows

READ = re.compile(
    r"""options(?:\.get\(|\[)"(\w+)"|"(\w+)" (?:not )?in (?:[\w.]*\.)?options|\b(?:\w+\.)?([A-Z_]+)\.of\("""
)
#: Options that are constants, by the names of these.
CONSTANTS = {
    name: value.name
    for module in (option, http_options, of_nfs, of_windows)
    for name, value in vars(module).items()
    if hasattr(value, "of")
}


def _read_by_verifiers() -> set[str]:
    package = Path(scanready.__file__).parent
    files = [package / "run/engine.py"]
    files += [file for part in ("targets", "clients", "climb") for file in (package / part).rglob("*.py")]
    words = {name for file in files for found in READ.findall(file.read_text()) for name in found if name}
    return {CONSTANTS.get(word, word) for word in words}


def test_an_option_that_a_verifier_reads_can_be_given() -> None:
    known = {name for row in catalogue() for name in accepted(row)}
    assert _read_by_verifiers() <= known


def test_an_option_that_can_be_given_is_read() -> None:
    offered = {name for row in catalogue() for name in accepted(row)}
    assert offered <= _read_by_verifiers()


def test_no_option_is_listed_twice() -> None:
    for row in catalogue():
        assert len(set(accepted(row))) == len(accepted(row)), row.name


def test_the_user_whose_login_methods_are_asked_for() -> None:
    """Without a credential: sshd tells its methods for a name only, and PostgreSQL decides by it."""
    for kind in ("ssh", "unix", "postgresql"):
        assert "user" in accepted(catalogue()[kind])
        assert parse_target(f"{kind}://web1?user=svc-er")[0].options == {"user": "svc-er"}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (["rac1.corp", "10.0.0.0/24", "fd00::/8"], "rac1.corp,10.0.0.0/24,fd00::/8"),
        ("rac1, 10.1.2.3", "rac1,10.1.2.3"),
        ("rac1.", "rac1."),
    ],
)
def test_places_are_hosts_and_networks(value: object, read: str) -> None:
    assert places("follow_redirects", value) == read


@pytest.mark.parametrize("value", [32803, "32803", [32803], ["32803"]])
def test_fixed_ports_are_one_or_several(value: object) -> None:
    assert fixed_ports("nlockmgr_port", value) == "32803"
    assert fixed_ports("nlockmgr_port", [value, 32769] if isinstance(value, int) else "32803, 32769") == "32803,32769"
    assert fixed_port("wmi_port", "24158") == 24158


@pytest.mark.parametrize("value", [0, 65536, -1, "x", "", [], True, None, "1,,2", [[1]], 2.5, "1" * 5000, {"a": 1}])
def test_what_is_no_port_is_refused(value: object) -> None:
    with pytest.raises(Wrong, match="`nlockmgr_port`"):
        fixed_ports("nlockmgr_port", value)
    with pytest.raises(Wrong, match="`wmi_port`"):
        fixed_port("wmi_port", value)


@pytest.mark.parametrize("value", [[], "", None, {"a": 1}, ["a b"], "10.0.0.0/99", ["host:1521"], ["-x"], [["a"]]])
def test_what_is_no_place_is_refused(value: object) -> None:
    with pytest.raises(Wrong, match="`follow_redirects` lists host names"):
        places("follow_redirects", value)
