"""Foreign lists become an inventory that loads, says where each target is from, and takes no secret over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanready.inventory import InventoryError, load
from scanready.inventory.importing import KINDS, Imported, as_inventory, import_file
from scanready.inventory.importing.found import MOST_LEFT
from scanready.run.any_type import flat

SAMPLES = Path(__file__).parents[3] / "fixtures" / "imports"
Import = Callable[..., Imported]


@pytest.fixture
def imported(tmp_path: Path) -> Import:
    """Import a text."""

    def imported(text: str | bytes, kind: str | None = None) -> Imported:
        file = tmp_path / "list"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return import_file(file, kind)

    return imported


def targets(found: Imported, where: Path) -> list[str]:
    """The targets of the inventory that is written, as our own loader reads it."""
    file = where / "inventory.yaml"
    file.write_text(as_inventory(found), encoding="utf-8")
    return [str(target) for target in load(file).targets]


def left(found: Imported) -> dict[str, str]:
    return {one.what: one.why for one in found.left}


def test_a_port_that_no_type_has_is_kept_beside_its_host(imported: Import, tmp_path: Path) -> None:
    found = imported("web1\nweb1:2222\nweb1:22\n10.0.0.1:2222\n10.0.0.2:22\n10.0.0.0/30\n")
    assert targets(found, tmp_path)[:2] == ["any://web1", "any://web1:2222"]
    assert [(entry.host, entry.port) for entry in found.entries] == [
        ("web1", None),
        ("web1", 2222),
        ("10.0.0.1", 2222),
        ("10.0.0.0/30", None),
    ]
    assert [(one.line, one.what) for one in found.left] == [(3, "web1"), (5, "10.0.0.2")]


# nmap


def test_what_nmap_recognised(tmp_path: Path) -> None:
    found = import_file(SAMPLES / "nmap-7.93-probed.xml")
    assert found.kind == "nmap"
    assert targets(found, tmp_path) == [
        "unix://web1.corp:22",
        "smb://fs01.corp:445",
        "nfs://nas.corp:2049",
        "windows://10.77.4.10:135",
        "unix://db8.corp:22",
        "http://db8.corp:80",
        "imap://db8.corp:143",
        "https://db8.corp:443",
        "imaps://db8.corp:993",
        "mysql://db8.corp:3306",
        "postgresql://db8.corp:5432",
    ]
    by_type = {entry.type: entry for entry in found.entries if entry.host == "db8.corp"}
    assert by_type["https"].guess == "nmap recognised http, nginx in TLS"
    assert by_type["unix"].guess == "nmap recognised ssh, OpenSSH"
    assert found.guesses == 11
    assert left(found)["nas.corp 111/tcp"] == "a part of NFS; the nfs check covers it"
    line = (
        "  - {host: web1.corp, type: unix}  # line 45; openssh-password.lab by reverse DNS; guess: nmap recognised ssh"
    )
    assert line in as_inventory(found)


def test_what_nmap_knows_by_the_port_alone(tmp_path: Path) -> None:
    found = import_file(SAMPLES / "nmap-7.93-ports.xml")
    assert targets(found, tmp_path) == ["unix://web1.corp:22", "smb://fs01.corp:445"]
    assert {entry.guess for entry in found.entries} == {
        "only by the port number (ssh)",
        "only by the port number (microsoft-ds)",
    }


def nmap(ports: str, host: str = '<address addr="10.0.0.7" addrtype="ipv4"/>', status: str = "up") -> str:
    return (
        '<?xml version="1.0"?><!DOCTYPE nmaprun><nmaprun>'
        f'<host><status state="{status}"/>{host}<ports>{ports}</ports></host></nmaprun>'
    )


def port(number: object, service: str = "", state: str = "open", protocol: str = "tcp", **more: str) -> str:
    rest = "".join(f' {key}="{value}"' for key, value in more.items())
    inside = f'<state state="{state}"/><service name="{service}"{rest}/>'
    return f'<port protocol="{protocol}" portid="{number}">{inside}</port>'


@pytest.mark.parametrize(
    ("element", "target"),
    [
        (port(5000, "sybase", method="probed", product="Sybase ASE"), "sybase://10.0.0.7:5000"),
        (port(8443, "http", method="probed", tunnel="ssl"), "https://10.0.0.7:8443"),
        (port(2222, "ssh", method="probed"), "unix://10.0.0.7:2222"),
        (port(1521), "oracle://10.0.0.7:1521"),
        (port(50000, "ibm-db2", method="table"), "db2://10.0.0.7:50000"),
    ],
)
def test_ports(imported: Import, tmp_path: Path, element: str, target: str) -> None:
    assert targets(imported(nmap(element)), tmp_path) == [target]


@pytest.mark.parametrize(
    ("element", "why"),
    [
        (port(6379, "redis", method="probed"), "nmap recognised redis, which is no target type"),
        (port(1521, "http", "filtered"), None),
        (port(22, "ssh", "open|filtered"), "nmap says open|filtered"),
        (port(137, "netbios-ns", protocol="udp"), "it is not a TCP port"),
        (port(139, "netbios-ssn"), "file shares over NetBIOS; the smb check tests this port if 445 does not answer"),
        (port(22, "tcpwrapped", method="probed"), "it accepts and closes connections, so the service is unknown"),
        (port(9999, "abyss", method="table"), "no target type has this port (abyss)"),
        (port("-1", "ssh"), "it is not a TCP port"),
        (port("70000", "ssh", method="probed"), "no port"),
    ],
)
def test_ports_that_are_left_out(imported: Import, element: str, why: str | None) -> None:
    found = imported(nmap(element))
    assert not found.entries
    assert [one.why for one in found.left][:1] == [why or "it has no open port of a target type"]


def test_hosts_that_nmap_found_down_or_that_are_none(imported: Import) -> None:
    assert left(imported(nmap(port(22), status="down"))) == {"10.0.0.7": "nmap found the host down"}
    found = imported(nmap(port(22, "ssh"), host='<address addr="$(reboot)" addrtype="ipv4"/>'))
    assert "is not a host name" in left(found)["$(reboot)"]


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE nmaprun [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    '<nmaprun><host><address addr="&b;" addrtype="ipv4"/></host></nmaprun>'
)
EXTERNAL = '<?xml version="1.0"?><!DOCTYPE nmaprun [<!ENTITY x SYSTEM "file:///etc/passwd">]><nmaprun>&x;</nmaprun>'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "entities or external parts is refused"),
        (EXTERNAL, "entities or external parts is refused"),
        ("<nmaprun><host>", "this is not XML, or it is incomplete"),
        ("<html/>", "this is not an nmap scan"),
        *(
            (f'<?xml version="1.0" encoding="{name}"?><nmaprun/>', ":1: its first line declares an encoding")
            for name in ("shift_jis", "VTF-8", "base64", "utf-7", "idna", "hex", "no-such-encoding")
        ),
    ],
)
def test_xml_that_is_refused(imported: Import, text: str, says: str) -> None:
    with pytest.raises(InventoryError, match=says):
        imported(text)


# Ansible


@pytest.mark.parametrize("connection", ["ssh", "", "ansible.builtin.paramiko_ssh"])
@pytest.mark.parametrize("shell", ["powershell", "cmd", "ansible.windows.powershell"])
def test_a_windows_host_that_ansible_reaches_over_ssh(tmp_path: Path, connection: str, shell: str) -> None:
    """A scan of Windows uses RPC, not SSH: neither Ansible's port nor its key is of use there."""
    variables = {"ansible_shell_type": shell, "ansible_port": 2222, "ansible_user": "svc"}
    variables |= {"ansible_ssh_private_key_file": "/k"} | ({"ansible_connection": connection} if connection else {})
    file = tmp_path / "list"
    file.write_text(json.dumps({"_meta": {"hostvars": {"w": variables, "u": {"ansible_shell_type": "fish"}}}}))
    windows, unix = import_file(file, "ansible").entries
    assert (windows.type, windows.port, windows.credential, unix.type) == ("windows", None, "svc", "unix")
    assert windows.guess.endswith(
        f"; its shell type {shell.rpartition('.')[2]} means windows, which a scan reaches on port 135"
    )
    assert "/k" not in as_inventory(import_file(file, "ansible"))


