"""A target in the notation of another tool: one sentence says how it is written here, and no secret is repeated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scanready.catalogue.notation import Notation, hint
from scanready.inventory import InventoryError, parse_target
from scanready.inventory.importing import import_file
from scanready.run.registry import catalogue

SECRET = "hunter2-the-secret"
WRITTEN = {
    f"jdbc:postgresql://db:5432/hr?user=u&password={SECRET}": "postgresql://db:5432/hr",
    "jdbc:postgresql://[2001:db8::7]:5433/hr": "postgresql://[2001:db8::7]:5433/hr",
    "jdbc:mysql://db/hr": "mysql://db/hr",
    "JDBC:MARIADB://db:3307/": "mysql://db:3307",
    f"jdbc:sqlserver://db7:1433;databaseName=hr;password={SECRET}": "mssql://db7:1433",
    r"jdbc:sqlserver://db7\SQLEXPRESS;encrypt=true": "mssql://db7/SQLEXPRESS",
    r"mssql://db7.corp\INST": "mssql://db7.corp/INST",
    rf"mssql://sa:{SECRET}@db7\INST": "mssql://db7/INST",
    r"db7.corp\INST": "mssql://db7.corp/INST",
    "mssql://db7,1433": "mssql://db7:1433",
    "db7,1433": "mssql://db7:1433",
    "jdbc:oracle:thin:@db:1521:ORCL": "oracle://db:1521?sid=ORCL",
    f"jdbc:oracle:thin:scott/{SECRET}@//db:1521/svc.corp": "oracle://db:1521/svc.corp",
    "jdbc:oracle:oci:@db:1521/svc": "oracle://db:1521/svc",
    "oracle://db:1521:ORCL": "oracle://db:1521?sid=ORCL",
    r"\\files\finance": "smb://files/finance",
    r"\\files.corp\finance\2025\q1": "smb://files.corp/finance/2025/q1",
    "nas:/export/home": "nfs://nas/export/home",
    f"jdbc:informix-sqli://ix:9088/stores:INFORMIXSERVER=demo_on;password={SECRET}": "informix://ix:9088/stores?server=demo_on",
    f"jdbc:sybase:Tds:ase:5000/hr?PASSWORD={SECRET}": "sybase://ase:5000/hr",
    f"jdbc:db2://d:50000/SAMPLE:user=x;password={SECRET};": "db2://d:50000/SAMPLE",
    f"jdbc:teradata://td/DATABASE=x,PASSWORD={SECRET}": "teradata://td",
}


@pytest.mark.parametrize("text", WRITTEN, ids=lambda text: re.sub(r"\W+", "-", text.replace(SECRET, "")))
def test_the_sentence_has_the_target_as_it_is_written_here(text: str) -> None:
    with pytest.raises(InventoryError) as wrong:
        parse_target(text)
    message = str(wrong.value)
    assert message.endswith(f"; write `{WRITTEN[text]}`")
    assert SECRET not in message
    assert parse_target(WRITTEN[text])[0].type in catalogue()


@pytest.mark.parametrize(
    "text",
    [
        *(r"\\fs02\share", r"SQL1\HR", "db10:1521:ORCL", "nas:/export/home", "jdbc:postgresql://db:5432/hr"),
        *(f"jdbc:oracle:thin:scott/{SECRET}@//db:1521/svc.corp", "jdbc:oracle:thin:@db:1521:ORCL"),
        *(f"jdbc:sqlserver://db7:1433;databaseName=hr;password={SECRET}", "db7,1433"),
    ],
    ids=lambda text: re.sub(r"\W+", "-", text.replace(SECRET, "")),
)
def test_an_import_gives_the_same_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(InventoryError) as wrong:
        parse_target(text)
    file = tmp_path / "list"
    for kind, content in (("hosts", f"web1\n{text}\n"), ("csv", f'host,owner\n"{text}",x\n')):
        file.write_text(content)
        (left,) = import_file(file, kind).left
        assert left.line == 2
        assert "; write `" in left.why
        assert str(wrong.value).endswith(f": {left.why}")
        assert SECRET not in left.what + left.why


@pytest.mark.parametrize(
    "text", ["jdbc:h2:mem:test", "jdbc:postgresql:", "a:b:c", "fe80::1::2", "db7:99999", "mssql://"]
)
def test_what_fits_no_notation_keeps_its_own_message(text: str) -> None:
    with pytest.raises(InventoryError) as wrong:
        parse_target(text)
    assert "; write `" not in str(wrong.value)


def test_every_notation_of_a_type_is_met_here() -> None:
    met = {notation for text in WRITTEN for row in catalogue() for notation in row.notations if notation.written(text)}
    assert met == {notation for row in catalogue() for notation in row.notations}


def test_a_notation_that_is_declared_wrongly_harms_nobody() -> None:
    wrong = [Notation("a", "(", "x"), Notation("b", "db7.*", "{nothing}"), Notation("c", "db7.*", "{")]
    assert hint("db7/x", [*wrong, Notation("d", "<HOST>/x", "queue://{host}")]) == "d; write `queue://db7`"
