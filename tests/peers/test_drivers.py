"""Second drivers judge the emulators of databases that have no server to install: jTDS, and oracle-driver of PyPI.

They run in processes of their own. jTDS is driven by Derby's shell for JDBC, which the lab has.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.emulators import Behaviour, in_background, oracle, sybase
from fixtures.lab.derby import JARS
from fixtures.lab.peer import PYTHON_PACKAGES
from tests.peers.running import demand

JTDS = "/usr/share/java/jtds.jar"
SHELL = "org.apache.derby.tools.ij"
ORACLE_SCRIPT = """
import sys, pyora
try:
    pyora.connect(sys.argv[1])
except Exception as error:
    print(type(error).__name__, error)
"""


def by_jtds(url: str) -> str:
    """Log in with jTDS, and read one row."""
    demand("jTDS", [name for name in ("java", JTDS, *JARS) if not (Path(name).exists() or shutil.which(name))])
    argv = ["java", "-cp", ":".join((JTDS, *JARS)), "-Dderby.stream.error.file=/dev/null", "-Dij.showErrorCode=true"]
    argv += ["-Dij.driver=net.sourceforge.jtds.jdbc.Driver", SHELL]
    script = f"connect '{url}';\nselect 1;\nexit;\n"
    done = subprocess.run(argv, input=script, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("password", "words"), [("Passw0rd!", "1 row selected"), ("wrong", "Login failed. (errorCode = 4002)")]
)
def test_jtds_takes_the_emulated_ase_for_one(password: str, words: str) -> None:
    with in_background(sybase.ase) as server:
        place = f"jdbc:jtds:sybase://127.0.0.1:{server.port}/master"
        printed = by_jtds(f"{place};user=er;password={password};charset=iso_1;loginTimeout=20")
        assert words in " ".join(printed.split()), printed
        assert (server.offences, server.counts["logins"]) == ({}, 1)


def by_oracle_driver(behaviour: Behaviour, service: str = "ORCL") -> str:
    """Connect, up to the listener's answer."""
    demand("oracle-driver", [] if (PYTHON_PACKAGES / "pyora").exists() else [str(PYTHON_PACKAGES / "pyora")])
    with in_background(behaviour) as server:
        place = f"oracle://er:x@127.0.0.1:{server.port}/{service}?CONNECT TIMEOUT=5&TIMEOUT=5"
        done = subprocess.run(
            [sys.executable, "-c", ORACLE_SCRIPT, place],
            env={**os.environ, "PYTHONPATH": str(PYTHON_PACKAGES)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert server.counts["connects"] >= 1
    return done.stdout + done.stderr


@pytest.mark.parametrize("number", [12505, 12519, 12541])
def test_oracle_driver_reads_the_listeners_refusals(number: int) -> None:
    assert f"OracleError ORA-{number}" in by_oracle_driver(oracle.listener(oracle.refuse(number)))


def test_oracle_driver_reads_an_unknown_service() -> None:
    assert "ORA-12514" in by_oracle_driver(oracle.healthy, "nosuch")


def test_oracle_driver_follows_the_listeners_redirect() -> None:
    with in_background(oracle.listener(oracle.refuse(12519))) as there:
        assert "ORA-12519" in by_oracle_driver(oracle.listener(oracle.redirect("127.0.0.1", there.port)))
        assert there.counts["connects"] == 1


def test_oracle_driver_sends_again() -> None:
    assert "ORA-12519" in by_oracle_driver(oracle.listener([oracle.RESEND, oracle.refuse(12519)]))
