"""The answer of a login's process is not believed: it has the types that the login declares, or is an error."""

from __future__ import annotations

from typing import Any

import pytest

from scanready.causes import common
from scanready.clients.login_process import outcomes
from scanready.clients.login_process.codec import CodecError
from scanready.climb.explain import Failure
from scanready.climb.login_result import LoginResult

CAUSES = {cause.code: cause for cause in (common.LOGIN_REFUSED, common.LIMIT)}
REFUSED: dict[str, Any] = {"code": "login.refused", "detail": "no", "fix": None, "also": [], "facts": {}}
RETURNED: dict[str, Any] = {
    "read": "",
    "version": "",
    "facts": {},
    "denied": None,
    "expires": "",
    "passwordless": False,
    "sent_on_to": [],
}


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"returned": None},
        {"returned": RETURNED | {"more": 1}},
        {"returned": RETURNED | {"passwordless": 1}},
        {"returned": RETURNED | {"sent_on_to": [["a"]]}},
        {"returned": RETURNED | {"denied": REFUSED | {"code": "any.thing"}}},
        {"failure": REFUSED | {"code": "\x1b[31m" * 1000}},
        {"failure": REFUSED | {"facts": []}},
        {"failure": REFUSED | {"also": "agent"}},
        {"failure": REFUSED | {"also": [["nobody", "fix"]]}},
        {"failure": REFUSED | {"also": [["agent", 1]]}},
        {"raised": {"kind": 5, "text": ""}},
        {"raised": {"kind": "ReadTimeout", "text": "", "heard": "", "waited": "long"}},
        {"raised": {"kind": "TlsError", "text": "", "heard": "!!"}},
        {"raised": {"kind": "OSError", "text": "", "errno": None}},
        {"raised": {"kind": "Other", "text": "", "trace": 7}},
    ],
)
def test_what_no_login_sends_is_refused_in_few_printable_words(message: Any) -> None:
    with pytest.raises(CodecError) as caught:
        outcomes.result_of(message, LoginResult, CAUSES)
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


def test_the_facts_of_a_failure_may_have_any_name() -> None:
    facts = {"self": 1, "cause": "x", "detail": "y", "fix": [], "": None}
    with pytest.raises(Failure) as caught:
        outcomes.result_of({"failure": REFUSED | {"facts": facts}}, LoginResult, CAUSES)
    assert (caught.value.cause, caught.value.detail, caught.value.facts) == (common.LOGIN_REFUSED, "no", facts)
    found = outcomes.result_of({"returned": RETURNED | {"denied": REFUSED | {"facts": facts}}}, LoginResult, CAUSES)
    assert found.denied.facts == facts
