"""A third party's type in a TARGET, in an inventory, in its schema and in an import.

One that brings a row has all that a built-in type has; one that brings a coroutine takes any option, unread.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import jsonschema
import pytest

from scanready.cli.shell_completion import types
from scanready.inventory import InventoryError, json_schema, load, parse_target
from scanready.inventory.importing import as_inventory, import_file
from scanready.inventory.importing.services import guess
from scanready.inventory.importing.systems import Guess

pytestmark = pytest.mark.usefixtures("brought")

Problems = Callable[[str | bytes], list[str]]
Write = Callable[[str | bytes], Path]


def wrong(text: str) -> str:
    with pytest.raises(InventoryError) as caught:
        parse_target(text)
    return str(caught.value)


def test_a_row_s_url() -> None:
    (target,) = parse_target("queue://q1/a%20b/c?bytes=7&tls=yes")
    assert (target.type, target.port) == ("queue", 5671)
    assert dict(target.options) == {"topic": "a b/c", "size": 7, "tls": True}
    assert not target.explicit_port


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("queue://q1?size=x", "`size` is a number of bytes"),
        ("queue://q1?tls=no&size=7", "`size` needs TLS"),
        ("queue://q1?topc=x", "`topc` is not an option of queue; did you mean `topic`?"),
        ("queue://q1?bytes=7&size=7", "`size` is given twice"),
        ("rabbit://q1", "unknown target type `rabbit`; did you mean `queue`?"),
        ("mongdb://q1", "unknown target type `mongdb`; did you mean `mongodb`?"),
        ("mongodb://db7", "`mongodb` has no default port: add a port"),
        ("mongodb://db7:1/x", "a target of type `mongodb` has no path; its options: any, as in `?name=value`"),
    ],
)
def test_what_is_wrong_with_a_url(text: str, says: str) -> None:
    assert says in wrong(text)


def test_a_coroutine_s_url() -> None:
    (target,) = parse_target("mongodb://db7:27017?replica=rs0&tls=true&uid=x")
    assert (target.type, target.port) == ("mongodb", 27017)
    assert dict(target.options) == {"replica": "rs0", "tls": "true", "uid": "x"}


def test_neither_is_tried_at_a_host_without_a_type() -> None:
    assert {"queue", "mongodb"}.isdisjoint(target.type for target in parse_target("db7"))


def test_an_inventory(write: Write) -> None:
    found = load(
        write("""
        targets:
          - {host: q1, type: queue, topic: a/b, size: 9, expect: {blocked: queue.full, until: 2100-01-01}}
          - {hosts: [q2], types: [queue, mongodb], port: 7, size: 9, replica: [rs0]}
        """)
    )
    assert [str(target) for target in found.targets] == ["queue://q1:5671", "queue://q2:7", "mongodb://q2:7"]
    assert [dict(target.options) for target in found.targets] == [
        {"topic": "a/b", "size": 9},
        {"size": 9},
        {"size": "9", "replica": ["rs0"]},
    ]
    assert found.targets[0].expected is not None
    assert found.targets[0].expected.code == "queue.full"


def test_what_is_wrong_with_an_inventory(problems: Problems) -> None:
    assert problems("""
        targets:
          - {host: q1, type: queue, size: x}
          - {host: q1, type: queue, topc: x}
          - {host: q1, type: queue, share: x}
          - {host: q1, type: queue, expect: {blocked: queue.fll, until: 2100-01-01}}
          - {host: q1, type: mongodb, port: 1, expect: {blocked: whatever, until: 2100-01-01}}
        """) == [
        "inv.yaml:2:35: `size` is a number of bytes",
        "inv.yaml:3:29: unknown key `topc`; did you mean `topic`?",
        "inv.yaml:4:29: `share` is not an option of queue (it has: database, size, tls, topic)",
        "inv.yaml:5:47: there is no cause `queue.fll`; did you mean `queue.full`? (`scanready explain` lists all)",
    ]


def test_the_schema(brought: list[EntryPoint]) -> None:
    entry = json_schema()["$defs"]["TargetEntry"]
    assert entry["properties"]["type"]["enum"][-3:] == ["mongodb", "queue", "any"]
    assert entry["properties"]["size"] == {"type": "integer", "description": "Option of queue.", "title": "Size"}
    assert entry["properties"]["tls"]["description"] == "Option of informix, sybase, queue."
    assert entry["additionalProperties"] is True
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_the_schema_is_closed_where_all_options_are_declared(entry_points: list[EntryPoint]) -> None:
    entry_points[:] = [entry for entry in entry_points if entry.name == "queue"]
    assert json_schema()["$defs"]["TargetEntry"]["additionalProperties"] is False


def test_an_option_that_types_read_differently(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from tests.inventory import brought

    text = replace(brought.QUEUE.options[1], name="tls", schema={"type": "string"})
    monkeypatch.setattr(brought, "QUEUE", replace(brought.QUEUE, options=(brought.QUEUE.options[0], text)))
    field = json_schema()["$defs"]["TargetEntry"]["properties"]["tls"]
    assert field["anyOf"] == [{"type": "boolean"}, {"type": "string"}]


def test_imports(tmp_path: Path) -> None:
    assert guess(5671, "", tls=False, probed=False) == Guess("queue", "only by the port number")
    assert guess(9, "amqps", tls=True, probed=True).type == "queue"
    assert guess(9, "amqp-admin", tls=False, probed=True) == Guess("", "a part of the queue")
    table = "host,type,port,size,topic\nq1,Rabbit,,7,t\nq2,mongodb,,7,t\nq3,mongodb,9,7,t\nq4,queue,,x,t\n"
    (tmp_path / "table.csv").write_text(table)
    found = import_file(tmp_path / "table.csv")
    assert [(one.what, one.why) for one in found.left] == [
        ("q2", "`mongodb` has no default port: add a port"),
        ("q4", "`size` is a number of bytes"),
    ]
    (tmp_path / "inventory.yaml").write_text(as_inventory(found))
    targets = load(tmp_path / "inventory.yaml").targets
    assert [(str(target), dict(target.options)) for target in targets] == [
        ("queue://q1:5671", {"size": 7, "topic": "t"}),
        ("mongodb://q3:9", {}),
    ]


def test_completion() -> None:
    assert types(None, None, "que") == ["queue"]  # type: ignore[arg-type]  # click's context is not needed


def note_the_search(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Find no entry point from now on; return the list that grows by the group of each search."""
    asked: list[str] = []

    def entry_points(group: str) -> list[EntryPoint]:
        asked.append(group)
        return []

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    return asked


def test_they_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = note_the_search(monkeypatch)
    for _ in range(3):
        wrong("mongodb://db7")
    assert asked == ["scanready.targets"]


def test_a_type_with_a_name_is_read_without_looking_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = note_the_search(monkeypatch)
    assert parse_target("postgresql://db7")
    assert asked == []
