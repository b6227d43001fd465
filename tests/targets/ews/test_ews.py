"""Exchange's web services up to the login prompt: who answers, who stands in front, and how one may log in."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, ews, in_background, misbehave
from fixtures.emulators.certificates import authority
from scanready.climb.placing import rung_of
from scanready.model import Outcome, Owner, Report, Step, Verdict
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from scanready.wire import ntlm
from tests.ladder import PLENTY, WAIT, account, check_of, climb, expect, finding_of, passed, target
from tests.websites import proxying

BASIC, NEGOTIATE, NTLM = 'Basic realm="mail.corp.example"', "Negotiate", "NTLM"
PREAUTHENTICATION = ("ews.preauthentication", Owner.NETWORK)
FORM = b"<form action='/owa/auth.owa' method=post><input type=password name=password></form>"


def asked(behaviour: Behaviour, kind: str = "good", **options: Any) -> tuple[Report, Server]:
    with in_background(behaviour, tls=authority().context(kind)) as server:
        report = climb(target("ews", "127.0.0.1", server.port, **options), ca_file=str(authority().ca_file))
    return report, server


def test_exchange_up_to_the_login_prompt() -> None:
    report, server = asked(ews.exchange)
    expect(report, Verdict.READY)
    passed(report, Step.TLS, Step.HANDSHAKE, Step.AUTH)
    assert report.facts["auth_methods"] == ["Negotiate", "NTLM"]
    assert report.facts["front_end"] == "EX01"
    assert report.facts["product"] == "Microsoft Exchange Server", "not IIS, which is told apart"
    assert report.facts["server"] == "Microsoft-IIS/10.0"
    assert "version" not in report.facts
    assert report.facts["back_end"] == "EX01.corp.example"
    assert report.facts["server_name"]
    assert report.facts["domain"]
    assert isinstance(report.facts["clock_skew_seconds"], int)
    assert report.footprint.connections == 1, "NTLM's challenge is asked for on the same connection"
    assert (report.footprint.login_attempts, report.footprint.probe_logins) == (0, 0)
    assert server.counts == {f"GET {ews.ENDPOINT}": 2, f"GET {ews.HEALTH}": 1, "type-1": 1}, "no type 3, nobody named"


def test_the_version_is_told_where_a_header_has_it() -> None:
    report, _ = asked(ews.Exchange(first=ews.prompt(NTLM, more=("X-OWA-Version: 15.1.2507.6",))))
    expect(report, Verdict.READY)
    assert report.facts["product"] == "Microsoft Exchange Server 2016"
    assert report.facts["version"] == "15.1.2507.6"


@pytest.mark.parametrize(
    ("kind", "code"),
    [("expired", "tls.expired"), ("wrong-name", "tls.name-mismatch"), ("self-signed", "tls.untrusted")],
)
def test_a_faulty_certificate_limits(kind: str, code: str) -> None:
    report, _ = asked(ews.exchange, kind)
    expect(report, Verdict.LIMITED, code, step=Step.TLS, owner=Owner.SERVER)
    passed(report, Step.AUTH)


# --- who answers, and who stands before it ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "code", "owner"),
    [
        (ews.NOT_FOUND, "ews.not-here", Owner.OPERATOR),
        (ews.answer("410 Gone"), "ews.not-here", Owner.OPERATOR),
        (ews.answer("403 Forbidden"), "ews.forbidden", Owner.SERVER),
        (ews.answer("403 Forbidden", body=b"<p>needs a Client Certificate"), "tls.client-certificate", Owner.SERVER),
        (ews.answer("403 No", body=b"<title>Web Page Blocked</title>"), "http.block-page", Owner.NETWORK),
        (ews.answer("302 Found", "Location: https://adfs.corp.example/adfs/ls/?wa=wsignin1.0"), *PREAUTHENTICATION),
        (ews.answer("302 Found", "Location: /owa/auth/logon.aspx?url=https://x&reason=0"), *PREAUTHENTICATION),
        (ews.answer("200 OK", "Content-Type: text/html", body=FORM), *PREAUTHENTICATION),
        (
            ews.answer("200 OK", body=b"<form><input name=SAMLRequest></form>", server="BigIP"),
            *PREAUTHENTICATION,
        ),
        (ews.answer("440 Login Timeout"), *PREAUTHENTICATION),
        (ews.answer("503 Service Unavailable"), "ews.service-down", Owner.SERVER),
        (ews.answer("502 Bad Gateway", server="nginx"), "ews.service-down", Owner.SERVER),
        (ews.answer("504 Gateway Timeout"), "ews.service-down", Owner.SERVER),
        (
            ews.answer("200 OK", body=b"<title>Welcome to nginx!</title>", server="nginx"),
            "ews.not-exchange",
            Owner.OPERATOR,
        ),
        (ews.answer("500 Internal Server Error"), "http.server-error", Owner.SERVER),
        (ews.answer("400 Bad Request"), "http.request-refused", Owner.SERVER),
        (ews.answer("407 Proxy Authentication Required"), "http.proxy-between", Owner.NETWORK),
        (ews.answer("511 Network Authentication Required"), "http.captive-portal", Owner.NETWORK),
    ],
)
def test_who_keeps_callers_from_exchange(first: bytes, code: str, owner: Owner) -> None:
    report, server = asked(ews.Exchange(first=first))
    expect(report, Verdict.BLOCKED, code, step=rung_of(finding_of(report).cause, Step.HANDSHAKE), owner=owner)
    assert "type-1" not in server.counts


def test_a_login_page_elsewhere_is_told_and_not_visited() -> None:
    report, _ = asked(ews.Exchange(first=ews.answer("302 Found", "Location: https://sso.corp.example/login")))
    assert report.facts["location"] == "https://sso.corp.example/login"
    assert report.footprint.connections == 1


def test_what_iis_refuses_it_is_told_how_to_permit() -> None:
    report, _ = asked(ews.Exchange(first=ews.answer("403 Forbidden", "X-MS-Diagnostics: 2000008;reason='policy'")))
    expect(report, Verdict.BLOCKED, "ews.forbidden", step=Step.HANDSHAKE, owner=Owner.SERVER, fix="ipSecurity")
    assert "ipAddress='127.0.0.1'" in ((report.finding and report.finding.fix) or "")
    assert "reason='policy'" in check_of(report, Step.HANDSHAKE).summary
    report, _ = asked(ews.Exchange(first=ews.answer("403 Forbidden", server="BigIP")))
    assert report.finding is not None
    assert report.finding.fix is None, "whoever it is, it is not IIS"


def test_throttled() -> None:
    report, _ = asked(ews.Exchange(first=ews.answer("429 Too Many Requests", "Retry-After: 60")))
    expect(report, Verdict.UNDECIDED, "handshake.throttled", step=Step.HANDSHAKE, owner=Owner.SERVER)


@pytest.mark.parametrize(
    "fields", [("Retry-After: 30",), ('X-MS-Diagnostics: 4000000;reason="x";error_category="throttled"',)]
)
def test_throttled_with_the_status_of_a_service_that_is_down(fields: tuple[str, ...]) -> None:
    report, server = asked(ews.Exchange(first=ews.answer("503 Service Unavailable", *fields)))
    expect(report, Verdict.UNDECIDED, "handshake.throttled", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert server.counts.total() == 1, "no further probe"


@pytest.mark.parametrize("status", ["520 Unknown", "522 Origin timed out", "530 Origin DNS"])
def test_an_exchange_that_its_delivery_network_does_not_reach(status: str) -> None:
    report, _ = asked(ews.Exchange(first=ews.answer(status, server="cloudflare")))
    expect(report, Verdict.BLOCKED, "ews.service-down", step=Step.HANDSHAKE, owner=Owner.SERVER)


def test_iis_that_wants_a_client_certificate() -> None:
    page = b"<h2>403.7 - Forbidden: SSL client certificate is required.</h2>"
    report, _ = asked(ews.Exchange(first=ews.answer("403 Forbidden", body=page)))
    expect(report, Verdict.BLOCKED, "tls.client-certificate", step=Step.TLS, owner=Owner.SERVER)


def test_another_exchange_is_named_and_not_followed() -> None:
    moved = ews.answer("302 Found", "Location: https://ex2.corp.example/ews/exchange.asmx")
    report, _ = asked(ews.Exchange(first=moved))
    fix = "ews://ex2.corp.example:443/ews/exchange.asmx"
    expect(report, Verdict.BLOCKED, "ews.moved", step=Step.HANDSHAKE, owner=Owner.OPERATOR, fix=fix)


def test_a_move_to_plain_http_names_no_target_over_tls() -> None:
    report, _ = asked(
        ews.Exchange(first=ews.answer("302 Found", "Location: http://ex2.corp.example/ews/exchange.asmx"))
    )
    expect(report, Verdict.BLOCKED, "ews.moved", owner=Owner.OPERATOR)
    assert finding_of(report).fix is None


@pytest.mark.parametrize("fields", [(), ("Location: ",), ("Location: /EWS/Exchange.asmx",), ("Location: #here",)])
def test_a_redirect_to_nowhere_is_the_servers_fault(fields: tuple[str, ...]) -> None:
    report, _ = asked(ews.Exchange(first=ews.answer("302 Found", *fields)))
    expect(report, Verdict.BLOCKED, "http.redirect-broken", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert finding_of(report).fix is None, "the target itself is no other target"


def test_a_redirect_to_the_same_address_with_a_cookie_is_a_sign_on() -> None:
    first = ews.answer("302 Found", "Location: /EWS/Exchange.asmx", "Set-Cookie: MRHSession=1")
    report, _ = asked(ews.Exchange(first=first))
    expect(report, Verdict.BLOCKED, "ews.preauthentication", owner=Owner.NETWORK)


@pytest.mark.parametrize("status", ["300 Multiple Choices", "304 Not Modified", "305 Use Proxy"])
def test_a_status_that_leads_nowhere_is_a_refusal(status: str) -> None:
    report, _ = asked(ews.Exchange(first=ews.answer(status)))
    expect(report, Verdict.BLOCKED, "http.request-refused", step=Step.HANDSHAKE, owner=Owner.SERVER)


def test_who_guards_every_path_is_not_taken_for_exchange() -> None:
    everywhere = ews.prompt(BASIC, front_end=False, server="nginx")
    report, server = asked(ews.Exchange(first=everywhere, pages={}, nowhere=everywhere))
    expect(report, Verdict.UNDECIDED, "ews.unconfirmed", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    assert server.counts.total() == 4


@pytest.mark.parametrize("status", ["503 Service Unavailable", "502 Bad Gateway", "429 Too Many Requests"])
def test_a_control_that_nobody_answers_proves_nothing(status: str) -> None:
    """A reverse proxy guards this path by itself; behind it nothing runs."""
    door = ews.Exchange(
        first=ews.prompt(BASIC, NTLM, front_end=False, server="nginx"), pages={}, nowhere=ews.answer(status)
    )
    report, _ = asked(door)
    expect(report, Verdict.UNDECIDED, "ews.unconfirmed", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    assert f"answers {status[:3]}" in (report.finding.detail if report.finding else "")


def test_old_exchange_shows_by_its_description_or_by_asking_there_alone() -> None:
    old = ews.prompt(NEGOTIATE, NTLM, front_end=False)
    wsdl = ews.answer("200 OK", "Content-Type: text/xml", body=b'<wsdl:definitions><service name="ExchangeServices"/>')
    report, server = asked(ews.Exchange(first=old, pages={"/EWS/Services.wsdl": wsdl}))
    expect(report, Verdict.READY)
    assert "Services.wsdl" in check_of(report, Step.HANDSHAKE).summary
    report, server = asked(ews.Exchange(first=old, pages={}))
    expect(report, Verdict.READY)
    assert "only this path asks for a login" in check_of(report, Step.HANDSHAKE).summary
    assert server.counts["GET /scanready-control/Exchange.asmx"] == 1


def test_exchange_that_calls_itself_unhealthy() -> None:
    report, _ = asked(ews.Exchange(pages={ews.HEALTH: ews.answer("503 Service Unavailable")}))
    expect(report, Verdict.LIMITED, "ews.unhealthy", step=Step.HANDSHAKE, owner=Owner.SERVER)


def test_a_path_of_its_own() -> None:
    path = "/exchange-a/EWS/Exchange.asmx"
    report, server = asked(ews.Exchange(endpoint=path, pages={}), path=path)
    expect(report, Verdict.READY)
    assert server.counts["GET /exchange-a/EWS/healthcheck.htm"] == 1


# --- how one may log in ---------------------------------------------------------------------------------------------


def test_what_ends_tls_in_front_is_told() -> None:
    report, _ = asked(ews.Exchange(first=ews.prompt(NTLM, more=("Via: 1.1 wap01",))))
    expect(report, Verdict.READY)
    assert "TLS ends before Exchange (Via: 1.1 wap01)" in check_of(report, Step.AUTH).summary


def test_through_a_proxy() -> None:
    context = authority().context()
    with in_background(ews.exchange, tls=context) as server, in_background(proxying(server)) as proxy:
        where = target("ews", "127.0.0.1", server.port, account("CORP\\er"), proxy=f"127.0.0.1:{proxy.port}")
        report = climb(where, ca_file=str(authority().ca_file))
        assert proxy.counts == {f"CONNECT 127.0.0.1:{server.port}": 2}
    expect(report, Verdict.SCANNABLE)
    with in_background(ews.exchange, tls=context) as server:
        where = target("ews", "corp.example", server.port, proxy=f"127.0.0.1:{server.port}", autodiscover=True)
        expect(climb(where), Verdict.UNDECIDED, "scanready.limit", owner=Owner.SCANREADY)
        assert not server.connections


def test_basic_alone() -> None:
    report, server = asked(ews.Exchange(first=ews.prompt(BASIC)))
    fix = "Get-WebServicesVirtualDirectory -Server EX01 | Set-WebServicesVirtualDirectory -WindowsAuthentication $true"
    expect(report, Verdict.LIMITED, "ews.basic-preauth", step=Step.AUTH, owner=Owner.SERVER, fix=fix)
    assert "type-1" not in server.counts


def test_basic_by_a_device_in_front_has_no_fix_for_exchange() -> None:
    report, _ = asked(ews.Exchange(first=ews.prompt(BASIC, more=("Set-Cookie: BIGipServerexch=1.2.3; path=/",))))
    expect(report, Verdict.LIMITED, "ews.basic-preauth", step=Step.AUTH)
    assert report.finding is not None
    assert report.finding.fix is None


def test_tokens_alone() -> None:
    bearer = 'Bearer client_id="00000002", trusted_issuers="00000001@*", authorization_uri="https://login.example/x"'
    report, _ = asked(ews.Exchange(first=ews.prompt(bearer)))
    expect(report, Verdict.BLOCKED, "ews.modern-auth-only", step=Step.AUTH, owner=Owner.SERVER)


def test_no_way_that_a_password_can_do() -> None:
    report, _ = asked(ews.Exchange(first=ews.prompt("Mutual")))
    expect(report, Verdict.BLOCKED, "http.no-password-scheme", step=Step.AUTH, owner=Owner.SERVER)


@pytest.mark.parametrize("also", [(), ("Mutual",), ("Bearer client_id=x",)], ids=["alone", "mutual", "bearer"])
def test_a_way_to_log_in_that_is_not_known_is_undecided(also: tuple[str, ...]) -> None:
    report, _ = asked(ews.Exchange(first=ews.prompt("FutureAuth x", *also)))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.AUTH, owner=Owner.SCANREADY)


@pytest.mark.parametrize("status", ["404 Not Found", "406 No", "500 No", "503 Service Unavailable"])
def test_a_block_page_of_any_status_is_a_filters(status: str) -> None:
    report, _ = asked(ews.Exchange(first=ews.answer(status, body=b"<title>Web Page Blocked</title>")))
    expect(report, Verdict.BLOCKED, "http.block-page", owner=Owner.NETWORK)


def test_a_redirect_to_a_portal_is_the_networks() -> None:
    report, _ = asked(ews.Exchange(first=ews.answer("302 Found", "Location: http://192.0.2.7:1000/fgtauth?0a")))
    expect(report, Verdict.BLOCKED, "http.captive-portal", owner=Owner.NETWORK)


def test_negotiate_that_takes_no_ntlm_is_kerberos_alone() -> None:
    report, server = asked(ews.Exchange(first=ews.prompt(NEGOTIATE), challenge=ews.prompt(NEGOTIATE)))
    expect(report, Verdict.UNDECIDED, "ews.kerberos-only", step=Step.AUTH, owner=Owner.SERVER)
    assert server.counts["type-1"] == 1


@pytest.mark.parametrize("wrapped", [True, False])
def test_negotiate_that_takes_ntlm_within(wrapped: bool) -> None:
    token = ews.CHALLENGE.split(b"NTLM ")[1].split(b"\r\n")[0]
    if wrapped:  # NegTokenResp: accept-incomplete, NTLM, the challenge (RFC 4178, 4.2.2)
        raw = base64.b64decode(token)
        inner = bytes.fromhex("a0030a0101a10c060a2b06010401823702020a") + _der(0xA2, _der(0x04, raw))
        token = base64.b64encode(_der(0xA1, _der(0x30, inner)))
    challenge = ews.prompt(f"Negotiate {token.decode()}")
    report, _ = asked(ews.Exchange(first=ews.prompt(NEGOTIATE), challenge=challenge))
    expect(report, Verdict.READY)
    assert report.facts["server_name"]


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    head = bytes([size]) if size < 0x80 else b"\x82" + size.to_bytes(2)
    return bytes([tag]) + head + content


BROKEN = {
    "no challenge": ews.prompt(NEGOTIATE, NTLM),
    "not a challenge": ews.prompt(f"NTLM {base64.b64encode(ntlm.NEGOTIATE).decode()}"),
    "not base64": ews.prompt("NTLM ????"),
    "a bad gateway": ews.answer("502 Bad Gateway"),
    "the connection ends": ews.CHALLENGE.replace(b"\r\nContent-Length", b"\r\nConnection: close\r\nContent-Length"),
}


@pytest.mark.parametrize("challenge", BROKEN.values(), ids=BROKEN)
def test_ntlm_that_something_in_front_breaks(challenge: bytes) -> None:
    report, _ = asked(ews.Exchange(challenge=challenge))
    expect(report, Verdict.BLOCKED, "ews.ntlm-broken", step=Step.AUTH, owner=Owner.NETWORK)
    report, _ = asked(ews.Exchange(first=ews.prompt(NTLM, BASIC), challenge=challenge))
    expect(report, Verdict.LIMITED, "ews.ntlm-broken", step=Step.AUTH, owner=Owner.NETWORK)


def test_several_mailboxes_share_what_was_asked() -> None:
    async def all_of_them(port: int) -> list[Report]:
        targets = [target("ews", "127.0.0.1", port, mailbox=f"{name}@corp.example") for name in ("ada", "bob")]
        return [
            report async for report in verify_all(targets, Settings(timeout=PLENTY, ca_file=str(authority().ca_file)))
        ]

    with in_background(ews.exchange, tls=authority().context()) as server:
        reports = asyncio.run(all_of_them(server.port))
        assert server.counts["type-1"] == 1
    for report in reports:
        expect(report, Verdict.READY)
        assert check_of(report, Step.LOGIN).outcome is Outcome.SKIPPED


# --- hostile peers, inside TLS ---------------------------------------------------------------------------------------

HEAD = b"HTTP/1.1 401 Unauthorized\r\n"


async def ends_early(reader: Reader, writer: Writer, record: Record) -> None:
    writer.write(HEAD + b"WWW-Authenticate: NT")


HOSTILE = {
    "silent": (misbehave.silent, "handshake.too-slow"),
    "closes": (misbehave.closes_at_once, "handshake.hung-up"),
    "another protocol": (misbehave.says(b"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n"), "handshake.other-protocol"),
    "garbage": (misbehave.garbage(seed=3), "handshake.other-protocol"),
    "an endless head": (misbehave.endless(prefix=HEAD + b"X-A: "), "scanready.limit"),
    "a head that ends early": (ends_early, "handshake.broken-off"),
    "a head that drips": (misbehave.drips(HEAD * 100, 0.05), "handshake.too-slow"),
}


@pytest.mark.parametrize(("behaviour", "code"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_peers_inside_tls(behaviour: Behaviour, code: str) -> None:
    with in_background(behaviour, tls=authority().context()) as server:
        report = climb(target("ews", "127.0.0.1", server.port), timeout=WAIT, ca_file=str(authority().ca_file))
    assert report.verdict in (Verdict.BLOCKED, Verdict.UNDECIDED)
    assert report.cause is not None
    assert report.cause.code == code, report.finding
    assert report.finding_step is Step.HANDSHAKE


@pytest.mark.parametrize(
    "behaviour",
    [misbehave.silent, misbehave.garbage(seed=5), misbehave.endless()],
    ids=["silent", "garbage", "endless"],
)
def test_a_peer_that_turns_hostile_at_the_challenge(behaviour: Behaviour) -> None:
    door = ews.Exchange(challenge=b"")

    async def turns(reader: Reader, writer: Writer, record: Record) -> None:
        class Turning:
            """Plays Exchange until a type 1 has come."""

            def write(self, data: bytes) -> None:
                writer.write(data)

            async def drain(self) -> None:
                await writer.drain()
                if record.counts["type-1"]:
                    await behaviour(reader, writer, record)

            def close(self) -> None:
                writer.close()

        await door(reader, Turning(), record)

    with in_background(turns, tls=authority().context()) as server:
        report = climb(target("ews", "127.0.0.1", server.port), timeout=WAIT, ca_file=str(authority().ca_file))
    assert report.verdict in (Verdict.BLOCKED, Verdict.UNDECIDED)
    assert report.cause is not None
    assert report.cause.code != "scanready.bug", report.finding


def test_a_server_of_http2_only_is_told_by_what_it_picks() -> None:
    """nghttpd hangs up on HTTP/1.1 in TLS, and selects h2 where that is offered."""
    context = authority().context.__wrapped__(authority(), "good")
    context.set_alpn_protocols(["h2"])

    async def hangs_up(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.read(1)

    with in_background(hangs_up, tls=context) as server:
        report = climb(target("ews", "127.0.0.1", server.port), ca_file=str(authority().ca_file))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.HANDSHAKE, owner=Owner.SCANREADY)
    assert "selects h2" in finding_of(report).detail
