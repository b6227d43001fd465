"""Each rule of the lockout guard across runs and agents that is about one word of an option, a file or a reference."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from scanready.cli.job.earlier import bindings, entries
from scanready.cli.job.policy import DEFAULT_POLICY
from scanready.inventory.sources import source_of
from scanready.model import Credential
from scanready.store import Account, AccountRecord, read_accounts
from scanready.store import journal as history
from scanready.store.database import open_for_writing
from tests.cli.conftest import plugins as plugins  # a fixture
from tests.cli.test_lockout_across_runs import WITHHELD, Site, _accepted, _entry
from tests.cli.test_lockout_across_runs import site as site  # a fixture

#: All that an export says of a login. The source of the secret is not in it.
KEYS = {"credential", "user", "authority", "outcome", "where", "when", "agent", "proven", "ambiguous", "tries"}
NOW = "2020-11-27T12:00:00.000Z"


def test_with_an_authority_a_refusal_in_a_file_binds_every_host(site: Site) -> None:
    """Another server had accepted the account before; without an authority the refusal would bind its host only."""
    site.inventory = site.estate("judges", "judges", "judges", more="{username: er, password: env:PW, authority: corp}")
    accounts = [
        _entry(where="127.0.0.2:99", authority="corp"),
        _accepted(when="2020-11-01T00:00:00Z", authority="corp"),
    ]
    path = site.where / "other.json"
    path.write_text(json.dumps({"accounts": accounts}))
    assert site.causes("--guard", str(path), PW="right") == WITHHELD


def test_an_export_has_the_outcome_of_each_account_and_nothing_that_comes_from_a_secret(site: Site) -> None:
    """Its length, the time of its file and the file's name are not in it either."""
    secret, files = site.where / "the-file-of-the-secret", [site.where / f"{name}.scanready" for name in ("one", "two")]
    secret.write_text("canary-of-the-secret")
    secret.chmod(0o600)
    site.inventory = site.estate("judges", "judges", password=f"file:{secret}")
    for file in files:  # the first night finds the refusal, and the second one knows it
        site.causes("--export", str(file))
    assert site.refused == 1
    for file in files:
        text = gzip.decompress(file.read_bytes()).decode()
        (account,) = json.loads(text.splitlines()[-1])["end"]["accounts"]
        assert account.keys() <= KEYS
        assert (account["credential"], account["user"], account["outcome"]) == ("ad", "er", "login.refused")
        assert (account["where"], bool(account["when"]), bool(account["agent"])) == ("127.0.0.1:99", True, True)
        assert not [word for word in ("canary", secret.name, str(secret.stat().st_mtime_ns)) if word in text]


def test_the_option_with_a_name_tries_no_other_credential(site: Site) -> None:
    site.inventory = site.estate("judges")
    lines = (site.where / "estate.yaml").read_text().replace("{ad: ", "{other: {username: x, password: env:PW}, ad: ")
    target = "  - {host: 127.0.0.9, port: 99, type: mood, is: judges, credential: other}\n"
    (site.where / "estate.yaml").write_text(lines + target)
    assert site.causes() == ["login.refused"] * 2
    assert site.causes("--retry-refused=other") == ["login.withheld", "login.refused"]
    assert site.refused == 3


def refused_record(folder: Path, source: str) -> AccountRecord:
    """Return the record of an account that was refused an hour ago."""
    file = open_for_writing(folder / "runs.db")
    account = Account("ad", "er", None, source, "proxy-a")
    history.begin(file, account, "fs1", "fs1:445", "2020-11-27T11:00:00.000Z")
    history.end(file, account, "fs1", "login.refused", "refused", 1, "2020-11-27T11:00:01.000Z")
    file.close()
    (record,) = read_accounts(folder / "runs.db")
    return record


@pytest.mark.parametrize(("reference", "binds"), [("prompt:", False), ("env:PW", True)], ids=["prompt", "variable"])
def test_a_secret_that_is_typed_is_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, *, binds: bool
) -> None:
    from scanready.run import timestamps

    monkeypatch.setattr(timestamps, "now", lambda: NOW)
    references: dict[str, str] = {"password": reference}
    record = refused_record(tmp_path, source_of(references, tmp_path))
    assert list(bindings(record, DEFAULT_POLICY, NOW)), "time has not ended it"
    typed: Any = Credential("ad", "er", "x", source=source_of(references, tmp_path))
    assert bool(entries([typed], [record], DEFAULT_POLICY)) is binds
