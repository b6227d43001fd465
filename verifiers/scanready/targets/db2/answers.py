"""Interpret DRDA's answers (product and login prompt), and log in with DRDA's two messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.climb.shared import login_methods
from scanready.model import Credential, Facts
from scanready.net.events import record
from scanready.net.stream import Stream
from scanready.wire import UnknownValue, WireError
from scanready.wire import drda as wire
from scanready.wire.drda_encryption import LENGTH, Exchange
from scanready.wire.printable import printable

from . import causes, fixes

NAME = "scanready"
#: Mechanisms with which the scanner's client can use a user name and a password. The mechanisms 5, 0xA and 0xE are not
#: among them: they also need a new password, so they are for a change of the password.
WITH_PASSWORD = frozenset({3, 6, 7, 8, 9, 0xC, 0xD, 0x10})
# Prefix of SRVCLSNM -> the product's usual name.
_PRODUCTS = (
    ("QDB2/", "Db2 for Linux, UNIX and Windows"),
    ("QDB2", "Db2 for z/OS"),
    ("QAS", "Db2 for IBM i"),
    ("QSQLDS", "Db2 Server for VM and VSE"),
    ("IDS/", "IBM Informix"),
    ("Apache Derby", "Apache Derby"),
)
# Prefix of SRVRLSLV -> the product, if SRVCLSNM is not known.
_RELEASES = {
    "SQL": _PRODUCTS[0][1],
    "DSN": _PRODUCTS[1][1],
    "QSQ": _PRODUCTS[2][1],
    "ARI": _PRODUCTS[3][1],
    "IFX": _PRODUCTS[4][1],
    "CSS": _PRODUCTS[5][1],
}
_CATALOGUES = {"Db2 for z/OS": "SYSIBM.SYSTABLES", "Db2 for IBM i": "QSYS2.SYSTABLES", "Apache Derby": "SYS.SYSTABLES"}
#: The SQLCODE of a result without (another) row.
_NO_ROW = 100
_NOT_DB2 = ("IBM Informix", "Apache Derby")


def names_of(mechanisms: tuple[int, ...]) -> list[str]:
    """Return the names of security mechanisms."""
    return [wire.MECHANISMS.get(number, f"mechanism {number}") for number in mechanisms]


def asked(offer: wire.SecurityOffer) -> str:
    """Return the mechanisms that the server offers as one text."""
    return ", ".join(names_of(offer.mechanisms))


def travels(offer: wire.SecurityOffer) -> str:
    """Describe how a password would be sent without TLS.

    DRDA's own key exchange has 256 bits with DES, or 512 bits with AES. Neither proves the identity of the server.
    """
    if offer.mechanisms == (wire.USER_AND_PASSWORD,):
        return "in clear text"
    return "without TLS, in DRDA's own encryption, which an attacker on the network can break"


def product_of(attributes: wire.ServerAttributes) -> str:
    """Return the product's name; for an unknown product, the server's own name for it."""
    for prefix, product in _PRODUCTS:
        if attributes.product_class.startswith(prefix):
            return product
    return _RELEASES.get(attributes.release[:3]) or attributes.product_class or "a DRDA server"


def report_product(rung: Rung, attributes: wire.ServerAttributes) -> None:
    """Record the product; the step fails for a product that a DB2 client cannot read."""
    product = product_of(attributes)
    version = wire.version_of(attributes.release)
    facts = {
        "product": product,
        "version": version or attributes.release or None,
        "server_name": attributes.server_name or None,
        "platform": attributes.product_class or None,
    }
    known: Facts = {name: value for name, value in facts.items() if value}
    name = f"{product} {version or attributes.release}".strip()
    if product in _NOT_DB2:
        rung.fail(causes.NOT_DB2, f"{printable(name)} answers, not DB2", **known)
    else:
        rung.ok(f"speaks DRDA: {printable(name)}", **known)


def report_prompt(probe: Probe, rung: Rung, offer: wire.SecurityOffer) -> None:
    """Record the login prompt with its security mechanisms.

    Raises:
        Failure: no mechanism accepts a password.
        UnknownValue: an unknown mechanism may accept a password.
    """
    if not offer.mechanisms:
        raise WireError("an ACCSECRD without a security mechanism")
    methods = names_of(offer.mechanisms)
    words = login_methods.offers(methods)
    unknown = set(offer.mechanisms) - set(wire.MECHANISMS)
    if unknown and not WITH_PASSWORD.intersection(offer.mechanisms):
        raise UnknownValue("a security mechanism of a server that offers none with a password", min(unknown))
    if not WITH_PASSWORD.intersection(offer.mechanisms):
        rung.stop(causes.NO_PASSWORD_LOGIN, words, auth_methods=methods)
    rung.ok(words, auth_methods=methods)
    if "database" not in probe.target.options:
        rung.ok("the target names no database, so another instance on this host would give the same answer")


def raise_refusal(probe: Probe, replies: tuple[wire.Object, ...]) -> NoReturn:
    """Raise the failure for replies that are neither a prompt nor an open database.

    Raises:
        Failure: one of the replies is a refusal; its codepoint or SQLCODE decides the cause.
        WireError: none of the replies is a refusal.
    """
    refusal = next((reply for reply in replies if reply.codepoint in wire.REFUSALS), None)
    error = next(
        (found for reply in replies if reply.codepoint == wire.SQLCARD and (found := wire.sql_error(reply))), None
    )
    if refusal is None and error is None:
        raise wire.unexpected(replies)
    reply_text = " ".join(wire.REFUSALS[refusal.codepoint]) if refusal else ""
    text = f"{printable(error.text)} (SQLCODE {error.code}, SQLSTATE {error.state})" if error else ""
    codepoint = refusal.codepoint if refusal else 0
    general = error is not None and error.code < 0 and codepoint in causes.GENERAL_REPLIES
    cause = causes.REFUSED_REQUEST if general else causes.REPLIES.get(codepoint, causes.REFUSED_REQUEST)
    cause = causes.SQL_CODES.get(error.code, cause) if error else cause
    if cause is causes.DATABASE_UNKNOWN and "database" not in probe.target.options:
        cause, text = causes.DATABASE_NOT_NAMED, f"{text + '; ' if text else ''}the request had no name of a database"
    fix = None
    if cause is causes.CANNOT_CONNECT and probe.target.credential:
        fix = fixes.GRANT_CONNECT(user=probe.target.credential.username.upper())
    raise Failure(cause, "; ".join(part for part in (reply_text, text) if part), fix)


def _sql_error(replies: tuple[wire.Object, ...]) -> wire.SqlError | None:
    cards = (wire.sql_error(reply) for reply in replies if reply.codepoint == wire.SQLCARD)
    return next((card for card in cards if card is not None and card.code < 0), None)


def _no_row(replies: tuple[wire.Object, ...]) -> bool:
    """Return True if the query ended without a row and without an error."""
    cards = [wire.sql_error(reply) for reply in replies if reply.codepoint == wire.SQLCARD]
    refused = any(reply.codepoint in wire.REFUSALS for reply in replies)
    return not refused and any(card is not None and card.code == _NO_ROW for card in cards)


async def open_database(probe: Probe, stream: Stream, database: str) -> None:
    """Connect the session to the database.

    Raises:
        Failure: the server refuses it.
    """
    await stream.send(wire.access_database(database))
    replies = await stream.receive(wire.read_replies)
    if not any(reply.codepoint == wire.ACCRDBRM for reply in replies) or _sql_error(replies):
        raise_refusal(probe, replies)


def catalogue_of(product: str) -> str:
    """Return the table of the product's catalogue that lists all tables."""
    return _CATALOGUES.get(product, "SYSCAT.TABLES")


