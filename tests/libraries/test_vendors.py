"""The vendors' drivers ibm_db and teradatasql, played: they say here what they say in their manuals.

The opt-in tier (`script/test-drivers`) asks the real ones.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.emulators import db2, in_background, teradata
from scanready.model import Report
from tests.ladder import account, climb, target
from tests.libraries.provoking import demand
from tests.played_driver import PlayedDriver

#: Both raise at the login; Teradata's also at the question for the version.
IBM = """
import _socket, contextlib, os, struct
class Error(Exception): pass
Warning = Error
def connect(settings):
    told = dict(one.split("=", 1) for one in settings.split(";") if one)
    with contextlib.closing(_socket.socket()) as server:  # of the system, as a library in C has it
        server.connect((told["HOSTNAME"], int(told["PORT"])))
        server.sendall(struct.pack(">HBBHHH", 10, 0xD0, 1, 1, 4, 0x106E))  # an empty SECCHK
        assert server.recv(10)
    raise Error(os.environ["PLAYED_SAYS"])
"""
TERADATA = """
import _socket, contextlib, os
class Error(Exception): pass
class Session:
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def cursor(self): return self
    def execute(self, statement, values=()):
        if "DBCInfoV" in statement: raise Error(os.environ["PLAYED_SAYS"])
    def fetchone(self): return ["employees"]
def connect(**settings):
    with contextlib.closing(_socket.socket()) as server:
        server.connect((settings["host"], int(settings["dbs_port"])))
        server.sendall(bytes([3, 1, 3]) + bytes(49))  # an empty connect request
        assert server.recv(52)
    if "DBCInfoV" in os.environ["PLAYED_SAYS"]: return Session()
    raise Error(os.environ["PLAYED_SAYS"])
"""
FAILED = "[IBM][CLI Driver] SQL30082N  Security processing failed with reason "
DATABASE, DRIVER = "[Session 1] [Teradata Database] [Error {}] {}", "[Session 0] [Teradata SQL Driver] [Error {}] {}"

DB2 = {
    "db2-licence": ("[IBM][CLI Driver] SQL1598N  An attempt to connect failed because of a licensing problem.",),
    "db2-client-security": (
        f'{FAILED}"17" ("UNSUPPORTED FUNCTION").  SQLSTATE=08001',
        f'{FAILED}"36" ("UNEXPECTED CLIENT ERROR").  SQLSTATE=08001',
        f'{FAILED}"34" ("INVALID PLUG-IN NAME").  SQLSTATE=08001',
    ),
    "db2-24": (f'{FAILED}"24" ("USERNAME AND/OR PASSWORD INVALID").  SQLSTATE=08001',),
}
OF_TERADATA = {
    "teradata-driver": (DRIVER.format(396, "Failed to connect"), DRIVER.format(1277, "Login failure, TLS")),
    "teradata-8017": (DATABASE.format(8017, "The UserId, Password or Account is invalid."),),
    "teradata-version": (DATABASE.format(3523, "The user does not have SELECT access to DBC.DBCInfoV."),),
    "teradata-timeout": (DATABASE.format(2631, "Transaction ABORTed due to deadlock, or a timeout."),),
}


def asked_db2() -> Report:
    with in_background(db2.server(mechanisms=(7,), check=0)) as server:
        who = account(db2.USER, db2.PASSWORD)
        where = target("db2", "127.0.0.1", server.port, who, database="SAMPLE", allow_cleartext=True)
        return climb(where)


def asked_teradata() -> Report:
    with in_background(teradata.system()) as server:
        return climb(target("teradata", "127.0.0.1", server.port, account("er"), allow_cleartext=True))


@pytest.mark.parametrize("key", DB2)
def test_what_ibm_db_says(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = PlayedDriver(tmp_path, "ibm_db_dbi", IBM)
    for words in DB2[key]:
        driver.play(monkeypatch, says=words)
        demand(key, asked_db2())


@pytest.mark.parametrize("key", OF_TERADATA)
def test_what_teradatasql_says(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = PlayedDriver(tmp_path, "teradatasql", TERADATA)
    for words in OF_TERADATA[key]:
        driver.play(monkeypatch, says=words)
        demand(key, asked_teradata())
