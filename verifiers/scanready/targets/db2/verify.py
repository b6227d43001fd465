"""Check IBM DB2 on port 50000 (DRDA).

    agent                                   server
    EXCSAT, ACCSEC (unlikely mechanism)  ->
                                         <- EXCSATRD: product, release, instance; ACCSECRD: all mechanisms
    ACCSEC (user and password), SECCHK   ->                                     (encrypted, or in TLS)
                                         <- SECCHKRM: accepted, or the reason of the refusal
    ACCRDB, a SELECT                     ->
                                         <- ACCRDBRM: the database is open; one row
    FIN                                  ->                                     (logs nothing)

A listener for TLS only (usually 50001) closes the connection after that. The check connects once more with TLS.
"""

from __future__ import annotations

from scanready.causes import common, fleet
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.climb.shared import usual_ports
from scanready.climb.shared.tls_port import first_answer
from scanready.model import Step
from scanready.net.allowed import is_limited
from scanready.net.events import record
from scanready.net.stream import Stream
from scanready.wire import drda as wire

from . import answers, causes
from . import login as driver

#: The usual port of SSL_SVCENAME.
TLS_PORT = 50001


async def verify(probe: Probe) -> None:
    """Check up to the login prompt; with a credential and a database, log in and read the catalogue."""
    database = probe.target.options.get("database")
    stream = await usual_ports.connect(probe, (TLS_PORT,), "DB2 usually has its TLS listener", tls=True)
    flight = wire.exchange_attributes(answers.NAME, then=wire.access_security(wire.UNLIKELY, database))
    async with probe.step(Step.HANDSHAKE) as rung:
        record("excsat")
        stream, replies, _ = await first_answer(probe, stream, flight, wire.read_replies)
        greeting = next((reply for reply in replies if reply.codepoint == wire.EXCSATRD), None)
        if greeting is None:
            answers.raise_refusal(probe, replies)
        attributes = wire.attributes_of(greeting)
        answers.report_product(rung, attributes)
    async with probe.step(Step.AUTH) as rung:
        answer = next((reply for reply in replies if reply.codepoint == wire.ACCSECRD), None)
        if answer is None:
            answers.raise_refusal(probe, replies)
        offer = wire.security_of(answer)
        answers.report_prompt(probe, rung, offer)
    if probe.credential is not None:
        await _log_in(probe, stream, offer, answers.product_of(attributes))


async def _log_in(probe: Probe, stream: Stream, offer: wire.SecurityOffer, product: str) -> None:
    database, credential = probe.target.options.get("database"), probe.credential
    assert credential is not None
    async with probe.step(Step.LOGIN) as rung:
        if database is None:
            rung.stop(causes.DATABASE_NOT_NAMED, "the target names no database; no login was tried")
        if not stream.encrypted:
            probe.about_to_send_in_clear(answers.travels(offer))
        agreed = await answers.agree(probe, stream, database, offer)
        if agreed is None:
            await _with_the_vendors_driver(probe, stream, offer, product, rung)
            return
        await answers.log_in(probe, stream, database, agreed)
        rung.ok(f"logged in as {credential.username}")
    async with probe.step(Step.ACCESS) as rung:
        try:
            await answers.open_database(probe, stream, database)
            rung.ok(f"read {await answers.read_one_row(probe, stream, database, product)}")
        except Failure as failure:
            if failure.cause not in driver.MAY_NOT_READ:
                raise
            rung.warn(failure.cause, failure.detail, failure.fix, also=failure.also, **failure.facts)


async def _with_the_vendors_driver(
    probe: Probe, stream: Stream, offer: wire.SecurityOffer, product: str, login: Rung
) -> None:
    """Log in with IBM's driver, for mechanisms that scanready does not support."""
    credential, encrypted = probe.credential, stream.encrypted
    assert credential is not None
    if encrypted:
        detail = f"inside TLS, the server offers {answers.asked(offer)}, which scanready's driver does not support"
        login.stop(common.LIMIT, detail)
    if is_limited():
        detail = "IBM's driver may follow the server to an address that --allow cannot judge; no login was tried"
        login.stop(fleet.NOT_ALLOWED, detail)
    await probe.leave(stream)
    database, table = probe.target.options["database"], answers.catalogue_of(product)
    where = driver.where(probe.address or probe.host, probe.target.port, database, table)
    result = await probe.login(driver.visit, where)
    login.ok(f"logged in as {credential.username} with an encrypted password")
    async with probe.step(Step.ACCESS) as rung:
        if (denied := result.denied) is None:
            rung.ok(f"read {result.read}")
        else:
            rung.warn(denied.cause, denied.detail, denied.fix, also=denied.also, **denied.facts)
