"""A host counts a wrong password for a user, whatever the inventory calls the credential, in all nights."""

from __future__ import annotations

import pytest

from tests.cli.conftest import plugins as plugins  # a fixture
from tests.cli.test_lockout_across_runs import Site
from tests.cli.test_lockout_across_runs import site as site  # a fixture


def write(site: Site, *names: str, variables: tuple[str, ...] = ("PW", "PW"), user: str = "er") -> None:
    """Write an inventory with one target of one host for each credential; no authority is written."""
    entries = ", ".join(
        f"{name}: {{username: {user}, password: env:{variable}}}"
        for name, variable in zip(names, variables, strict=False)
    )
    lines = [
        f"  - {{host: 127.0.0.1, port: {port}, type: mood, is: judges, credential: {name}}}"
        for port, name in enumerate(names, 98)
    ]
    text = "\n".join([f"credentials: {{{entries}}}", "targets:", *lines, ""])
    (site.where / "estate.yaml").write_text(text)


@pytest.mark.parametrize("variables", [("PW", "PW"), ("PW", "SAME")], ids=["one reference", "two references"])
def test_an_account_by_two_names(site: Site, variables: tuple[str, str]) -> None:
    write(site, "ad", "ad2", variables=variables)
    assert site.causes("--concurrency", "1", SAME="wrong") == ["login.refused", "login.withheld"]
    for _ in range(3):
        assert site.causes(SAME="wrong") == ["login.withheld"] * 2
    assert site.refused == 1


def test_an_account_by_another_name_than_the_night_before(site: Site) -> None:
    write(site, "ad")
    assert site.causes() == ["login.refused"]
    write(site, "ad2")
    (found,) = site.verify()
    assert found["cause"]["code"] == "login.withheld"
    assert "--forget ad`" in found["cause"]["detail"]
    assert site.refused == 1
    assert site.causes("--retry-refused=ad2", PW="right") == ["scannable"]


def test_another_user_of_the_same_reference_is_another_account(site: Site) -> None:
    write(site, "ad")
    assert site.causes() == ["login.refused"]
    write(site, "ad2", user="other")
    assert site.causes() == ["login.refused"]
