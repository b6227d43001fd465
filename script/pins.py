"""Compute the packages of each file of pins, for every platform and Python that scanready supports.

Markers of requirements are evaluated for each of :data:`ENVIRONMENTS`, not for the machine that runs this. A package
that only some of them need gets a marker of its own in the file of pins.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: By sys.platform: os.name, platform.system() and the names of the processors there.
SYSTEMS = {
    "linux": ("posix", "Linux", ("x86_64", "aarch64")),
    "darwin": ("posix", "Darwin", ("arm64", "x86_64")),
    "win32": ("nt", "Windows", ("AMD64",)),
}
#: The extra of the default install, and those that are installed apart.
AGENT, WINDOWS, FLEET, TEST = "agent", "windows", "fleet", "test"
#: The extras that the default install consists of.
PARTS = ("ssh", "db", "mail", "web", "keyring")
#: An extra that any install can have besides.
AWS = "aws"
#: Needed by impacket's scripts only, which script/install-windows drops.
DROPPED = {"impacket": {"flask", "ldap3", "ldapdomaindump"}}
#: The files, in the order in which each leaves out what those before it have, and the extras of each. That of the fleet
#: leaves out the default install only: not every agent has the pins of logins to Windows.
STACKED = {
    "constraints.txt": (AGENT,),
    "constraints-windows.txt": (AGENT, WINDOWS),
    "constraints-fleet.txt": (AGENT, FLEET),
    "constraints-test.txt": (AGENT, WINDOWS, FLEET, TEST),
}
#: The default install in parts, for a host that needs only some. Each has what its extra needs besides the core.
CORE = "constraints/core.txt"
BESIDES_CORE = {f"constraints/{part}.txt": part for part in (*PARTS, AWS)}
FILES = (*STACKED, CORE, *BESIDES_CORE)
_PIN = re.compile(
    r"^([a-z0-9.-]+)==([^\s;]+)(?: ; ([^\\\n]+?))? \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def normalised(name: str) -> str:
    """A project's name as PEP 503 compares them."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True, slots=True, order=True)
class Environment:
    """A Python on a platform."""

    system: str
    machine: str
    python: str

    @property
    def markers(self) -> dict[str, str]:
        """The variables of PEP 508."""
        os_name, system, _ = SYSTEMS[self.system]
        return {
            **{"os_name": os_name, "sys_platform": self.system, "platform_system": system},
            **{"platform_machine": self.machine, "python_version": self.python},
            **{"python_full_version": f"{self.python}.0", "implementation_version": f"{self.python}.0"},
            **{"implementation_name": "cpython", "platform_python_implementation": "CPython"},
            **{"platform_release": "", "platform_version": ""},
        }


ENVIRONMENTS = frozenset(
    Environment(system, machine, python)
    for system, (_, _, machines) in SYSTEMS.items()
    for machine in machines
    for python in PYTHONS
)
#: Returns the Requires-Dist of a distribution by its normalised name.
Requires = Callable[[str], Iterable[str]]
#: The environments that need a package, by its normalised name.
Needs = dict[str, frozenset[Environment]]


