"""The lab of tests/lab, for peers that only script/test-peers installs."""

from __future__ import annotations

from tests.lab.conftest import _whom_the_agent_trusts, agent, lab

__all__ = ["_whom_the_agent_trusts", "agent", "lab"]
