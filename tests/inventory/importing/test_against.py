"""The difference between an import and an inventory: new, missing, different targets."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanready.inventory import load
from scanready.inventory.importing import import_file
from scanready.inventory.importing.against import as_text, compare

ESTATE = """\
credentials:
  scan: {username: svc-scan, password: env:NOT_SET}
targets:
  - {host: web1, type: unix, tags: [prod]}
  - {host: db1, type: postgresql, port: 5432, database: hr, credential: scan}
  - {host: 10.0.0.9, type: windows}
  - {hosts: [10.1.0.0/30], type: ssh}
  - old
  - smb://files/finance
"""


def difference(tmp_path: Path, table: str) -> str:
    (tmp_path / "estate.yaml").write_text(ESTATE)
    (tmp_path / "list").write_text(table)
    found = import_file(tmp_path / "list")
    targets = load(tmp_path / "estate.yaml", credentials=()).targets
    return as_text(compare(found, targets), "list", "estate.yaml").replace(f"{tmp_path}/", "")


def test_the_whole_of_it(tmp_path: Path) -> None:
    table = (
        "fqdn,ip,type,port,database,user,environment\n"
        "web1,,unix,,,,test\n"
        "db1,,postgresql,5433,hr,other,\n"
        "fs9.corp,10.0.0.9,windows,,,,\n"
        "new1,,RHEL 8,,,,\n"
        "files,,smb,,,,\n"
    )
    assert difference(tmp_path, table) == (
        "In list, not in estate.yaml (1):\n"
        "  + unix://new1:22  line 5; guess: read RHEL 8 as unix\n"
        "In estate.yaml, not in list (3):\n"
        "  - ssh://10.1.0.1:22  estate.yaml:7\n"
        "  - ssh://10.1.0.2:22  estate.yaml:7\n"
        "  - any://old  estate.yaml:8\n"
        "Different, as estate.yaml -> list (3):\n"
        "  ~ unix://web1:22  estate.yaml:4; line 2\n"
        "      tags: prod -> test\n"
        "  ~ postgresql://svc-scan@db1:5432/hr  estate.yaml:5; line 3\n"
        "      port: 5432 -> 5433\n"
        "      user: svc-scan -> other\n"
        "  ~ windows://10.0.0.9:135  estate.yaml:6; line 4\n"
        "      host: 10.0.0.9 -> fs9.corp\n"
        "The same in both: 1\n"
    )


@pytest.mark.parametrize(
    ("line", "same", "new"),
    [
        ("web1", 1, 0),
        ("WEB1.", 1, 0),
        ("web1:22", 1, 0),
        ("web1:2222", 0, 1),
        ("old", 1, 0),
        ("10.1.0.0/30", 1, 0),
        ("10.1.0.0/29", 0, 1),
        ("smb://files/finance", 1, 0),
        ("ssh://web1", 0, 1),
    ],
)
def test_hosts_without_a_type_and_networks(tmp_path: Path, line: str, same: int, new: int) -> None:
    text = difference(tmp_path, f"{line}\nnobody\n")
    assert f"The same in both: {same}\n" in text
    assert f"In list, not in estate.yaml ({new + 1}):" in text
    assert ("any://old" in text) is (line != "old")


def test_nothing_differs_from_itself(tmp_path: Path) -> None:
    table = "host,type,database\ndb1,postgresql,hr\n"
    text = difference(tmp_path, table)
    assert "Different" not in text
    assert "not in estate.yaml" not in text