def own() -> list[str]:
    """The requirements of this project, in the form of Requires-Dist."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    return [
        *project["dependencies"],
        *(f'{one}; extra == "{extra}"' for extra, listed in extras.items() for one in listed),
    ]


def own_version() -> str:
    """The version of this project."""
    text = (ROOT / "verifiers" / "scanready" / "version.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    assert found is not None
    return found[1]


def needed(extras: Iterable[str], requires: Requires, *, build: bool = False) -> Needs:
    """Return what this project with these extras needs, and in which environments."""
    found: dict[str, set[Environment]] = {}
    for where in ENVIRONMENTS:
        names = _closure("scanready", frozenset(extras), where, requires)
        if build:
            names |= {"hatchling"} | _closure("hatchling", frozenset(), where, requires)
        for name in names - {"scanready"}:
            found.setdefault(name, set()).add(where)
    return {name: frozenset(where) for name, where in found.items()}


def _closure(name: str, extras: frozenset[str], where: Environment, requires: Requires) -> set[str]:
    known: set[tuple[str, str]] = set()
    waiting = [(name, extra) for extra in ("", *extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in known:
            continue
        known.add((name, extra))
        for one in map(Requirement, own() if name == "scanready" else requires(name)):
            other = normalised(one.name)
            holds = one.marker is None and not extra
            if one.marker is not None:
                holds = one.marker.evaluate({**where.markers, "extra": extra})
            if holds and other not in DROPPED.get(name, ()):
                waiting += [(other, more) for more in ("", *one.extras)]
    return {name for name, _ in known} - {"scanready"} if known else set()


def contents(requires: Requires) -> dict[str, Needs]:
    """Return what each file has to pin."""
    made: dict[str, Needs] = {}
    before: Needs = {}
    for file, extras in STACKED.items():
        all_of_it = needed(extras, requires, build=True)
        left_out = needed((AGENT,), requires, build=True) if FLEET in extras and TEST not in extras else before
        made[file] = {name: where - left_out.get(name, frozenset()) for name, where in all_of_it.items()}
        made[file] = {name: where for name, where in made[file].items() if where}
        before = {name: before.get(name, frozenset()) | where for name, where in {**before, **all_of_it}.items()}
    core = needed((), requires, build=True)
    made[CORE] = core
    for file, part in BESIDES_CORE.items():
        whole = needed((part,), requires, build=True)
        missing = {name: where - core.get(name, frozenset()) for name, where in whole.items()}
        made[file] = {name: where for name, where in missing.items() if where}
    return made


def marker(where: frozenset[Environment]) -> str:
    """Return the marker that holds exactly in these of the :data:`ENVIRONMENTS`; empty for all."""
    if where == ENVIRONMENTS:
        return ""
    by_python: dict[tuple[str, ...], list[str]] = {}
    for system, (_, _, machines) in SYSTEMS.items():
        for machine in machines:
            pythons = tuple(p for p in PYTHONS if Environment(system, machine, p) in where)
            if pythons:
                by_python.setdefault(pythons, []).append(f"{system} {machine}")
    text = " or ".join(_and(_places(places), _pythons(pythons)) for pythons, places in by_python.items())
    made = Marker(text)
    assert {one for one in ENVIRONMENTS if made.evaluate(one.markers)} == where, text
    return text


def _and(*parts: str) -> str:
    return " and ".join(f"({part})" if " or " in part else part for part in parts if part)


def _places(places: list[str]) -> str:
    words = []
    if len(places) == sum(len(machines) for _, _, machines in SYSTEMS.values()):
        return ""
    for system, (_, _, machines) in SYSTEMS.items():
        here = [machine for machine in machines if f"{system} {machine}" in places]
        if len(here) == len(machines):
            words.append(f'sys_platform == "{system}"')
        else:
            words += [f'sys_platform == "{system}" and platform_machine == "{machine}"' for machine in here]
    return " or ".join(words)


def _pythons(pythons: tuple[str, ...]) -> str:
    if pythons == PYTHONS:
        return ""
    if pythons == PYTHONS[: len(pythons)]:
        return f'python_version < "{PYTHONS[len(pythons)]}"'
    if pythons == PYTHONS[-len(pythons) :]:
        return f'python_version >= "{pythons[0]}"'
    return " or ".join(f'python_version == "{python}"' for python in pythons)


@dataclass(frozen=True)
class Pin:
    """One line of a file of pins."""

    name: str
    version: str
    marker: str
    hashes: frozenset[str]

    @cached_property
    def where(self) -> frozenset[Environment]:
        """The environments in which pip installs it."""
        if not self.marker:
            return ENVIRONMENTS
        made = Marker(self.marker)
        return frozenset(one for one in ENVIRONMENTS if made.evaluate(one.markers))


def read(file: str) -> Iterator[Pin]:
    """Yield the pins of a file."""
    path = ROOT / file
    for name, version, marked, hashes in _PIN.findall(path.read_text(encoding="utf-8") if path.exists() else ""):
        yield Pin(name, version, marked or "", frozenset(re.findall(r"sha256:([0-9a-f]{64})", hashes)))


def pinned() -> Mapping[str, str]:
    """The version of each package, over all files."""
    return {pin.name: pin.version for file in FILES for pin in read(file)}
