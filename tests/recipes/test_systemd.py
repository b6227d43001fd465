"""The units of examples/systemd: systemd accepts them, they give no privilege away, and their command runs."""

from __future__ import annotations

import configparser
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.closed_ports import closed_port
from tests.recipes.programs import EXAMPLES, ROOT, run

UNITS = EXAMPLES / "systemd"
SERVICES = ("scanready-verify.service", "scanready-agent.service")


def verified(folder: Path, replaced: tuple[str, str] = ("", "")) -> str:
    """Return what systemd says about copies of the units whose program is here, after one replacement."""
    units = []
    for unit in sorted(UNITS.iterdir()):
        text = unit.read_text(encoding="utf-8").replace("/opt/scanready/bin/scanready", sys.executable)
        units.append(folder / unit.name)
        units[-1].write_text(text.replace(*replaced) if replaced[0] else text, encoding="utf-8")
    done = run("systemd-analyze", "verify", "--man=no", *map(str, units), env={"SYSTEMD_LOG_LEVEL": "warning"})
    names = tuple(f"{name}:" for unit in units for name in (unit.name, str(unit)))
    return "".join(line for line in done.stderr.splitlines(keepends=True) if line.startswith(names))


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    assert verified(tmp_path) == ""


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("ProtectSystem=strict", "ProtectSystm=strict", "ProtectSystm"),
        ("OnCalendar=*-*-* 02:00:00", "OnCalendar=nightly at two", "nightly"),
        ("RestartPreventExitStatus=2", "RestartPreventExitStatus=refused", "refused"),
    ],
)
def test_systemd_names_a_broken_line(tmp_path: Path, right: str, wrong: str, named: str) -> None:
    assert named in verified(tmp_path, (right, wrong))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_judged_as_hardened(name: str, tmp_path: Path) -> None:
    judge = ("systemd-analyze", "security", "--offline=true", "--threshold=20")
    assert run(*judge, str(UNITS / name)).returncode == 0
    weaker = tmp_path / name
    weaker.write_text((UNITS / name).read_text().replace("CapabilityBoundingSet=\n", ""), encoding="utf-8")
    assert run(*judge, str(weaker)).returncode != 0


def section(name: str) -> dict[str, str]:
    """Return the keys of [Service]; of one that stands twice, the last value."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read_string((UNITS / name).read_text(encoding="utf-8").replace("\\\n", ""))
    return dict(parser["Service"])


def test_a_refused_password_is_not_presented_again() -> None:
    service = section("scanready-agent.service")
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("always", "2")


def test_the_page_of_the_fleet_shows_the_service() -> None:
    assert f"```ini\n{(UNITS / SERVICES[1]).read_text()}```" in (ROOT / "docs" / "fleet.md").read_text()


@pytest.fixture
def port() -> Iterator[int]:
    with closed_port() as port:
        yield port


def test_the_command_of_the_nightly_service_checks_with_its_credential(port: int, tmp_path: Path) -> None:
    reports, etc, credentials = (tmp_path / name for name in ("reports", "etc", "credentials"))
    for folder in (reports, etc, credentials):
        folder.mkdir()
    service = section("scanready-verify.service")
    name = service["LoadCredential"].partition(":")[0]
    (credentials / name).write_text("a secret\n", encoding="utf-8")
    (etc / "estate.yaml").write_text(
        f'credentials: {{scan-account: {{username: svc_scan, password: "credstore:{name}"}}}}\n'
        f"targets: [{{type: ssh, host: 127.0.0.1, port: {port}, credential: scan-account}}]\n",
        encoding="utf-8",
    )
    command = (
        service["ExecStart"].replace("/var/lib/scanready-reports", str(reports)).replace("/etc/scanready", str(etc))
    )
    program, *arguments = shlex.split(command)
    assert program == "/opt/scanready/bin/scanready"
    environment = {
        "PYTHONPATH": str(ROOT / "verifiers"),
        "CREDENTIALS_DIRECTORY": str(credentials),
        "SCANREADY_STORE": str(tmp_path / "runs.db"),
    }
    done = run(sys.executable, "-m", "scanready", *arguments, env=environment)
    assert str(done.returncode) in service["SuccessExitStatus"].split(), done.stderr
    assert json.loads((reports / "estate.json").read_text())["results"][0]["verdict"] == "blocked"
    assert {path.stat().st_mode & 0o777 for path in reports.iterdir()} == {0o640}
    assert sorted(path.name for path in reports.iterdir()) == ["estate.html", "estate.json", "scanready.prom"]
    (credentials / name).unlink()
    assert run(sys.executable, "-m", "scanready", *arguments, env=environment).returncode == 2
