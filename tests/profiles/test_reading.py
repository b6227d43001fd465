"""A profile is checked whole: each problem with its place, all together, and hostile files cost little."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from scanready.catalogue.requirement import Profile
from scanready.inventory import InventoryError
from scanready.profiles.reading import LARGEST_FILE, read_profile
from scanready.profiles.schema import json_schema
from scanready.run.jobs.profile_form import profile_form, profile_of

HEAD = "profile: {name: acme-1, scanner: Acme, document: Ports}\n"
OFTEN = "}", ", when: often}"
SSH = '{ports: 2222, transport: tcp, confidence: stated, source: "p. 1: SSH"}'
GOOD = f"{HEAD}types:\n  ssh:\n    requires:\n      - {SSH}\n"


def problems(tmp_path: Path, content: str | bytes) -> list[str]:
    """Return the problems of a file, each from its line on; empty for a profile that can be used."""
    file = tmp_path / "acme.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        read_profile(file)
    except InventoryError as error:
        return [str(one).removeprefix(f"{file}:") for one in error.problems]
    return []


def profile_with(tmp_path: Path, types: str) -> Profile:
    file = tmp_path / "acme.yaml"
    file.write_text(f"{HEAD}types: {types}")
    return read_profile(file)


def test_a_port_needs_no_quotes(tmp_path: Path) -> None:
    quoted = profile_with(tmp_path, f"{{ssh: {{requires: [{SSH.replace('2222', repr('2222'))}]}}}}")
    assert profile_with(tmp_path, f"{{ssh: {{requires: [{SSH}]}}}}").types == quoted.types
    assert quoted.types["ssh"].lines[0].ports == "2222"


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ("{shs: {requires: []}}", "2:9: unknown target type `shs`; did you mean"),
        ("{ssh: {requires: []}}", "2:25: `requires` must be a list of ports, the target's own port first"),
        ("{ssh: {}}", "2:14: `requires` of `ssh` is missing"),
        ("{ssh: null}", "2:14: `ssh` is empty"),
        ("{ssh: [a]}", "2:14: `ssh` must be a mapping"),
        ("{}", "2:8: `types` is empty: name at least one target type"),
        ("[]", "2:8: `types` must be a mapping"),
        (f"{{ssh: {{reqires: [], requires: [{SSH}]}}}}", "2:15: unknown key `reqires`; did you mean `requires`?"),
        (f"{{ssh: {{agent: Beos, requires: [{SSH}]}}}}", "2:22: `agent` is 'Beos'; write one of 'Windows', 'Linux'"),
        (f"{{ssh: {{alike: maybe, requires: [{SSH}]}}}}", "2:22: `alike` is 'maybe'; write True or False"),
        (f"{{mysql: {{client: mysql, requires: [{SSH}]}}}}", "2:17: no client of `mysql` can be looked for: remove"),
        (f"{{ssh: {{verifies_certificate: true, requires: [{SSH}]}}}}", "2:15: `ssh` has no certificate: remove"),
        ("{ssh: {requires: [{ports: 22}]}}", "2:26: `transport` of an item of `requires` is missing"),
        ("{ssh: {requires: [{ports: 22}]}}", "2:26: `source` of an item of `requires` is missing"),
        ("{ssh: {requires: [{ports: 22}]}}", "2:26: `confidence` of an item of `requires` is missing"),
        ("{ssh: {requires: [22]}}", "2:26: an item of `requires` must be a mapping"),
        (f"{{ssh: {{requires: [{SSH.replace('2222', '0')}]}}}}", "2:34: `ports` is '0'; write ports as text"),
        (f"{{ssh: {{requires: [{SSH.replace('2222', '65536')}]}}}}", "2:34: `ports` is '65536'; write ports"),
        (f"{{ssh: {{requires: [{SSH.replace('2222', '22-21')}]}}}}", "2:34: `ports` is '22-21'; write ports"),
        (f"{{ssh: {{requires: [{SSH.replace('2222', '1-9')}]}}}}", "2:34: the first line is the target's own port"),
        (f"{{ssh: {{requires: [{SSH}, {SSH.replace('2222', 'dynamic')}]}}}}", "no service names ports of `ssh`"),
        (f"{{ssh: {{requires: [{SSH.replace('tcp', 'tpc')}]}}}}", "`transport` is 'tpc'; write one of 'tcp', 'udp'"),
        (f"{{ssh: {{requires: [{SSH.replace('stated', 'sure')}]}}}}", "`confidence` is 'sure'; write one of 'stated'"),
        (
            f"{{ssh: {{requires: [{SSH.replace('}', ', when: often}')}]}}}}",
            "`often` is no condition of `ssh` (it has none",
        ),
        (
            f"{{windows: {{requires: [{SSH.replace('}', ', when: server-2009}')}]}}}}",
            "`server-2009` is no condition of `windows`; did you mean `server-2008`? (its conditions are: server-2008,",
        ),
        (
            f"{{windows: {{requires: [{SSH.replace('}', ', pinned_by: [wmi_prt]}')}]}}}}",
            "`wmi_prt` is no option of `windows`; did you mean `wmi_port`?",
        ),
        (f"{{ssh: {{requires: [{SSH.replace('p. 1: SSH', '')}]}}}}", "`source` is empty"),
        (f"{{ssh: {{requires: [{SSH.replace('p. 1: SSH', 'a' * 301)}]}}}}", "`source` is a text of 301 characters"),
        (f"{{ssh: {{requires: [{', '.join([SSH] * 101)}]}}}}", "`requires` has more than 100 lines"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(tmp_path: Path, types: str, expected: str) -> None:
    found = problems(tmp_path, f"{HEAD}types: {types}")
    assert any(expected in one for one in found), found


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "1:1: a profile is empty"),
        ("# nothing\n", "1:1: a profile is empty"),
        ("- a\n", "1:1: a profile must be a mapping"),
        ("profil: {}\n", "1:1: unknown key `profil`; did you mean `profile`?"),
        (HEAD, "1:1: `types` is missing"),
        ("types: {}\n", "1:1: `profile` is missing"),
        (GOOD.replace("acme-1", "Acme 1"), "1:17: `name` is 'Acme 1'; write words of lower-case letters and digits"),
        (GOOD.replace("scanner: Acme, ", ""), "1:10: `scanner` of `profile` is missing"),
        (GOOD.replace("acme-1", "${HOME}"), "not YAML"),
        ("\x00", "not YAML: the control character U+0000"),
        (GOOD.encode("utf-16"), "the file is UTF-16: save it as UTF-8"),
        (GOOD.encode("latin-1") + b"# \xe4\n", "not UTF-8 (byte 0xe4): save it as UTF-8"),
        (f"{GOOD}---\n{GOOD}", "a second YAML document begins here: a file is one document"),
        (f"{GOOD}types: {{}}\n", "this key is repeated, first in line 2"),
        ("a: " + "[" * 50 + "]" * 50, "this is nested deeper than 32 levels"),
        (
            "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)),
            "the aliases expand to more than 100,000 values",
        ),
        ("x" * (LARGEST_FILE + 1), "larger than"),
        ("%YAML 1.1\n---\n" + GOOD, "this file must be YAML 1.2"),
    ],
    ids=range(18),
)
def test_a_file_that_is_no_profile_is_one_clear_line(tmp_path: Path, content: str | bytes, expected: str) -> None:
    found = problems(tmp_path, content)
    assert any(expected in one for one in found), found
    assert all("\x00" not in one and "\n" not in one for one in found)


def test_all_problems_are_reported_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = problems(tmp_path, "profile: {name: acme-1}\ntypes:\n  shs: {}\n  ssh: {agent: x}\n")
    places = [tuple(map(int, one.split(":")[:2])) for one in found]
    assert places == sorted(places)
    assert {line for line, _ in places} == {1, 3, 4}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match=r"none\.yaml: .*"):
        read_profile(tmp_path / "none.yaml")
    with pytest.raises(InventoryError, match="is a directory"):
        read_profile(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        f"{HEAD}types: {{windows: {{agent: Windows, requires: [{SSH.replace('}', ', when: server-2003}')}]}}}}",
        f"{HEAD}types: {{nfs: {{requires: [{SSH}, {SSH.replace('2222', 'dynamic')}]}}, imap: {{requires: [{SSH}]}}}}",
    ],
    ids=["one type", "a condition", "a broker"],
)
def test_a_profile_travels_to_another_process_without_loss(tmp_path: Path, content: str) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(content)
    profile = read_profile(file)
    assert profile_of(json.loads(json.dumps(profile_form(profile)))) == profile
    assert profile_of(profile_form(None)) is None


@pytest.mark.parametrize(
    ("types", "right"),
    [
        (f"{{ssh: {{requires: [{SSH}]}}}}", True),
        (f"{{windows: {{agent: Windows, alike: true, requires: [{SSH}]}}}}", True),
        (
            f"{{nfs: {{requires: [{SSH}, {SSH}]}}}}",
            True,
        ),
        ("{ssh: {requires: []}}", False),
        ("{ssh: {}}", False),
        ("{shs: {requires: [1]}}", False),
        (f"{{ssh: {{agent: Beos, requires: [{SSH}]}}}}", False),
        (f"{{ssh: {{requires: [{SSH.replace('tcp', 'tpc')}]}}}}", False),
        (f"{{ssh: {{requires: [{SSH.replace('2222', '0')}]}}}}", False),
        (f"{{ssh: {{requires: [{SSH.replace('2222', 'many')}]}}}}", False),
        (f"{{ssh: {{requires: [{SSH.replace('stated', 'sure')}]}}}}", False),
        (f"{{ssh: {{requires: [{SSH.replace('p. 1: SSH', '')}]}}}}", False),
        (f"{{ssh: {{requires: [{SSH}], more: 1}}}}", False),
    ],
)
def test_the_schema_says_what_the_reader_says(tmp_path: Path, types: str, right: bool) -> None:
    schema: dict[str, Any] = json.loads(json.dumps(json_schema()))
    jsonschema.Draft202012Validator.check_schema(schema)
    value = YAML(typ="safe", pure=True).load(f"{HEAD}types: {types}")
    assert jsonschema.Draft202012Validator(schema).is_valid(value) is right
    assert (problems(tmp_path, f"{HEAD}types: {types}") == []) is right
