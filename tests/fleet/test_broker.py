"""RabbitMQ's definitions: who may write and read what. tests/fleet/real has the broker's own word on them."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest
from click.testing import CliRunner

from scanready.cli.fleet.broker import command
from scanready.fleet.broker import definitions, password_hash
from scanready.fleet.names import is_agent_name


def permissions(user: str) -> dict[str, Any]:
    made = definitions(["proxy-a", "proxy.b"], {})
    return next(one for one in made["permissions"] if one["user"] == user)


def test_an_agent_writes_to_results_only() -> None:
    write = re.compile(permissions("proxy-a")["write"])
    assert [name for name in ("", "amq.default", "results", "tasks", "results.x") if write.search(name)] == ["results"]


def test_an_agent_reads_its_own_queues_only() -> None:
    read = re.compile(permissions("proxy.b")["read"])
    queues = [
        "scanready.tasks.proxy.b",
        "scanready.cancel.proxy.b",
        "scanready.tasks.proxy-a",
        "scanready.tasks.proxyxb",
    ]
    assert [name for name in queues if read.search(name)] == queues[:2]


def test_an_agent_declares_nothing() -> None:
    assert permissions("proxy-a")["configure"] == "^$"


def test_a_password_is_only_in_its_salted_hash() -> None:
    """https://www.rabbitmq.com/docs/passwords has this example."""
    assert password_hash("test12", bytes.fromhex("908dc60a")) == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
    (made,) = (one for one in definitions(["a"], {"a": "pw-of-a"})["users"] if one["name"] == "a")
    kept = base64.b64decode(made["password_hash"])
    assert kept[4:] == hashlib.sha256(kept[:4] + b"pw-of-a").digest()


def test_a_user_without_a_password_has_no_hash() -> None:
    assert {one["name"]: one["password_hash"] for one in definitions(["a"], {})["users"]} == {
        "coordinator": "",
        "a": "",
    }


def test_names_that_an_agent_may_have() -> None:
    names = ["proxy-nyc", "p.1", "a" * 63, "a" * 64, "", "-a", "a b", "a|b", "coordinator", "a\n"]
    assert [name for name in names if is_agent_name(name)] == names[:3]


def test_users_that_exist_keep_their_passwords_and_get_their_permissions() -> None:
    """RabbitMQ takes an empty hash as a new password."""
    made = definitions(["a", "b"], {"b": "pw-of-b"}, existing=["coordinator", "a"])
    assert [one["name"] for one in made["users"]] == ["b"]
    assert [one["user"] for one in made["permissions"]] == ["coordinator", "a", "b"]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--existing", "x"], "there is no user 'x'; the users are coordinator, a"),
        (["--existing", "a", "--password", "a=env:HOME"], "give one of both"),
    ],
)
def test_existing_users_are_users_without_a_password(words: list[str], answer: str) -> None:
    ended = CliRunner().invoke(command, ["--agents", "a", *words])
    assert ended.exit_code == 2
    assert answer in ended.output


def test_a_password_in_the_place_of_a_user_is_not_repeated() -> None:
    ended = CliRunner().invoke(command, ["--agents", "a", "--password", "Winter2026"])
    assert ended.exit_code == 2
    assert "write USER=REF" in ended.output
    assert "Winter2026" not in ended.output