def test_ansibles_inventory(tmp_path: Path) -> None:
    found = import_file(SAMPLES / "ansible-core-2.17.json")
    assert found.kind == "ansible"
    assert targets(found, tmp_path) == [
        "windows://fs01.corp:135",
        "unix://10.1.0.7:22",
        "unix://web1.corp:22",
        "unix://web2.corp:2222",
    ]
    read = {target.host: target for target in load(tmp_path / "inventory.yaml").targets}
    assert read["10.1.0.7"].tags == ("databases", "postgres")
    assert read["web1.corp"].credential is not None
    assert read["web1.corp"].credential.username == "deploy"
    assert read["fs01.corp"].credential is not None
    assert read["fs01.corp"].credential.username == r"CORP\svc-er"
    assert left(found) == {
        "later.corp": "its address is a template that only Ansible can expand",
        "localhost": "Ansible runs it on its own host (connection local)",
        "switch1.corp": "a network device",
    }
    text = as_inventory(found)
    assert "of-nobody" not in text
    assert "# `ansible_password` of `fs01.corp` was not read, because secrets are not imported" in text
    lines = (SAMPLES / "ansible-core-2.17.json").read_text().splitlines()
    for entry in found.entries:
        assert f'"{entry.about or entry.host}": {{' in lines[entry.line - 1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not valid JSON"),
        ('{"a": 1}', "this Ansible inventory has no hosts"),
        ("[" * 100_000, "this is a JSON list"),
        ('{"a":' * 100_000, "this is not valid JSON"),
        ("[1]", "this is a JSON list"),
    ],
)
def test_json_that_is_refused(imported: Import, text: str, says: str) -> None:
    with pytest.raises(InventoryError, match=says):
        imported(text, "ansible")


