"""No output holds a password of the lab: whatever the format, whatever went wrong, however the password looks.

All types with a login, against their real servers: accepted, refused, and with a password that libraries choke on.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from scanready.climb.login_result import LoginResult
from scanready.climb.probe import Probe
from scanready.inventory import parse_target
from scanready.model import Credential, Report, Step, Target
from scanready.run import registry
from scanready.run.engine import verify
from scanready.run.settings import Settings
from tests.ladder import climb, story

#: Every wrong password has this in it.
MARK = "Wr0ng-Secret-4711"
WRONG = {
    "plain": MARK,
    "every-kind-of-quote": f"{MARK}'\"`\\%s{{0}}$(id)<b>\t",
    "cyrillic": f"пароль-{MARK}",  # not Latin-1, as HTTP's basic login and some libraries would have it
    "not-utf-8": f"\udcff-{MARK}",  # as an environment variable or a file with other bytes is read
    "with-a-nul": f"{MARK}\0{MARK}",
}
#: Those that no client library hands over; sshd hangs up on the last.
UNSAYABLE = ("not-utf-8", "with-a-nul")


def logins(lab: Lab, label: str = "") -> dict[str, tuple[str, str]]:
    """Return a target URL and a user that may log in, for each type with a login.

    Dovecot delays an address longer after each refusal, up to 15 s: ``label`` gives a test its own server.
    """
    nginx, apache, ssh = lab.nginx(), lab.apache(), lab.openssh("password")
    dovecot = lab.dovecot("no-tls", label=label)
    return {
        "unix": (f"unix://{ssh.hostname}", ssh.user),
        "ssh": (f"ssh://{lab.openssh('password', label='secrets').hostname}", ssh.user),
        "mysql": (f"mysql://{lab.mariadb('standard').hostname}", "scan"),
        "postgresql": (f"postgresql://{lab.postgresql('scram').hostname}/hr", lab.postgresql("scram").user),
        "imap": (f"imap://{dovecot.hostname}?allow_cleartext=true", "scanuser"),
        "imaps": (f"imaps://{lab.dovecot('starttls', label=label).hostname}", "scanuser"),
        "http": (f"http://{apache.site('ntlm').hostname}/basic/?allow_cleartext=true", apache.user),
        "https": (f"https://{nginx.site('basic').hostname}", nginx.user),
        "ews": (f"ews://{lab.exchange().site('exchange').hostname}", "LAB\\scan"),
    }


def forms(secret: str, user: str) -> list[bytes]:
    """The shapes a secret takes on its way: as it is, UTF-16, hexadecimal, base 64, as JSON and ASCII say it."""
    raw = secret.encode("utf-8", "surrogateescape")
    shapes = {raw, secret.encode("utf-16-le", "surrogatepass"), raw.hex().encode(), raw.hex(" ").encode()}
    shapes |= {json.dumps(secret)[1:-1].encode(), ascii(secret)[1:-1].encode()}
    for before in (b"", f"{user}:".encode(), f"\0{user}\0".encode(), f"{user}\0{user}\0".encode()):
        shapes.add(base64.b64encode(before + raw).rstrip(b"="))
    return sorted(shapes)


def leaks(output: bytes, *secrets: str, user: str) -> list[bytes]:
    return [form for secret in secrets for form in forms(secret, user) if form in output]


def bytes_of(transcript: str) -> bytes:
    """The exchanged bytes themselves, which the transcript's lines cut into pieces of sixteen."""
    return b"".join(bytes.fromhex(line[8:55]) for line in transcript.splitlines() if re.match(r"[0-9a-f]{6}  ", line))


def command(lab: Lab, path: Path, url: str, user: str, password: str, **environment: str) -> dict[str, bytes]:
    """Everything that one check prints and writes, by its name."""
    secret = path / "secret"
    secret.write_bytes(password.encode("utf-8", "surrogateescape"))
    secret.chmod(0o600)
    files = {kind: path / f"report.{kind}" for kind in ("json", "jsonl", "table")}
    argv = [sys.executable, "-X", "dev", "-m", "scanready", "check", url, "-v", "--user", user]
    argv += ["--password-from", f"file:{secret}", "--transcript", str(path / "transcript"), "--timeout", "30"]
    for kind, file in files.items():
        argv += ["--report", f"{kind}={file}"]
    done = lab.agent.command(argv, env=environment)
    transcript = (path / "transcript").read_text()
    written = {kind: file.read_bytes() for kind, file in files.items()}
    return {
        "stdout": done.stdout.encode(),
        "stderr": done.stderr.encode(),
        "transcript": transcript.encode(),
        "exchanged": bytes_of(transcript),
        **written,
    }


