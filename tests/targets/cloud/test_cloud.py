"""The target type cloud: each endpoint is checked, and portals and block pages are not taken for the service."""

from __future__ import annotations

import socket
from pathlib import Path

import certifi
import pytest

from fixtures.emulators import Behaviour, in_background, misbehave
from fixtures.emulators import http as emulated
from fixtures.emulators.certificates import Authority, authority
from scanready.cli.commands.plan import plan_object
from scanready.climb import certificates
from scanready.inventory import InventoryError, load, parse_target
from scanready.model import Check, Outcome, Owner, Report, Step, Verdict
from scanready.net import resolve
from scanready.net.sockets import Address
from scanready.targets.cloud.services import BY_SERVICE, OTHER_NAMES, SERVICES, domain_of, is_own, places
from tests.closed_ports import closed_port
from tests.clouds import MICROSOFT, S3, dated, hosts, internet, joining
from tests.ladder import account, check_of, climb, expect, passed, story, target
from tests.websites import OK, PAGE, answer, look, moved, serving, tls

HTML = "Content-Type: text/html"


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the emulators' authority a public one: certifi's list contains it."""
    certificates._store.cache_clear()  # Windows and macOS trust that list, too
    monkeypatch.setattr(certifi, "where", lambda: str(authority().ca_file))


@pytest.fixture
def private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Make the emulators' authority a private one: certifi's list contains another."""
    certificates._store.cache_clear()
    other = Authority()
    path = tmp_path / "public.pem"
    path.write_bytes(other.ca_file.read_bytes())
    monkeypatch.setattr(certifi, "where", lambda: str(path))


def of(report: Report, step: Step) -> list[Check]:
    return [check for check in report.checks if check.step is step]


# --- the service answers -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("public")
def test_a_service_all_of_whose_endpoints_answer_is_ready() -> None:
    pages = {
        S3[0]: dated("307 Temporary Redirect", "Location: https://aws.amazon.com/s3/"),
        S3[1]: dated("404 Not Found"),
    }
    with internet(pages) as net:
        report = expect(net.ask("s3", region="eu-west-1", bucket="photos"), Verdict.READY)
    assert report.facts["endpoints"] == {f"{S3[0]}:443": 307, f"{S3[1]}:443": 404, f"{S3[2]}:443": 403}
    assert [check.endpoint for check in of(report, Step.HANDSHAKE)] == [f"{host}:443" for host in S3]
    assert all(check.outcome is Outcome.PASSED for check in report.checks if check.step is not Step.RESOLVE)
    assert report.footprint.connections == 3
    assert net.proxy.counts == {f"CONNECT {host}:443": 1 for host in S3}
    assert net.server.counts == {f"HEAD {host}": 1 for host in S3}
    assert -60 < report.facts["clock_skew_seconds"] <= 1


@pytest.mark.usefixtures("public")
def test_what_no_option_fills_is_told() -> None:
    with internet() as net:
        report = expect(net.ask("s3", region="eu-west-1"), Verdict.READY)
    told = next(check for check in report.checks if check.endpoint.startswith("{bucket}"))
    assert (told.step, told.outcome) == (Step.RESOLVE, Outcome.SKIPPED)
    assert "the option `bucket` is not set" in told.summary


@pytest.mark.usefixtures("public")
def test_no_login_is_done_and_that_is_said() -> None:
    with internet() as net:
        report = expect(net.ask("s3", account("er")), Verdict.READY)
    assert "the check does not log in to cloud services" in check_of(report, Step.LOGIN).summary
    assert report.footprint.login_attempts == 0