def test_groups_without_end_and_odd_values(imported: Import, tmp_path: Path) -> None:
    found = imported(
        '{"_meta": {"hostvars": {"a": {"ansible_port": true, "ansible_user": ["x"]}, "b": 3}},'
        '"g": {"hosts": ["a", 7], "children": ["h"]}, "h": {"hosts": ["b"], "children": ["g"]}}'
    )
    assert targets(found, tmp_path) == ["unix://a:22", "unix://b:22"]
    assert {entry.host: set(entry.tags) for entry in found.entries} == {"a": {"g", "h"}, "b": {"g", "h"}}


# Tables

CMDB = """\
"CI Name";FQDN;IP Address;Operating System;Port;Type;Environment;Owner;Password;Database;Username
web-7;web7.corp;10.0.0.7;"Red Hat Enterprise Linux 8";;;prod;ops;hunter2;;
fs-1;fs01.corp;10.0.0.8;Windows Server 2019;;"SMB, Windows";prod|finance;ops;hunter2;;CORP\\svc-er
db-7;;10.0.0.9;;5433.0;Postgres;test;dba;hunter2;hr;er
sql-1;sql1.corp;;;;SQL Server;test;dba;;;er:hunter2
what;what.corp;;;;toaster;test;;;;
bad host!;;;;;ssh;;;;;
old;old.corp;;;99999;ssh;;;;;
any;any.corp;;OpenVMS;;;;;;;
"""


def test_a_cmdbs_export(imported: Import, tmp_path: Path) -> None:
    for content in (
        CMDB.encode(),
        b"\xef\xbb\xbf" + CMDB.encode(),
        CMDB.encode("utf-16"),
        CMDB.replace(";", "\t").encode(),
    ):
        found = imported(content)
        assert found.kind == "csv"
        assert targets(found, tmp_path)[:5] == [
            "unix://web7.corp:22",
            "smb://fs01.corp:445",
            "windows://fs01.corp:135",
            "postgresql://10.0.0.9:5433",
            "mssql://sql1.corp:1433",
        ]
    read = load(tmp_path / "inventory.yaml").targets
    assert read[3].options == {"database": "hr"}
    assert read[1].tags == ("prod", "finance")
    assert [target.credential.username if target.credential else None for target in read[:5]] == [
        None,
        r"CORP\svc-er",
        r"CORP\svc-er",
        "er",
        None,
    ]
    assert {one.type for one in flat(target for target in read if target.host == "any.corp")} > {"unix", "mysql"}
    assert [entry.guess for entry in found.entries[:5]] == [
        "type taken from its operating system, Red Hat Enterprise Linux 8",
        "",
        "",
        "read Postgres as postgresql",
        "read SQL Server as mssql",
    ]
    why = left(found)
    assert why.pop("bad host!").startswith("`bad host!` is not a host name")
    assert why == {
        "what.corp": "there is no target type `toaster`: write a type that `scanready types` lists, "
        "or add --map type= to ignore the column",
        "old.corp": "the port `99999` is out of range: 1 to 65535",
    }
    text = as_inventory(found)
    assert "hunter2" not in text
    assert "# the column `Password` was not read" in text
    assert "# the column `Owner` was not imported" in text


