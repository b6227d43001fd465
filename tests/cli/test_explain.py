"""The command ``explain``: every cause, and the nearest code for a misspelt one."""

from __future__ import annotations

import json

from scanready.run.registry import all_causes
from tests.cli.in_process import call


def test_explain_knows_every_cause() -> None:
    for code, cause in all_causes().items():
        told = json.loads(call("explain", code, "--json").output)
        assert (told["code"], told["owner"], told["definite"]) == (code, cause.owner.value, cause.definite)
    listed = call("explain").output
    assert all(code in listed for code in all_causes())
    text = call("explain", "connect.filtered").output
    assert "nc -vz -w 5 HOST PORT" in text
    assert "connect.refused" in call("explain", "connect").output
    assert "did you mean 'connect.filtered'" in call("explain", "filtered").output
