"""The files of a release: two builds give the same bytes, and NOTICE and the bill of materials name each package."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tomllib
from email.message import Message
from importlib.machinery import SourceFileLoader
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType
from typing import Any

import cyclonedx.schema
import jsonschema
import licences
import notice
import offline_bundle
import pins
import pytest
from package_index import metadata
from packaging.licenses import canonicalize_license_expression
from referencing import Registry, Resource

from fixtures.limits import HANG

ROOT = Path(__file__).parents[2]


def tool(name: str) -> ModuleType:
    loader = SourceFileLoader(f"tool_{name}", str(ROOT / "script" / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=HANG, check=False
    )


# --- the build -----------------------------------------------------------------------------------------------------


def test_two_builds_in_other_surroundings_are_equal(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("a source archive has no commit to build")
    done = run("script/build", str(tmp_path / "dist"))
    assert (done.returncode, done.stderr) == (0, "")
    sums = (tmp_path / "dist" / "SHA256SUMS").read_text(encoding="ascii")
    assert done.stdout == sums
    assert sorted(line.split()[1] for line in sums.splitlines()) == sorted(
        path.name for path in (tmp_path / "dist").iterdir() if path.name != "SHA256SUMS"
    )
    again = run("script/build", str(tmp_path / "dist"))
    assert (again.returncode, again.stdout) == (2, "")
    assert "nothing was written" in again.stderr


@pytest.mark.parametrize("second", [{"a.whl": b"2"}, {"b.whl": b"1"}, {}], ids=["bytes", "name", "missing"])
def test_builds_that_differ_are_refused(second: dict[str, bytes]) -> None:
    build = tool("build")
    build.compare({"a.whl": b"1"}, {"a.whl": b"1"})
    with pytest.raises(build.Differs):
        build.compare({"a.whl": b"1"}, second)


# --- licences ------------------------------------------------------------------------------------------------------


def test_notice_has_each_package_of_each_install() -> None:
    installed = {
        (pin.name, pin.version) for file in pins.FILES if file != "constraints-test.txt" for pin in pins.read(file)
    }
    assert set(notice.licences()) == installed, "run script/update-notice"


def test_notice_is_what_the_packages_say() -> None:
    written = notice.licences()
    common = written.keys() & {(pins.normalised(one.name), one.version) for one in distributions()}
    assert len(common) > 60
    assert {one: written[one] for one in common} == {one: licences.named(metadata(*one)) for one in common}


def package(**fields: str | list[str]) -> Message:
    made = Message()
    for name, values in {"Name": "some-package", "Version": "1", **fields}.items():
        for value in values if isinstance(values, list) else [values]:
            made[name.replace("_", "-")] = value
    return made


OSI = "License :: OSI Approved :: "


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"License_Expression": "mit OR apache-2.0", "License": "BSD"}, "MIT OR Apache-2.0"),
        ({"License": "BSD-3-Clause"}, "BSD-3-Clause"),
        ({"License": "Apache License, Version 2.0"}, "Apache-2.0"),
        ({"Classifier": [f"{OSI}MIT License", "Topic :: Internet"]}, "MIT"),
        (
            {"Classifier": [f"{OSI}MIT License", f"{OSI}Apache Software License"]},
            "MIT License, Apache Software License",
        ),
        ({"License": "Copyright (c) 2021 Some Body. " * 20, "Classifier": f"{OSI}BSD License"}, "BSD License"),
        ({"License": "our own"}, "our own"),
        ({"Name": "PySocks", "License": "BSD"}, "BSD-3-Clause"),
    ],
    ids=["expression", "identifier", "words", "classifier", "two-classifiers", "whole-text", "own-words", "read"],
)
def test_a_licence_in_metadata(fields: dict[str, str | list[str]], expected: str) -> None:
    assert licences.named(package(**fields)) == expected


def test_a_package_without_a_licence_is_refused() -> None:
    with pytest.raises(ValueError, match="some-package 1 names no licence"):
        licences.named(package(Classifier="Topic :: Internet"))


def test_each_licence_that_was_read_is_an_expression_of_a_package_that_is_pinned() -> None:
    assert licences.READ.keys() <= pins.pinned().keys()
    for expression in licences.READ.values():
        assert canonicalize_license_expression(expression) == expression


# --- the bill of materials -----------------------------------------------------------------------------------------

WINDOWS = ("--platform", "win_amd64", "--python", "3.12", "--extra", "all")


@pytest.fixture(scope="module")
def bill() -> dict[str, object]:
    done = run("script/sbom", *WINDOWS)
    assert (done.returncode, done.stderr) == (0, "")
    assert run("script/sbom", *WINDOWS).stdout == done.stdout, "the same commit gives the same bytes"
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_it_is_valid_cyclonedx(bill: dict[str, object]) -> None:
    """By the schema of OWASP, which is shipped with another library than wrote it checks."""
    folder = Path(cyclonedx.schema.__file__).parent / "_res"
    schemas = {
        name: json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text(encoding="utf-8"))
        for name in ("bom-1.6", "spdx", "jsf-0.82")
    }
    registry: Registry[Any] = Registry().with_resources(
        (f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json", Resource.from_contents(schema))
        for name, schema in schemas.items()
    )
    validator = jsonschema.Draft7Validator(schemas["bom-1.6"], registry=registry)
    validator.validate(bill)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**bill, "components": [{"type": "library"}]})


def test_it_has_each_package_of_that_install_with_licence_and_hashes(bill: dict[str, object]) -> None:
    components = bill["components"]
    assert isinstance(components, list)
    found = {(one["name"], one["version"]): {entry["content"] for entry in one["hashes"]} for one in components}
    wanted = offline_bundle.needed(["all"], offline_bundle.environment("win_amd64", "3.12"))
    assert found == {(pin.name, pin.version): set(pin.hashes) for pin in wanted.values()}
    assert all(one["licenses"] for one in components)
    names = {name for name, _ in found}
    assert {"impacket", "sspilib"} <= names  # Windows' own
    assert "jeepney" not in names  # Linux' own


def test_it_names_scanready_and_its_own_requirements(bill: dict[str, object]) -> None:
    about, dependencies = bill["metadata"], bill["dependencies"]
    assert isinstance(about, dict)
    assert isinstance(dependencies, list)
    ours = about["component"]
    assert (ours["name"], ours["version"]) == ("scanready", pins.own_version())
    (direct,) = (one["dependsOn"] for one in dependencies if one["ref"] == ours["bom-ref"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    first = {name.partition("=")[0] for name in direct}
    assert {pins.normalised(one.partition(">")[0].partition("[")[0]) for one in project["dependencies"]} <= first


def test_a_bundle_carries_the_licences() -> None:
    assert {"LICENSE", "NOTICE"} == set(offline_bundle.LICENCES)
    for name in offline_bundle.LICENCES:
        assert (ROOT / name).is_file()
