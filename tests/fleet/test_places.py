"""Hosts with an address in common are one place: the server counts refused logins by none of its names."""

from __future__ import annotations

import pytest

from scanready.fleet.accounts import Accounts
from scanready.fleet.grants import Grant, Visit
from scanready.fleet.login_end import End, LoginEnd
from scanready.fleet.places import Places

KEY = ("svc", "svc")


def accounts(*visits: tuple[str, str], found: dict[str, list[str]], alike: bool = False) -> Accounts:
    """Return accounts with one account, whose secret each agent has proven at a host of its own."""
    made = Accounts()
    for host, addresses in found.items():
        made.know(host, addresses)
    agents = sorted({agent for agent, _ in visits})
    for place, agent in enumerate(agents):
        made.add(KEY, Visit(place, agent, f"own-{agent}", "cred"), judged_alike=alike)
    for _ in agents:
        for grant in made.next()[0]:
            end(made, grant, End.ACCEPTED)
    for place, (agent, host) in enumerate(visits, len(agents)):
        made.add(KEY, Visit(place, agent, host, "cred"), judged_alike=alike)
    return made


def end(made: Accounts, grant: Grant, how: End) -> None:
    made.conclude(grant, [LoginEnd("cred", visit.host, how, f"{visit.host}:22") for visit in grant.visits])


NAMES: dict[str, tuple[str, str, dict[str, list[str]]]] = {
    "a name and its address": ("fs01", "10.0.0.7", {"fs01": ["10.0.0.7"], "10.0.0.7": ["10.0.0.7"]}),
    "an address that is no target of its own": ("fs01", "10.0.0.7", {"fs01": ["10.0.0.7"]}),
    "two names": ("fs01", "files", {"fs01": ["10.0.0.7"], "files": ["10.0.0.7"]}),
    "one address of several": ("fs01", "fd00::7", {"fs01": ["10.0.0.7", "fd00::7"]}),
    "IPv6, written in two ways": ("fs01", "fd00:0::7", {"fs01": ["fd00::7"], "fd00:0::7": []}),
    "IPv4 within IPv6": ("::ffff:10.0.0.7", "10.0.0.7", {"::ffff:10.0.0.7": [], "10.0.0.7": []}),
}


@pytest.mark.parametrize("turned", [False, True], ids=["as written", "turned"])
@pytest.mark.parametrize("name", NAMES)
def test_one_refusal_counts_for_all_names_of_a_host(name: str, *, turned: bool) -> None:
    one, other, found = NAMES[name]
    hosts = (other, one) if turned else (one, other)
    made = accounts(("a", hosts[0]), ("b", hosts[1]), found=found)
    (first,), _ = made.next()
    assert [visit.host for visit in first.visits] == [hosts[0]], "one login at a time"
    end(made, first, End.REFUSED_HERE)
    grants, (denied,) = made.next()
    assert grants == []
    assert (denied.visit.host, denied.withheld, denied.refused_at) == (hosts[1], True, "")
    assert denied.words.startswith(f"{hosts[0]}:22 refused the credential 'cred' from the agent a; ")
    assert denied.words.endswith(f"; {hosts[1]} has an address of {hosts[0]}")


def test_a_name_with_another_address_at_each_agent_counts_at_all_of_them() -> None:
    made = accounts(("a", "fs01"), ("b", "10.0.0.7"), ("b", "10.0.0.8"), found={"fs01": ["10.0.0.7"]})
    made.know("fs01", ["10.0.0.8"])
    (first,), _ = made.next()
    end(made, first, End.REFUSED_HERE)
    grants, denied = made.next()
    assert grants == []
    assert {one.visit.host for one in denied} == {"10.0.0.7", "10.0.0.8"}


def test_hosts_of_other_addresses_are_not_withheld() -> None:
    made = accounts(("a", "fs01"), ("b", "fs02"), found={"fs01": ["10.0.0.7"], "fs02": ["10.0.0.8"]})
    grants, _ = made.next()
    assert {visit.host for grant in grants for visit in grant.visits} == {"fs01", "fs02"}
    end(made, grants[0], End.REFUSED_HERE)
    assert made.next() == ([], [])


