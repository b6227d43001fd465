"""Programs that the scanner needs on its agent, as its target types declare them."""

from __future__ import annotations

import asyncio

from scanready.run.registry import catalogue

from .question import Answer, Line
from .request import Asked


async def look(asked: Asked) -> list[Answer]:
    """Look for each program, and state what it is and which types need it."""
    answers: list[Answer] = []
    for program in catalogue().parts("client"):
        with Line(program.NAME, answers) as line:
            found = await asyncio.to_thread(program.present)
            needing = [row.name for row in asked.types if row.part("client") is program]
            named = [row.name for row in asked.named_types if row.part("client") is program]
            program.examine(found, line, needing, named)
    return answers
