"""Causes of a program on the agent that the scanner reaches targets with, such as its ssh client."""

from __future__ import annotations

from scanready.model import Cause, Owner, Step

MISSING = Cause(
    "agent.client-missing",
    Owner.AGENT,
    Step.AGENT,
    "A program that the scanner needs is not installed on this agent.",
    "On this agent, install the program that the detail names (see the fix).",
    "On the agent: start the program that the detail names.",
    wire="Nothing is sent: the check looks at programs on the agent.",
)
BROKEN = Cause(
    "agent.client-broken",
    Owner.AGENT,
    Step.AGENT,
    "A program that the scanner needs is installed on this agent, but it does not run.",
    "On this agent, run the command in the detail, and correct what it prints: usually a library that is missing or of "
    "another version. Otherwise install the program again.",
    "On the agent: run the command in the detail.",
    wire="Nothing is sent: the check runs the program on the agent without a target.",
)
SILENT = Cause(
    "agent.client-silent",
    Owner.AGENT,
    Step.AGENT,
    "A program that the scanner needs gives no answer on this agent, so it is not known whether it can reach a target.",
    "On this agent, run the command in the detail. If it waits, look at what it waits for: a home directory on a file "
    "server that is away, a command in its configuration (`Match exec`), or a host without free memory.",
    "On the agent: time the command in the detail.",
    definite=False,
    wire="Nothing is sent: the check runs the program on the agent without a target.",
)
