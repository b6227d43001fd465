"""Recognise documents that contain only an error report, regardless of their HTTP status.

The form decides, not single words: a JSON object with only the fields of an error, an XML document whose root is an
error, or a page whose whole title or first heading is an error message. A page that mentions such words among others is
content.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from http import HTTPStatus
from itertools import islice
from typing import Any

from scanready.wire.http import tags
from scanready.wire.printable import printable


class Says(Enum):
    """Name the kinds of failures that a headline reports."""

    ERROR = "an error"
    REFUSAL = "a refusal"
    MAINTENANCE = "maintenance"
    PARKED = "a parked domain"


#: Bytes of an error, or of a listing without an entry; a longer document that looks like an error may be a log.
MOST_ERROR = 4000

# --- JSON --------------------------------------------------------------------------------------------------------

#: The fields of errors: RFC 9457, OData, JSON:API, GraphQL, and common names of frameworks and gateways. A document is
#: an error only if it has no other field.
_FIELDS = frozenset(
    (
        *("error", "errors", "errorcode", "errormessage", "errortype", "errorid", "errordescription", "errorsummary"),
        *("code", "status", "statuscode", "statustext", "statusmessage", "httpstatus", "httpcode", "httpstatuscode"),
        *("message", "messages", "msg", "reason", "detail", "details", "description", "title", "type", "instance"),
        *("success", "ok", "fault", "faultcode", "faultstring", "exception", "cause", "hint", "stack", "trace"),
        *("timestamp", "time", "path", "method", "url", "host", "hostid", "requestid", "traceid", "correlationid"),
        *("documentationurl", "docs", "help", "helpurl", "moreinfo", "name", "severity", "data", "result", "info"),
    )
)
_REPORTS = ("error", "errors", "errorcode", "errormessage", "errorsummary", "fault", "faultstring", "exception")
_CODES = ("code", "status", "statuscode", "httpstatus", "httpcode", "httpstatuscode", "error")
_WORDS = ("message", "msg", "status", "statustext", "reason", "detail", "title", "code", "description", "result")
_FLAGS = ("success", "ok")
_FAILED = ("error", "fail", "failed", "failure", "denied", "unauthenticated", "unauthorized", "forbidden")
_NONE = ("", "0", "none", "null", "ok", "false", "no", "success")
#: The most errors in one list.
_MOST_LISTED = 5


def json_error(body: bytes) -> str | None:
    """Describe the error in a JSON document that contains only an error; None for any other document."""
    if body[:1] not in (b"{", b"[", b'"') or len(body) > MOST_ERROR:
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(document, str):
        return document[:80] if headline(document, "") else None
    if isinstance(document, list) and 0 < len(document) <= _MOST_LISTED:
        found = [_of_object(one) for one in document]
        return found[0] if all(found) else None
    return _of_object(document)


def _of_object(document: Any) -> str | None:
    if not isinstance(document, dict):
        return None
    fields = {re.sub(r"[^a-z0-9]", "", str(name).lower()): value for name, value in document.items()}
    if any(name not in _FIELDS and value not in (None, "", [], {}) for name, value in fields.items()):
        return None
    if any(fields.get(name) for name in ("data", "result") if not isinstance(fields.get(name), str)):
        return None
    for name in _REPORTS:
        if (value := fields.get(name)) and str(value).strip().lower() not in _NONE:
            return f"{name}: {_short(value)}"
    for name in _CODES:
        if re.fullmatch(r"[45]\d\d", str(fields.get(name))):
            return f"{name}: {fields[name]}"
    for name in _FLAGS:
        if fields.get(name) is False:
            return f"{name}: false"
    for name in _WORDS:
        value = fields.get(name)
        if isinstance(value, str) and (value.strip().lower() in _FAILED or headline(value, "")):
            return f"{name}: {_short(value)}"
    return None


def _short(value: object) -> str:
    return printable(str(value), 100)


def is_void(body: bytes) -> bool:
    """Return whether a document has no data: an empty JSON object or list, or the listing of an empty bucket."""
    if body.strip() in (b"{}", b"[]", b"null", b'""'):
        return True
    names = _elements(body) if len(body) <= MOST_ERROR else []
    return bool(names) and names[0] in _LISTINGS and not _LISTINGS[names[0]] & set(names)


# --- XML ---------------------------------------------------------------------------------------------------------

#: Root elements of errors: S3 and Azure, OData, OGC, Salesforce and others.
_ROOTS = frozenset(
    ("error", "errors", "errorresponse", "fault", "exception", "exceptionreport", "serviceexceptionreport", "problem")
)
#: Listings of buckets (S3, Azure), and the elements that show that something is in them.
_LISTINGS = {
    "listbucketresult": {"contents", "commonprefixes"},
    "enumerationresults": {"blob", "container", "blobprefix", "file", "directory"},
}
#: The most elements that are inspected.
_MOST_ELEMENTS = 60


def xml_error(body: bytes) -> str | None:
    """Describe the error in an XML document that contains only an error; None for any other document."""
    if len(body) > MOST_ERROR or not (names := _elements(body)):
        return None
    if names[0] in _ROOTS:
        return f"the element {names[0]}"
    if names[0] == "envelope" and "body" in names:
        inside = names[names.index("body") + 1 :]
        return "a SOAP Fault" if inside[:1] == ["fault"] else None
    return None


def _elements(body: bytes) -> list[str]:
    """Return the first elements of a document in order: names in lower case, without the prefix."""
    if body.lstrip()[:1] != b"<":
        return []
    named = (tag.name for tag in islice(tags(body), _MOST_ELEMENTS) if tag.name and not tag.name.startswith(b"/"))
    return [name.rpartition(b":")[2].decode("latin-1") for name in named]


# --- errors of a language ---------------------------------------------------------------------------------------------

#: PHP's own words with and without ``html_errors``, and those of Python; a page shows them escaped, or later on.
_RUNTIME_ERROR = re.compile(
    rb"<b>(?:Fatal|Parse) error</b>: |\A\s*(?:PHP )?(?:Fatal|Parse) error: |\A\s*Traceback \(most recent call last\):"
)


def runtime_error(body: bytes) -> str | None:
    """Return the first words of an error that a page's own program reports in its place, None if there is none.

    The caller knows that the page has little to read.
    """
    found = _RUNTIME_ERROR.search(body)
    return (
        printable(re.sub(rb"<[^>]*>", b"", body[found.start() : found.start() + 200]).decode("latin-1"), 100)
        if found
        else None
    )


# --- headlines ---------------------------------------------------------------------------------------------------

#: Reason phrases that no page has as its title; "Gone" and "Conflict" are also ordinary words.
_REASONS = [
    status.phrase.lower()
    for status in HTTPStatus
    if status >= 400 and (" " in status.phrase or status.phrase in ("Forbidden", "Unauthorized"))
]
_THING = r"(?:(?:the|this|that|your|our|a|requested|web|http|https) )*" + (
    r"(?:page|file|url|resource|document|site|website|address|location|content|object|article|request|access)"
)
_ASKED = r"(?: (?:that )?you(?: are|'re| were|'ve| have)? (?:requested|looking for|trying to (?:reach|access|view)))?"
_NOT = r" (?:was |is |has |could |can |does |do )?(?:not|no longer|cannot|can't|couldn't|doesn't|wasn't|isn't|never)"
_VERB = r"(?: (?:be|been|found|exists?|available|located|displayed|retrieved|here|loaded|reached|there))+"
_ERROR_SENTENCES = [
    _THING + _ASKED + r"(?:" + _NOT + _VERB + r"| not found| missing| could not be found)",
    r"no such (?:page|file|key|bucket)|nothing (?:was )?found here|nothing to see here",
    r"seite (?:wurde )?nicht gefunden|page (?:introuvable|non trouv.e)|p.gina no encontrada",
    r"pagina (?:non trovata|niet gevonden)",
    r"an? (?:unexpected |unknown |internal |application |server |unhandled )*error (?:has )?occurred",
    r"(?:oops[,.!]* )?something went wrong|oops|whitelabel error page|(?:application|runtime|fatal|system) error",
    r"server error(?: in '[^']{0,60}' application)?|error establishing a database connection",
    r"authori[sz]ation required|authentication (?:is )?required|not authori[sz]ed|not logged in|unauthenticated",
    r"invalid (?:token|api key|credentials)|missing authentication token|login (?:failed|incorrect)",
    r"(?:forbidden|unauthorized): access is denied(?: due to [^|]{1,60})?|file or directory not found",
    r"(?:(?:this|your|the) )?(?:hosting )?(?:account|site|website|domain)(?: has been| is| was)?"
    r"(?: temporarily)? suspended",
    r"(?:(?:this|your|the) )?(?:user )?account(?: has been| is| was)?(?: temporarily| currently)? "
    r"(?:locked(?: out)?|disabled|deactivated|blocked|expired)(?: (?:due to|because of|for|until) [^|]{1,80})?",
    r"(?:(?:your|the) )?(?:password|session)(?: has| is)? (?:expired|timed out)|session time-?out|"
    r"password (?:change|reset) (?:is )?required|(?:you must|please) (?:change|reset) your password",
    r"too many (?:(?:failed|unsuccessful|invalid) )?(?:(?:log-?in|sign-?in|authentication|password) )?"
    r"(?:attempts|failures)",
    r"(?:(?:ihr|das|dieses) )?(?:benutzer)?konto (?:ist |wurde )?(?:vor.bergehend )?"
    r"(?:gesperrt|deaktiviert|abgelaufen)|"
    r"(?:(?:ihr|das) )?(?:passwort|kennwort) (?:ist )?abgelaufen|(?:(?:ihre|die) )?sitzung (?:ist )?abgelaufen",
]
_WHAT = (
    r"(?:(?:the|this|your|requested|web|internet|all) )*"
    r"(?:website|web site|site|webpage|web page|page|url|request|content|access|category|connection|domain|download)s?"
)
_REFUSED = r"(?:blocked|denied|restricted|filtered|forbidden|prohibited|rejected|not allowed|not permitted|disallowed)"
_REFUSAL_SENTENCES = [
    _WHAT
    + r"(?: (?:to|from|for) [^|]{1,60}?)?(?: is| has been| was| are| have been)?(?: temporarily| currently)? "
    + _REFUSED
    + r"(?: (?:by|due to|because of|for|in|under|on) [^|]{1,80}| \([^|]{1,60})?",
    r"blocked (?:website|web site|site|page|content|url|request)|permission denied|(?:policy|content|url) violation",
    r"(?:web|url|content|site) filter(?:ing)? (?:violation|block(?:ed)?|notification)",
    r"you (?:are not|do not have|don't have) (?:authori[sz]ed|permission|permitted|allowed)[^|]{0,60}",
    r"(?:you have|you've) been blocked|sorry, you have been blocked",
    r"(?:der )?(?:zugriff|zugang)(?: auf diese (?:seite|webseite|website))?(?: ist| wurde)? "
    r"(?:verweigert|gesperrt|blockiert|nicht erlaubt)",
    r"(?:(?:die|diese) )?(?:angeforderte )?(?:seite|webseite|website|internetseite|url)(?: ist| wurde)? "
    r"(?:gesperrt|blockiert)",
    r"gesperrte (?:seite|webseite|website)|(?:l'|votre )?acc.s (?:est )?(?:refus.|interdit|bloqu.|non autoris.)",
    r"(?:site|page) bloqu.e?|acceso (?:denegado|prohibido|bloqueado)|accesso (?:negato|bloccato|vietato)|"
    r"acesso (?:negado|bloqueado)|toegang (?:geweigerd|geblokkeerd)|dost.p zablokowany|odmowa dost.pu",
    "\u30a2\u30af\u30bb\u30b9\u304c(?:\u30d6\u30ed\u30c3\u30af|\u62d2\u5426)\u3055\u308c\u307e\u3057\u305f",
]
_OFF = r"(?:down|offline|closed|unavailable|out of service|not available)"
_MAINTENANCE_SENTENCES = [
    r"(?:[^|]{1,50} )?(?:is|are|we're|briefly|currently|temporarily|down|closed|offline|unavailable|under|undergoing|"
    r"in)(?: (?:is|are|currently|temporarily|" + _OFF + r"|under|undergoing|for|due to|some|a|the|quick|short|brief))* "
    r"(?:(?:scheduled|planned|routine|urgent|emergency|system|site|server) )*maintenance(?: mode)?"
    r"(?: (?:at the moment|right now|now|in progress))?(?:[.,] [^|]{0,80})?",
    r"(?:(?:our|the|this|site|website|page|service|server|system) )*(?:is |are )?(?:currently|temporarily|briefly) "
    + _OFF
    + r"[^|]{0,60}",
    r"(?:(?:scheduled|planned|site|system|server|website) )*maintenance (?:mode|in progress|underway)",
    r"(?:sorry[,.!]* )?(?:we(?:'ll| will|'re) )?(?:be )?(?:right )?back (?:soon|shortly|later|in a (?:moment|minute))",
    r"(?:diese |die )?(?:seite|website|webseite) (?:wird|ist|befindet)[^|]{0,40}(?:gewartet|wartungsmodus|wartung)|"
    r"wartungsmodus",
    r"(?:wegen )?(?:(?:(?:geplante|aktuelle|laufende)r? )?wartungsarbeiten|(?:geplante|aktuelle|laufende)r? wartung)"
    r"(?: (?:am|an der|an unserer|an unserem) (?:server|system|website|webseite|webserver))?"
    r"(?: (?:derzeit |zurzeit |vor.bergehend )?nicht (?:erreichbar|verf.gbar))?",
    r"wir f.hren (?:gerade |derzeit |zurzeit )?wartungsarbeiten durch",
    r"(?:le )?site (?:est )?en (?:cours de )?maintenance|(?:sitio )?en mantenimiento|(?:sito )?in manutenzione",
]


def _any_of(sentences: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(sentences))


_PARKED_SENTENCES = [
    r"(?:(?:this|the) )?(?:premium )?(?:web address|domain(?: name)?)(?: [a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+)?"
    r" (?:is|may be|might be|could be)(?: now| currently| available| listed)* (?:for sale|parked)(?: [^|]{1,60})?",
    r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+ (?:domain (?:name )?)?(?:is|may be|might be)"
    r"(?: now| currently| available)* (?:for sale|parked)(?: [^|]{1,60})?",
    r"(?:this )?(?:premium )?domain(?: name)? for sale|parked (?:domain|at [^|]{1,40})(?: name)?|domain parking|"
    r"buy this domain(?: name)?|diese domain (?:steht zum verkauf|ist geparkt|kaufen)|domain (?:geparkt|zu verkaufen)",
]
_KINDS = (
    (Says.PARKED, _any_of(_PARKED_SENTENCES)),
    (Says.MAINTENANCE, _any_of(_MAINTENANCE_SENTENCES)),
    (Says.REFUSAL, _any_of(_REFUSAL_SENTENCES)),
    (Says.ERROR, _any_of([*map(re.escape, _REASONS), *_ERROR_SENTENCES])),
)
#: A prefix of the message: "Error 404 (", "HTTP Status 500 - ".
_BEFORE = re.compile(
    r"((?:(?:https?|error|fehler|erreur|status|code|server|err|iis [0-9.]{1,5} detailed)\b[ .:#!-]*){0,4})"
    r"(?:([45]\d\d)(?:\.\d{1,2})?(?!\d))?[ .:,;()\[\]-]*"
)
_STOPS = " .:;,!?()[]\u20261"
_AFTER = re.compile(r"(?: \(?(?:error|page))?(?: \(?[45]\d\d\)?)?$")
_BETWEEN = re.compile(r" *[|\u2013\u2014\u00b7\u2022\u00bb] *| +-+ +")
_MOST = 200


def headline(title: str, heading: str) -> Says | None:
    """Return the failure that a page's whole title or first heading reports; None if it reports none."""
    for text in (heading, title):
        if found := _of_text(text):
            return found
    return None


def _of_text(text: str) -> Says | None:
    plain = " ".join(text[: _MOST + 1].replace("\u2019", "'").lower().split())
    if not plain or len(plain) > _MOST:
        return None
    parts = [part for part in _BETWEEN.split(plain) if part]
    if len(parts) > 1 and (found := _of_part(plain)):  # "Error 404 - Not Found", in one
        return found
    return next((found for part in parts if (found := _of_part(part, alone=len(parts) == 1))), None)


def _of_part(part: str, *, alone: bool = False) -> Says | None:
    before = _BEFORE.match(part)
    assert before is not None, "it may be empty"
    words = part[before.end() :].strip(_STOPS)
    if not words:
        numbered = before[2] is not None and (before[1] or alone)
        return Says.ERROR if numbered or (alone and part.strip(_STOPS) == "error") else None
    readings = (words, _AFTER.sub("", words), part.strip(_STOPS))
    return next((kind for kind, sentences in _KINDS if any(map(sentences.fullmatch, readings))), None)
