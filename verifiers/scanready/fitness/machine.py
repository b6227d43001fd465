"""The machine: platform, architecture, bitness, and which target types the document lets such an agent serve."""

from __future__ import annotations

import platform
import struct

from scanready.causes import common
from scanready.run.agent_step import mismatch, unsuited

from .question import Answer, Line
from .request import ROLES, Asked


async def look(asked: Asked) -> list[Answer]:
    """Report this host's platform; fail for each target type that requires another platform and has targets."""
    answers: list[Answer] = []
    with Line("platform", answers) as line:
        bits = struct.calcsize("P") * 8
        machine, agent = platform.machine(), asked.agent
        facts = {"system": platform.system(), "release": platform.release(), "machine": machine, "bits": bits}
        what = f"{agent.distribution or agent.platform}, {machine}, {bits}-bit"
        if asked.role != "proxy":
            line.ok(f"{what}; the requirements name no platform for a {ROLES[asked.role]}", **facts)
            return answers
        elsewhere = [row for row in asked.types if row.requirements.agent not in (None, agent.platform)]
        better_elsewhere = [row for row in asked.types if row.requirements.suits not in (None, agent.platform)]
        serves = [row.name for row in asked.types if row not in elsewhere]
        facts |= {"serves": serves, "serves_not": [row.name for row in elsewhere]}
        if elsewhere and asked.named_types:
            line.ok(what, **facts)
            mismatches = "; ".join(mismatch(row.name, row.requirements.agent, agent) for row in elsewhere)
            line.fail(common.PLATFORM_MISMATCH, mismatches)
        elif elsewhere:
            demands = ", ".join(f"{row.name} (requires a {row.requirements.agent} agent)" for row in elsewhere)
            line.ok(f"{what}; can scan every type except {demands}", **facts)
        else:
            line.ok(f"{what}; can scan {', '.join(serves) if asked.named_types else 'every type'}", **facts)
        for row in better_elsewhere:
            line.ok(unsuited(row))
    return answers
