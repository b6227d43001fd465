"""The proxies that a host's settings name: each source, its exceptions, and values of another form."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import pytest

from scanready.net import proxy_settings
from scanready.net.proxy_settings import ProxySetting, applies_to, of_environment, of_host, winhttp, wininet

VARIABLES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("environment", "scheme", "expected"),
    [
        ({}, "https", None),
        ({"https_proxy": "http://p:3128"}, "https", ("https_proxy", "http://p:3128", "")),
        ({"HTTPS_PROXY": "p:3128", "NO_PROXY": "a,b"}, "https", ("HTTPS_PROXY", "p:3128", "a,b")),
        ({"https_proxy": "p:1", "HTTPS_PROXY": "p:2"}, "https", ("https_proxy", "p:1", "")),
        ({"https_proxy": "p:1", "no_proxy": "a", "NO_PROXY": "b"}, "https", ("https_proxy", "p:1", "a")),
        ({"HTTP_PROXY": "p:1"}, "http", None),
        ({"http_proxy": "p:1"}, "http", ("http_proxy", "p:1", "")),
        ({"http_proxy": "p:1"}, "https", None),
        ({"ALL_PROXY": "socks5://p:1080"}, "http", ("ALL_PROXY", "socks5://p:1080", "")),
        ({"all_proxy": "p:1", "https_proxy": ""}, "https", ("all_proxy", "p:1", "")),
    ],
    ids=["none", "small", "capital", "both", "both exceptions", "httpoxy", "http", "other scheme", "all", "empty"],
)
def test_the_environment_is_read_as_curl_reads_it(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], scheme: str, expected: tuple[str, ...] | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert of_environment(scheme) == (None if expected is None else ProxySetting(*expected))


@pytest.mark.parametrize(
    ("bypass", "host", "used"),
    [
        ("", "web1.corp", True),
        ("*", "web1.corp", False),
        ("corp", "web1.corp", False),
        (".corp", "web1.corp", False),
        ("*.corp", "web1.corp", False),
        ("orp", "web1.corp", True),
        ("web1.corp", "WEB1.corp.", False),
        ("a b,web1.corp", "web1.corp", False),
        ("10.0.0.0/8", "10.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", False),
        ("10.0.0.0/8", "11.1.2.3", True),
        ("fd00::/8", "[fd00::1]", False),
        ("10.0.0.0/8", "web1.corp", True),
        ("., ,*.", "web1.corp", True),
    ],
)
def test_no_proxy_names_hosts(bypass: str, host: str, used: bool) -> None:
    assert applies_to(ProxySetting("https_proxy", "p:1", bypass), host) is used


def value(flags: int, proxy: bytes, bypass: bytes) -> bytes:
    texts = b"".join(struct.pack("<I", len(text)) + text for text in (proxy, bypass))
    return struct.pack("<III", 0x18, 0, flags) + texts


#: The value of Windows for "Direct access (no proxy server)", as Microsoft's page prints it.
DIRECT = bytes.fromhex("1800000000000000010000000000000000000000")


def test_winhttp_is_read_from_its_value() -> None:
    assert winhttp(DIRECT) is None
    assert winhttp(value(3, b"proxy.corp:8080", b"localhost;*.corp")) == ProxySetting(
        "WinHTTP", "proxy.corp:8080", "localhost;*.corp"
    )
    assert winhttp(value(3, b"proxy.corp:8080", b"")) == ProxySetting("WinHTTP", "proxy.corp:8080")


@pytest.mark.parametrize("size", range(50))
def test_a_value_of_another_form_is_no_error(size: int) -> None:
    whole = value(3, b"proxy.corp:8080", b"localhost;*.corp")
    cut = winhttp(whole[:size])
    assert cut is None or "proxy.corp:8080".startswith(cut.proxy)
    assert winhttp(b"\xff" * size) is None or size > 16


def test_a_length_beyond_the_value_is_no_error() -> None:
    assert winhttp(struct.pack("<IIII", 0x18, 0, 3, 2**32 - 1) + b"p:1") == ProxySetting("WinHTTP", "p:1")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((None, None, None, None), []),
        ((0, "p:1", None, None), []),
        ((1, "p:1", "<local>", None), [ProxySetting("WinINet", "p:1", "<local>")]),
        ((0, "", "", "http://wpad.corp/p.pac"), [ProxySetting("PAC", "http://wpad.corp/p.pac")]),
        ((1, "p:1", None, "http://x/p.pac"), [ProxySetting("WinINet", "p:1"), ProxySetting("PAC", "http://x/p.pac")]),
    ],
    ids=["none", "disabled", "enabled", "script", "both"],
)
def test_the_settings_of_a_windows_user_are_read(values: tuple[object, ...], expected: list[ProxySetting]) -> None:
    assert list(wininet(values)) == expected


def test_a_host_has_each_setting_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_settings, "_of_registry", lambda: iter([ProxySetting("WinHTTP", "p:2")]))
    monkeypatch.setenv("ALL_PROXY", "p:1")
    assert of_host() == [ProxySetting("ALL_PROXY", "p:1"), ProxySetting("WinHTTP", "p:2")]
