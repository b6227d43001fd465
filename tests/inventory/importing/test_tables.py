"""Tables as people export them: headings in several languages, several values a cell, and no wrong row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scanready.catalogue.wrong import Wrong
from scanready.inventory import InventoryError, parse_target
from scanready.inventory.importing import Imported, import_file, read_mapping
from scanready.inventory.importing.columns import looks_like_a_header

Import = Callable[..., Imported]


@pytest.fixture
def imported(tmp_path: Path) -> Import:
    """Import a text."""

    def imported(text: str | bytes, mapping: dict[str, str] | None = None) -> Imported:
        file = tmp_path / "list"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return import_file(file, mapping=mapping)

    return imported


def rows(found: Imported) -> list[tuple[str, str, int | None]]:
    return [(entry.host, entry.type, entry.port) for entry in found.entries]


@pytest.mark.parametrize(
    "heading",
    [
        *("Fully Qualified Domain Name", "FQDN", "DNS-Name", "dNSHostName", "Host_Name", "u_hostname", "Computer Name"),
        *("Rechnername", "Servername", "Nom d’hôte", "Nom du serveur", "Nombre del equipo", "Servidor"),
        *("Nome do servidor", "Servernaam", "Asset Name", "CI Name", "Configuration item", "Titel", "Nom", "Nombre"),
    ],
)
def test_headings_of_names(imported: Import, heading: str) -> None:
    assert rows(imported(f"{heading},Operating System\nweb1,RHEL 8\n")) == [("web1", "unix", None)]
    assert rows(imported(f"{heading}\nweb1\n")) == [("web1", "", None)], "a table of one column"


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.1-5", "10.0.0.0/29"),
        ("10.0.0.1-10.0.0.5", "10.0.0.0/29"),
        ("10.0.0.1 - 10.0.0.5", "10.0.0.0/29"),
        ("10.0.0-3.1-254", "10.0.0.0/22"),
        ("10.0-255.0-255.1-5", "10.0.0.0/29"),
        ("10.0.0.9-5", "10.0.0.0/29"),
        ("10.0.0.1-10.0.0.500", "10.0.0.0/29"),
    ],
)
def test_a_range_of_addresses_is_refused_with_the_network_to_write(imported: Import, text: str, network: str) -> None:
    for file in (f"web1\n{text}\n", f"host,owner\n{text},x\n", f"ip address,owner\n{text},x\n"):
        (left,) = imported(file).left
        assert (left.line, left.what) == (2, text)
        assert left.why.startswith(f"`{text}` is a range of addresses: write one address per line, or ")
        assert f"`{network}`" in left.why
    with pytest.raises(InventoryError, match="is a range of addresses"):
        parse_target(text)
    with pytest.raises(InventoryError, match="is a range of addresses"):
        parse_target(f"ssh://{text}")


@pytest.mark.parametrize(
    "status",
    [
        *(
            "stillgelegt",
            "Inaktiv",
            "inactive",
            "mis au rebut",
            "Out of service",
            "offline",
            "Powered Off",
            "poweredOff",
        ),
        *("Außer Betrieb", "ausgeschaltet", "mise au rebut", "Inactif", "éteint", "Hors ligne", "désactivé"),
        *("Fuera de servicio", "inactivo", "apagada", "Fuori servizio", "inattivo", "spento", "dismessa"),
        *("Retired", "decommissioned", "Decommissioning", "Not in use", "Shutdown"),
    ],
)
def test_a_machine_that_is_retired_or_off_is_left_out(imported: Import, status: str) -> None:
    found = imported(f"host,status\nweb1,{status}\nweb2,In use\n")
    assert rows(found) == [("web2", "", None)]
    assert found.left[0].why == f"its status is `{status}`"


@pytest.mark.parametrize(
    "status",
    [
        *("to be decommissioned", "To be retired", "pending decommission", "Scheduled for decommissioning"),
        *("wird stillgelegt", "Stilllegung geplant", "sera mis hors service", "À mettre au rebut", "sarà dismesso"),
        *("active", "Aktiv", "actif", "activo", "attivo", "online", "Powered On", "in service", "en service"),
    ],
)
def test_a_machine_that_still_runs_is_imported(imported: Import, status: str) -> None:
    assert rows(imported(f"host,status\nweb1,{status}\n")) == [("web1", "", None)]


@pytest.mark.parametrize(
    ("cell", "type_"),
    [
        *(
            (cell, "mssql")
            for cell in ("SQL Server 2019", "Microsoft SQL Server 2016 SP3", "MSSQL 2022 Standard Edition")
        ),
        *((cell, "oracle") for cell in ("Oracle Database 19c", "Oracle 12cR2", "Oracle DB 21c Enterprise Edition")),
        *((cell, "postgresql") for cell in ("PostgreSQL 15", "Postgres v13.4")),
        *((cell, "db2") for cell in ("DB2 LUW", "IBM Db2 11.5", "DB2 LUW 11.1")),
        *((cell, "sybase") for cell in ("Sybase ASE", "SAP ASE 16.0", "Sybase ASE 15.7")),
        *((cell, "mysql") for cell in ("MySQL 8.0", "MariaDB 10.6", "MySQL Community 5.7.44")),
        *(("Oracle Linux 8", "unix"), ("Windows Server 2019", "windows")),
    ],
)
def test_a_product_with_its_version_is_its_type_as_a_guess(imported: Import, cell: str, type_: str) -> None:
    (entry,) = imported(f"host,type\ndb1,{cell}\n").entries
    assert (entry.type, entry.guess) == (type_, f"read {cell} as {type_}")


@pytest.mark.parametrize("cell", ["SAP HANA 2.0", "Oracle WebLogic 12c", "MySQL Router 8.0", "2019", "Elevator 3"])
def test_another_product_with_a_version_is_no_type(imported: Import, cell: str) -> None:
    found = imported(f"host,type\ndb1,{cell}\n")
    assert not found.entries
    assert len(found.left) == 1


def test_a_long_cell_does_not_refuse_the_table(imported: Import) -> None:
    found = imported(f'host,notes,type\nweb1,"{"x" * 200_000}",ssh\nweb2,y,ssh\n')
    assert rows(found) == [("web1", "ssh", None), ("web2", "ssh", None)]


def test_names_that_look_like_ranges_stay_names(imported: Import) -> None:
    assert rows(imported("host,owner\n10-0-0-1.corp,x\nweb-1-5,x\n")) == [
        ("10-0-0-1.corp", "", None),
        ("web-1-5", "", None),
    ]


@pytest.mark.parametrize(
    "heading",
    [
        *("IP", "ip_address", "u_ip", "IPv4 Address", "IP-Adresse", "Primäre IP-Adresse", "Adresse IP", "Dirección IP"),
        *("Indirizzo IP", "Endereço IP", "IP-adres", "Address"),
    ],
)
def test_headings_of_addresses(imported: Import, heading: str) -> None:
    assert rows(imported(f"Location,{heading}\nx,10.0.0.7\n")) == [("10.0.0.7", "", None)]


@pytest.mark.parametrize("heading", ["OS", "Betriebssystem", "Système d'exploitation", "Sistema operativo", "Platform"])
def test_headings_of_systems(imported: Import, heading: str) -> None:
    assert rows(imported(f"host;{heading}\nh;SLES 15\n")) == [("h", "unix", None)]


@pytest.mark.parametrize("heading", ["DB Type", "Datenbanktyp", "DBMS", "SGBD", "Tipo", "Service", "sys_class_name"])
def test_headings_of_types(imported: Import, heading: str) -> None:
    assert rows(imported(f"host;{heading}\nh;Oracle\n")) == [("h", "oracle", None)]


def test_a_table_of_a_name_and_an_address_is_no_list_of_hosts(imported: Import) -> None:
    found = imported("Name,Address\nweb1,10.0.0.7\nweb2,12 High Street\nBerlin office,Berlin\n")
    assert found.kind == "csv"
    assert rows(found) == [("10.0.0.7", "", None), ("web2", "", None)]
    assert found.entries[0].also == ("web1",)
    assert "the name of the asset was taken as the host name" in found.entries[1].guess
    assert [(one.what, one.line) for one in found.left] == [("Berlin", 4)]


@pytest.mark.parametrize(
    ("cell", "host", "also"),
    [
        ("10.0.0.7, 10.0.0.8", "10.0.0.7", ("10.0.0.8",)),
        ("10.0.0.7;10.0.0.8", "10.0.0.7", ("10.0.0.8",)),
        ("10.0.0.7 / 10.0.0.8", "10.0.0.7", ("10.0.0.8",)),
        ("10.0.0.7 10.0.0.8", "10.0.0.7", ("10.0.0.8",)),
        ("10.0.0.7\n2001:db8::7", "10.0.0.7", ("2001:db8::7",)),
        ("127.0.0.1 | fe80::1 | 169.254.1.1 | 10.0.0.7", "10.0.0.7", ()),
        ("10.0.0.7/24", "10.0.0.7", ()),
        ("10.0.0.7, N/A", "10.0.0.7", ()),
        ("web1 (10.0.0.7)", "web1", ("10.0.0.7",)),
        ("web1.corp, web1, 10.0.0.7", "web1.corp", ("10.0.0.7",)),
    ],
)
def test_several_addresses_of_one_machine(imported: Import, cell: str, host: str, also: tuple[str, ...]) -> None:
    (entry,) = imported(f'host,os\n"{cell}",RHEL 8\n').entries
    assert (entry.host, entry.also) == (host, also)
    assert entry.guess.startswith("the first of 2 addresses") is (bool(also) and host[0].isdigit())


def test_several_names_are_several_machines(imported: Import) -> None:
    found = imported('host,type\n"web1, web2;web3",ssh\n')
    assert rows(found) == [("web1", "ssh", None), ("web2", "ssh", None), ("web3", "ssh", None)]


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("10.0.0.0/24", "is a network: import it from a list with one network per line"),
        ("127.0.0.1", "a loopback or link-local address"),
        ("web1 web2", "is not a host name"),
        ("", "columns have no host and no address"),
        ("n/a", "columns have no host and no address"),
        ("web1, bad!", "is not a host name"),
    ],
)
def test_cells_without_a_host(imported: Import, cell: str, why: str) -> None:
    found = imported(f'host,type\n"{cell}",ssh\n')
    assert not found.entries
    assert why in found.left[0].why


@pytest.mark.parametrize("word", ["N/A", "none", "-", "unknown", "k.A.", "#N/A", "TBD"])
def test_words_for_no_value(imported: Import, word: str) -> None:
    found = imported(f"hostname,ip,type,os,port,user\n{word},10.0.0.7,{word},{word},{word},{word}\n")
    assert rows(found) == [("10.0.0.7", "", None)]
    assert not found.credentials


def test_a_port_belongs_to_one_type(imported: Import) -> None:
    found = imported(
        'host,type,os,port\na,,RHEL 8,5432\nb,,RHEL 8,22\nc,"SMB, Windows",,445\nd,"MySQL, Postgres",,9999\n'
    )
    assert rows(found) == [("a", "", 5432), ("b", "unix", None), ("c", "smb", None), ("c", "windows", None)]
    assert "does not explain the port" in found.entries[0].about
    assert [one.why for one in found.left] == ["the row has one port, 9999, for 2 types: write one row for each type"]


@pytest.mark.parametrize(
    ("word", "type_"),
    [
        ("cmdb_ci_linux_server", "unix"),
        ("cmdb_ci_win_server", "windows"),
        ("cmdb_ci_db_mssql_instance", "mssql"),
        ("cmdb_ci_db_ora_instance", "oracle"),
        ("Windows 2019 Server", "windows"),
        ("Oracle Database Server", "oracle"),
        ("CentOS 7", "unix"),
        ("Virtual Machine", ""),
        ("cmdb_ci_server", ""),
        ("Serveur", ""),
        ("Virtueller Server", ""),
    ],
)
def test_classes_of_machines(imported: Import, word: str, type_: str) -> None:
    assert rows(imported(f"host,class\nh,{word}\n")) == [("h", type_, None)]


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("Network Switch", "a network device"),
        ("Imprimante", "a printer"),
        ("cmdb_ci_esx_server", "a hypervisor"),
        ("cmdb_ci_db_mongodb_instance", "there is no target type"),
    ],
)
def test_classes_that_are_no_target(imported: Import, word: str, why: str) -> None:
    found = imported(f"host,class,os\nh,{word},RHEL 8\n")
    assert not found.entries
    assert why in found.left[0].why


@pytest.mark.parametrize(
    "status", ["Retired", "Decommissioned", "außer Betrieb", "Hors service", "Retirado", "In Stock"]
)
def test_machines_that_are_gone(imported: Import, status: str) -> None:
    found = imported(f"host,type,status\nh,ssh,{status}\ni,ssh,Active\n")
    assert rows(found) == [("i", "ssh", None)]
    assert found.left[0].why == f"its status is `{status}`"


def test_encodings_and_excels_first_line(imported: Import) -> None:
    text = "sep=;\r\nServer;Ort\r\nweb1;Köln, Süd\r\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"):
        found = imported(text.encode(encoding))
        assert (found.kind, rows(found)) == ("csv", [("web1", "", None)]), encoding
        assert ("it has no byte order mark" in " ".join(found.remarks)) is (encoding[-2:] in ("le", "be"))


def test_every_reader_takes_utf_16(imported: Import) -> None:
    texts = {
        "hosts": "web1\n",
        "etc-hosts": "10.0.0.7 web1\n",
        "nmap": '<?xml version="1.0" encoding="UTF-8"?><nmaprun><host><address addr="10.0.0.7" addrtype="ipv4"/><ports>'
        '<port protocol="tcp" portid="22"><state state="open"/></port></ports></host></nmaprun>',
        "ansible": '{"all": {"hosts": ["web1"]}}',
    }
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        for kind, text in texts.items():
            found = imported(text.encode(encoding))
            assert (found.kind, len(found.entries)) == (kind, 1), encoding


def test_a_row_of_several_lines_is_cited_by_its_first(imported: Import) -> None:
    found = imported(
        "Hostname,Notes,OS,Port\r\n"
        'a.corp,"first\r\nsecond\r\n\r\nfourth",RHEL 8,\r\n'
        "b.corp,,RHEL 8,\r\n"
        "\r\n"
        'c.corp,"x\ny",RHEL 8,99999\r\n'
        "d.corp,,RHEL 8,\r\n"
    )
    assert [(entry.host, entry.line) for entry in found.entries] == [("a.corp", 2), ("b.corp", 6), ("d.corp", 10)]
    assert [left.line for left in found.left] == [8]


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_quote_that_is_not_closed_swallows_no_rows(imported: Import, end: str) -> None:
    with pytest.raises(InventoryError) as caught:
        imported(f'hostname,type,notes\na,ssh,"x\ny"\nb,ssh,"it is 5\nc,ssh,\nd,ssh,{end}')
    (problem,) = caught.value.problems
    assert problem.line == 4
    assert "a quote that begins in this row is not closed" in problem.text


def test_a_quote_within_a_cell_is_text(imported: Import) -> None:
    found = imported('hostname,type,notes\na,ssh,a 5" disk\nb,ssh,"x"y\nc,ssh,"""x"""')
    assert [entry.host for entry in found.entries] == ["a", "b", "c"]


def test_named_columns(imported: Import) -> None:
    table = "Name,Asset Name,Owner,Kind\nprinter room,web1,db,postgresql\n"
    found = imported(table, {"host": "asset name", "type": "Kind", "database": "Owner"})
    assert rows(found) == [("web1", "postgresql", None)]
    assert found.entries[0].options == {"database": "db"}
    assert not found.entries[0].guess
    assert rows(imported("host,type\nh,PowerEdge\n", {"type": ""})) == [("h", "", None)]
    assert not imported("host,type,user\nh,ssh,jdoe\n", {"user": ""}).credentials


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"host": "Asset"}, "1: --map host=`Asset`: no column has this heading; did you mean `Asset Name`\\?"),
        ({"host": "Twice"}, "2 columns have this heading; rename one of them"),
    ],
)
def test_named_columns_that_are_not_there(imported: Import, mapping: dict[str, str], says: str) -> None:
    with pytest.raises(InventoryError, match=says):
        imported("Asset Name,Twice,Twice\na,b,c\n", mapping)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("host", 'write KIND=COLUMN, as in --map host="Asset Name"'),
        ("hots=X", "did you mean `host`"),
        ("password=X", "secrets are not imported"),
    ],
)
def test_mappings_that_are_none(word: str, says: str) -> None:
    with pytest.raises(Wrong, match=says):
        read_mapping([word])
    with pytest.raises(Wrong, match="given twice"):
        read_mapping(["host=A", "host=B"])


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("Room,Owner\nR1,Finance\n", ':1: no column of hosts among `Room`, `Owner`: .* --map host="Room"'),
        ("web1,10.0.0.7,Linux\nweb2,10.0.0.8,Linux\n", ":1: no column of hosts: this line looks like data"),
        ("Report,\n,\nRoom,Owner,Floor\nR1,Finance,2\n", ":3: no column of hosts among `Room`, `Owner`, `Floor`"),
    ],
)
def test_tables_without_a_column_of_hosts(imported: Import, table: str, says: str) -> None:
    with pytest.raises(InventoryError, match=says):
        imported(table)


def test_a_users_column_may_be_of_people(imported: Import) -> None:
    found = imported("host,type,user\nh,ssh,svc\n")
    assert "--map user=" in " ".join(found.remarks)
    assert not imported("host,type,user\nh,ssh,svc\n", {"user": "user"}).remarks


def test_a_header_that_comes_again_is_no_machine(imported: Import) -> None:
    assert rows(imported("hostname,os\nweb1,RHEL 8\nhostname,os\nweb2,SLES 15\n")) == [
        ("web1", "unix", None),
        ("web2", "unix", None),
    ]


def test_names_of_the_machine_itself_are_refused(imported: Import) -> None:
    found = imported("hostname,ip,os\nlocalhost,10.0.0.7,RHEL 8\nlocalhost,,RHEL 8\n")
    assert not found.entries
    assert found.left[0].why.startswith("`localhost` names no particular machine")


def test_one_target_with_two_accounts_is_not_taken_twice(imported: Import) -> None:
    found = imported("host,type,credential\na,ssh,\na,ssh,one\na,ssh,two\na,ssh,one\n")
    assert [(entry.host, entry.credential) for entry in found.entries] == [("a", "one")]
    assert [(one.line, one.why) for one in found.left] == [(4, "the same target as in line 2, with another account")]


@pytest.mark.parametrize("mapping", [{}, {"host": "Server"}])
@pytest.mark.parametrize("row", ["web,root,hunter2", "web1,root,hunter", "10.0.0.7;root;hunter", "a,u:hunter@x,y"])
def test_a_row_of_data_in_place_of_the_header_is_not_repeated(
    imported: Import, row: str, mapping: dict[str, str]
) -> None:
    with pytest.raises(InventoryError, match="looks like data") as caught:
        imported(f"{row}\n{row}\n", mapping)
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    "row", ["Kind,Room,Owner", "Standort / Raum,Nr.,Telefon (privat)", "Nom d’usage,Étage,Adresse 1"]
)
def test_headings_are_repeated(imported: Import, row: str) -> None:
    with pytest.raises(InventoryError, match="among `"):
        imported(f"{row}\n1,2,3\n", {})


def test_a_long_heading_is_judged_at_once() -> None:
    """A pattern that tries every split of its signs would not end within the limit of a test."""
    assert not looks_like_a_header(["- " * 98 + "1a"])
    assert not looks_like_a_header(["a " * 98 + "1a"])
