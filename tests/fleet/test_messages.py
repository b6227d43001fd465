"""The messages of a fleet: whole after a journey, bounded, and never with a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanready.fleet.login_end import End, LoginEnd
from scanready.fleet.messages import (
    LARGEST,
    Batch,
    Cancel,
    Heartbeat,
    Login,
    MessageError,
    Results,
    decode,
    encode,
    target_sent,
)
from scanready.model import Credential, Step, Target

CANARY = "canary-" + "5ecret"
TARGETS = (
    (0, Target("db7", "postgresql", 5432, {"database": "hr"}, Credential("svc", "scan", CANARY), ("finance",))),
    (3, Target("fs1", "smb", 445, sites=("nyc",), explicit_port=True)),
    (4, Target("web1", "any", 0, tries=(Target("web1", "ssh", 22, guessed=True),))),
)
BATCH = Batch("2026-01-01_0001", "a-0", "proxy-a", Step.AUTH, 10.0, 600.0, TARGETS)
LOGIN = Batch(
    "r",
    "a-login-1",
    "proxy-a",
    Step.ACCESS,
    10.0,
    600.0,
    ((0, Target("db7", "postgresql", 5432, {}, Credential("svc", "scan", CANARY, authority="corp"))),),
    Login(86_400.0, "svc", 3600.5, own=True),
)
ENDS = (LoginEnd("svc", "db7", End.ACCEPTED, "db7:5432"), LoginEnd("svc", "db8", End.UNABLE, detail="none"))
MESSAGES = (
    BATCH,
    LOGIN,
    Results("r", "a-login-1", "proxy-a", (), done=True, logins=ENDS),
    Results("r", "a-login-1", "proxy-a", (), done=True, refused="x", logins=None),
    Results("r", "a-0", "proxy-a", ((3, '{"schema":1}'),), done=True),
    Results("r", "a-0", "proxy-a", refused="the message has version 2"),
    Heartbeat("proxy-a", "1.0", "Linux", "2026-01-01T00:00:00Z", ("r",)),
    Cancel("r"),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: type(one).__name__)
def test_a_message_is_the_same_after_its_journey(message: Any) -> None:
    assert encode(decode(encode(message))) == encode(message)
    assert type(decode(encode(message))) is type(message)


def test_a_batch_keeps_its_targets() -> None:
    got = decode(encode(BATCH))
    assert isinstance(got, Batch)
    assert [place for place, _ in got.targets] == [0, 3, 4]
    assert got.targets[1][1] == TARGETS[1][1]
    assert got.targets[1][1].sites == ("nyc",)
    assert got.targets[2][1].tries == TARGETS[2][1].tries
    assert got.targets[0][1].credential == Credential("svc", "scan")


@pytest.mark.parametrize(
    ("name", "value"), [("age", -1.0), ("age", 0), ("age", 1e12), ("age", "1"), ("own", 1), ("own", None)], ids=repr
)
def test_the_age_of_a_refusal_is_a_number_of_seconds(name: str, value: Any) -> None:
    sent = json.loads(encode(LOGIN))
    sent["login"][name] = value
    with pytest.raises(MessageError, match=f"^{name} is n"):
        decode(json.dumps(sent))


def test_a_login_keeps_its_authority_and_its_ends() -> None:
    got = decode(encode(LOGIN))
    assert isinstance(got, Batch)
    assert got.login == Login(86_400.0, "svc", 3600.5, own=True)
    assert got.targets[0][1].credential == Credential("svc", "scan", authority="corp")
    results = decode(encode(MESSAGES[2]))
    assert isinstance(results, Results)
    assert results.logins == ENDS


def test_no_secret_is_in_a_batch() -> None:
    assert CANARY not in encode(BATCH)
    assert CANARY not in encode(LOGIN)


@pytest.mark.parametrize(
    "options", [{"password": CANARY}, {"proxy": f"http://user:{CANARY}@proxy:3128"}], ids=["by name", "in a URL"]
)
def test_a_target_whose_options_hold_a_secret_does_not_travel(options: dict[str, str]) -> None:
    with pytest.raises(MessageError, match="holds a secret") as raised:
        target_sent(Target("web1", "https", 443, options))
    assert CANARY not in str(raised.value)


def changed(**fields: object) -> str:
    return json.dumps(json.loads(encode(BATCH)) | fields)


def of_target(**fields: object) -> str:
    """Return a batch of one target with these fields."""
    sent = target_sent(TARGETS[1][1])
    return changed(targets=[{"place": 0, **sent, "target": sent["target"] | fields}])


def of_end(**fields: object) -> str:
    """Return results with one login with these fields."""
    whole = json.loads(encode(MESSAGES[2]))
    return json.dumps(whole | {"logins": [whole["logins"][0] | fields]})


REFUSED = {
    "a login that asks for more": (changed(login={"retry_after": 1, "retried": "", "x": 1}), "unknown key 'x'"),
    "a login for ever": (changed(login={"retry_after": 1e12, "retried": ""}), "seconds up to"),
    "a login without words": (changed(login=True), "place of an object"),
    "a number as authority": (changed(targets=[{"place": 0, "tries": [], "authority": 5}]), "authority is not a"),
    "an unknown end": (of_end(end="maybe"), "the end 'maybe' of a login is unknown"),
    "an end with a secret": (of_end(password="x"), "unknown key 'password'"),
    "an end without a host": (of_end(host=""), "host is not a text"),
    "too long a reason": (of_end(detail="x" * 1001), "detail is not a text"),
    "too many ends": (json.dumps(json.loads(of_end()) | {"logins": [{}] * 1001}), "at most 1000"),
    "newer": (changed(message=2), "version 2; this scanready reads version 1"),
    "unknown kind": (changed(kind="login"), "unknown kind 'login'"),
    "unknown key": (changed(surprise=1), "unknown key 'surprise'"),
    "another agent's name": (changed(agent="../b"), "not a name of an agent"),
    "too long a deadline": (changed(seconds=901), "seconds up to 840"),
    "too many targets": (changed(targets=[{}] * 26), "at most 25"),
    "unknown depth": (changed(depth="root"), "depth 'root' is unknown"),
    "unknown type": (of_target(type="x"), "does not know the target type 'x'"),
    "unknown option": (of_target(options={"x": 1}), "no option 'x'"),
    "too deep": (changed(targets=json.loads("[" * 50 + "]" * 50)), "nested more than 12"),
    "far too deep": ("[" * 100_000, "not JSON"),
    "no JSON": ("\x80\x04\x95pickle", "not JSON"),
    "no object": ("[]", "place of an object"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_message_is_refused_with_the_reason(name: str) -> None:
    text, why = REFUSED[name]
    with pytest.raises(MessageError, match=why):
        decode(text)


def test_a_refusal_names_the_run_and_the_batch() -> None:
    with pytest.raises(MessageError) as raised:
        decode(changed(message=2))
    assert (raised.value.run, raised.value.batch) == ("2026-01-01_0001", "a-0")


def test_a_message_beyond_the_size_is_not_read() -> None:
    with pytest.raises(MessageError, match="at most"):
        decode(" " * (LARGEST + 1))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes_are_a_message_or_a_message_error(data: bytes | str) -> None:
    with pytest.raises(MessageError):
        decode(data)


@given(st.sampled_from(MESSAGES), st.data())
def test_any_value_in_any_place_is_a_message_or_a_message_error(message: Any, data: st.DataObject) -> None:
    """Replace one value somewhere in a whole message."""
    whole = json.loads(encode(message))
    place: Any = whole
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], (dict, list)) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(JSON)
    try:
        got = decode(json.dumps(whole))
    except MessageError:
        return
    assert type(got) is type(message) or whole["kind"] != json.loads(encode(message))["kind"]
