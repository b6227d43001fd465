"""TARGET arguments, good and bad."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanready.catalogue.wrong import Wrong
from scanready.inventory import InventoryError, parse_target, targets
from scanready.model import Credential, Target
from scanready.run.registry import catalogue
from tests.readers import quickly


def one(text: str, **more: Any) -> Target:
    (target,) = parse_target(text, **more)
    return target


def wrong(text: str, **more: Any) -> list[str]:
    with pytest.raises(InventoryError) as caught:
        parse_target(text, **more)
    assert all(problem.file is None for problem in caught.value.problems)
    return [problem.text for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "printed", "asked"),
    [
        ("postgresql://svc@db7:5433/hr", "postgresql://db7:5433", {"database": "hr"}),
        ("smb://fs01/finance", "smb://fs01:445", {"share": "finance"}),
        ("smb://fs01/B%C3%BCro%202/2026/q1/", "smb://fs01:445", {"share": "Büro 2", "path": "2026/q1"}),
        ("nfs://nas/export/home", "nfs://nas:2049", {"export": "/export/home"}),
        ("nfs://nas/export?version=3", "nfs://nas:2049", {"export": "/export", "nfs_version": 3}),
        ("nfs://nas?nfs_version=4", "nfs://nas:2049", {"nfs_version": 4}),
        ("ews://mail.corp/ada@corp.example", "ews://mail.corp:443", {"mailbox": "ada@corp.example"}),
        ("ews://mail.corp/EWS/Exchange.asmx", "ews://mail.corp:443", {"path": "/EWS/Exchange.asmx"}),
        ("ews://corp.example?autodiscover=true", "ews://corp.example:443", {"autodiscover": True}),
        ("oracle://db/SERVICE", "oracle://db:1521", {"service": "SERVICE"}),
        ("mssql://sql1/INSTANCE?database=hr", "mssql://sql1:1433", {"instance": "INSTANCE", "database": "hr"}),
        ("https://intranet/a%20b/c", "https://intranet:443", {"path": "/a%20b/c"}),
        ("http://web/?proxy=proxy.corp:3128", "http://web:80", {"proxy": "proxy.corp:3128"}),
        ("ssh://web1/srv/a%20b", "ssh://web1:22", {"path": "/srv/a b"}),
        ("imap://mail/INBOX/Sent", "imap://mail:143", {"folder": "INBOX/Sent"}),
        ("ews://mail.corp:8443/a@corp.com", "ews://mail.corp:8443", {"mailbox": "a@corp.com"}),
        ("informix://i?server=ol1", "informix://i:9088", {"server": "ol1"}),
        ("informix://i?allow_login_probe=yes", "informix://i:9088", {"allow_login_probe": True}),
        ("MySQL://DB7.Corp.", "mysql://db7.corp.:3306", {}),
        ("mysql://[2001:DB8:0::7]:3307", "mysql://[2001:db8::7]:3307", {}),
        ("ssh://[fe80::1%eth0]", "ssh://[fe80::1%eth0]:22", {}),
        ("ssh://[fe80::1%25eth0]:22", "ssh://[fe80::1%eth0]:22", {}),
        ("ssh://bücher.example", "ssh://xn--bcher-kva.example:22", {}),
        (" ssh://web1 ", "ssh://web1:22", {}),
        ("postgresql://db/a%2Fb", "postgresql://db:5432", {"database": "a/b"}),
    ],
)
def test_url(text: str, printed: str, asked: dict[str, object]) -> None:
    target = one(text)
    assert str(target) == printed
    assert dict(target.options) == asked


def test_without_a_type_it_is_every_type_on_its_default_port() -> None:
    assert [(target.type, target.port) for target in parse_target("db7")] == [
        (row.name, row.port) for row in catalogue().guessed
    ]
    assert not any(target.explicit_port for target in parse_target("db7"))


def test_on_a_given_port_the_likeliest_type_comes_first_and_who_only_listens_next() -> None:
    found = parse_target("db7:3306")
    first_speakers = [row.name for row in catalogue().guessed if row.server_first and row.name != "mysql"]
    assert [target.type for target in found][: 1 + len(first_speakers)] == ["mysql", *first_speakers]
    assert {target.type for target in found} == {row.name for row in catalogue().guessed}
    assert all(target.port == 3306 and target.explicit_port for target in found)


def test_given_types() -> None:
    assert [str(t) for t in parse_target("fs01", types=["smb", "windows"])] == ["smb://fs01:445", "windows://fs01:135"]
    assert one("db7:5433/hr", types=["postgresql"]) == one("postgresql://db7:5433/hr")
    assert one("svc@web1", types=["ssh"]).credential == Credential("svc", "svc")
    assert one("ssh://web1", types=["smb", "ssh"]).type == "ssh"


def test_options_go_to_the_types_that_know_them() -> None:
    smb, windows = parse_target("fs01", types=["smb", "windows"], options={"share": "finance"})
    assert (dict(smb.options), dict(windows.options)) == ({"share": "finance"}, {})


def test_user_names_and_credentials() -> None:
    assert one("ssh://CORP%5Cer@web1").credential == Credential("CORP\\er", "CORP\\er")
    assert one("ssh://er@corp.com@web1").credential == Credential("er@corp.com", "er@corp.com")
    password_only = Credential("command line", "", "s3cret")
    filled = one("ssh://er@web1", credential=password_only).credential
    assert filled is not None
    assert (filled.username, filled.password) == ("er", "s3cret")
    assert one("ssh://web1", credential=Credential("er", "er")).credential == Credential("er", "er")
    for text in ("ssh://web1", "web1"):
        assert "a password is given without a user name" in wrong(text, credential=password_only)[0]
    assert (
        "the user names differ: `er` in the target, `svc`"
        in wrong("ssh://er@web1", credential=Credential("svc", "svc"))[0]
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("postgrsql://db7", "unknown target type `postgrsql`; did you mean `postgresql`?"),
        ("mariadb://db7", "unknown target type `mariadb`; did you mean `mysql`?"),
        ("mailto://x", "unknown target type `mailto` (`scanready types` lists them)"),
        ("mailto:jane@example.com", "a user name needs a type before it"),
        ("://db7", "this is not a target; write HOST, HOST:PORT or TYPE://HOST:PORT/PATH"),
        ("", "the host is empty"),
        ("ssh://", "the host is empty"),
        ("ssh://:22", "the host is empty"),
        ("ssh://@web1", "the user name before `@` is empty"),
        ("db7:0", "the port `0` is out of range: 1 to 65535"),
        ("db7:65536", "the port `65536` is out of range"),
        ("db7:-1", "the port `-1` is out of range"),
        ("db7:" + "9" * 3000, "is out of range"),
        ("db7:abc", "the port `abc` is not a number"),
        ("db7:٣", "the port `٣` is not a number"),
        ("db7:", "the port is missing after `:`"),
        ("2001:db8::7", "write an IPv6 address in brackets, as in `[2001:db8::7]:5432`"),
        ("[2001:db8::7", "write an IPv6 address in brackets"),
        ("[2001:db8::7]x", "only `:PORT` may follow"),
        ("[web1]", "only an IPv6 address goes in brackets"),
        ("[2001:zz::7]", "is not an IPv6 address"),
        ("[fe80::1%]", "the zone after `%`"),
        ("[fe80::1%a/b]:22", "a path or an option needs a type"),
        ("10.0.0.256", "is not an IPv4 address"),
        ("010.0.0.1", "is not an IPv4 address"),
        ("10.1", "is not an IPv4 address"),
        ("0.0.0.0", "is not the address of one host"),
        ("[::]", "is not the address of one host"),
        ("224.0.0.1", "is not the address of one host"),
        ("10.1.0.0/28", "write one target for each host of a network"),
        ("a..b", "is not a host name"),
        ("-oProxyCommand=x", "is not a host name"),
        ("a" * 64, "is not a host name"),
        (".".join(["a" * 60] * 5), "too long for a host name: 304 characters"),
        ("we b", "`we b` is not a host name"),
        ("straße.example", "write its `xn--` form"),
        ("\u05d0a.example", "write its `xn--` form"),
        ("web\x1b[31m1", "contains a control or invisible character"),
        ("web\u202e1", "contains a control or invisible character"),
        ("web1\n", "contains a control or invisible character"),
        ("\\\\fs01\\finance", "a UNC path; write `smb://fs01/finance`"),
        ("nas:/export", "an NFS export; write `nfs://nas/export`"),
        ("db7/hr", "a path or an option needs a type before it"),
        ("ssh://web1#x", "`#` is not allowed in a target; write `%23`"),
        ("ssh://web1/%zz", "a `%` that is not followed by two hexadecimal digits"),
        ("ssh://web1/%ff", "is not UTF-8 after percent-decoding"),
        ("ssh://web1/%00", "contains a line end or control character"),
        ("https://web1/%0d%0aX", "contains a line end or control character"),
        ("postgresql://db/a/b", "the path of a target of type `postgresql` is only its database; write a `/`"),
        ("smb://fs01/finance/2026?path=2025", "`path` is given twice"),
        ("smb://fs01/a%2Fb", "`share` is only the name of the share"),
        ("windows://fs01/x", "a target of type `windows` has no path"),
        ("nfs://nas/e?verison=3", "`verison` is not an option of nfs; did you mean"),
        ("nfs://nas/e?version=5", "`nfs_version` is 2, 3 or 4"),
        ("nfs://nas/e?version=3&nfs_version=4", "`nfs_version` is given twice"),
        ("nfs://nas/e?version", "`nfs_version` has no value"),
        ("nfs://nas/e?export=/f", "`export` is given twice"),
        ("postgresql://db?databse=x", "`databse` is not an option of postgresql; did you mean `database`?"),
        ("notes://n?x=1", "`x` is not an option of notes (it has none)"),
        ("mysql://db?database=", "`database` is empty"),
        ("informix://i?allow_login_probe=perhaps", "`allow_login_probe` must be true or false"),
        ("oracle://o/S?sid=T", "`service` and `sid` cannot be combined"),
        ("http://w?proxy=p", "`proxy` needs a port"),
        ("http://w?proxy=svc@p:1", "`proxy` must be `host:port` without a user name or password"),
        ("x" * 5000, "longer than 4096 characters"),
    ],
)
def test_bad(text: str, words: str) -> None:
    (message,) = wrong(text)
    assert words in message
    assert message.startswith("target `")
    assert message.isprintable()


def test_all_that_is_wrong_is_told_at_once() -> None:
    messages = wrong("nfs://a..b:0/e?x=1&version=9&version=3#y")
    assert len(messages) == 5
    for words in ("`#`", "`a..b` is not a host name", "the port `0`", "`x` is not", "given twice"):
        assert any(words in message for message in messages), words


def test_types_that_contradict() -> None:
    assert "the URL says `ssh`, but types says `smb`, `nfs`" in wrong("ssh://web1", types=["smb", "nfs"])[0]
    assert "unknown target type `shs`; did you mean `ssh`?" in wrong("web1", types=["shs"])[0]
    assert "`share` is not an option of these types" in wrong("web1", types=["ssh", "nfs"], options={"share": "x"})[0]


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://svc:hunter2@db7/hr",
        "postgresql://svc:hun/ter2@db7/hr",
        "postgresql://svc:hunter2?@db7/hr",
        "postgresql://svc:hunter2#@db7/hr",
        "postgresql://svc:hunter2://@db7/hr",
        "postgresql://svc:p@hunter2@db7/hr",
        "postgresql://svc:12/hunter2@db7/hr",
        "postgresql://:hunter2@db7",
        "svc:hunter2@db7",
        "svc:hunter2://x@db7",
        "nosuch://svc:hunter2@db7",
        "postgresql://db7/hr?password=hunter2",
        "postgresql://db7/hr?password=a@hunter2",
        "postgresql://db7/hr?sslpassword=hunter2",
        "postgresql://db7/hr?x=hunter2",
        "http://web?proxy=http://er:hunter2@proxy:3128",
    ],
)
def test_a_password_is_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(InventoryError) as caught:
        parse_target(text)
    error: BaseException | None = caught.value
    while error is not None:
        for shape in (str(error), repr(error)):
            assert "hunter2" not in shape
            assert "ter2@" not in shape
        error = error.__cause__ or error.__context__


@given(st.text(max_size=60) | st.builds("{}://{}".format, st.sampled_from(catalogue().names), st.text(max_size=40)))
def test_nothing_but_our_error_escapes(text: str) -> None:
    targets, told = [], ""
    with quickly():
        try:
            targets = parse_target(text)
        except InventoryError as error:
            told = str(error)
    assert bool(targets) != bool(told)
    assert told.replace("\n", "").isprintable()
    for target in targets:
        assert target.host.isascii()
        assert 1 <= target.port <= 65535


def test_reading_a_target_imports_neither_pydantic_nor_yaml() -> None:
    code = (
        "import sys; from scanready.inventory import parse_target; parse_target('db7:22');"
        "print(sorted({'pydantic', 'ruamel', 'ruamel.yaml', 'keyring'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": _PATH}
    )
    assert done.stdout.strip() == "[]"


_PATH = ":".join(sys.path)


_HOSTS = ["db7", "DB7", "10.0.0.1", "010.0.0.1", "0.0.0.0", "255.1.1.1", "1.2.3", "a.example.", "a..b", "-a", "a" * 64]
_PORTS = ["", ":1", ":22", ":022", ":0", ":9999", ":10000", ":65536", ":", ":x", ":22/", "/", "/x", "?a=b", "#", " "]
_ODD_HOSTS = [
    "[::1]",
    "u@h",
    "",
    "x_y",
    "host-7.example.org",
    "ab.c1",
    "a.1",
    "é",
    "xn--e1a",
    "a." * 127,
    "a." * 126 + "b",
]


@pytest.mark.parametrize("type_name", ["ssh", "postgresql", "imaps", "any", "none", "SSH", "oracle", "nfs", "smb"])
def test_a_plain_url_is_read_as_any_other(type_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{type_name}://{host}{port}" for host in _HOSTS + _ODD_HOSTS for port in _PORTS]
    quick = [_outcome(text) for text in texts]
    monkeypatch.setattr(targets, "_plain_url", lambda *_: None)
    assert quick == [_outcome(text) for text in texts]


def _outcome(text: str) -> object:
    try:
        (found,) = targets.read_target(text, options={}, source="i.yaml:7")
        return dataclasses.astuple(found)
    except (Wrong, ValueError) as error:
        return str(error)
