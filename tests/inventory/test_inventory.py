"""Inventory files that are right: everything in them arrives."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certifi
import pytest

from scanready.inventory import InventoryError, load
from scanready.model import Credential, Step
from scanready.run.registry import catalogue
from scanready.run.target_name import name_of

Write = Callable[[str | bytes], Path]


def targets(write: Write, text: str) -> list[str]:
    return [str(target) for target in load(write(text)).targets]


def test_the_contract_s_example(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNIX_PW", "s3cret")
    (tmp_path / "pg").write_text("pgpw\n")
    (tmp_path / "pg").chmod(0o600)
    file = write(r"""
        # yaml-language-server: $schema=...
        agent: {name: proxy-nyc, master: er-master.corp}
        defaults: {timeout: 10, depth: access}
        credentials:
          unix-scan: {username: svc-er, password: env:UNIX_PW}
          ad-scan: {username: CORP\er, password: env:UNIX_PW, authority: corp}
          pg: {username: er, password: file:pg}
          unused: {username: nobody, password: env:NOT_SET}
        targets:
          - postgresql://db7/hr
          - {host: fs01, types: [smb, windows], credential: ad-scan, tags: [finance]}
          - {hosts: [web1, web2, 10.1.0.0/28], type: unix, credential: unix-scan}
          - {host: nas, type: nfs, export: /home, nfs_version: 3}
          - {host: db8, type: postgresql, port: 5432, credential: pg, database: 007}
        """)
    found = load(file)
    assert (found.agent_name, found.master, found.timeout, found.depth) == (
        "proxy-nyc",
        "er-master.corp",
        10.0,
        Step.ACCESS,
    )
    network = [f"unix://10.1.0.{number}:22" for number in range(1, 15)]
    assert [str(target) for target in found.targets] == [
        "postgresql://db7:5432",
        "smb://fs01:445",
        "windows://fs01:135",
        "unix://web1:22",
        "unix://web2:22",
        *network,
        "nfs://nas:2049",
        "postgresql://db8:5432",
    ]
    smb, nfs, db8 = found.targets[1], found.targets[-2], found.targets[-1]
    assert smb.credential == Credential("ad-scan", "CORP\\er", "s3cret", authority="corp")
    assert smb.tags == ("finance",)
    assert smb.source == f"{file}:11"
    assert not smb.explicit_port
    assert nfs.options == {"export": "/home", "nfs_version": 3}
    assert db8.options == {"database": "007"}
    assert db8.explicit_port
    assert db8.credential is not None
    assert db8.credential.password == "pgpw"
    assert set(found.credentials) == {"ad-scan", "unix-scan", "pg"}
    assert found.warnings == ()
    assert "s3cret" not in repr(found)
    assert "pgpw" not in repr(found)


def test_a_host_without_a_type_is_every_type(write: Write) -> None:
    found = load(write("targets:\n  - {host: db7}\n  - db8\n  - {host: db9, types: [any]}\n  - any://db10\n")).targets
    assert [name_of(target) for target in found] == ["any://db7", "any://db8", "any://db9", "any://db10"]
    for target in found:
        assert [one.type for one in target.tries] == [row.name for row in catalogue().guessed]
        assert all(one.guessed for one in target.tries)


def test_a_host_and_a_port_without_a_type(write: Write) -> None:
    (target,) = load(write("targets: [{host: db7, port: 22, tags: [x], share: finance}]")).targets
    assert name_of(target) == "any://db7:22"
    assert {one.port for one in target.tries} == {22}
    assert target.tags == ("x",)
    assert "smb" in {one.type for one in target.tries if one.options}


def test_the_secret_of_a_host_without_a_type_is_that_of_each_try(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "s3cret")
    text = """
        credentials: {ad: {username: er, password: env:PW}}
        targets: [{host: db7, credential: ad}]
        """
    (target,) = load(write(text)).targets
    assert {one.credential for one in (target, *target.tries)} == {Credential("ad", "er", "s3cret")}


def test_a_network_names_its_types_or_any(write: Write) -> None:
    network = "{hosts: [10.0.0.0/30]}"
    for words in ("type: any", "types: any", "types: [any]"):
        (first, second) = load(write(f"targets: [{{hosts: [10.0.0.0/30], {words}}}]")).targets
        assert (first.host, second.host, first.type) == ("10.0.0.1", "10.0.0.2", "any")
    for word in ("any", "[any]"):
        assert (
            load(write(f"defaults: {{types: {word}}}\ntargets: [{network}]")).targets
            == load(write(f"targets:\n- {network[:-1]}, types: any}}")).targets
        )
    assert len(first.tries) == len(catalogue().guessed)
    with pytest.raises(
        InventoryError, match=r"a network needs a type, such as `type: ssh`; `types: any` tries \d+ types"
    ):
        load(write("targets: [{hosts: [10.0.0.0/30]}]"))
    with pytest.raises(InventoryError, match="`any` means every type: remove the other types"):
        load(write("targets: [{host: a, types: [any, ssh]}]"))


def test_a_type_twice_at_a_host_without_one_is_told(write: Write) -> None:
    with pytest.raises(InventoryError, match="`ssh://db7:22` is listed twice"):
        load(write("targets: [db7, ssh://db7]"))


def test_default_types(write: Write) -> None:
    text = """
        defaults: {types: [ssh, smb]}
        targets: [web1, {host: web2}, {host: web3, type: nfs}, 'mysql://web4']
        """
    assert targets(write, text) == [
        "ssh://web1:22",
        "smb://web1:445",
        "ssh://web2:22",
        "smb://web2:445",
        "nfs://web3:2049",
        "mysql://web4:3306",
    ]


def test_types_share_options_as_far_as_they_know_them(write: Write) -> None:
    smb, windows = load(write("targets: [{host: fs01, types: [smb, windows], share: finance}]")).targets
    assert (smb.options, windows.options) == ({"share": "finance"}, {})


def test_yaml_1_2_not_1_1(write: Write) -> None:
    text = "targets:\n  - {host: no, type: ssh, tags: [on, y, 2026-01-01, 12:30]}\n"
    (target,) = load(write(text)).targets
    assert target.host == "no"
    assert target.tags == ("on", "y", "2026-01-01", "12:30")


def test_a_few_aliases_are_welcome(write: Write) -> None:
    text = "targets:\n  - {host: a, types: &both [ssh, nfs]}\n  - {host: b, types: *both}\n"
    assert targets(write, text) == ["ssh://a:22", "nfs://a:2049", "ssh://b:22", "nfs://b:2049"]


@pytest.mark.parametrize(
    ("network", "first", "last", "count"),
    [
        ("10.1.0.0/28", "10.1.0.1", "10.1.0.14", 14),
        ("10.1.0.0/31", "10.1.0.0", "10.1.0.1", 2),
        ("10.1.0.7/32", "10.1.0.7", "10.1.0.7", 1),
        ("10.1.0.0/255.255.255.240", "10.1.0.1", "10.1.0.14", 14),
        ("10.1.0.0/16", "10.1.0.1", "10.1.255.254", 65534),
        ("2001:db8::/124", "2001:db8::1", "2001:db8::f", 15),
    ],
)
def test_networks(write: Write, network: str, first: str, last: str, count: int) -> None:
    hosts = [target.host for target in load(write(f"targets: [{{hosts: ['{network}'], type: ssh}}]")).targets]
    assert (hosts[0], hosts[-1], len(hosts)) == (first, last, count)


def test_a_large_network_that_is_meant(write: Write) -> None:
    file = write("targets: [{hosts: [10.0.0.0/15], type: ssh}]")
    assert len(load(file, allow_large=True).targets) == 2**17 - 2


def test_byte_order_mark_and_crlf(write: Write) -> None:
    assert [str(t) for t in load(write(b"\xef\xbb\xbftargets:\r\n- ssh://web1\r\n")).targets] == ["ssh://web1:22"]


def test_json_is_yaml(write: Write) -> None:
    assert targets(write, '{"targets": [{"host": "web1", "type": "ssh", "port": 2222}]}') == ["ssh://web1:2222"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"targets: [ssh://web1]")))
    (target,) = load("-").targets
    assert target.source == "<stdin>:1"


def test_no_targets_is_no_error(write: Write) -> None:
    assert load(write("targets: []")).targets == []


def test_key_files(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHRASE", "s3cret")
    (tmp_path / "id").write_text("key")
    (tmp_path / "id").chmod(0o644)
    file = write("""
        credentials:
          k: {username: er, key_file: id, key_passphrase: env:PHRASE}
        targets: [{host: web1, type: ssh, credential: k}]
        """)
    found = load(file)
    (target,) = found.targets
    assert target.credential == Credential("k", "er", None, str(tmp_path / "id"), "s3cret")
    assert found.warnings == (f"{file}:2:31: `id` can be read by other users (mode 0644): chmod 600",)


def test_ca_file_is_relative_to_the_inventory(write: Write, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(Path(certifi.where()).read_bytes())
    assert load(write("defaults: {ca_file: ca.pem}\ntargets: []")).ca_file == str(tmp_path / "ca.pem")


def test_a_secret_that_others_can_read_warns_with_its_place(write: Write, tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("s3cret\n")
    (tmp_path / "pw").chmod(0o644)
    text = "credentials: {c: {username: er, password: file:pw}}\ntargets: [{host: a, type: ssh, credential: c}]\n"
    file = write(text)
    (warning,) = load(file).warnings
    assert warning == f"{file}:1:43: `pw` can be read by other users (mode 0644): chmod 600"


def test_a_prompt_is_asked_once_and_last(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def getpass(prompt: str) -> str:
        asked.append(prompt)
        return "s3cret"

    monkeypatch.setattr("getpass.getpass", getpass)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    text = """
        credentials: {c: {username: er, password: 'prompt:'}, d: {username: x, password: env:NOT_SET}}
        targets: [{hosts: [a, b], type: ssh, credential: c}, %s]
        """
    found = load(write(text % "ssh://c"))
    assert [target.credential and target.credential.password for target in found.targets] == ["s3cret", "s3cret", None]
    assert asked == ["Password for credential c (er): "]
    with pytest.raises(InventoryError, match="NOT_SET"):
        load(write(text % "{host: z, type: ssh, credential: d}"))
    assert len(asked) == 1


def test_a_user_name_in_a_url_is_no_credential_of_the_inventory(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "s3cret")
    text = """
        credentials: {er: {username: er, password: env:PW}}
        targets: [ssh://er@a, {host: b, type: ssh, credential: er}]
        """
    first, second = load(write(text)).targets
    assert first.credential == Credential("er", "er")
    assert second.credential == Credential("er", "er", "s3cret")


def test_credentials_the_caller_needs(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "s3cret")
    file = write("credentials: {c: {username: er, password: env:PW}}\ntargets: []\n")
    assert load(file).credentials == {}
    assert load(file, credentials=["c"]).credentials["c"].password == "s3cret"
    with pytest.raises(InventoryError, match=r"there is no credential `d`; the inventory defines `c`$"):
        load(file, credentials=["d"])
    with pytest.raises(InventoryError, match="did you mean `unix-scan`"):
        load(write("credentials: {unix-scan: {username: er}}\ntargets: []\n"), credentials=["unix-scn"])


def test_only_the_secrets_that_are_asked_for_are_looked_up(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "s3cret")
    text = """
        credentials:
          c: {username: er, password: env:PW}
          gone: {username: er, password: env:NOT_SET_ANYWHERE, key_file: nowhere}
          asks: {username: er, password: "prompt:"}
        targets:
          - {host: a, type: ssh, credential: c}
          - {host: b, type: ssh, credential: gone}
          - {host: d, type: ssh, credential: asks}
        """
    found = load(write(text), credentials=["c"])
    assert [target.credential and target.credential.password for target in found.targets] == ["s3cret", None, None]
    found = load(write(text), credentials=())
    assert [target.credential and target.credential.name for target in found.targets] == ["c", "gone", "asks"]
    assert found.credentials == {}
    with pytest.raises(InventoryError, match="NOT_SET_ANYWHERE"):
        load(write(text))


def test_ten_thousand_targets(write: Write) -> None:
    """Takes 2 to 3 s of processor time; a loader that composes, validates or looks for duplicates badly takes 60."""
    lines = "".join(f"  - {{host: h{n}, types: [smb, ssh], tags: [finance]}}\n" for n in range(10_000))
    before = os.times()
    found = load(write("targets:\n" + lines)).targets
    after = os.times()
    assert len(found) == 20_000
    assert found[-1].source is not None
    assert found[-1].source.endswith(":10001")
    assert (after.user + after.system) - (before.user + before.system) < 30


def test_an_inventory_error_exits_nowhere_near_the_network(write: Write) -> None:
    """Loading opens no socket at all, whatever the inventory says."""
    code = """
import socket, sys
def refuse(*_a, **_k): raise AssertionError("network")
socket.socket = socket.getaddrinfo = socket.create_connection = refuse
from scanready.inventory import load
print(len(load(sys.argv[1]).targets))
"""
    file = write("targets: ['ssh://web1', {host: db7, port: 22}, {hosts: [10.0.0.0/30], type: nfs}]")
    environment: dict[str, Any] = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, env=environment, check=True
    )
    assert int(done.stdout) == 1 + 1 + 2
