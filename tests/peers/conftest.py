"""The lab of tests/lab, for peers that only script/test-peers installs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.conftest import _whom_the_agent_trusts, agent, lab

__all__ = ["_whom_the_agent_trusts", "agent", "lab"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.lab)