@pytest.mark.usefixtures("public")
def test_a_redirect_of_the_service_itself_may_lead_anywhere() -> None:
    with internet(others=moved("https://somewhere.example/")) as net:
        expect(net.ask("exchange-online"), Verdict.READY)


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(
    ("status", "verdict", "code", "owner"),
    [
        ("429 Too Many Requests", Verdict.UNDECIDED, "handshake.throttled", Owner.SERVER),
        ("503 Slow Down", Verdict.BLOCKED, "http.unavailable", Owner.SERVER),
        ("500 Internal Server Error", Verdict.BLOCKED, "http.server-error", Owner.SERVER),
        ("511 Network Authentication Required", Verdict.BLOCKED, "http.captive-portal", Owner.NETWORK),
    ],
)
def test_a_status_that_is_no_service(status: str, verdict: Verdict, code: str, owner: Owner) -> None:
    with internet({MICROSOFT[1]: answer(status)}) as net:
        report = net.ask("exchange-online")
    expect(report, verdict, code, step=Step.HANDSHAKE, owner=owner)
    assert len(of(report, Step.HANDSHAKE)) == 3, "the other endpoints are shown, too"


@pytest.mark.usefixtures("public")
def test_a_certificate_that_has_expired() -> None:
    with internet(kind="expired") as net:
        expect(net.ask("exchange-online"), Verdict.LIMITED, "tls.expired", step=Step.TLS, owner=Owner.SERVER)


@pytest.mark.posix("Windows and macOS trust certifi's list besides the system's")
@pytest.mark.usefixtures("public")
def test_a_public_authority_that_this_agent_does_not_know() -> None:
    with internet() as net:
        report = net.ask("exchange-online", trusted=False)
    expect(report, Verdict.LIMITED, "cloud.authority-missing", step=Step.TLS, owner=Owner.AGENT)


# --- somebody else answers ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("private")
def test_inspection_that_this_agent_trusts() -> None:
    with internet() as net:
        report = net.ask("exchange-online")
    expect(report, Verdict.LIMITED, "cloud.inspected", step=Step.TLS, owner=Owner.NETWORK)
    assert report.finding is not None
    assert "issued by CN=Emulator Test Authority, which is not a public authority" in report.finding.detail
    assert "the same for microsoft.com, microsoftonline.com, office365.com" in report.finding.detail
    passed(report, Step.HANDSHAKE)


@pytest.mark.usefixtures("private")
def test_inspection_that_this_agent_does_not_trust() -> None:
    with internet() as net:
        report = net.ask("s3", trusted=False)
    expect(report, Verdict.LIMITED, "tls.intercepted", step=Step.TLS, owner=Owner.NETWORK)
    assert "the same for" not in story(report), "one vendor alone"


@pytest.mark.usefixtures("private")
def test_inspection_leaves_the_service_its_redirects() -> None:
    with internet(others=moved("https://login.live.com/")) as net:
        expect(net.ask("exchange-online"), Verdict.LIMITED, "cloud.inspected")


@pytest.mark.usefixtures("private")
@pytest.mark.parametrize(
    "reply",
    [
        moved("https://portal.corp.example/login?url=x"),
        answer("200 OK", HTML, body=b"<meta http-equiv='refresh' content='0; url=http://portal.corp.example/'>"),
    ],
)
@pytest.mark.parametrize("trusted", [True, False])
def test_a_portal_that_leads_elsewhere(reply: bytes, trusted: bool) -> None:
    with internet({S3[0]: reply}) as net:
        report = net.ask("s3", trusted=trusted)
    expect(report, Verdict.BLOCKED, "cloud.portal", step=Step.HANDSHAKE, owner=Owner.NETWORK)
    assert "portal.corp.example" in story(report)


@pytest.mark.usefixtures("private")
def test_a_portal_that_shows_its_page_under_its_own_certificate() -> None:
    with internet({S3[0]: answer("200 OK", HTML, body=PAGE)}, kind="wrong-name") as net:
        report = net.ask("s3")
    expect(report, Verdict.BLOCKED, "cloud.portal", step=Step.HANDSHAKE, owner=Owner.NETWORK)
    assert check_of(report, Step.TLS).finding is not None


@pytest.mark.usefixtures("public")
def test_an_answer_under_another_name_is_no_proof_against_the_service() -> None:
    with internet(kind="wrong-name") as net:
        expect(net.ask("s3"), Verdict.LIMITED, "tls.name-mismatch", step=Step.TLS, owner=Owner.SERVER)