async def read_one_row(probe: Probe, stream: Stream, database: str, product: str) -> str:
    """Read the first table's name from the catalogue; return what was read.

    Raises:
        Failure: the account may not read it, or the client packages are missing.
    """
    table = catalogue_of(product)
    await stream.send(wire.open_query(database, f"SELECT 1 FROM {table} FETCH FIRST 1 ROW ONLY"))
    replies = await stream.receive(wire.read_replies)
    if any(reply.codepoint == wire.QRYDTA for reply in replies):
        return f"one row of {table}"
    if _no_row(replies):
        return f"{table}, which shows this account no row"
    raise_refusal(probe, replies)


@dataclass(frozen=True, slots=True)
class Agreed:
    """Hold the agreed security mechanism, with user and password encoded for it."""

    mechanism: int
    user: bytes
    password: bytes


async def agree(probe: Probe, stream: Stream, database: str, offer: wire.SecurityOffer) -> Agreed | None:
    """Agree on how to send the credential: unencrypted inside TLS, else encrypted if the server supports it.

    Return None if scanready supports none of the server's mechanisms; no part of the credential was sent then.

    Raises:
        Failure: the protocol cannot carry the name or password, or the server refuses a mechanism that it offered.
    """
    credential = probe.credential
    assert credential is not None
    plain, encrypted = (number in offer.mechanisms for number in (wire.USER_AND_PASSWORD, wire.ENCRYPTED))
    if encrypted and not (plain and stream.encrypted):
        exchange = Exchange()
        question = wire.access_security(wire.ENCRYPTED, database, exchange.public, number=1)
        answer = await _agreed_to(probe, stream, wire.ENCRYPTED, question)
        if answer.token is None or len(answer.token) != LENGTH:  # a longer key exchange, for AES
            return None
        user, password = (exchange.encrypt(answer.token, word) for word in _encoded(credential))
        return Agreed(wire.ENCRYPTED, user, password)
    if not plain:
        return None
    words = _encoded(credential)
    question = wire.access_security(wire.USER_AND_PASSWORD, database, number=1)
    await _agreed_to(probe, stream, wire.USER_AND_PASSWORD, question)
    return Agreed(wire.USER_AND_PASSWORD, *words)


