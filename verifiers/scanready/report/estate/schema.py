"""Define the JSON Schema of an estate view: the object ``estate`` of a document, and that of a line."""

from __future__ import annotations

from typing import Any

from scanready.model import Owner, Standing, Step, Verdict

_Schema = dict[str, Any]


def _object(about: str, **properties: _Schema) -> _Schema:
    return {"type": "object", "description": about, "required": list(properties), "properties": properties}


_TEXT: _Schema = {"type": "string"}
_TEXTS: _Schema = {"type": "array", "items": _TEXT}
_COUNT: _Schema = {"type": "integer", "minimum": 0}
_CODE: _Schema = {"type": ["string", "null"], "description": "the cause's code"}
_VERDICT: _Schema = {"enum": [verdict.value for verdict in Verdict]}

_FIELDS: dict[str, _Schema] = {
    "verdict": _VERDICT | {"description": "the best verdict of the target's agents that counts"},
    "cause": _CODE,
    "owner": {"enum": [*(owner.value for owner in Owner), None]},
    "step": {"enum": [*(step.value for step in Step), None]},
    "detail": {"type": ["string", "null"], "description": "the evidence of the agent that met the cause"},
    "met_by": {"type": ["string", "null"], "description": "the agent that met the cause"},
    "by": _TEXTS | {"description": "the agents that the verdict rests on"},
    "overruled": {
        "type": "array",
        "description": "the results that count as another verdict than their own",
        "items": _object("one result", agent=_TEXT, own=_VERDICT, counted=_VERDICT, by=_TEXT, cause=_TEXT, why=_TEXT),
    },
    "missing": _TEXTS | {"description": "the agents that should have a result and have none; each is undecided"},
    "standing": {
        "enum": [*(standing.value for standing in Standing), None],
        "description": "the state of the target's known failure for all agents together",
    },
}
#: The estate verdict of a line's target; equal in all lines of one target.
ESTATE_VERDICT = _object("the verdict of all agents for the target of this line", **_FIELDS)


def estate_schema(counts: _Schema, target: _Schema) -> _Schema:
    """Return the schema of a document's object ``estate``.

    Args:
        counts: the schema of counts by verdict.
        target: the schema of a target.
    """
    return _object(
        "the results of several agents about one estate",
        agents={
            "type": "array",
            "items": _object(
                "one agent; its counts are those of its own results",
                name=_TEXT,
                platform=_TEXT,
                addresses=_TEXTS,
                sites=_TEXTS,
                profile={"type": ["string", "null"], "description": "the requirements profile that judges its targets"},
                absent={"type": ["string", "null"], "description": "why its results do not count"},
                verdicts=counts,
                missing=_COUNT | {"description": "targets that it should have a result for and has not"},
            ),
        },
        counts=_object(
            "the counts of targets",
            targets=_COUNT,
            verdicts=counts | {"description": "targets by estate verdict"},
            proven_by_at_least_one_agent=_COUNT | {"description": "targets that an own result proves (scannable)"},
            without_any_result=_COUNT | {"description": "these are undecided, too"},
        ),
        frame=_object(
            "what is known beside the results",
            inventory={"type": "string", "description": "the digest of the inventory; empty if it is not known"},
            agents={
                "type": "array",
                "items": _object("a declared agent", name=_TEXT, sites=_TEXTS, platform=_TEXT),
            },
            absent={"type": "array", "items": _object("an agent whose results do not count", agent=_TEXT, why=_TEXT)},
            unseen={"type": "array", "items": target, "description": "the targets that no agent has a result for"},
            remarks=_TEXTS,
            shares={
                "type": "object",
                "additionalProperties": _COUNT,
                "description": "agent to the number of targets that the inventory assigns to it",
            },
            name={"type": "string", "description": "the file name of the inventory; empty if it is not known"},
        ),
        targets={
            "type": "array",
            "items": _object(
                "one target",
                target={"type": "string", "description": "its name, a URL"},
                **_FIELDS,
                agents={
                    "type": "object",
                    "additionalProperties": _VERDICT,
                    "description": "the verdict of each agent's own result",
                },
            ),
        },
    )
