"""Causes of an agent that takes its targets from a coordinator: the target itself was not contacted."""

from __future__ import annotations

from scanready.model import Cause, Owner, Step

NOT_ALLOWED = Cause(
    "agent.not-allowed",
    Owner.AGENT,
    Step.AGENT,
    "This agent takes targets from a coordinator, and its option --allow does not have the address. Nothing was sent "
    "there.",
    "Add the network of the address to --allow of `scanready fleet agent` on this agent, if it may contact it.",
    "On the agent: ps -o args= -C scanready",
    definite=False,
    wire="No packet leaves the agent for this address.",
)
LOST = Cause(
    "agent.lost",
    Owner.AGENT,
    Step.AGENT,
    "The coordinator received nothing from this agent for the time of --agent-timeout. This agent did not check the "
    "target.",
    "Start `scanready fleet agent` on this agent, or repair its connection to the broker. Its targets are then checked "
    "by `scanready fleet verify --resume`.",
    "At the coordinator: scanready fleet agents",
    definite=False,
    wire="No packet for the target leaves the agent.",
)
UNANSWERED = Cause(
    "agent.unanswered",
    Owner.AGENT,
    Step.AGENT,
    "This agent is connected, and sent no result for the target: the batch or its result was lost twice on the way, "
    "the agent sent nothing for an hour, or it cannot write its own file.",
    "Read the log of `scanready fleet agent` on this agent. Free space if its disk is full, and restart it. Look "
    "whether someone empties queues at the broker. Then check the targets by `scanready fleet verify --resume`.",
    "On the agent: journalctl -u scanready-agent. At the broker: rabbitmqctl list_queues --vhost scanready",
    definite=False,
    wire="The agent may have contacted the target; no result reached the coordinator.",
)
