"""The pytest plugin: an estate is scannable, as a test suite.

Every pytest run of an environment loads this module, whether it has to do with
scanready or not: it imports nothing but pytest and ours, whose parts are imported
when an inventory is collected, a fixture asked for or a marker met.

    pytest --scanready inventory.yaml           one test a target; *.scanready.yaml files are found by themselves
    scanready, agent, fake_target               fixtures
    @pytest.mark.scannable("smb://fs01/finance")
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from scanready.testing.fixture import Scanready
    from scanready.testing.inventory_file import InventoryFile

    from .model import Agent
    from .testing import FakeTarget

SUFFIXES = (".scanready.yaml", ".scanready.yml")

_MARKER = (
    "scannable(*targets, require='scannable', credential=None, depth=None, timeout=None, expect=None): check the "
    "targets before the test's body runs; the test fails, with the ladder and the remedy, if one is not scannable"
)
# Each setting with its help. It is an option, an ini key and, as for the command line, an environment variable.
_SETTINGS = {
    "inventory": "file with the credentials, the agent's name and the defaults for fixture and marker",
    "as": "take the share of this agent of an inventory with `agents`; by default the agent with this host's name",
    "depth": "check up to this step: connect, handshake, auth, login or access",
    "timeout": "time limit for one whole target, in seconds",
    "require": "fail a target of an inventory on any verdict lower than this: ready or scannable",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options; each setting is also an ini key and SCANREADY_NAME in the environment."""
    group = parser.getgroup("scanready", "is the estate scannable? (scanready)")
    group.addoption(
        "--scanready",
        action="append",
        default=[],
        metavar="FILE",
        dest="scanready_files",
        help="collect this inventory, with one test per target; repeatable",
    )
    group.addoption(
        "--scanready-only",
        action="append",
        default=[],
        metavar="EXPR",
        dest="scanready_only",
        help="select only these targets of inventories, as in type=ssh,host=web*; repeatable",
    )
    for name, words in _SETTINGS.items():
        group.addoption(f"--scanready-{name}", metavar=name.upper(), dest=f"scanready_{name}", help=words)
        parser.addini(f"scanready_{name}", f"scanready: {words}")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; add the files of --scanready to the arguments."""
    config.addinivalue_line("markers", _MARKER)
    if config.getoption("scanready_only") or any(
        config.getoption(f"scanready_{name}") or config.getini(f"scanready_{name}") for name in _SETTINGS
    ):
        from scanready.testing.session import settings_can_be_read

        settings_can_be_read(config)
    for file in _named(config):
        if str(file) not in config.args:
            config.args.append(str(file))


def _named(config: pytest.Config) -> list[Path]:
    return [Path(config.invocation_params.dir, file).resolve() for file in config.getoption("scanready_files")]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> InventoryFile | None:
    """Collect an inventory. Nothing is contacted."""
    if not file_path.name.endswith(SUFFIXES):
        named = _named(parent.config)
        if not named or file_path.resolve() not in named:
            return None
    from scanready.testing.inventory_file import InventoryFile

    return InventoryFile.from_parent(parent, path=file_path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Apply --scanready-only; collect a file once even if it is both named and found."""
    if any(getattr(item, "is_scanready", False) for item in items):
        from scanready.testing.inventory_file import selected

        kept, dropped = selected(items, config.getoption("scanready_only"))
        items[:] = kept
        if dropped:
            config.hook.pytest_deselected(items=dropped)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Remember the running test, so that a check can note its verdict there, whatever the fixture's scope."""
    if getattr(item, "is_scanready", False) or item.get_closest_marker("scannable") or _asks(item):
        from scanready.testing.session import checks_of

        checks_of(item.config).current = item
    return (yield)


def _asks(item: pytest.Item) -> bool:
    return "scanready" in getattr(item, "fixturenames", ())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Check the targets of the test's markers, after its fixtures and before its body."""
    if item.get_closest_marker("scannable"):
        from scanready.testing.marker import check_markers
        from scanready.testing.session import checks_of

        check_markers(item, checks_of(item.config))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give all workers of pytest-xdist one directory for results, so that each target is checked once."""
    import tempfile

    if not hasattr(node.config, "scanready_directory"):
        node.config.scanready_directory = tempfile.mkdtemp(prefix="scanready-")
    node.workerinput["scanready_directory"] = node.config.scanready_directory


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the directory that the workers shared."""
    if directory := getattr(config, "scanready_directory", None):
        import shutil

        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def scanready(pytestconfig: pytest.Config) -> Scanready:
    """Check a target: ``scanready("smb://fs01/finance").assert_scannable()``."""
    from scanready.testing.fixture import Scanready
    from scanready.testing.session import checks_of

    return Scanready(checks_of(pytestconfig))


@pytest.fixture(scope="session")
def agent(pytestconfig: pytest.Config) -> Agent:
    """The host these tests run on, as reports name it."""
    from scanready.testing.session import checks_of

    return checks_of(pytestconfig).agent


@pytest.fixture
def fake_target() -> Iterator[FakeTarget]:
    """A scripted server on the loopback interface."""
    from .testing import FakeTarget

    with FakeTarget() as fake:
        yield fake
