"""The published JSON Schema says of files what the loader says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from scanready.inventory import InventoryError, json_schema, load
from scanready.run.registry import catalogue

GOOD = [
    "targets: []",
    "targets: [ssh://web1, db7, {host: a}]",
    "{agent: {name: a, master: m}, defaults: {timeout: 2.5, depth: auth, types: [ssh]}, targets: []}",
    "{credentials: {c: {username: u, password: env:X, authority: d}}, targets: []}",
    "targets: [{hosts: [a, 10.0.0.0/30], types: [smb, nfs], port: 99, tags: [x], share: s, nfs_version: 3}]",
    "targets: [{host: a, types: any}, {host: b, types: [any]}, {hosts: [10.0.0.0/30], types: any}]",
    "{defaults: {types: any}, targets: [{hosts: [10.0.0.0/30]}]}",
    "{defaults: {types: [any]}, targets: [db7]}",
    "targets: [{host: a, type: sybase, allow_login_probe: true, database: 7}]",
    "{agents: [{name: a b, sites: [x, y], platform: hpux, master: m}, {name: b}], targets: [{host: h, site: x}]}",
    "{agents: [{name: a, sites: [x]}], defaults: {site: x}, targets: [{host: h, agents: a}, {host: i, agents: [a]}]}",
    "{agents: [{name: a, sites: [x, y]}], defaults: {site: [x, y]}, targets: [{host: h, site: [y]}]}",
]
BAD = [
    "{}",
    "[]",
    "targets: {}",
    "targets: [1]",
    "targets: ['']",
    "{targets: [], foo: 1}",
    "{targets: [], agent: {nme: x}}",
    "{targets: [], agent: {name: ''}}",
    "{targets: [], agent: {name: null}}",
    "{targets: [], defaults: {timeout: 0}}",
    "{targets: [], defaults: {depth: tls}}",
    "{targets: [], defaults: {types: [shs]}}",
    "{targets: [], credentials: {c: {username: u, password: hunter2}}}",
    "{targets: [], credentials: {c: {password: env:X}}}",
    "{targets: [], credentials: {c: {username: u, pass: env:X}}}",
    "targets: [{type: ssh}]",
    "targets: [{host: a, hosts: [b], type: ssh}]",
    "targets: [{host: a, type: ssh, types: [nfs]}]",
    "targets: [{host: a, type: shs}]",
    "targets: [{host: a, types: ssh}]",
    "targets: [{host: a, types: [any, ssh]}]",
    "{targets: [], defaults: {types: [any, ssh]}}",
    "targets: [{host: a, type: ssh, port: 65536}]",
    "targets: [{host: a, type: ssh, port: '22'}]",
    "targets: [{host: a, type: nfs, exprt: /x}]",
    "targets: [{host: a, type: nfs, nfs_version: 5}]",
    "targets: [{host: a, type: sybase, allow_login_probe: 2}]",
    "targets: [{host: a, type: smb, share: [x]}]",
    "targets: [{host: a, type: ssh, tags: x}]",
    "{agents: [], targets: []}",
    "{agents: [a], targets: []}",
    "{agents: [{sites: [x]}], targets: []}",
    "{agents: [{name: a, sites: x}], targets: []}",
    "{agents: [{name: a, sites: []}], targets: []}",
    "{agents: [{name: a, platform: Linux}], targets: []}",
    "{agents: [{name: 'a,b'}], targets: []}",
    "{agents: [{name: ' a'}], targets: []}",
    "{agents: [{name: 'a '}], targets: []}",
    "{agents: [{name: ' '}], targets: []}",
    "{agents: [{name: 'a*'}], targets: []}",
    f"{{agents: [{{name: {'a' * 65}}}], targets: []}}",
    "{agents: [{name: a, sites: ['x?']}], targets: []}",
    "{agents: [{name: a}], agent: {name: a}, targets: []}",
    "{agents: [{name: a, sites: [x]}], targets: [{host: h, site: x, agents: [a]}]}",
    "{agents: [{name: a, sites: [x]}], targets: [{host: h, site: []}]}",
    "{agents: [{name: a}], targets: [{host: h, agents: 5}]}",
]


def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(json.dumps(json_schema()))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def accepted(tmp_path: Path, text: str) -> bool:
    file = tmp_path / "inv.yaml"
    file.write_text(text)
    try:
        load(file)
    except InventoryError:
        return False
    return True


@pytest.mark.parametrize("text", GOOD)
def test_good(tmp_path: Path, text: str) -> None:
    validator().validate(YAML(typ="safe", pure=True).load(text))
    assert accepted(tmp_path, text)


@pytest.mark.parametrize("text", BAD)
def test_bad(tmp_path: Path, text: str) -> None:
    assert not validator().is_valid(YAML(typ="safe", pure=True).load(text))
    assert not accepted(tmp_path, text)


def test_it_is_of_use_in_an_editor() -> None:
    schema: dict[str, Any] = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for model in schema["$defs"].values():
        assert model["description"]
        assert all(key.get("description") for key in model["properties"].values())
    entry = schema["$defs"]["TargetEntry"]["properties"]
    assert entry["type"]["enum"] == [*catalogue().names, "any"]
    assert all(option.name in entry for row in catalogue() for option in row.options)


def test_asking_twice_gives_the_same() -> None:
    assert json_schema() == json_schema()
