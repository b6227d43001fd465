"""Target types as another profile judges them: its requirements and ports, and nothing of the built-in one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scanready.catalogue import Cost, TargetType
from scanready.catalogue.requirement import BUILT_IN, Profile, Requirement, Requirements
from scanready.profiles.reading import parsed
from scanready.run import registry
from scanready.run.judged_by import JudgedBy
from scanready.run.settings import own_agent
from tests.profiles.test_reading import GOOD


@pytest.fixture
def profile() -> Iterator[Profile]:
    found = parsed(GOOD, "acme.yaml")
    registry.judge_by(found)
    yield found
    registry.judge_by(None)


def test_a_type_that_it_names_has_its_requirements_and_its_port(profile: Profile) -> None:
    row = registry.catalogue()["ssh"]
    assert row.requirements == profile.types["ssh"]
    assert row.requirements.client is None, "the built-in profile demands a client"
    assert row.port == 2222
    assert registry.catalogue()["ssh"] is row


def test_a_type_that_it_does_not_name_has_none(profile: Profile) -> None:
    for row in registry.catalogue():
        if row.name != "ssh":
            assert row.requirements.lines == ()
            assert row.requirements.agent is None
            assert row.requirements.doubt == "The profile acme-1 does not name this target type."
    assert registry.catalogue()["postgresql"].port == 5432


def test_an_agent_names_it(profile: Profile) -> None:
    assert own_agent().profile == profile.about.name == registry.about_judge().name
    registry.judge_by(None)
    assert own_agent().profile == BUILT_IN.name == registry.about_judge().name
    assert registry.catalogue()["ssh"].port == 22


def test_a_profile_never_loosens_the_care_for_a_secret(profile: Profile) -> None:
    imaps, mysql = registry.catalogue()["imaps"], registry.catalogue()["mysql"]
    assert not imaps.requirements.verifies_certificate
    assert imaps.needs_trust
    assert not mysql.needs_trust
    verified = Requirements(profile.types["ssh"].lines, verifies_certificate=True)
    row = JudgedBy({"mysql": mysql}, Profile(BUILT_IN, {"mysql": verified}), unnamed=False)["mysql"]
    assert row.needs_trust, "a profile may ask for more"
    assert mysql.option("allow_untrusted") is None
    assert row.option("allow_untrusted") is not None, "the remedy names it"


@pytest.mark.parametrize("named", [True, False])
def test_a_type_of_another_package_keeps_its_own_unless_it_is_named(named: bool) -> None:
    own = Requirements((Requirement("5671", "tcp", "the book"),))
    wanted = Requirements((Requirement("5672", "tcp", "the other book"),))
    row = TargetType("queue", "Message queue", 5671, Cost(1, 1), speaks="queue")
    profile = Profile(BUILT_IN, {"queue": wanted} if named else {})
    judged = JudgedBy({"queue": row}, profile, unnamed=True)["queue"]
    assert (judged is row) is not named
    assert judged.port == (5672 if named else 5671)
    assert judged.requirements == (wanted if named else Requirements())
    assert own != wanted


def test_a_type_whose_package_is_broken_stays_broken(tmp_path: Path) -> None:
    row = TargetType("queue", "Message queue", 0, Cost(1, 1), speaks="queue", broken="its package is gone")
    wanted = Requirements((Requirement("5672", "tcp", "the other book"),))
    assert JudgedBy({"queue": row}, Profile(BUILT_IN, {"queue": wanted}), unnamed=True)["queue"] is row
