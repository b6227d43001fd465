"""examples/scanready-redis in a fresh virtual environment with the two wheels, against a real redis-server.

The environment is made as a user makes it: ``python -m venv``, and ``pip install`` of the wheels, without an index. The
dependencies come from the environment of this test, by a ``.pth`` file; scanready itself comes from its wheel.
"""

from __future__ import annotations

import json
import os
import shutil
import site
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures.emulators import in_background, misbehave
from fixtures.limits import HANG, PATIENCE

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "scanready-redis"
PASSWORD = "Passw0rd-of-the-example"
Start = Callable[..., "Redis"]


def done(command: Sequence[object], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=HANG, check=False, **options
    )


def must(command: Sequence[object], **options: Any) -> None:
    ran = done(command, **options)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh virtual environment with scanready and scanready-redis from their wheels."""
    where = tmp_path_factory.mktemp("example")
    for project in (ROOT, EXAMPLE):
        must([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", where / "dist"], cwd=project)
    must([sys.executable, "-m", "venv", "--without-pip", where / "venv"])
    python = where / "venv" / "bin" / "python"
    (target,) = (where / "venv" / "lib").glob("python*/site-packages")
    wheels = sorted((where / "dist").glob("*.whl"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    must([*pip, "install", "--no-index", "--no-deps", "--quiet", *wheels])
    # The dependencies. An editable scanready among them stays out: .pth files of a directory added so are not read.
    (target / "dependencies.pth").write_text("".join(f"{path}\n" for path in site.getsitepackages()))
    found = done([python, "-c", "import scanready, scanready_redis; print(scanready.__file__)"], cwd=where, env=bare())
    assert str(target) in found.stdout, found.stdout + found.stderr
    return python


def bare(**env: str) -> dict[str, str]:
    """An environment without anything of the checkout."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SCANREADY_", "PYTEST"))
    }
    return {**kept, "SCANREADY_NO_STORE": "1", **env}


@dataclass
class Redis:
    """A running redis-server."""

    host: str
    port: int
    ask: Callable[..., str]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    program = shutil.which("redis-server")
    if program is None:
        if os.environ.get("SCANREADY_REQUIRE_LAB"):
            pytest.fail("no redis-server: install the packages of script/lab-packages")
        pytest.skip("no redis-server of script/lab-packages")
    running: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: str, host: str = "127.0.0.1", tls: bool = False) -> Redis:
        log, unix = tmp_path / f"{len(running)}.log", tmp_path / f"{len(running)}.sock"
        fixed = ["--bind", host, "--unixsocket", str(unix), "--save", "", "--dir", str(tmp_path), "--loglevel", "debug"]

        def ask(*words: str) -> str:
            return done(["redis-cli", "-s", unix, *words]).stdout.strip()

        def is_up(process: subprocess.Popen[bytes]) -> bool:
            """Wait until the server answers; return False if somebody else took its port."""
            end = time.monotonic() + PATIENCE
            while not unix.exists() or ask("PING") == "":
                if process.poll() is not None:
                    assert "Address already in use" in log.read_text(), log.read_text()
                    return False
                assert time.monotonic() < end, "redis-server does not start"
                time.sleep(0.02)
            return True

        while True:  # Redis takes no port of the system's choice, and a free one may be taken before it listens
            port = free_port(host)
            ports = ["--port", "0", "--tls-port", str(port)] if tls else ["--port", str(port)]
            with log.open("wb") as output:
                running.append(subprocess.Popen([program, *ports, *fixed, *arguments], stdout=output))
            if is_up(running[-1]):
                return Redis(host, port, ask)

    yield begin
    for process in running:
        process.terminate()
        process.wait(HANG)


def free_port(host: str) -> int:
    with socket.create_server((host, 0)) as listener:
        return int(listener.getsockname()[1])


def check(
    python: Path, redis: Redis, path: str = "", *, user: str = "", password: str = "", also: Sequence[str] = ()
) -> dict[str, Any]:
    where = f"redis://{f'{user}@' if user else ''}{redis.host}:{redis.port}{path}"
    account = ["--password-from", "env:PW"] if user else []
    ran = done(
        [python.parent / "scanready", "check", where, "--no-canary", "--format", "jsonl", *account, *also],
        env=bare(PW=password),
        cwd=python.parent,
    )
    assert not ran.stderr, ran.stderr
    assert password not in ran.stdout or not password
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def judged(result: dict[str, Any]) -> tuple[str, str | None]:
    return result["verdict"], result["cause"] and result["cause"]["code"]


