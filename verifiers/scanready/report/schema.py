"""Define the JSON Schemas of one result (a line of ``jsonl``), of the document (``json``), and of `agent --json`."""

from __future__ import annotations

from typing import Any

from scanready.model import Outcome, Owner, Standing, Step, Verdict

from .estate.schema import ESTATE_VERDICT, estate_schema
from .serialize import SCHEMA


def result_schema() -> dict[str, Any]:
    """Return the schema of a result or a document; only a document has ``results``. Fields are added, never renamed."""
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
    """Return the schema of an object with these required properties."""
    return {"type": "object", "description": about, "required": list(properties), "properties": properties}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_SECONDS = {"type": "number", "minimum": 0, "description": "wall time"}
_TIME = {"type": "string", "format": "date-time", "description": "UTC"}
_STEP = {"$ref": "#/$defs/step"}
_FACTS = {"type": "object", "description": "the evidence; all target types use the same names"}

_AGENT = _object(
    "the host that runs the check",
    name=_TEXT,
    platform={"type": "string", "description": "the operating system's own name, or the one of --assume-agent"},
    addresses={"type": "array", "items": _TEXT},
    assumed={"type": "boolean", "description": "the platform is that of --assume-agent"},
)
_AGENT["properties"] |= {  # not in results of earlier versions
    "distribution": {"type": "string", "description": "for example Debian 12; empty if unknown"},
    "networks": {"type": "array", "items": _TEXT, "description": "addresses with subnets, for example 10.0.1.5/24"},
    "profile": {"type": "string", "description": "the requirements profile that judges; empty if unknown"},
}
_TARGET = _object(
    "the target of the check",
    host=_TEXT,
    type=_TEXT,
    port={"type": "integer", "minimum": 0, "maximum": 65535},
    options={"type": "object"},
    credential={"type": ["string", "null"], "description": "the credential's name in the inventory"},
    user={"type": ["string", "null"], "description": "the credential's user name"},
    tags={"type": "array", "items": _TEXT},
    guessed={"type": "boolean", "description": "the user named no type; this is one of the types that were tried"},
)
_NAMES = {"type": "array", "items": _TEXT, "minItems": 1}
_TARGET["properties"] |= {
    "authority": {"type": "string", "description": "the directory that judges the account; absent if none is named"},
    "alternatives": {
        "type": "array",
        "items": _object("one credential", credential=_TEXT, user={"type": ["string", "null"]}),
        "description": "the credentials that are tried after a refusal, in this order; absent if there are none",
    },
    "agents": _NAMES | {"description": "the agents that the inventory assigns to it; absent if it names none"},
    "sites": _NAMES | {"description": "the sites whose agents check it; absent if the inventory names none"},
    "source": {"type": "string", "description": "FILE:LINE of the inventory; absent for targets of no file"},
}
_CAUSE = _object(
    "the reason for the verdict, with its owner and remedy",
    code={"type": "string", "pattern": r"^[a-z0-9]+\.[a-z0-9]+(-[a-z0-9]+)*$"},
    owner={"enum": [owner.value for owner in Owner]},
    step=_STEP,
    detail={"type": "string", "description": "the evidence at this target"},
    meaning=_TEXT,
    remedy=_TEXT,
    confirm={"type": "string", "description": "a manual check that shows the cause"},
    fix={"type": ["string", "null"], "description": "the text to paste; null if none can be generated"},
)
_CAUSE["properties"]["also"] = {  # not in results of earlier versions
    "type": "array",
    "description": "the other owners who can fix the cause, each with a remedy and a fix",
    "items": _object(
        "one other owner",
        owner=_CAUSE["properties"]["owner"],
        remedy=_TEXT,
        fix=_CAUSE["properties"]["fix"],
    ),
}
_CASE = {"type": "string", "description": "what the evidence narrows the cause down to; absent if to nothing"}
_CAUSE["properties"]["case"] = _CASE  # only of causes with cases
_CHECK = _object(
    "one check of one endpoint at one step",
    step=_STEP,
    endpoint=_TEXT,
    outcome={"enum": [outcome.value for outcome in Outcome]},
    summary=_TEXT,
    facts=_FACTS,
    cause={"type": ["string", "null"], "description": "the cause's code"},
    detail={"type": ["string", "null"], "description": "the evidence; null without a cause"},
    fix={"type": ["string", "null"], "description": "the text to paste; null if none can be generated"},
    tentative={"type": "boolean", "description": "tried with an invented identity: may warn, never block"},
    seconds=_SECONDS,
)
_CHECK["properties"]["events"] = {  # not in results of earlier versions, and only of checks that were recorded
    "type": "array",
    "items": _TEXT,
    "description": "the names of the messages that were sent; the target type explains them",
}
_CHECK["properties"]["case"] = _CASE
_CHECK["properties"]["also"] = {  # only if another owner of the cause has a fix
    "type": "array",
    "description": "the fixes of the cause's other owners",
    "items": _object("the fix of one owner", owner=_CAUSE["properties"]["owner"], fix=_TEXT),
}
_FOOTPRINT = _object(
    "the connections and logins that the target received",
    connections=_COUNT,
    login_attempts=_COUNT,
    probe_logins=_COUNT,
)
_RESULT = _object(
    "the result of one target",
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
_RESULT["properties"]["besides"] = {  # not in results of earlier versions
    "type": "array",
    "items": {"$ref": "#/$defs/cause"},
    "description": "the other causes that were found, in the order of the steps",
}
_RESULT["properties"] |= {  # only of a host without a type
    "as": {"type": "array", "items": _TEXT, "description": "the types that it can be scanned as"},
    "types": {
        "type": "array",
        "items": {"$ref": "#/$defs/result"},
        "description": "one result for each type that was tried, the leading one first",
    },
}
_RESULT["properties"]["standing"] = {  # only if the inventory expects a failure
    "enum": [standing.value for standing in Standing],
    "description": "the state of the target's known failure",
}
_TARGET["properties"]["expected"] = _object(  # only if the inventory expects a failure
    "the known failure of the target",
    verdict={"enum": [verdict.value for verdict in Verdict]},
    cause={"type": "string", "description": "the cause's code"},
    until={"type": "string", "format": "date", "description": "the last day, in UTC"},
    reason=_TEXT,
    agents={"type": "array", "items": _TEXT, "description": "the agents with this failure; empty for all agents"},
)
_COUNTS = {"type": "object", "additionalProperties": _COUNT}
_RUN = _object(
    "the invocation",
    scanready={"type": "string", "description": "the version of scanready"},
    agent=_or_null({"$ref": "#/$defs/agent"}) | {"description": "null in an estate view: each result names its own"},
    started=_or_null(_TIME),
    targets=_COUNT,
    depth=_or_null(_STEP) | {"description": "null in an estate view"},
    timeout={"type": ["number", "null"], "description": "seconds for one target; null in an estate view"},
)
_SUMMARY = _object(
    "the counts of the whole run",
    verdicts=_COUNTS | {"description": "targets by verdict; in an estate view by estate verdict"},
    unchecked=_COUNT,
    interrupted={"type": "boolean"},
    seconds={"type": ["number", "null"], "minimum": 0, "description": "wall time; null in an estate view"},
)
_SUMMARY["properties"]["known"] = {  # not in documents of earlier versions
    "type": "object",
    "additionalProperties": _COUNT,
    "description": "the number of known failures in each state",
}
_DOCUMENT = _object(
    "one run", schema={"const": SCHEMA}, run=_RUN, results={"type": "array", "items": {"$ref": "#/$defs/result"}}
)
_DOCUMENT["properties"]["summary"] = _SUMMARY
_RESULT["properties"]["estate"] = ESTATE_VERDICT  # only in the lines of an estate view
_DOCUMENT["properties"]["estate"] = estate_schema(_COUNTS, _TARGET)  # only of an estate view


def fitness_schema() -> dict[str, Any]:
    """Return the schema of the output of `scanready agent --json`. Fields are added, never renamed."""
    subject = {"type": "string", "description": "the subject of the check, for example: ssh client"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "scanready agent",
        **_object(
            "whether this host can serve in its role",
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
                "a problem, with its owner and remedy",
                subject=subject,
                **{name: of for name, of in _CAUSE["properties"].items() if name not in ("step", "also", "case")},
            ),
            "check": _object(
                "one check of this host",
                subject=subject,
                **{name: _CHECK["properties"][name] for name in ("outcome", "summary", "facts", "cause", "seconds")},
            ),
        },
    }