@pytest.mark.usefixtures("private")
@pytest.mark.parametrize(
    ("reply", "who"),
    [
        (answer("200 OK", HTML, body=b"<html>Internet Security by Zscaler</html>"), "Zscaler"),
        (answer("403 Forbidden", HTML, body=b"<title>Web Page Blocked</title>"), "Palo Alto"),
        (answer("403 Forbidden", "X-Squid-Error: ERR_ACCESS_DENIED 0"), "Squid"),
        (answer("503 Service Unavailable", "X-Squid-Error: ERR_CONNECT_FAIL 111"), "Squid"),
    ],
)
def test_a_block_page(reply: bytes, who: str) -> None:
    with internet({S3[0]: reply}) as net:
        report = net.ask("s3")
    expect(report, Verdict.BLOCKED, "cloud.block-page", step=Step.HANDSHAKE, owner=Owner.NETWORK)
    assert who in story(report)


@pytest.mark.usefixtures("private")
@pytest.mark.parametrize(
    "body",
    [
        b"<p>What filters write, in many words that a scan reads from the beginning to the end.</p>" * 40,
        b"".join(b"<li><a href=/d/%d>Minutes</a>" % number for number in range(30)),
    ],
    ids=["much to read", "much to follow"],
)
@pytest.mark.parametrize("mark", [b"block.opendns.com", b"Internet Security by Zscaler", b"/fgtauth?"])
def test_a_page_that_quotes_a_filter_is_the_services(body: bytes, mark: bytes) -> None:
    with internet({S3[0]: answer("200 OK", HTML, body=body + mark)}) as net:
        report = net.ask("s3")
    expect(report, Verdict.LIMITED, "cloud.inspected", step=Step.TLS, owner=Owner.NETWORK)


@pytest.mark.usefixtures("private")
@pytest.mark.parametrize(
    "body",
    [
        b"<p>Log in<!-- <WISPAccessGatewayParam></WISPAccessGatewayParam> -->",
        "<script>window.location='/fgtauth?0a1b'</script>".encode("utf-16"),
        "<meta http-equiv=refresh content='0;url=http://portal.corp.example/'>".encode("utf-16"),
    ],
    ids=["WISPr", "FortiGate", "refresh"],
)
def test_a_page_that_logs_in_to_a_network_is_a_portal(body: bytes) -> None:
    with internet({S3[0]: answer("200 OK", HTML, body=body)}) as net:
        expect(net.ask("s3"), Verdict.BLOCKED, "cloud.portal", step=Step.HANDSHAKE, owner=Owner.NETWORK)


def test_a_portal_that_speaks_no_tls_at_all() -> None:
    with in_background(emulated.ok) as server, in_background(joining(server)) as proxy:
        report = climb(target("cloud", "s3", proxy=f"127.0.0.1:{proxy.port}"))
    expect(report, Verdict.BLOCKED, "cloud.portal", step=Step.TLS, owner=Owner.NETWORK)


def test_a_connection_that_is_cut_at_the_tls_hello() -> None:
    with in_background(misbehave.closes_at_once) as server, in_background(joining(server)) as proxy:
        report = climb(target("cloud", "s3", proxy=f"127.0.0.1:{proxy.port}"))
    expect(report, Verdict.BLOCKED, "cloud.cut-by-name", step=Step.TLS, owner=Owner.NETWORK)


@pytest.mark.parametrize("behaviour", [misbehave.closes_at_once, misbehave.resets])
def test_a_proxy_that_hangs_up_on_the_tunnel(behaviour: Behaviour) -> None:
    with in_background(behaviour) as proxy:
        report = climb(target("cloud", "s3", proxy=f"127.0.0.1:{proxy.port}"))
    expect(report, Verdict.BLOCKED, "http.proxy-refused", step=Step.CONNECT, owner=Owner.NETWORK)
    assert "closes the connection after CONNECT s3.amazonaws.com:443" in story(report)