def test_an_open_server(python: Path, start: Start) -> None:
    redis = start("--protected-mode", "no")
    redis.ask("-n", "3", "SET", "a", "1")
    result = check(python, redis, "/3")
    assert judged(result) == ("scannable", None)
    assert result["facts"]["version"] == redis.ask("INFO", "server").split("redis_version:")[1].split()[0]
    assert "database 3 has 1 keys" in result["checks"][-1]["summary"]
    assert judged(check(python, redis, "/99")) == ("blocked", "access.not-found")
    assert result["footprint"] == {"connections": 1, "login_attempts": 0, "probe_logins": 0}


def test_the_login_prompt_and_a_login(python: Path, start: Start) -> None:
    redis = start("--requirepass", PASSWORD)
    ask = redis.ask
    redis.ask = lambda *words: ask("--no-auth-warning", "-a", PASSWORD, *words)
    assert judged(check(python, redis)) == ("ready", None)
    account = {"user": "default", "password": PASSWORD}
    assert judged(check(python, redis, **account)) == ("undecided", "login.withheld")
    result = check(python, redis, "/0?allow_cleartext=yes", **account)
    assert judged(result) == ("scannable", None)
    assert result["footprint"]["login_attempts"] == 1
    redis.ask("ACL", "SETUSER", "scan", "on", f">{PASSWORD}", "~*", "+@connection", "+select", "+dbsize")
    assert judged(check(python, redis, "/0?allow_cleartext=yes", user="scan", password=PASSWORD)) == ("scannable", None)
    redis.ask("ACL", "SETUSER", "scan", "-dbsize")
    limited = check(python, redis, "/0?allow_cleartext=yes", user="scan", password=PASSWORD)
    assert judged(limited) == ("limited", "access.denied")
    assert redis.ask("ACL", "LOG").count("\nauth\n") == 0


def test_a_wrong_password_is_one_entry_of_acl_log(python: Path, start: Start) -> None:
    redis = start("--requirepass", PASSWORD)
    result = check(python, redis, "/0?allow_cleartext=yes", user="default", password="wrong-one")
    assert judged(result) == ("blocked", "login.refused")
    log = redis.ask("--no-auth-warning", "-a", PASSWORD, "ACL", "LOG")
    assert log.split("\n").count("AUTH") == 1, log
    assert result["footprint"] == {"connections": 1, "login_attempts": 1, "probe_logins": 0}


def test_a_password_for_a_server_without_one(python: Path, start: Start) -> None:
    redis = start("--protected-mode", "no")
    result = check(python, redis, "/0?allow_cleartext=yes", user="default", password=PASSWORD)
    assert judged(result) == ("blocked", "redis.no-password-set")


def test_protected_mode(python: Path, start: Start) -> None:
    """It is for clients of other hosts: those that do not come from 127.0.0.1."""
    own = own_address()
    if own.startswith("127."):
        pytest.skip("this host has no address but loopback")
    result = check(python, start(host=own))
    assert judged(result) == ("blocked", "redis.protected-mode")
    assert result["cause"]["owner"] == "database"
    assert "CONFIG SET requirepass" in result["cause"]["fix"]


def own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # sends nothing: the kernel chooses the address
        except OSError:
            return "127.0.0.1"
        return str(sock.getsockname()[0])


def test_tls(python: Path, start: Start, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    must(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, *subject])
    files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no"]
    redis = start(*map(str, files), "--requirepass", PASSWORD, tls=True)
    result = check(python, redis, "/0?tls=yes", user="default", password=PASSWORD)
    assert judged(result) == ("scannable", None)
    assert result["facts"]["tls"].startswith("TLS")
    assert judged(check(python, redis)) == ("blocked", "handshake.hung-up")


def test_another_service(python: Path) -> None:
    with in_background(misbehave.says(b"SSH-2.0-OpenSSH_9.2\r\n")) as server:
        redis = Redis("127.0.0.1", server.port, lambda *_: "")
        assert judged(check(python, redis)) == ("blocked", "handshake.other-protocol")


def test_it_is_listed_and_explained(python: Path) -> None:
    def told(*words: str) -> str:
        return done([python.parent / "scanready", *words], env=bare(), cwd=python.parent).stdout

    assert "6379" in told("types", "redis")
    assert "ACL SETUSER" in told("explain", "redis.protected-mode")
    assert json.loads(told("plan", "redis://cache1", "--json"))["endpoints"][0]["connections"] == 1
    assert "6379" in told("firewall", "redis://192.0.2.7", "--format", "csv")


def test_the_tests_of_the_example(python: Path, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    ran = done([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"], cwd=tmp_path, env=bare())
    assert ran.returncode == 0, ran.stdout + ran.stderr
