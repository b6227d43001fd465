"""The command ``explain``: every cause, and the nearest code for a misspelt one."""

from __future__ import annotations

import json

import pytest

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
    assert "did you mean 'connect.filtered'" in call("explain", "connect.filtred").output


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("refused", "connect.refused"),
        ("REFUSED", "login.refused"),
        ("filtered", "connect.filtered"),
        ("winrm", "windows.dynamic-port-blocked"),
        ("website", "http.login-form"),
        ("sharepoint", "cloud."),
        ("share", "smb."),
        ("mariadb", "mysql."),
    ],
)
def test_a_word_of_a_code_or_another_name_of_a_type_lists_what_has_it(word: str, code: str) -> None:
    done = call("explain", word)
    assert done.exit_code == 0
    assert code in done.output


def test_the_causes_of_a_type_are_before_those_of_its_protocol() -> None:
    codes = [line.split()[0] for line in call("explain", "exchange").output.splitlines() if not line.startswith(" ")]
    areas = [code.partition(".")[0] for code in codes]
    assert areas == ["ews"] * areas.count("ews") + ["http"] * areas.count("http")
    assert len(set(areas)) == 2