# --- the clock ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize("ahead", [400.0, -86400.0])
def test_a_clock_that_all_services_contradict(ahead: float) -> None:
    with internet(others=dated("403 Forbidden", ahead=ahead)) as net:
        report = net.ask("exchange-online")
    expect(report, Verdict.LIMITED, "cloud.clock-skew", step=Step.HANDSHAKE, owner=Owner.AGENT)


@pytest.mark.usefixtures("public")
def test_a_clock_that_one_of_several_contradicts_is_that_ones() -> None:
    with internet({MICROSOFT[0]: dated("403 Forbidden", ahead=4000)}) as net:
        expect(net.ask("exchange-online"), Verdict.READY)


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(("header", "ahead"), [((), 290), (("Age: 900",), -900)])
def test_a_clock_that_is_not_judged(header: tuple[str, ...], ahead: int) -> None:
    with internet(others=dated("403 Forbidden", *header, ahead=ahead)) as net:
        expect(net.ask("s3"), Verdict.READY)


# --- the way there -----------------------------------------------------------------------------------------------


def answered_by_dns(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def look_up(host: str, port: int) -> list[Address]:
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in one], (one, port, 0, 0) if ":" in one else (one, port)) for one in addresses]

    monkeypatch.setattr(resolve, "_lookup", look_up)


@pytest.mark.parametrize("addresses", [("0.0.0.0",), ("::",), ("0.0.0.0", "::")])
def test_a_name_that_a_filter_leads_to_nobody(monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]) -> None:
    answered_by_dns(monkeypatch, *addresses)
    report = climb(target("cloud", "s3"))
    expect(report, Verdict.BLOCKED, "cloud.sinkholed", step=Step.RESOLVE, owner=Owner.NETWORK)
    assert report.footprint.connections == 0