def test_names_are_not_one_by_a_third_one() -> None:
    """As in the guard of one agent: a refusal at one member of a cluster says nothing about the others."""
    found = {"m1": ["10.0.0.1"], "cluster": ["10.0.0.1", "10.0.0.2"], "m2": ["10.0.0.2"]}
    made = accounts(("a", "m1"), ("b", "cluster"), ("b", "m2"), found=found)
    grants, _ = made.next()
    assert {visit.host for grant in grants for visit in grant.visits} == {"m1", "m2"}
    end(made, grants[0], End.REFUSED_HERE)
    (denied,) = made.next()[1]
    assert denied.visit.host == "cluster"


def test_an_address_that_is_known_later_counts() -> None:
    """The results of an agent that was lost come after the logins of others."""
    made = accounts(("a", "fs01"), found={})
    (first,), _ = made.next()
    end(made, first, End.REFUSED_HERE)
    made.know("fs01", ["10.0.0.7"])
    made.add(KEY, Visit(90, "a", "10.0.0.7", "cred"), judged_alike=False)
    grants, denied = made.next()
    assert grants == []
    assert [one.visit.place for one in denied] == [90]


def test_a_refusal_of_an_export_counts_for_the_name_of_its_address() -> None:
    made = accounts(("a", "fs01"), found={"fs01": ["10.0.0.7"]})
    made.bind(KEY, "10.0.0.7:22 refused it", "10.0.0.7", "10.0.0.7:22")
    assert made.next()[0] == []


def test_the_names_of_one_host_count_once_for_an_authority() -> None:
    """One server that accepts whatever it is given must not open an account by having many names."""
    names = [f"alias{number}" for number in range(20)]
    found = {name: ["10.0.0.7"] for name in ("own-a", *names)}
    made = accounts(*(("a", name) for name in names), found=found, alike=True)
    for number in range(8):
        made.add(KEY, Visit(900 + number, "a", f"fs{number}", "cred"), judged_alike=True)
    while names and (grants := made.next()[0]):
        assert sum(len(grant.visits) for grant in grants) <= 2
        for grant in grants:
            end(made, grant, End.ACCEPTED)
            names = [name for name in names if name not in {visit.host for visit in grant.visits}]
    assert not names


def test_other_addresses_that_one_agent_tells_make_no_more_places() -> None:
    names = [f"alias{number}" for number in range(6)]
    made = accounts(
        *(("a", name) for name in names), found={name: ["10.0.0.7"] for name in ("own-a", *names)}, alike=True
    )
    for number, name in enumerate(("own-a", *names)):
        made.know(name, [f"10.9.9.{number}"])
    for _ in names:
        for grant in made.next()[0]:
            assert len(grant.visits) <= 2
            end(made, grant, End.ACCEPTED)
    assert made.next() == ([], [])


def test_an_address_of_a_host_behind_a_proxy_proves_nothing_there() -> None:
    """Another agent says that it has the address of a host that accepted the account."""
    found = {"own-c": ["10.0.0.7"], "proxied": []}
    made = accounts(("b", "proxied"), ("c", "proxied"), found=found)
    made.know("proxied", ["10.0.0.7"])
    (grant,), _ = made.next()
    end(made, grant, End.REFUSED_HERE)
    assert made.next()[0] == []


def test_names_that_are_found_to_be_one_are_counted_once() -> None:
    """A continued run knows the ends of its logins before the results of its first visits."""
    made = accounts(("a", "fs01"), found={}, alike=True)
    (grant,), _ = made.next()
    end(made, grant, End.ACCEPTED)
    for name in ("fs01", "own-a"):
        made.know(name, ["10.0.0.7"])
    for number in range(8):
        made.add(KEY, Visit(900 + number, "a", f"h{number}", "cred"), judged_alike=True)
    assert sum(len(grant.visits) for grant in made.next()[0]) == 2


def test_what_an_agent_finds_is_bounded_and_need_not_be_true() -> None:
    places = Places()
    places.learn("fs01", [f"10.0.{number}.1" for number in range(200)])
    assert len(places.keys("fs01")) < 40
    places.learn("fs02", ["nonsense", "", "300.1.2.3"])
    assert places.keys("fs02") == {"fs02"}
    places.learn("10.0.0.9", ["10.0.0.1"])
    assert places.keys("10.0.0.9") == {"10.0.0.9"}, "an address is its own"
    assert places.others("unknown") == set()
