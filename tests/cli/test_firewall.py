"""``scanready firewall`` in this process: nothing is touched, what it reads may be broken, and the words it takes."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scanready.cli import group
from tests.report.estate import document, reports
from tests.report.reports import blocked


def firewall(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["firewall", *arguments], prog_name="scanready")


def test_it_opens_no_socket_and_looks_nothing_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a name was looked up, or something sent")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "send", refuse)
    monkeypatch.setattr(socket.socket, "sendto", refuse)
    estate = tmp_path / "estate.yaml"
    estate.write_text("agent: {name: a, master: er-master}\ntargets: [ssh://db7, 'nfs://[2001:db8::7]/x']\n")
    done = firewall(str(estate), "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)["rules"]
    needed = [(rule["destination"], rule["transport"], rule["ports"][0]) for rule in found if not rule["when"]]
    assert needed == [("db7", "tcp", 22), ("2001:db8::7", "tcp", 2049), ("er-master", "tcp", 11117)]


@pytest.mark.parametrize("name", ["json", "jsonl", "html"])
def test_a_run_gives_addresses_and_the_agents_own(tmp_path: Path, name: str) -> None:
    run = tmp_path / "run"
    run.write_text(document(name, [*reports(6), blocked()]))
    done = firewall("postgresql://db7", "--from", str(run), "--json")
    (rule,) = json.loads(done.output)["rules"]
    assert (rule["source"], rule["destination"], rule["ports"]) == ("10.0.1.5", "10.0.0.7", [5432, 5432])
    (rule,) = json.loads(firewall("ssh://db7:2222", "--from", str(run), "--json").output)["rules"]
    assert (rule["destination"], rule["ports"]) == ("10.0.0.7", [2222, 2222]), "the host is known as another type"


def test_a_page_is_a_run_like_any_other(tmp_path: Path) -> None:
    """Here a page made from a page."""
    page, again = tmp_path / "page.html", tmp_path / "again.html"
    page.write_text(document("html", [blocked()]))
    done = CliRunner().invoke(group, ["report", str(page), "--format", "html", "-o", str(again)])
    assert done.exit_code == 1, done.output
    assert "10.0.0.7" in firewall("postgresql://db7", "--from", str(again)).output
    done = CliRunner().invoke(group, ["report", str(again), "--format", "nagios"])
    assert (done.exit_code, done.output[:18]) == (2, "SCANREADY CRITICAL")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from", "no-such-file.json"], "no-such-file.json cannot be read: No such file"),
        (["--from", "{broken}"], "not a scanready result"),
        (["--source", "proxy-nyc"], "is not an IP address: write one"),
        (["--format", "nftables", "--chain", "filter forward"], "write FAMILY TABLE CHAIN"),
        (["--format", "nftables", "--chain", "inet filter forward;"], "write FAMILY TABLE CHAIN"),
        (["--type", "nsf"], "did you mean 'nfs'"),
        (["--format", "iptable"], "is not one of"),
        (["--format", "iptables", "--chain", "inet filter forward"], "write CHAIN, such as 'FORWARD'"),
        (["--format", "iptables", "--chain", "-j"], "write CHAIN"),
        (["--chain", "FORWARD"], "--chain needs --format nftables or --format iptables; --format table has no chain"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, arguments: list[str], words: str) -> None:
    broken = tmp_path / "broken"
    broken.write_text('{"results": [{"target": 7}]}')
    done = firewall("ssh://db7", *(word.format(broken=broken) for word in arguments))
    assert done.exit_code == 2
    assert words in done.output


@pytest.mark.parametrize("text", ["", "[]", "7", '"x"', "<html>", "{", '{"results": {}}', '{"results": [[]]}', "\x00"])
def test_no_file_ends_in_a_traceback(tmp_path: Path, text: str) -> None:
    run = tmp_path / "run"
    run.write_text(text)
    done = firewall("ssh://db7", "--from", str(run))
    assert done.exit_code in (0, 2), done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_nothing_selected() -> None:
    assert firewall("ssh://db7", "--only", "host=nobody").exit_code == 4


def test_resolving_asks_for_every_name_of_a_rule_and_says_which_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy's name and a cloud's endpoints too; nothing is connected to."""
    known = {"proxy.corp": "10.0.0.8", "web1": "10.0.0.9", "s3.amazonaws.com": "10.0.0.7"}

    def look_up(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[host], port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    targets = ("https://intranet?proxy=proxy.corp:3128", "ssh://web1", "ssh://gone.corp", "cloud://s3")
    done = firewall(*targets, "--resolve", "--source", "10.0.1.5", "--json")
    assert done.exit_code == 0, done.output
    assert "gone.corp does not resolve" in done.stderr
    rules = json.loads(done.stdout)["rules"]
    found = {(rule["host"], rule["destination"], rule["ports"][0]) for rule in rules}
    assert found == {
        ("proxy.corp", "10.0.0.8", 3128),
        ("web1", "10.0.0.9", 22),
        ("gone.corp", "gone.corp", 22),
        ("s3.amazonaws.com", "10.0.0.7", 443),
    }


def test_a_zone_is_a_link_of_this_host() -> None:
    """The agent's address is that of the link; the rule for AWS has none."""
    (rule,) = json.loads(firewall("ssh://[fe80::1%lo]", "--json").stdout)["rules"]
    assert (rule["destination"], rule["resolved"]) == ("fe80::1%lo", True)
    done = firewall(
        "ssh://[fe80::1%lo]", "ssh://10.0.0.7", "--source", "fe80::5", "--source", "10.0.1.5", "--format", "aws"
    )
    assert [one["FromPort"] for one in json.loads(done.stdout)] == [22]
    assert "1 rule left out: the address has an IPv6 zone" in done.stderr
    assert firewall("ssh://[fe80::1%nowhere]").exit_code == 0
