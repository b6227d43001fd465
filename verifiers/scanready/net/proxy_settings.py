"""Read the proxies that this host's settings name: those of the environment and, on Windows, of WinHTTP and WinINet.

Nothing is contacted, and no script (PAC) is read. Sources: curl(1), "Environment", for the variables and `no_proxy`;
Microsoft, "Use Group Policy to apply WinHTTP proxy settings", for the place of WinHTTP's value. The form of this value
is not documented; its fields were compared with the output of `netsh winhttp show proxy` in public examples.
"""

from __future__ import annotations

import ipaddress
import os
import struct
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

_SETTINGS = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings"
#: Characters of a setting. Those of Windows have at most some thousand.
_MOST = 2000
#: The bit of a proxy that an administrator named, in the flags of WinHTTP's value.
_MANUAL = 2


class ProxySetting(NamedTuple):
    """One place that names a proxy.

    Attributes:
        source: the variable, or the library of Windows: "https_proxy", "WinHTTP", "WinINet".
        proxy: as it is written there, such as "http://proxy.corp:3128" or "http=a:80;https=b:80".
        bypass: the hosts that are reached without it, as written there.
    """

    source: str
    proxy: str
    bypass: str = ""


def of_environment(scheme: str) -> ProxySetting | None:
    """Return the setting of this process's environment for URLs of a scheme, "http" or "https"; None without one."""
    bypass = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    for name in (f"{scheme}_proxy", "all_proxy"):
        # HTTP_PROXY may come from the header `Proxy` of a request (httpoxy), so curl reads the small letters only.
        for written in (name,) if name == "http_proxy" else (name, name.upper()):
            if value := os.environ.get(written):
                return ProxySetting(written, value[:_MOST], bypass[:_MOST])
    return None


def applies_to(setting: ProxySetting, host: str) -> bool:
    """Return whether a setting of the environment is used for a host: ``no_proxy`` does not name it."""
    return not any(_names(word, host.lower().rstrip(".")) for word in setting.bypass.replace(",", " ").lower().split())


def _names(word: str, host: str) -> bool:
    """Return whether a word of ``no_proxy`` names a host: all, a name and the names below it, an address, a network."""
    if word == "*":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")) in ipaddress.ip_network(word.strip("[]"), strict=False)
    except ValueError:
        name = word.removeprefix("*").strip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))


def of_host() -> list[ProxySetting]:
    """Return all settings: those of the environment, and those of Windows. One that cannot be read is left out."""
    found = [setting for scheme in ("http", "https") if (setting := of_environment(scheme))]
    return [*dict.fromkeys(found), *_of_registry()]


def _of_registry() -> Iterator[ProxySetting]:
    if sys.platform != "win32":
        return
    import winreg

    blob = _value(winreg.HKEY_LOCAL_MACHINE, rf"{_SETTINGS}\Connections", "WinHttpSettings")
    if isinstance(blob, bytes) and (setting := winhttp(blob)):
        yield setting
    user = {name: _value(winreg.HKEY_CURRENT_USER, _SETTINGS, name) for name in _WININET}
    yield from wininet(user.values())


_WININET = ("ProxyEnable", "ProxyServer", "ProxyOverride", "AutoConfigURL")


def winhttp(blob: bytes) -> ProxySetting | None:
    """Return WinHTTP's proxy of the value ``WinHttpSettings``; None without one, and for a value of another form.

    The value has three numbers of 32 bits (version, a counter, flags), and two texts, each after its length.
    """
    if len(blob) < 16 or not struct.unpack_from("<I", blob, 8)[0] & _MANUAL:
        return None
    texts, at = [], 12
    for _ in range(2):
        (length,) = struct.unpack_from("<I", blob, at) if len(blob) >= at + 4 else (0,)
        texts.append(blob[at + 4 : at + 4 + length][:_MOST].decode("ascii", "replace"))
        at += 4 + length
    return ProxySetting("WinHTTP", *texts) if texts[0] else None


def wininet(values: Iterable[Any]) -> Iterator[ProxySetting]:
    """Yield the proxy of the current user, and the script that chooses one.

    Args:
        values: ``ProxyEnable``, ``ProxyServer``, ``ProxyOverride`` and ``AutoConfigURL``; None for one that is absent.
    """
    enabled, proxy, bypass, script = values
    if enabled and proxy:
        yield ProxySetting("WinINet", str(proxy)[:_MOST], str(bypass or "")[:_MOST])
    if script:
        yield ProxySetting("PAC", str(script)[:_MOST])


def _value(root: int, key: str, name: str) -> Any:
    if sys.platform != "win32":
        return None
    import winreg

    try:
        with winreg.OpenKey(root, key, 0, winreg.KEY_READ | winreg.KEY_WOW64_64KEY) as opened:
            return winreg.QueryValueEx(opened, name)[0]
    except OSError:
        return None
