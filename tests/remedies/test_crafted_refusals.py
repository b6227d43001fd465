"""Refusals that a peer words so that people paste them: none of its words enters a fix.

PostgreSQL, MySQL and all who speak first say theirs over the wire; the others' answers go to the functions that read
them. tests/remedies/test_fixes.py says the same of each fix by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ruamel.yaml import YAML

from fixtures.emulators import in_background, postgresql
from fixtures.hostile_text import PEERS
from scanready.causes import common
from scanready.clients import nt_status
from scanready.clients.nt_status import Account
from scanready.model import Report
from scanready.targets.ews import login_answers
from scanready.targets.informix import fixes as informix
from scanready.targets.mssql import login as mssql
from scanready.targets.nfs import refusals as nfs
from scanready.targets.oracle import login as oracle
from scanready.targets.windows import login_errors
from scanready.wire import tds7
from scanready.wire.rpc.mount import Export
from tests.ladder import PLENTY, WAIT, account, climb, pasted, target

USER = account("er")
#: In every crafted text, in some spelling; no fix holds any of them.
TRACES = ("evil", "EVIL", "trust", "0.0.0.0", "'%'", "rw,no_root_squash")


def untouched(fix: str | None) -> str:
    """Return the fix, which must be there and hold nothing of a crafted text."""
    assert fix
    assert not [trace for trace in TRACES if trace in fix], fix
    return fix


def asked(type_: str, behaviour: Any, timeout: float = PLENTY, **options: Any) -> Report:
    with in_background(behaviour) as server:
        return climb(target(type_, "127.0.0.1", server.port, USER, **options), canary=False, timeout=timeout)


def fixes_of(report: Report) -> list[str]:
    return [check.finding.fix for check in report.checks if check.finding and check.finding.fix]


def fatal(message: str) -> bytes:
    body = b"SFATAL\0VFATAL\0C28000\0M" + message.encode() + b"\0RClientAuthentication\0\0"
    return b"E" + (len(body) + 4).to_bytes(4) + body


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0/0",
        "0.0.0.0",
        "10.0.0.1/32 trust\nhost all all 0.0.0.0/0 trust #",
        "evil.example",
        "::/0 trust",
        "10.0.0.1 trust",
    ],
    ids=["any network", "no address", "second line", "name", "ipv6 network", "method"],
)
@pytest.mark.parametrize("ending", ["", "\nhost all all 0.0.0.0/0 trust"], ids=["alone", "with a line"])
def test_pg_hba_names_only_an_address(host: str, ending: str) -> None:
    message = f'no pg_hba.conf entry for host "{host}", user "evil", database "evil", no encryption{ending}'
    report = asked("postgresql", postgresql.server(fatal(message)), database="hr")
    (fix,) = fixes_of(report)
    assert pasted(untouched(fix)) == "host hr er 127.0.0.1/32 scram-sha-256"


@pytest.mark.parametrize(
    "host",
    [
        "%",
        "evil\n'; DROP TABLE hr; -- ",
        "10.0.0.1' IDENTIFIED BY 'evil",
        "_________",
        "0.0.0.0",
        "10.0.0.%",
        "evil \\",
    ],
    ids=["any", "line end", "quote", "any letters", "no address", "network", "backslash"],
)
def test_an_account_is_for_one_host_only(host: str) -> None:
    message = f"Host '{host}' is not allowed to connect to this MySQL server"
    for fix in fixes_of(asked("mysql", PEERS["mysql"](message.encode()), database="hr")):
        account_, grant = pasted(untouched(fix)).split("; ", 1)
        assert re.fullmatch(r"CREATE USER 'er'@'[\w.:-]+' IDENTIFIED BY '...'", account_)
        assert re.fullmatch(r"GRANT SELECT ON `hr`\.\* TO 'er'@'[\w.:-]+';", grant)


SPOKEN = (
    b'evil", user "x"\nhost all all 0.0.0.0/0 trust',
    b"evil'; GRANT ALL ON *.* TO 'evil'@'%'; -- ",
    b"evil\r\nPermitRootLogin yes\r\n",
    b"$(evil) `evil` <evil>",
)


@pytest.mark.parametrize("type_", sorted(PEERS))
def test_what_a_peer_says_first(type_: str) -> None:
    """A banner, a header, a greeting, a name: evidence, and no part of a fix."""
    for text in SPOKEN:
        for fix in fixes_of(asked(type_, PEERS[type_](text), WAIT)):  # some wait for the end of a line
            untouched(fix)


def _tds(message: str) -> str | None:
    error = tds7.ServerError(40615, 1, 14, message, "evil")
    return mssql.refused((error,), "er", "hr").fix


#: The functions that read a peer's answer and make a fix: by name, the fix of a crafted answer.
READERS: dict[str, Callable[[], str | None]] = {
    "tds: no address": lambda: _tds("Client with IP address '0.0.0.0' is not allowed to access the server"),
    "tds: a line": lambda: _tds("Client with IP address '::\n', 'evil'; EXEC evil; --' is not allowed"),
    "oracle": lambda: oracle.translate('ORA-01045: user EVIL"; GRANT DBA TO EVIL; -- lacks CREATE SESSION', "er").fix,
    "share": lambda: nt_status.refused_share(nt_status.ACCESS_DENIED, "x'; evil; '", Account("er", True)).fix,
    "share of Samba": lambda: (
        nt_status.refused_share(nt_status.ACCESS_DENIED, "x]\n[evil", Account("er", True, samba=True)).fix
    ),
    "folder": lambda: nt_status.refused_path(nt_status.ACCESS_DENIED, 'x" & evil & "', "q3", Account("er", True)).fix,
    "folder of Samba": lambda: (
        nt_status.refused_path(nt_status.ACCESS_DENIED, "x; evil", "$(evil)", Account("er", True, samba=True)).fix
    ),
    "mailbox": lambda: (
        login_answers.translated(
            type("ErrorAccessDenied", (Exception,), {})("evil"), "x\u2019; evil; \u2019@x", "er"
        ).fix
    ),
    "wmi": lambda: login_errors.refused_later(0x80070005, "evil", Account("er")).fix,
}


@pytest.mark.parametrize("name", READERS)
def test_what_a_peer_answers(name: str) -> None:
    untouched(READERS[name]())


@pytest.mark.parametrize(
    "path", ["/ *(rw,no_root_squash)", "/srv\n/ *(rw,no_root_squash)", '/" evil(rw)', "/srv #evil", "evil"]
)
def test_an_export_with_a_line_of_its_own(path: str) -> None:
    """The mount daemon's list is the peer's word; what is no plain path is left to the reader."""
    told: list[Any] = []
    rung = SimpleNamespace(warn=lambda *finding: told.append(finding))
    exports = (Export(path, ("192.0.2.0/24",)), Export("/srv", ("192.0.2.0/24",)))
    nfs.warn_of_others_exports(SimpleNamespace(agent_address="10.0.0.5"), rung, exports)  # type: ignore[arg-type]
    ((_, _, fix),) = told
    heading, *lines = untouched(fix).split("\n")
    assert "in /etc/exports" in heading
    assert lines == [f"{path} 10.0.0.5(ro,sync,no_subtree_check)" for path in ("/EXPORT", "/srv")]


@pytest.mark.parametrize(
    ("server", "host"),
    [("ifx", "10.0.0.7"), ("no", "10.0.0.7"), ("evil, type: ssh", "h"), ("ifx", "h}\n- {host: evil")],
    ids=["as it is", "yaml's no", "a key", "an entry"],
)
def test_a_redirect_adds_one_target_to_the_inventory(server: str, host: str) -> None:
    """The judge is YAML: one entry of four keys, and every value a text as it was, or the word of its place."""
    (entry,) = YAML(typ="safe").load(untouched(informix.OTHER_SERVER(host=host, port=9088, server=server)))
    assert entry.keys() == {"host", "type", "port", "server"}
    assert entry["server"] in (server, "SERVER")
    assert entry["host"] in (host, "HOST")


def test_the_texts_would_be_pasted() -> None:
    """The readers do make a fix of an honest answer, or the above would prove nothing."""
    assert (_tds("Client with IP address '203.0.113.9' is not allowed") or "").splitlines()[1] == (
        "EXEC sp_set_firewall_rule N'scan agent', '203.0.113.9', '203.0.113.9';"
    )
    denied = nt_status.refused_share(nt_status.ACCESS_DENIED, "finance", Account("er", True))
    assert denied.cause is common.ACCESS_DENIED
    assert pasted(denied.fix) == "Grant-SmbShareAccess -Name 'finance' -AccountName 'er' -AccessRight Read -Force"
