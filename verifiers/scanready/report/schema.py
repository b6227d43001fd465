"""The JSON Schema of the result: of one object (a line of ``jsonl``), of the document (``json``), of `agent --json`."""

from __future__ import annotations

from typing import Any

from scanready.model import Outcome, Owner, Standing, Step, Verdict

from .serialize import SCHEMA


def result_schema() -> dict[str, Any]:
    """Return the schema; it takes either shape, told apart by ``results``. Fields may be added, never renamed."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "scanready result",
        "type": "object",
        "if": {"required": ["results"]},
        "then": {"$ref": "#/$defs/document"},
        "else": {"$ref": "#/$defs/result"},
        "$defs": {
            "result": _RESULT,
            "document": _DOCUMENT,
            "agent": _AGENT,
            "target": _TARGET,
            "cause": _CAUSE,
            "check": _CHECK,
            "footprint": _FOOTPRINT,
            "step": {"enum": [step.value for step in Step]},
        },
    }


def _object(about: str, **properties: dict[str, Any]) -> dict[str, Any]:
    """An object whose named properties are always there."""
    return {"type": "object", "description": about, "required": list(properties), "properties": properties}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_SECONDS = {"type": "number", "minimum": 0, "description": "wall time"}
_TIME = {"type": "string", "format": "date-time", "description": "UTC"}
_STEP = {"$ref": "#/$defs/step"}
_FACTS = {"type": "object", "description": "evidence, one vocabulary for all target types"}

_AGENT = _object(
    "the host the check runs on",
    name=_TEXT,
    platform={"type": "string", "description": "as the operating system names itself, or as was assumed"},
    addresses={"type": "array", "items": _TEXT},
    assumed={"type": "boolean", "description": "judged as if it were such a platform (--assume-agent)"},
)
_AGENT["properties"] |= {  # not in results of before
    "distribution": {"type": "string", "description": "as in Debian 12; empty where it is not known"},
    "networks": {"type": "array", "items": _TEXT, "description": "addresses with their subnets, as in 10.0.1.5/24"},
}
_TARGET = _object(
    "what was to be scanned",
    host=_TEXT,
    type=_TEXT,
    port={"type": "integer", "minimum": 0, "maximum": 65535},
    options={"type": "object"},
    credential={"type": ["string", "null"], "description": "the credential's name in the inventory"},
    user={"type": ["string", "null"], "description": "the credential's user name"},
    tags={"type": "array", "items": _TEXT},
    guessed={"type": "boolean", "description": "nobody named the type: it is one of all that are tried"},
)
_CAUSE = _object(
    "why not, who can fix it, and how",
    code={"type": "string", "pattern": r"^[a-z0-9]+\.[a-z0-9]+(-[a-z0-9]+)*$"},
    owner={"enum": [owner.value for owner in Owner]},
    step=_STEP,
    detail={"type": "string", "description": "what was seen at this target"},
    meaning=_TEXT,
    remedy=_TEXT,
    confirm={"type": "string", "description": "how to see it by hand"},
    fix={"type": ["string", "null"], "description": "the literal thing to apply, where one can be generated"},
)
_CAUSE["properties"]["also"] = {  # not in results of before
    "type": "array",
    "description": "the other owners who can fix it, each with a remedy and a fix of their own",
    "items": _object(
        "one of them",
        owner=_CAUSE["properties"]["owner"],
        remedy=_TEXT,
        fix=_CAUSE["properties"]["fix"],
    ),
}
_CHECK = _object(
    "one question asked at one step of one endpoint",
    step=_STEP,
    endpoint=_TEXT,
    outcome={"enum": [outcome.value for outcome in Outcome]},
    summary=_TEXT,
    facts=_FACTS,
    cause={"type": ["string", "null"], "description": "the cause's code"},
    detail={"type": ["string", "null"], "description": "what was seen, where there is a cause"},
    fix={"type": ["string", "null"], "description": "the literal thing to apply, where one can be generated"},
    tentative={"type": "boolean", "description": "tried with an identity we invented: may warn, never block"},
    seconds=_SECONDS,
)
_CHECK["properties"]["events"] = {  # not in results of before, and only of checks that were recorded
    "type": "array",
    "items": _TEXT,
    "description": "what was sent, in words that the target type explains",
}
_CHECK["properties"]["also"] = {  # only where another owner of the cause has a fix
    "type": "array",
    "description": "the fixes of the cause's other owners",
    "items": _object("one of them", owner=_CAUSE["properties"]["owner"], fix=_TEXT),
}
_FOOTPRINT = _object("what the check cost the target", connections=_COUNT, login_attempts=_COUNT, probe_logins=_COUNT)
_RESULT = _object(
    "everything about one target",
    schema={"const": SCHEMA},
    agent={"$ref": "#/$defs/agent"},
    target={"$ref": "#/$defs/target"},
    verdict={"enum": [verdict.value for verdict in Verdict]},
    reached=_or_null(_STEP),
    cause=_or_null({"$ref": "#/$defs/cause"}),
    facts=_FACTS,
    checks={"type": "array", "items": {"$ref": "#/$defs/check"}},
    footprint={"$ref": "#/$defs/footprint"},
    started=_TIME,
    seconds=_SECONDS,
)
_RESULT["properties"]["besides"] = {  # not in results of before
    "type": "array",
    "items": {"$ref": "#/$defs/cause"},
    "description": "the other causes that were found, in climbing order",
}
_RESULT["properties"] |= {  # only of a host without a type
    "as": {"type": "array", "items": _TEXT, "description": "the types that it can be scanned as"},
    "types": {
        "type": "array",
        "items": {"$ref": "#/$defs/result"},
        "description": "a result for each type that was tried, the leading one first",
    },
}
_RESULT["properties"]["standing"] = {  # only where a failure is known
    "enum": [standing.value for standing in Standing],
    "description": "what became of the failure that is known of the target",
}
_TARGET["properties"]["expected"] = _object(  # only where a failure is known
    "the failure that is known of the target",
    verdict={"enum": [verdict.value for verdict in Verdict]},
    cause={"type": "string", "description": "the cause's code"},
    until={"type": "string", "format": "date", "description": "the last day, in UTC"},
    reason=_TEXT,
    agents={"type": "array", "items": _TEXT, "description": "the agents that see it; empty stands for all"},
)
_RUN = _object(
    "the invocation",
    scanready={"type": "string", "description": "the version of scanready"},
    agent={"$ref": "#/$defs/agent"},
    started=_TIME,
    targets=_COUNT,
    depth=_STEP,
    timeout={"type": "number", "description": "seconds for one target"},
)
_SUMMARY = _object(
    "what is only known at the end",
    verdicts={"type": "object", "additionalProperties": _COUNT},
    unchecked=_COUNT,
    interrupted={"type": "boolean"},
    seconds=_SECONDS,
)
_SUMMARY["properties"]["known"] = {  # not in documents of before
    "type": "object",
    "additionalProperties": _COUNT,
    "description": "what became of known failures",
}
_DOCUMENT = _object(
    "one run", schema={"const": SCHEMA}, run=_RUN, results={"type": "array", "items": {"$ref": "#/$defs/result"}}
)
_DOCUMENT["properties"]["summary"] = _SUMMARY


def fitness_schema() -> dict[str, Any]:
    """Return the schema of what `scanready agent --json` prints. Fields may be added, never renamed."""
    subject = {"type": "string", "description": "what was asked about, as in: ssh client"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "scanready agent",
        **_object(
            "is this host fit for its role?",
            schema={"const": SCHEMA},
            agent=_AGENT,
            role={"enum": ["proxy", "node", "master"]},
            verdict={"enum": [verdict.value for verdict in Verdict]},
            cause=_or_null({"$ref": "#/$defs/cause"}),
            causes={"type": "array", "items": {"$ref": "#/$defs/cause"}, "description": "the decisive one first"},
            checks={"type": "array", "items": {"$ref": "#/$defs/check"}},
            started=_TIME,
            seconds=_SECONDS,
        ),
        "$defs": {
            "cause": _object(
                "what is to be mended, by whom, and how",
                subject=subject,
                **{name: of for name, of in _CAUSE["properties"].items() if name not in ("step", "also")},
            ),
            "check": _object(
                "one question about this host",
                subject=subject,
                **{name: _CHECK["properties"][name] for name in ("outcome", "summary", "facts", "cause", "seconds")},
            ),
        },
    }
