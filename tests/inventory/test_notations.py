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
P = f"password={SECRET}"
#: The corrected form; the names in brackets are left out.
WRITTEN = {
    f"jdbc:postgresql://db:5432/hr?user=u&{P}": "postgresql://db:5432/hr` (user, password)",
    "jdbc:postgresql://db/": "postgresql://db",
    "jdbc:postgresql://db/my%20db?ssl=true": "postgresql://db/my%20db` (ssl)",
    "jdbc:mysql://db/hr?x=y": "mysql://db/hr` (x)",
    f"jdbc:mysql://root:{SECRET}@db:3307/hr$1": "mysql://db:3307/hr$1` (account)",
    "jdbc:mariadb:sequential://db/hr": "mysql://db/hr",
    "jdbc:postgresql://[2001:db8::7]:5433/hr": "postgresql://[2001:db8::7]:5433/hr",
    "jdbc:mysql://db/hr": "mysql://db/hr",
    "JDBC:MARIADB://db:3307/": "mysql://db:3307",
    f"jdbc:sqlserver://db7:1433;databaseName=hr;{P}": "mssql://db7:1433?database=hr` (password)",
    r"jdbc:sqlserver://db7\SQLEXPRESS;encrypt=true": "mssql://db7/SQLEXPRESS` (encrypt)",
    r"jdbc:sqlserver://h\INST;databaseName=x": "mssql://h/INST?database=x",
    r"jdbc:sqlserver://h\INST:1444;database=x": "mssql://h:1444/INST?database=x",
    "jdbc:sqlserver://;serverName=h;instanceName=I;portNumber=1444": "mssql://h:1444/I",
    f"jdbc:sqlserver://h;password={{a;databaseName={SECRET}}};databaseName=x": "mssql://h?database=x` (password)",
    f"jdbc:sqlserver://h;databaseName=a {SECRET}": "mssql://h` (databaseName)",
    f"jdbc:jtds:sqlserver://h:1433/x;instance=I;user=a;{P}": "mssql://h:1433/I?database=x` (user, password)",
    r"db7\INST,1444": "mssql://db7:1444/INST",
    r"mssql://db7.corp\INST": "mssql://db7.corp/INST",
    rf"mssql://sa:{SECRET}@db7\INST": "mssql://db7/INST` (account)",
    r"db7.corp\INST": "mssql://db7.corp/INST",
    "mssql://db7,1433": "mssql://db7:1433",
    "db7,1433": "mssql://db7:1433",
    "jdbc:oracle:thin:@db:1521:ORCL": "oracle://db:1521?sid=ORCL",
    f"jdbc:oracle:thin:scott/{SECRET}@//db:1521/svc.corp": "oracle://db:1521/svc.corp` (account)",
    "jdbc:oracle:thin:@//h:1521/svc": "oracle://h:1521/svc",
    "jdbc:oracle:thin:@h/svc": "oracle://h/svc",
    "jdbc:oracle:thin:@tcps://h:2484/svc:dedicated/i1?w=x": "oracle://h:2484/svc` (kind of server, instance, w)",
    "jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=h)(PORT=1522))(CONNECT_DATA=(SERVICE_NAME=s.corp)))": "oracle://h:1522/s.corp",
    "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=h)(PORT=1522))(CONNECT_DATA=(SID=X)))": "oracle://h:1522?sid=X",
    "jdbc:oracle:oci:@db:1521/svc": "oracle://db:1521/svc",
    "oracle://db:1521:ORCL": "oracle://db:1521?sid=ORCL",
    r"\\files\finance": "smb://files/finance",
    r"\\files.corp\finance\2025\q1": "smb://files.corp/finance/2025/q1",
    "nas:/export/home": "nfs://nas/export/home",
    f"jdbc:informix-sqli://ix:9088/st:INFORMIXSERVER=demo_on;{P}": "informix://ix:9088/st?server=demo_on` (password)",
    "jdbc:informix-sqli://ix:9088/st:user=a;INFORMIXSERVER=demo_on": "informix://ix:9088/st?server=demo_on` (user)",
    "jdbc:informix-sqli://ix:9088:INFORMIXSERVER=demo_on": "informix://ix:9088?server=demo_on",
    f"jdbc:sybase:Tds:ase:5000/hr?PASSWORD={SECRET}": "sybase://ase:5000/hr` (PASSWORD)",
    f"jdbc:db2://d:50000/SAMPLE:user=x;{P};": "db2://d:50000/SAMPLE` (user, password)",
    f"jdbc:teradata://td/DATABASE=x,PASSWORD={SECRET}": "teradata://td/x` (PASSWORD)",
    f"jdbc:teradata://td/PASSWORD='{SECRET},DATABASE=z',DBS_PORT=1026": "teradata://td:1026` (PASSWORD)",
    "jdbc:tibero:thin:@t:8629:tb": "tibero://t:8629/tb",
    r"\\files\100%": "smb://files/100%25",
    r"\\files\my share": "smb://files/my share",
}


@pytest.mark.parametrize(
    "text", WRITTEN, ids=lambda text: re.sub(r"\W+", "-", text.replace(SECRET, "")).strip("-")[:90]
)
def test_the_sentence_has_the_target_as_it_is_written_here(text: str) -> None:
    with pytest.raises(InventoryError) as wrong:
        parse_target(text)
    message = str(wrong.value)
    form, _, left = WRITTEN[text].partition("` (")
    assert message.endswith(f"; write `{form}`" + (f" (left out: {left}" if left else ""))
    assert SECRET not in message
    (target,) = parse_target(form)
    assert target.type in catalogue()


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
    "text",
    [
        "jdbc:h2:mem:test",
        "jdbc:mysql://h1,h2/db",
        "jdbc:oracle:thin:@TNS",
        "jdbc:postgresql:",
        "a:b:c",
        "fe80::1::2",
        "db7:99999",
        "mssql://",
    ],
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
