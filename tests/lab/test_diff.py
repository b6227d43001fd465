"""Compare two runs over the same servers, one of them with known faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fixtures.lab.lab import Lab
from tests.lab import cli


def scanready(lab: Lab, where: Path, *arguments: str) -> Any:
    environment = {"SCANREADY_STORE": str(where / "runs.db"), "NO_COLOR": "1", "COLUMNS": "100"}
    return cli.scanready(lab.agent, *arguments, env=environment)


@pytest.fixture
def estate(lab: Lab, tmp_path: Path) -> str:
    targets = {
        "postgresql": lab.postgresql("scram").address,
        "mysql": lab.mariadb("standard").address,
        "ssh": lab.openssh("password").address,
        "imaps": lab.dovecot("starttls").address,
    }
    path = tmp_path / "estate.yaml"
    lines = [f"  - {{host: '{address}', type: {kind}}}\n" for kind, address in targets.items()]
    path.write_text("targets:\n" + "".join(lines) + f"  - https://{lab.nginx().site('good').hostname}/\n")
    return str(path)


def test_the_broken_targets_are_named_with_their_causes_and_no_others(lab: Lab, tmp_path: Path, estate: str) -> None:
    healthy = scanready(lab, tmp_path, "verify", estate)
    assert healthy.returncode == 0, healthy.stdout + healthy.stderr
    database, shell = lab.postgresql("scram").address, lab.openssh("password").address
    faults = [f"ip daddr {database} tcp dport 5432 drop", f"ip daddr {shell} tcp dport 22 reject with tcp reset"]
    with lab.policy("\n".join(faults)):
        assert scanready(lab, tmp_path, "verify", estate, "--timeout", "30").returncode == 1
    found = scanready(lab, tmp_path, "diff", "last~1", "last", "--json")
    assert found.returncode == 1
    told = json.loads(found.stdout)
    broken = {
        (one["target"]["type"], one["target"]["host"]): (one["after"]["cause"]["code"], one["after"]["cause"]["owner"])
        for one in told["failures"]
    }
    assert broken == {
        ("postgresql", database): ("connect.filtered", "network"),
        ("ssh", shell): ("connect.refused", "server"),
    }
    assert told["regressions"] == 2
    assert [told[kind] for kind in ("worse", "fixed", "verdicts", "facts", "added", "removed")] == [[]] * 6
    assert told["same"] == 3, "nothing is to be told of the others"
    table = scanready(lab, tmp_path, "diff", "last~1", "last").stdout
    assert "newly failing (2)" in table
    back = scanready(lab, tmp_path, "diff", "last", "last~1")
    assert (back.returncode, "fixed (2)" in back.stdout) == (0, True)


def test_another_certificate_is_a_changed_fact(lab: Lab, tmp_path: Path) -> None:
    """The same name, asked twice, with another server behind it in between."""
    name = "diff-mail.lab"
    path = tmp_path / "estate.yaml"
    path.write_text(f"targets: [imaps://{name}]\n")
    for variant in ("starttls", "tls-required"):
        lab.topology.name({name: [lab.dovecot(variant).address]})
        scanready(lab, tmp_path, "verify", str(path))
    told = json.loads(scanready(lab, tmp_path, "diff", "last~1", "last", "--json").stdout)
    (change,) = told["worse"] + told["verdicts"] + told["facts"] + told["failures"]
    assert "tls_subject" in change["facts"], change


def test_a_run_in_the_lab_and_its_bundle_say_the_same(lab: Lab, tmp_path: Path, estate: str) -> None:
    """The verdicts computed from the bundle's stored checks equal those of the live run."""
    bundle = str(tmp_path / "b.zip")
    live = scanready(lab, tmp_path, "verify", estate, "--format", "jsonl", "--bundle", bundle)
    told = scanready(lab, tmp_path, "report", bundle, "--format", "jsonl")
    assert told.stderr == ""
    assert sorted(told.stdout.splitlines()) == sorted(live.stdout.splitlines())
