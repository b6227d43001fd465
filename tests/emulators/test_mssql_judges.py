"""Other people's clients judge the emulated SQL Server: each must log in to it, read from it, and be refused by it.

pytds, pymssql and `tsql` share nothing but the specification (pymssql and `tsql` share FreeTDS); mssql-python carries
Microsoft's own ODBC driver, the only one of them that speaks TDS 8.0.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytds
import pytest

from fixtures.emulators import Server as Played
from fixtures.emulators import in_background, mssql
from fixtures.emulators.certificates import authority
from fixtures.emulators.mssql import Server
from fixtures.limits import HANG

DATABASES = [("archive", 0, "ONLINE"), ("hr", 1, "ONLINE")]
QUERY = "SELECT name FROM sys.databases"
#: The server's encryption settings; each decides how much of a session is encrypted.
MODES = ("offered", "required", "none")


def in_clear(server: Played) -> bool:
    return server.offences["login-in-clear"] > 0


class TestPytds:
    @staticmethod
    def connect(port: int, **options: Any) -> pytds.Connection:
        told: dict[str, Any] = {"user": mssql.USER, "password": mssql.PASSWORD, "database": "hr"}
        told |= {"login_timeout": 5, "disable_connect_retry": True, "autocommit": True, "validate_host": False}
        return pytds.connect("127.0.0.1", port=port, **(told | options))

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("size", [512, 4096])
    def test_reads_rows(self, mode: str, size: int) -> None:
        with in_background(Server(mode, packet_size=size)) as server:
            ca_file = str(authority().ca_file)
            with self.connect(server.port, cafile=ca_file, enc_login_only=True) as session:
                cursor = session.cursor()
                cursor.execute(QUERY)
                assert cursor.fetchall() == DATABASES
            server.wait()
            assert in_clear(server) is (mode == "none")

    @pytest.mark.parametrize("number", [18456, 18486, 18487])
    def test_is_refused(self, number: int) -> None:
        with in_background(Server("none", refusal=mssql.REFUSALS[number])) as server:
            with pytest.raises(pytds.OperationalError) as refusal:
                self.connect(server.port)
            assert refusal.value.number == number

    def test_names_the_wrong_one_of_two_errors(self) -> None:
        """Why we read the answer ourselves: 4060 comes before 18456."""
        with in_background(Server("none", refusal=mssql.REFUSALS[4060])) as server:
            with pytest.raises((pytds.OperationalError, TimeoutError)) as refusal:
                self.connect(server.port)
            assert getattr(refusal.value, "number", 0) == 18456


@pytest.mark.skipif(find_spec("pymssql") is None, reason="pymssql is not installed")
class TestPymssql:
    @staticmethod
    def connect(port: int, **options: Any) -> Any:
        import pymssql

        told: dict[str, Any] = {"user": mssql.USER, "password": mssql.PASSWORD, "database": "hr", "login_timeout": 5}
        return pymssql.connect(server="127.0.0.1", port=str(port), **(told | options))

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("encryption", ["request", "require"])
    def test_reads_rows(self, mode: str, encryption: str) -> None:
        with in_background(Server(mode)) as server:
            if (mode, encryption) == ("none", "require"):
                with pytest.raises(Exception, match="connection failed"):
                    self.connect(server.port, encryption=encryption)
                assert server.counts["logins"] == 0
                return
            with self.connect(server.port, encryption=encryption) as session:
                cursor = session.cursor()
                cursor.execute(QUERY)
                assert cursor.fetchall() == DATABASES
            assert in_clear(server) is (mode == "none")

    def test_is_refused(self) -> None:
        locked = Server(refusal=mssql.REFUSALS[18486])
        with in_background(locked) as server, pytest.raises(Exception, match="is currently locked out"):
            self.connect(server.port)


@pytest.mark.skipif(shutil.which("tsql") is None, reason="FreeTDS is not installed (freetds-bin)")
class TestTsql:
    @staticmethod
    def run(port: int, version: str) -> str:
        command = ["tsql", "-H", "127.0.0.1", "-p", str(port), "-U", mssql.USER, "-P", mssql.PASSWORD, "-D", "hr"]
        typed = f"{QUERY}\ngo\nexit\n"
        environment = {**os.environ, "TDSVER": version}
        done = subprocess.run(command, input=typed, env=environment, capture_output=True, text=True, timeout=HANG)
        return done.stdout + done.stderr

    @pytest.mark.parametrize("version", ["7.2", "7.3", "7.4"])
    @pytest.mark.parametrize("mode", MODES)
    def test_reads_rows(self, mode: str, version: str) -> None:
        with in_background(Server(mode)) as server:
            output = self.run(server.port, version)
        assert "archive\t0\tONLINE\nhr\t1\tONLINE\n(2 rows affected)" in output

    def test_is_refused(self) -> None:
        with in_background(Server(refusal=mssql.REFUSALS[4060])) as server:
            output = self.run(server.port, "7.4")
        assert "Msg 4060 (severity 14, state 1) from SQL1" in output
        assert "Msg 18456 (severity 14, state 1) from SQL1" in output


@pytest.mark.skipif(find_spec("mssql_python") is None, reason="mssql-python is not installed")
class TestOdbc:
    """In a process of its own: it reads the trusted authorities from the environment, once."""

    @staticmethod
    def run(port: int, encrypt: str, password: str = mssql.PASSWORD) -> str:
        where = f"Server=127.0.0.1,{port};UID={mssql.USER};PWD={password};Database=hr;Encrypt={encrypt}"
        trust = "HostnameInCertificate=localhost" if encrypt == "strict" else "TrustServerCertificate=yes"
        script = f"""
import mssql_python
try:
    session = mssql_python.connect({where!r} + ";" + {trust!r} + ";ConnectRetryCount=0", autocommit=True, timeout=5)
    cursor = session.cursor()
    cursor.execute({QUERY!r})
    print([tuple(row) for row in cursor.fetchall()])
    session.close()
except mssql_python.Error as error:
    print(error)
"""
        environment = {**os.environ, "SSL_CERT_FILE": str(authority().ca_file)}
        command = [sys.executable, "-c", script]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANG).stdout

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("encrypt", ["no", "yes"])
    def test_reads_rows(self, mode: str, encrypt: str) -> None:
        with in_background(Server(mode)) as server:
            output = self.run(server.port, encrypt)
        if (mode, encrypt) == ("none", "yes"):
            assert "Encryption not supported on SQL Server" in output
        else:
            assert str(DATABASES) in output
        assert server.offences["foreign"] == 0

    def test_reads_rows_strictly(self) -> None:
        with in_background(Server(strict=True)) as server:
            output = self.run(server.port, "strict")
        assert str(DATABASES) in output
        assert server.counts == {"prelogins": 1, "logins": 1, "batches": 1}

    def test_is_refused(self) -> None:
        with in_background(Server()) as server:
            assert "Login failed for user 'er'" in self.run(server.port, "yes", "wrong")