@pytest.mark.usefixtures("public")
def test_a_name_that_leads_to_this_host_where_nobody_answers_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless somebody laid a tunnel there: then the certificate says whose end it has."""
    answered_by_dns(monkeypatch, "127.0.0.1")
    behaviour = hosts({}, dated("403 Forbidden"))
    with in_background(behaviour, tls=authority().context("good", S3)) as tunnel:
        report = look(target("cloud", "s3", tunnel.port))
    expect(report, Verdict.READY)
    assert report.facts["private_endpoint"] is True
    report = look(target("cloud", "s3", tunnel.port))
    expect(report, Verdict.BLOCKED, "cloud.sinkholed", step=Step.CONNECT, owner=Owner.NETWORK)


def test_a_name_that_exists_for_everybody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    answered_by_dns(monkeypatch)
    report = climb(target("cloud", "s3"))
    expect(report, Verdict.BLOCKED, "cloud.no-public-names", step=Step.RESOLVE, owner=Owner.NETWORK)


def test_a_name_that_the_inventory_made_may_be_misspelt(monkeypatch: pytest.MonkeyPatch) -> None:
    answered_by_dns(monkeypatch)
    report = climb(target("cloud", "azure-blobs", account="misspelt"))
    expect(report, Verdict.BLOCKED, "resolve.not-found", step=Step.RESOLVE, owner=Owner.OPERATOR)


def test_one_endpoint_that_is_closed_blocks_and_the_others_are_shown() -> None:
    with serving(OK, **tls()) as server, closed_port() as gone:
        own = f"127.0.0.1:{server.port},127.0.0.1:{gone}"
        report = look(target("cloud", "private-cloud", endpoints=own))
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)
    assert report.facts["endpoints"] == {f"127.0.0.1:{server.port}": 200}


# --- services of one's own ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("private")
def test_a_private_cloud_of_a_private_authority_is_as_it_should_be() -> None:
    with serving(OK, **tls()) as server:
        expect(look(target("cloud", "127.0.0.1", server.port)), Verdict.READY)
        report = climb(target("cloud", "127.0.0.1", server.port))
    expect(report, Verdict.LIMITED, "tls.untrusted", step=Step.TLS, owner=Owner.SERVER)


@pytest.mark.usefixtures("public")
def test_an_endpoint_more_for_a_service_of_the_catalogue() -> None:
    with internet(names=(*S3, "minio.example.com")) as net:
        report = expect(net.ask("s3", endpoints="minio.example.com:9000"), Verdict.READY)
    assert "CONNECT minio.example.com:9000" in net.proxy.counts
    assert list(report.facts["endpoints"]) == [f"{S3[0]}:443", "minio.example.com:9000"]


# --- the catalogue, and how it is asked for ----------------------------------------------------------------------


def test_every_service_says_where_its_endpoints_are_from() -> None:
    for service in SERVICES:
        assert service.source
        assert service.endpoints
        asked, missing = places(
            service.name, 443, dict.fromkeys(("tenant", "account", "region", "bucket", "domain"), "x")
        )
        assert not missing
        for place in asked:
            assert domain_of(place.host) in service.domains, place
    assert not OTHER_NAMES.keys() & BY_SERVICE.keys()


def test_a_vendors_own_domains() -> None:
    assert is_own("aws.amazon.com", "s3.amazonaws.com")
    assert is_own("login.live.com", "outlook.office365.com")
    assert not is_own("amazonaws.com.evil.example", "s3.amazonaws.com")
    assert not is_own("login.live.com", "s3.amazonaws.com")
    assert domain_of("notamazonaws.com") is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cloud://s4", "unknown cloud service `s4`"),
        ("cloud://dropbx", "did you mean `dropbox`?"),
        ("cloud://office365", "did you mean `microsoft365`?"),
        ("cloud://sharepoint", "the service `sharepoint` needs the option `tenant` for {tenant}.sharepoint.com"),
        ("cloud://s3?tenant=contoso", "does not use the option `tenant` (it uses: bucket, region)"),
        ("cloud://dropbox?region=eu", "(it uses none)"),
        ("cloud://onedrive?tenant=contoso-my.sharepoint.com", "use only the first part, `contoso`"),
        ("cloud://s3?region=eu-west-1&bucket=a.b", "a `bucket` with dots"),
        ("cloud://mine?endpoints=a%20b", "`endpoints`: `a b` is not a host name"),
        ("cloud://mine?endpoints=a.example:99999", "`endpoints`: the port `99999` is out of range"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_is(text: str, complaint: str) -> None:
    with pytest.raises(InventoryError) as raised:
        parse_target(text)
    assert complaint in str(raised.value)


def test_endpoints_in_an_inventory(tmp_path: Path) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text(
        "targets:\n"
        "  - {host: files, type: cloud, endpoints: [Storage.example.com, 'b.example.com:8443', '[2001:db8::7]:444']}\n"
        "  - {host: sharepoint, type: cloud, tenant: Contoso}\n"
        "  - cloud://contoso.sharepoint.com\n"
    )
    files, sharepoint, alone = load(path).targets
    assert files.options == {"endpoints": "storage.example.com,b.example.com:8443,[2001:db8::7]:444"}
    asked, _ = places("files", 443, {}, files.options["endpoints"])
    assert [(place.host, place.port) for place in asked] == [
        ("storage.example.com", 443),
        ("b.example.com", 8443),
        ("2001:db8::7", 444),
    ]
    assert sharepoint.options == {"tenant": "contoso"}
    assert [place.host for place in places(alone.host, 443, {})[0]] == ["contoso.sharepoint.com"]


def test_a_plan_lists_the_endpoints_and_no_canary() -> None:
    targets = parse_target("cloud://sharepoint?tenant=contoso") + parse_target("cloud://own?endpoints=a.example:8443")
    plan = plan_object(targets, Step.ACCESS, canary=True)
    assert [(row["host"], row["port"], row["connections"]) for row in plan["endpoints"]] == [
        ("login.microsoftonline.com", 443, 1),
        ("contoso.sharepoint.com", 443, 1),
        ("graph.microsoft.com", 443, 1),
        ("a.example", 8443, 1),
    ]
    assert plan["canary"]["hosts"] == 0


def test_an_address_or_a_host_is_never_guessed_to_be_a_cloud() -> None:
    assert "cloud" not in {one.type for one in parse_target("web1.corp")}