TYPES = ("unix", "ssh", "mysql", "postgresql", "imap", "imaps", "http", "https", "ews")


@pytest.mark.parametrize("type_", TYPES)
def test_nothing_that_is_printed_or_written_holds_the_password(lab: Lab, type_: str, tmp_path: Path) -> None:
    url, user = logins(lab)[type_]
    reached = set()
    for name, password in {"right": PASSWORD, "wrong": WRONG["plain"]}.items():
        (tmp_path / name).mkdir()
        outputs = command(lab, tmp_path / name, url, user, password)
        assert not {kind: found for kind, text in outputs.items() if (found := leaks(text, password, user=user))}
        result = json.loads(outputs["json"])["results"][0]
        assert result["footprint"]["login_attempts"] == 1, result["cause"]
        reached.add(result["verdict"])
    assert reached == {"scannable", "blocked"}, "one login was accepted, one refused"


def climbed(lab: Lab, type_: str, password: str, label: str) -> Report:
    url, user = logins(lab, label)[type_]
    (target,) = parse_target(url, types=(), credential=Credential("c", user, password))
    return climb(target, lab.agent)


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("kind", [kind for kind in WRONG if kind != "plain"])
def test_a_password_that_libraries_choke_on_stays_secret_and_is_no_bug(lab: Lab, type_: str, kind: str) -> None:
    report = climbed(lab, type_, WRONG[kind], f"secrets-{kind}")
    assert MARK not in "\n".join(reprs(report)), story(report)
    assert report.cause is not None
    assert report.cause.code == ("scanready.limit" if kind in UNSAYABLE else "login.refused"), story(report)
    assert report.footprint.login_attempts == (0 if kind in UNSAYABLE else 1)


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("password", [PASSWORD, MARK])
def test_no_repr_of_anything_in_a_report_holds_the_password(lab: Lab, type_: str, password: str) -> None:
    report = climbed(lab, type_, password, "secrets")
    assert report.footprint.login_attempts == 1, story(report)
    told = list(reprs(report))
    assert len(told) > 50
    assert password not in "\n".join(told)


def reprs(thing: Any, visited: set[int] | None = None) -> Iterator[str]:
    """Yield the repr of ``thing`` and of everything reachable from it; of a credential only its own repr."""
    visited = set() if visited is None else visited
    if id(thing) in visited:
        return
    visited.add(id(thing))
    yield repr(thing)
    yield str(thing)
    if isinstance(thing, Credential):
        return
    if isinstance(thing, BaseException):
        yield from traceback.format_exception(thing)
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        inner: list[Any] = [getattr(thing, field.name) for field in dataclasses.fields(thing)]
    elif isinstance(thing, dict):
        inner = [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        inner = list(thing)
    else:
        inner = []
    for part in inner:
        yield from reprs(part, visited)


def test_a_bug_beside_the_password_does_not_tell_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception that carries the credential is reported as a bug without the password."""

    def broken(where: object, credential: Credential, seconds: float) -> LoginResult:
        raise LookupError(credential)

    async def stumbles(probe: Probe) -> None:
        async with probe.step(Step.LOGIN):
            await probe.login(broken, probe.endpoint)

    monkeypatch.setattr(registry, "verifier", lambda name: stumbles)
    target = Target("127.0.0.1", "mysql", 3306, {}, Credential("c", "scan", PASSWORD))
    report = asyncio.run(verify(target, Settings(canary=False)))
    assert report.cause is not None
    assert report.cause.code == "scanready.bug"
    assert PASSWORD not in "\n".join(reprs(report))


def test_what_this_test_looks_for_is_found_where_it_is() -> None:
    for text in (f"x{MARK}", MARK.encode().hex(), base64.b64encode(f"scan:{MARK}".encode()).decode()):
        assert leaks(text.encode(), MARK, user="scan")
    assert MARK in "\n".join(reprs([{"fact": (MARK,)}]))
    first, second = MARK.encode()[:16].hex(" "), MARK.encode()[16:].hex(" ")
    assert MARK.encode() in bytes_of(f"000000  {first}\n000010  {second}")
