"""The option ``--only``: which targets an expression selects."""

from __future__ import annotations

import click
import pytest

from scanready.cli.selection import selection
from scanready.model import Target


def target(host: str, kind: str, *tags: str) -> Target:
    return Target(host, kind, 22, tags=tags)


def test_only_selects() -> None:
    all_of_them = [target("web1", "ssh"), target("WEB2", "unix", "finance"), target("db", "ssh", "finance")]

    def chosen(*expressions: str) -> list[str]:
        wanted = selection(expressions)
        return [found.host for found in all_of_them if wanted.takes(found)]

    assert chosen() == ["web1", "WEB2", "db"]
    assert chosen("type=ssh,host=web*") == ["web1"]
    assert chosen("host=web*") == ["web1", "WEB2"]
    assert chosen("tag=finance,type=ssh", "host=web1") == ["web1", "db"]
    assert chosen("port=2?") == ["web1", "WEB2", "db"]
    for wrong in ("typ=ssh", "ssh", "type=", ""):
        with pytest.raises(click.UsageError):
            chosen(wrong)
    assert "did you mean 'ssh'" in selection(["type=sssh"]).takes_nothing(all_of_them)
