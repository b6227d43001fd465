"""Files are recognised by their content; one that should come in another form is refused with the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanready.inventory import InventoryError
from scanready.inventory.importing import import_file

#: By what it is: a text, and what its refusal says.
REFUSED = {
    "YAML of Ansible": (
        "---\nall:\n  hosts:\n    web1:\n",
        "Ansible inventory in YAML; to import it: `ansible-inventory -i {file} --list | scanready import -`",
    ),
    "YAML without all": ("web:\n  hosts:\n    web1:\n      ansible_user: x\n", "Ansible inventory in YAML"),
    "INI of Ansible": (
        "[web]\nweb1\nweb2 ansible_port=2222\n",
        "Ansible inventory in INI; to import it: `ansible-inventory -i {file} --list | scanready import -`",
    ),
    "INI without groups": ("web1 ansible_host=10.0.0.7\n", "Ansible inventory in INI"),
    "INI of variables": ("[all:vars]\nansible_user=x\n", "Ansible inventory in INI"),
    "playbook": ("- hosts: web\n  tasks: []\n", "an Ansible playbook"),
    "inventory": ("targets:\n  - ssh://web1\n", "an inventory already: `scanready plan {file}`"),
    "inventory with an agent": ("# ours\nagent: {name: a}\ntargets: []\n", "an inventory already"),
    "inventory in JSON": ('{"targets": ["ssh://web1"]}', "an inventory already"),
    "results": (
        '{"schema": 1, "run": {}, "results": []}',
        "result file of scanready; to show it: `scanready report FILE`",
    ),
    "text of nmap": (
        "# Nmap 7.94 scan initiated\nNmap scan report for web1\n",
        "nmap's text output: .*`nmap -oX FILE`",
    ),
    "lines of nmap": ("Host: 10.0.0.7 ()\tStatus: Up\n", "nmap's text output"),
    "list in JSON": ('["web1", "web2"]', "a JSON list"),
    "workbook": ("PK\x03\x04xl/workbook.xml", "an Excel workbook or another archive: save the sheet as CSV"),
    "PDF": ("%PDF-1.7", "a PDF: export the list as CSV"),
}


@pytest.mark.parametrize("kind", [None, "csv", "ansible"])
@pytest.mark.parametrize("name", REFUSED)
def test_files_that_are_refused(tmp_path: Path, name: str, kind: str | None) -> None:
    file = tmp_path / "list"
    text, says = REFUSED[name]
    file.write_text(text)
    with pytest.raises(InventoryError, match=says.replace("{file}", str(file))) as caught:
        import_file(file, kind)
    assert str(caught.value).startswith(f"{file}:1: ")
    assert "\n" not in str(caught.value)


def test_a_files_name_in_a_command_is_quoted(tmp_path: Path) -> None:
    file = tmp_path / "a; touch b"
    file.write_text("[web]\nweb1\n")
    with pytest.raises(InventoryError, match=r"-i '[^']*/a; touch b' --list"):
        import_file(file)


@pytest.mark.parametrize(
    "text",
    [
        "[2001:db8::7]:22\nweb1\n",
        "oracle://db/X?sid=a;b\noracle://db/Y?sid=a;b\n",
        "web1\nweb2\n",
        "web1 # the shop, old\nweb2\n",
    ],
    ids=["brackets", "semicolons", "hosts", "comments"],
)
def test_lists_of_hosts(tmp_path: Path, text: str) -> None:
    (tmp_path / "list").write_text(text)
    assert import_file(tmp_path / "list").kind == "hosts"


def test_a_table_without_a_known_heading_is_no_list(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("a,b\nc,d\n")
    with pytest.raises(InventoryError, match="no column of hosts"):
        import_file(tmp_path / "list")
    (tmp_path / "list").write_text("hostname\nweb1\n")
    assert import_file(tmp_path / "list").kind == "csv"