async def _agreed_to(probe: Probe, stream: Stream, mechanism: int, question: bytes) -> wire.SecurityOffer:
    """Ask for a mechanism and return the server's consent.

    Raises:
        Failure: the server refuses the mechanism that it offered. No password is sent after a refusal.
        UnknownValue, WireError: the answer is neither a consent nor a refusal.
    """
    record("accsec")
    await stream.send(question)
    replies = await stream.receive(wire.read_replies)
    answer = next((reply for reply in replies if reply.codepoint == wire.ACCSECRD), None)
    if answer is None:
        raise_refusal(probe, replies)
    offer = wire.security_of(answer)
    if offer.code or mechanism not in offer.mechanisms:
        name, now = names_of((mechanism,))[0], asked(offer) or "nothing"
        code = f" (security check code {offer.code:02X})" if offer.code else ""
        detail = f"the server offered a login by {name} but now refuses it; it offers {now}{code}"
        raise Failure(common.LOGIN_NOT_JUDGED, detail)
    return offer


async def log_in(probe: Probe, stream: Stream, database: str, agreed: Agreed) -> None:
    """Send the credential once.

    Raises:
        Failure: the server refuses the login.
    """
    async with probe.attempt() as going:
        going.pending = True
        record("secchk")
        await stream.send(wire.security_check(agreed.mechanism, database, agreed.user, agreed.password))
        replies = await stream.receive(wire.read_replies)
        going.pending = False
        answer = next((reply for reply in replies if reply.codepoint == wire.SECCHKRM), None)
        if answer is None:
            raise_refusal(probe, replies)
        if code := wire.check_code(answer):
            cause, detail = causes.LOGIN_CODES.get(code, (causes.SECURITY_FAILED, f"security check code {code:02X}"))
            raise Failure(cause, detail, code=f"{code:02X}")


def _encoded(credential: Credential) -> tuple[bytes, bytes]:
    """Encode user and password in EBCDIC, the encoding before both sides agree on another one.

    Raises:
        Failure: the code page does not have one of the characters.
    """
    try:
        return wire.ebcdic(credential.username), wire.ebcdic(credential.password or "")
    except ValueError:
        raise Failure(
            common.LIMIT,
            "the user name or password has a character that is not in DRDA's code page 500; no login was tried",
        ) from None