def test_the_dialect_is_found(imported: Import, tmp_path: Path) -> None:
    for delimiter in ",;\t|":
        found = imported(delimiter.join(("host", "port", "type")) + "\n" + delimiter.join(("a", "2222", "ssh")) + "\n")
        assert targets(found, tmp_path) == ["ssh://a:2222"]


def test_a_table_in_windows_1252(imported: Import, tmp_path: Path) -> None:
    found = imported("host,type,tags\na,ssh,Köln\n".encode("cp1252"))
    assert found.entries[0].tags == ("Köln",)
    assert "Windows-1252" in as_inventory(found)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colour,size\nred,7\n", ':1: no column of hosts among `colour`, `size`: .* as in --map host="colour"'),
        ("", "the table is empty: add a header"),
        ('host,type\n"' + "x" * (1 << 20) + '",ssh\n', "a row is longer than 1 MiB"),
    ],
)
def test_tables_that_are_refused(imported: Import, text: str, says: str) -> None:
    with pytest.raises(InventoryError, match=says):
        imported(text, "csv")


# Lists


def test_a_list_of_hosts(imported: Import, tmp_path: Path) -> None:
    found = imported(
        "# ours\nweb1.corp\n\ndb7:3306   # the shop\n10.0.0.0/30\n10.0.0.1\n"
        "postgresql://hr-db/hr\nssh://er@web2\nssh://er:hunter2@web3\n2001:db8::7\nhr-db\nweb1.corp\n"
        "web9 root hunter2\nnfs://nas/export/home?version=3\nbad!\n"
    )
    assert found.kind == "hosts"
    assert [(entry.host, entry.type) for entry in found.entries] == [
        ("web1.corp", ""),
        ("db7", ""),
        ("10.0.0.0/30", ""),
        ("hr-db", "postgresql"),
        ("web2", "ssh"),
        ("2001:db8::7", ""),
        ("nas", "nfs"),
    ]
    assert targets(found, tmp_path)[:4] == ["any://web1.corp", "any://db7:3306", "any://10.0.0.1", "any://10.0.0.2"]
    assert "hunter2" not in as_inventory(found)
    why = {one.line: one.why for one in found.left}
    assert "is listed again" in why[6]
    assert 8 not in why
    (account,) = {target.credential for target in load(tmp_path / "inventory.yaml").targets if target.host == "web2"}
    assert account is not None
    assert (account.username, account.password) == ("er", None)
    assert "password" in why[9]
    assert "is listed again" in why[11]
    assert why[13] == "the line has more than one word: write one host per line"


def test_a_network_that_overlaps(imported: Import, tmp_path: Path) -> None:
    found = imported(
        "ssh://10.0.0.1\n10.0.0.0/30\n10.0.0.2\n10.0.1.0/30\n10.0.1.0/28\n10.0.1.1\n10.0.1.9\nfd00::/125\nfd00::1\n",
        "hosts",
    )
    assert [entry.host for entry in found.entries] == ["10.0.0.1", "10.0.0.2", "10.0.1.0/30", "10.0.1.9", "fd00::/125"]
    assert [one.line for one in found.left] == [2, 5, 6, 9]
    assert targets(found, tmp_path)


def test_a_host_on_several_ports(imported: Import, tmp_path: Path) -> None:
    found = imported("db:1\ndb:2\nssh://db\ndb:22\nweb:80\nweb.\nweb\nmysql://db:2\n", "hosts")
    assert [(entry.host, entry.type, entry.port) for entry in found.entries] == [
        ("db", "", 1),
        ("db", "ssh", None),
        ("web.", "", None),
        ("db", "mysql", 2),
    ]
    assert targets(found, tmp_path)


def test_a_long_list_takes_no_longer_than_it_must(imported: Import) -> None:
    """Quadratic, this would take minutes; the limit of every test is far below."""
    hosts = "".join(f"10.{n >> 8}.{n & 255}.1\n" for n in range(20_000))
    networks = "".join(f"11.{n >> 8}.{n & 255}.0/30\n" for n in range(20_000))
    assert len(imported(hosts + networks, "hosts").entries) == 40_000


