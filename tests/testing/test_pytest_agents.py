"""The plug-in takes the share of one agent of an inventory with several."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.project import Project

INVENTORY = """\
agents:
  - {name: proxy-nyc, sites: [nyc]}
  - {name: proxy-lon, sites: [nyc, lon]}
credentials:
  lon: {username: er, password: env:NOT_SET}
targets:
  - {host: both, type: mood, port: 7, site: nyc}
  - {host: far, type: mood, port: 7, site: lon, credential: lon}
  - {host: near, type: mood, port: 7, agents: proxy-nyc}
"""
TESTS = 'def test_the_name(agent):\n    assert agent.name == "proxy-nyc"\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "env", "ini"),
    [
        (("--scanready-as", "proxy-nyc"), {}, ""),
        ((), {"SCANREADY_AS": "proxy-nyc"}, ""),
        ((), {}, "scanready_as = proxy-nyc"),
    ],
    ids=["option", "environment", "ini file"],
)
def test_the_share_is_checked(project: Project, arguments: tuple[str, ...], env: dict[str, str], ini: str) -> None:
    project.write("e.scanready.yaml", INVENTORY)
    project.write("test_it.py", TESTS)
    project.write("pytest.ini", f"[pytest]\n{ini}\nscanready_inventory = e.scanready.yaml\n")
    done = project.run(*arguments, env=env)
    assert done.outcomes() == {
        "e.scanready.yaml::mood://both:7": "PASSED",
        "e.scanready.yaml::mood://near:7": "PASSED",
        "test_it.py::test_the_name": "PASSED",
    }


def test_only_selects_by_agent(project: Project) -> None:
    project.write("e.scanready.yaml", INVENTORY)
    done = project.run("--scanready-as", "proxy-nyc", "--scanready-only", "agent=proxy-lon")
    assert done.outcomes() == {"e.scanready.yaml::mood://both:7": "PASSED"}


def test_a_host_that_is_no_agent_is_a_collection_error(project: Project) -> None:
    project.write("e.scanready.yaml", INVENTORY)
    done = project.run()
    assert done.code == 2
    assert "add --scanready-as NAME with one of proxy-nyc, proxy-lon" in done.text
    wrong = project.run("--scanready-as", "proxy-nyk")
    assert "--scanready-as: unknown agent `proxy-nyk`; did you mean `proxy-nyc`?" in wrong.text
