"""``plan --validate``: the problems of inventories and nothing else, for hooks and editors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.in_process import call

RIGHT = "targets: [ssh://127.0.0.1]\n"
SECRET = "credentials: {acc: {username: svc, password: env:NOT_SET_ANYWHERE}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_right_inventories_print_nothing_and_need_no_secret(folder: Path) -> None:
    (folder / "a.yaml").write_text(RIGHT)
    (folder / "b.yaml").write_text(f"{SECRET}targets: [{{host: a, type: ssh, credential: acc}}]\n")
    done = call("plan", "--validate", "a.yaml", "b.yaml")
    assert (done.exit_code, done.output) == (0, "")


def test_each_problem_of_each_inventory_is_printed_with_its_place(folder: Path) -> None:
    (folder / "a.yaml").write_text("targets: [{host: a, typ: ssh}]\n")
    (folder / "b.yaml").write_text(RIGHT)
    (folder / "c.yaml").write_text("credentials: {acc: {username: svc, password: hunter2}}\n" + RIGHT)
    done = call("plan", "--validate", "a.yaml", "b.yaml", "c.yaml", "d.yaml")
    assert done.exit_code == 2
    places = [line.split()[1] for line in done.output.splitlines()]
    assert places == ["a.yaml:1:21:", "c.yaml:1:46:", "d.yaml:"]
    assert "hunter2" not in done.output


@pytest.mark.parametrize("order", [("a.yaml", "b.yaml"), ("b.yaml", "a.yaml")], ids=["first", "last"])
def test_an_inventory_without_a_selected_target_is_4(folder: Path, order: tuple[str, str]) -> None:
    (folder / "a.yaml").write_text("targets: [{host: a, type: ssh, tags: [x]}]\n")
    (folder / "b.yaml").write_text(RIGHT)
    assert call("plan", "--validate", "--only", "tag=x", *order).exit_code == 4


def test_a_target_is_no_inventory(folder: Path) -> None:
    done = call("plan", "--validate", "ssh://127.0.0.1")
    assert done.exit_code == 2
    assert "ssh://127.0.0.1 is no inventory: --validate takes files" in done.output


def test_certificates_of_the_agent_need_not_be_on_this_host(folder: Path) -> None:
    (folder / "a.yaml").write_text("defaults: {ca_file: /etc/scanready/ca.pem}\n" + RIGHT)
    done = call("plan", "--validate", "a.yaml")
    assert done.exit_code == 0
    assert done.output.startswith("scanready: a.yaml:1:21: `/etc/scanready/ca.pem` is not on this host")
    assert call("plan", "a.yaml").exit_code == 2
    (folder / "ca.pem").write_text("no certificate")
    (folder / "a.yaml").write_text("defaults: {ca_file: ca.pem}\n" + RIGHT)
    assert call("plan", "--validate", "a.yaml").exit_code == 2
