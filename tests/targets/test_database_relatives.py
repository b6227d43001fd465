"""Answers of relatives, gateways and translations of the databases: verdict, cause, owner and fix of each.

The peers are bytes: of the protocols' documentation, with the words of the products.
"""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.emulators import Behaviour, in_background, informix, sybase
from scanready.model import Credential, Owner, Report, Step, Verdict
from tests.ladder import account, climb, expect, finding_of, target

ER = account("er")


def asked(type_: str, behaviour: Behaviour, credential: Credential | None = None, **options: Any) -> Report:
    with in_background(behaviour) as server:
        return climb(target(type_, "127.0.0.1", server.port, credential, **options))


# --- Informix --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [-761, -930, -25596])
def test_an_informix_server_that_does_not_have_the_name_of_the_inventory(number: int) -> None:
    """Without a credential as with one: the name is the operator's own, and no user changes the answer."""
    behaviour = informix.server(informix.refused(number))
    report = asked("informix", behaviour, allow_login_probe=True, server="ol_hr")
    expect(report, Verdict.BLOCKED, "informix.server-name", step=Step.AUTH, owner=Owner.OPERATOR)
    expect(asked("informix", behaviour, allow_login_probe=True), Verdict.READY)  # the name was scanready's own


# --- Sybase ----------------------------------------------------------------------------------------------------------

NO_CONVERSION = sybase.message(2401, 11, "Character set conversion is not available between utf8 and iso_1.")
REFUSED = sybase.reply(NO_CONVERSION, sybase.acknowledge(6), sybase.message(4002, 14, "Login failed."), sybase.FAILED)


def test_a_warning_about_the_character_set_is_no_reason_of_a_sybase_refusal() -> None:
    report = asked("sybase", sybase.server(login=REFUSED), ER, allow_cleartext=True)
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert "message 2401" in finding_of(report).detail
    expect(asked("sybase", sybase.server(login=REFUSED), allow_login_probe=True), Verdict.READY)


def test_a_sybase_reply_without_an_answer_to_the_login_decides_nothing() -> None:
    report = asked("sybase", sybase.server(login=sybase.reply(sybase.FAILED)), allow_login_probe=True)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.HANDSHAKE, owner=Owner.SCANREADY)


@pytest.mark.parametrize(
    ("options", "verdict", "code", "owner"),
    [
        ({}, Verdict.UNDECIDED, "scanready.limit", Owner.SCANREADY),
        ({"table": "people"}, Verdict.BLOCKED, "access.not-found", Owner.OPERATOR),
    ],
    ids=["an Open Server without sysobjects", "named by the inventory"],
)
def test_a_sybase_table_that_is_not_there(options: dict[str, str], verdict: Verdict, code: str, owner: Owner) -> None:
    missing = sybase.reply(sybase.message(208, 16, "not found. Specify owner.objectname"), sybase.FAILED)
    report = asked("sybase", sybase.server(answers={b"select 1": missing}), ER, allow_cleartext=True, **options)
    expect(report, verdict, code, step=Step.ACCESS, owner=owner)


@pytest.mark.parametrize("program", [b"SAP IQ", b"Sybase IQ"])
def test_iq_is_told_as_a_relative(program: bytes) -> None:
    refused = sybase.reply(sybase.acknowledge(6, program), sybase.message(4002, 14, "Login failed."), sybase.FAILED)
    report = asked("sybase", sybase.server(login=refused), allow_login_probe=True)
    expect(report, Verdict.LIMITED, "sybase.other-product", step=Step.HANDSHAKE)
