"""Is every web site and proxy of the lab what its name says? Asked with other people's clients, never with ours."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
import requests
from requests_ntlm import HttpNtlmAuth

from fixtures.lab import accounts, proxy
from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.limits import HANG
from tests.lab.plain import dial

# HTTP


def fetch(lab: Lab, url: str, **options: Any) -> requests.Response:
    def work() -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(url, timeout=HANG, allow_redirects=False, verify=str(lab.authority.root), **options)

    return lab.agent.run(work)


@pytest.mark.parametrize(
    ("site", "status", "location"),
    [
        ("plain", 200, None),
        ("redirect-to-https", 301, "https://good.web.lab/"),
        ("redirect-to-refused", 302, "https://plain.web.lab/"),
        ("redirect-to-nowhere", 302, "http://no-such-name.lab/"),
        ("redirect-loop", 302, "http://redirect-loop.web.lab/"),
        ("forbidden", 403, None),
        ("not-found", 404, None),
        ("unavailable", 503, None),
        ("empty", 200, None),
    ],
)
def test_plain_sites(lab: Lab, site: str, status: int, location: str | None) -> None:
    answer = fetch(lab, f"http://{lab.nginx().site(site).hostname}/")
    assert answer.status_code == status
    assert answer.headers.get("Location") == location
    assert (answer.text == "") == (site == "empty")


@pytest.mark.parametrize(
    ("site", "status"), [("good", 200), ("new-tls", 200), ("basic", 401), ("client-certificate", 400)]
)
def test_secure_sites(lab: Lab, site: str, status: int) -> None:
    assert fetch(lab, f"https://{lab.nginx().site(site).hostname}/").status_code == status


def test_basic_authentication(lab: Lab) -> None:
    url = f"https://{lab.nginx().site('basic').hostname}/"
    assert fetch(lab, url).headers["WWW-Authenticate"] == 'Basic realm="Lab Realm"'
    assert fetch(lab, url, auth=(accounts.SCANNER, PASSWORD)).status_code == 200


@pytest.mark.parametrize(
    ("site", "fault"),
    [
        ("expired", "certificate has expired"),
        ("not-yet-valid", "certificate is not yet valid"),
        ("wrong-name", "Hostname mismatch"),
        ("self-signed", "self-signed certificate"),
        ("no-intermediate", "unable to get local issuer certificate"),
    ],
)
def test_faulty_certificates(lab: Lab, site: str, fault: str) -> None:
    def work() -> None:
        # The default context: the agent's system trusts the lab's root.
        context, name = ssl.create_default_context(), lab.nginx().site(site).hostname
        with dial(name, 443) as plain, context.wrap_socket(plain, server_hostname=name):
            pass

    lab.nginx()
    with pytest.raises(ssl.SSLCertVerificationError, match=fault):
        lab.agent.run(work)


def s_client(lab: Lab, name: str, *options: str) -> str:
    done = lab.agent.command(["openssl", "s_client", "-connect", f"{name}:443", *options], input="")
    return done.stdout + done.stderr


def test_tls_versions(lab: Lab) -> None:
    old, new = (lab.nginx().site(name).hostname for name in ("old-tls", "new-tls"))
    assert "unsupported protocol" in s_client(lab, old, "-tls1_2")
    assert "Protocol  : TLSv1\n" in s_client(lab, old, "-tls1", "-cipher", "ALL:@SECLEVEL=0")
    assert "Protocol  : TLSv1.1\n" in s_client(lab, old, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "alert protocol version" in s_client(lab, new, "-tls1_2")
    assert "Verify return code: 0 (ok)" in s_client(lab, lab.nginx().site("good").hostname)


def test_plain_http_on_443(lab: Lab) -> None:
    name = lab.nginx().site("plain-on-443").hostname
    assert "wrong version number" in s_client(lab, name)
    assert fetch(lab, f"http://{name}:443/").status_code == 200


def test_exchange_asks_for_ntlm(lab: Lab) -> None:
    apache = lab.apache()
    url = f"https://{apache.site('ntlm').hostname}/EWS/Exchange.asmx"
    answer = fetch(lab, url)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Negotiate, NTLM"
    account = f"{apache.domain}\\{apache.user}"
    assert fetch(lab, url, auth=HttpNtlmAuth(account, PASSWORD)).status_code == 200
    assert fetch(lab, url, auth=HttpNtlmAuth(account, "wrong")).status_code == 401


def test_apache_demands_a_certificate_in_tls(lab: Lab) -> None:
    name = lab.apache().site("client-certificate").hostname
    ours = lab.authority.issue("client", ["client.lab"])
    with pytest.raises(requests.exceptions.ConnectionError, match=r"certificate required|alert handshake failure"):
        fetch(lab, f"https://{name}/")
    assert fetch(lab, f"https://{name}/", cert=(str(ours.chain), str(ours.key))).status_code == 200


def test_proxies(lab: Lab) -> None:
    url = f"http://{lab.nginx().site('plain').hostname}/"

    def through(variant: str, credential: str = "") -> int:
        where = f"http://{credential}{lab.proxy(variant).address}:3128"
        return fetch(lab, url, proxies={"http": where}).status_code

    assert through("open") == 200
    assert through("authenticated") == 407
    assert through("authenticated", f"{accounts.SCANNER}:{proxy.PASSWORD}@") == 200
