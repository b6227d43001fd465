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
    "targets before the test's body runs; it fails with the ladder and the remedy where one is not scannable"
)
# name, what --help says. Each is an option, an ini key and, for the command line of scanready, an environment variable.
_SETTINGS = {
    "inventory": "where credentials, the agent's name and defaults for fixture and marker are described",
    "depth": "the last step that is asked and judged: connect, handshake, auth, login or access",
    "timeout": "seconds for one whole target",
    "require": "anything less than this verdict fails a target of an inventory: ready or scannable",
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
        help="collect this inventory, one test a target; repeatable",
    )
    group.addoption(
        "--scanready-only",
        action="append",
        default=[],
        metavar="EXPR",
        dest="scanready_only",
        help="of inventories only these targets, as in type=ssh,host=web*; repeatable",
    )
    for name, words in _SETTINGS.items():
        group.addoption(f"--scanready-{name}", metavar=name.upper(), dest=f"scanready_{name}", help=words)
        parser.addini(f"scanready_{name}", f"scanready: {words}")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; what --scanready names is collected besides what the arguments name."""
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
    """Apply --scanready-only; a file that was named and found besides is there once."""
    if any(getattr(item, "is_scanready", False) for item in items):
        from scanready.testing.inventory_file import selected

        kept, dropped = selected(items, config.getoption("scanready_only"))
        items[:] = kept
        if dropped:
            config.hook.pytest_deselected(items=dropped)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Remember whose test it is: a check tells its verdict there, whatever the scope of who asked for it."""
    if getattr(item, "is_scanready", False) or item.get_closest_marker("scannable") or _asks(item):
        from scanready.testing.session import checks_of

        checks_of(item.config).current = item
    return (yield)


def _asks(item: pytest.Item) -> bool:
    return "scanready" in getattr(item, "fixturenames", ())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Check what the test's markers name, after its fixtures and before its body."""
    if item.get_closest_marker("scannable"):
        from scanready.testing.marker import check_markers
        from scanready.testing.session import checks_of

        check_markers(item, checks_of(item.config))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """For pytest-xdist: give all workers one place for their results, so that each target is checked once."""
    import tempfile

    if not hasattr(node.config, "scanready_directory"):
        node.config.scanready_directory = tempfile.mkdtemp(prefix="scanready-")
    node.workerinput["scanready_directory"] = node.config.scanready_directory


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the place that the workers shared."""
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
