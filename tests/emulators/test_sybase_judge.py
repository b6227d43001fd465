"""FreeTDS's own client, which speaks TDS 5.0, accepts the emulated ASE: what we learn from it is the protocol."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from fixtures.emulators import Behaviour, in_background, sybase
from fixtures.limits import HANG

TSQL = shutil.which("tsql")
pytestmark = pytest.mark.skipif(TSQL is None, reason="no tsql on this machine (Debian: freetds-bin)")


def tsql(behaviour: Behaviour, password: str = "Passw0rd!", statement: str = "select 1") -> str:
    with in_background(behaviour) as server:
        done = subprocess.run(
            [str(TSQL), "-H", "127.0.0.1", "-p", str(server.port), "-U", "er", "-P", password],
            input=f"{statement}\ngo\nquit\n",
            env={**os.environ, "TDSVER": "5.0"},
            capture_output=True,
            text=True,
            timeout=HANG,
            check=False,
        )
    return done.stdout + done.stderr


def test_a_login_and_a_row() -> None:
    output = tsql(sybase.ase)
    assert "1>" in output
    assert "(1 row affected)" in output, output
    assert "n\n1\n" in output, output


def test_a_refused_login() -> None:
    output = tsql(sybase.ase, "wrong")
    assert "Msg 4002 (severity 14, state 1) from ASE160" in output
    assert "Login failed." in output


def test_another_refusal() -> None:
    output = tsql(sybase.server(login=sybase.refused(1601, 17, "There are not enough 'user connections' available")))
    assert "Msg 1601 (severity 17" in output


def test_a_refused_statement() -> None:
    denied = sybase.reply(sybase.message(229, 14, "SELECT permission denied"), sybase.FAILED)
    assert "Msg 229 (severity 14" in tsql(sybase.server(answers={b"select": denied}))