def test_etc_hosts(imported: Import, tmp_path: Path) -> None:
    found = imported(
        "127.0.0.1\tlocalhost\n127.0.1.1 me.corp me\n::1 ip6-localhost\nff02::1 ip6-allnodes\n"
        "10.0.0.7 DB7.corp db7 # the old one\nfe80::1%eth0 router\n10.0.0.8 db7.corp\n10.0.0.9 under score\n"
    )
    assert found.kind == "etc-hosts"
    assert [(entry.host, entry.about) for entry in found.entries] == [
        ("db7.corp", "10.0.0.7, also `db7`"),
        ("router", "fe80::1"),
        ("under", "10.0.0.9, also `score`"),
    ]
    assert [one.what for one in found.left] == ["localhost", "me.corp", "ip6-localhost", "ip6-allnodes"]
    assert targets(found, tmp_path)


# All of them


def test_hostile_text_stays_in_its_line(imported: Import, tmp_path: Path) -> None:
    hostile = "a\x1b]0;owned\x07\u202e\u2028]}: &a *b !c"
    found = imported(
        f'host,type,database,tags,os\ndb,mysql,"hr\u202e",x,\n"{hostile}",mysql,,,\n'
        f'web,,,"{hostile}","linux {hostile}"\n'
    )
    text = as_inventory(found)
    assert targets(found, tmp_path)
    assert all(char.isprintable() or char == "\n" for char in text)


def test_words_that_yaml_takes_for_something_else(imported: Import, tmp_path: Path) -> None:
    odd = ["true", "no", "null", "007", "1e3", "~", "0x1f", "- x", "a: b", "#x", "é", "'", '"']
    quoted = "|".join(word.replace('"', '""') for word in odd)
    found = imported(f'host;type;tags;database\noff;mysql;"{quoted}";007\n')
    targets(found, tmp_path)
    (read,) = load(tmp_path / "inventory.yaml").targets
    assert (read.host, list(read.tags), read.options) == ("off", odd, {"database": "007"})


def test_what_is_left_out_is_bounded(imported: Import) -> None:
    found = imported("bad host\n" * 5000, "hosts")
    assert len(found.left) == MOST_LEFT
    assert f"#   and {5000 - MOST_LEFT} more" in as_inventory(found)


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(alphabet=st.sampled_from("ab1.:/,;|\t\n\"'#{}[]<>&!-_@?=% \x00\x1b\u202eé") | st.characters()))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_text_is_read_or_refused_and_what_is_written_loads(
    imported: Import, tmp_path: Path, kind: str, text: str
) -> None:
    prefix = {"csv": "host,type,port,database,tags\n", "etc-hosts": "10.0.0.1 "}.get(kind, "")
    try:
        found = imported((prefix + text).encode("utf-8", "surrogatepass"), kind)
    except InventoryError:
        return
    targets(found, tmp_path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for name in ("absent", ".", "nul\0"):
        with pytest.raises(InventoryError):
            import_file(tmp_path / name)
    with pytest.raises(InventoryError, match="did you mean `nmap`"):
        import_file(SAMPLES / "nmap-7.93-ports.xml", "nmpa")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("good.corp\nh:SECRET@x\n", "hosts"),
        ("good.corp\nSECRET@x\n", "hosts"),
        ("good.corp\nuser:SECRET@x:22\n", "hosts"),
        ("good.corp\nssh://user:SECRET@x\n", "hosts"),
        ("good.corp\npassword=SECRET\n", "hosts"),
        ("10.0.0.1 a.corp SECRET@x\n10.0.0.2 u:SECRET@x\n", "etc-hosts"),
        ("host,type,port\nh:SECRET@x,ssh,22\ngood.corp,ssh,h:SECRET@x\ngood.corp,u:SECRET@x,22\n", "csv"),
        (
            '{"all":{"hosts":["u:SECRET@x"]},"_meta":{"hostvars":{"u:SECRET@x":{"ansible_password":"SECRET"}}}}',
            "ansible",
        ),
        ('<nmaprun><host><hostnames><hostname name="u:SECRET@x" type="user"/></hostnames></host></nmaprun>', "nmap"),
    ],
)
def test_a_secret_in_a_word_is_not_repeated(imported: Import, text: str, kind: str) -> None:
    found = imported(text, kind)
    assert "SECRET" not in as_inventory(found)
    assert "SECRET" not in "".join(found.remarks)
