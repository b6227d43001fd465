"""The story of a rung names only messages that the agent sent."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.emulators import Behaviour, http, imap, in_background, misbehave, mysql, oracle, postgresql, smb, ssh
from scanready.catalogue.exchange import Sent
from scanready.model import Check, Outcome, Report, Step
from scanready.net import events
from scanready.report.parse import restored
from scanready.report.serialize import as_object
from scanready.report.story import tell
from scanready.run.registry import catalogue
from tests.ladder import account, climb, target


def sent(report: Report, step: Step) -> list[str]:
    """Return the words for the sent messages of a step's rungs."""
    return [rung.sent for rung in tell(report).rungs if rung.step is step and rung.outcome is not Outcome.SKIPPED]


def asked(kind: str, behaviour: Behaviour, tls: ssl.SSLContext | None = None, **options: Any) -> Report:
    with in_background(behaviour, tls=tls) as server:
        return climb(target(kind, "127.0.0.1", server.port, **options), canary=False)


def test_every_word_of_every_type_is_of_an_event_or_says_that_nothing_was_sent() -> None:
    """The sentence of the login is in a story only if a login was tried."""
    for module in catalogue().parts("story"):
        for kind, steps in module.STORY.items():
            for step, exchange in steps.items():
                fixed = isinstance(exchange.sent, str) and step not in (Step.CONNECT, Step.LOGIN)
                assert not fixed or exchange.sent.startswith("nothing"), (kind, step, exchange.sent)


def test_a_hang_up_at_the_request_for_tls_is_no_hello() -> None:
    report = asked("postgresql", misbehave.closes_at_once)
    assert sent(report, Step.HANDSHAKE) == ["SSLRequest, which asks for TLS"]
    assert not sent(report, Step.TLS)


def test_a_certificate_is_told_only_where_there_was_one() -> None:
    words, *faults = sent(asked("postgresql", postgresql.sasl_in_tls), Step.TLS)
    assert set(faults) <= {""}, "a fault of the certificate is a check of its own"
    assert words == ("SSLRequest, which asks for TLS; a TLS ClientHello with the server's name (SNI)")
    (broken,) = sent(asked("imaps", misbehave.closes_at_once), Step.HANDSHAKE)
    assert broken == "a TLS ClientHello with the server's name (SNI)"


def test_a_service_that_is_named_is_asked_for_at_once() -> None:
    """The ping is sent only if no service is named."""
    named, unnamed = asked("oracle", oracle.healthy, service="ORCL"), asked("oracle", oracle.listener())
    assert sent(named, Step.HANDSHAKE) == ["CONNECT to the service or SID"]
    assert sent(unnamed, Step.HANDSHAKE) == ["CONNECT with COMMAND=ping, which names no service"]
    assert all(words.startswith("nothing more") for words in sent(named, Step.AUTH))


def test_a_page_that_came_with_the_first_answer_is_not_asked_for_again() -> None:
    usual, no_head = asked("http", http.ok), asked("http", http.no_head)
    assert sent(usual, Step.HANDSHAKE) == ["HEAD with our User-Agent"]
    assert sent(usual, Step.AUTH) == ["GET without an account, up to 64 KiB"]
    assert sent(usual, Step.ACCESS) == ["nothing more: the previous answer contained the page"]
    assert sent(no_head, Step.HANDSHAKE) == ["HEAD with our User-Agent; GET with our User-Agent"]
    assert sent(no_head, Step.ACCESS) == ["nothing more: the previous answer contained the page"]


def test_ntlm_is_not_begun_where_it_is_not_taken() -> None:
    assert sent(asked("smb", smb.kerberos_only), Step.AUTH) == ["nothing"]
    assert sent(asked("smb", smb.samba), Step.AUTH) == ["SESSION_SETUP with NTLM type 1, without a user name"]
    assert sent(asked("smb", smb.samba), Step.HANDSHAKE) == ["NEGOTIATE for SMB 2.0.2 to 3.1.1"]


def test_starttls_that_is_refused_is_no_tls() -> None:
    refused = sent(asked("imap", imap.starttls_refused), Step.TLS)
    assert not any("hello" in words for words in refused)
    (words,) = sent(asked("imap", imap.dovecot), Step.TLS)[:1]
    assert words.startswith("STARTTLS; a TLS ClientHello")


def test_an_ssh_server_that_turns_us_away_got_no_offer() -> None:
    report = asked("unix", misbehave.says_and_closes(b"Exceeded MaxStartups\r\n"))
    assert sent(report, Step.HANDSHAKE) == ["our identification string"]
    assert sent(asked("unix", ssh.openssh_9_2), Step.HANDSHAKE) == [
        "our identification string; our list of algorithms (KEXINIT)"
    ]


def test_no_login_of_an_invented_user_is_told_of_a_login_with_an_account() -> None:
    with in_background(mysql.mariadb_10_11) as server:
        report = climb(target("mysql", "127.0.0.1", server.port, account("scan")), canary=False)
    assert sent(report, Step.AUTH) == ["nothing more: the greeting names the method"]
    assert "as scanready_probe" in sent(asked("mysql", mysql.mariadb_10_11), Step.AUTH)[0]


def test_events_are_stored_and_a_result_of_before_claims_nothing() -> None:
    report = asked("smb", smb.samba)
    result = as_object(report)
    assert [rung.sent for rung in tell(restored(result)).rungs] == [rung.sent for rung in tell(report).rungs]
    for check in result["checks"]:
        check.pop("events", None)
    older = tell(restored(result))
    assert {rung.sent for rung in older.rungs if rung.step in (Step.HANDSHAKE, Step.AUTH)} == {""}


@pytest.mark.parametrize("wrong", [1, [1], "head"])
def test_events_that_are_none_are_refused(wrong: object) -> None:
    result = as_object(asked("smb", smb.samba))
    result["checks"][-3]["events"] = wrong
    with pytest.raises(ValueError, match="events"):
        restored(result)


class TestRecord:
    def test_an_event_is_of_the_rung_that_is_climbed(self) -> None:
        outer: list[str] = []
        inner: list[str] = []
        events.record("before")
        first = events.swap(outer)
        events.record("head")
        second = events.swap(inner)
        events.record("tls")
        assert events.swap(second) is inner
        events.record("head")
        events.record("get")
        assert events.swap(first) is outer
        assert (outer, inner) == (["head", "get"], ["tls"])

    def test_words_come_in_the_order_of_the_events(self) -> None:
        tells: Callable[..., str] = Sent("nothing at all", head="HEAD", get="GET")
        for found, words in ((["get", "other", "head"], "GET; HEAD"), ([], "nothing at all"), (None, "")):
            check = Check(Step.AUTH, "web1:80", Outcome.PASSED, "fine", events=found)
            assert tells(None, check) == words
