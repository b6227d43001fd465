"""The proxies that this host's settings name. The scanner may use one; a check uses only that of the option `proxy`."""

from __future__ import annotations

from scanready.net.proxy_settings import ProxySetting, of_host
from scanready.redaction.userinfo import without_passwords
from scanready.wire.printable import visible

from .question import Answer, Line
from .request import Asked


async def look(asked: Asked) -> list[Answer]:
    """Name each setting; a host without any has no line."""
    answers: list[Answer] = []
    settings = of_host()
    if not settings:
        return answers
    with Line("proxy settings", answers) as line:
        types = [row.name for row in asked.types if row.takes_a_relay]
        use = f"; checks of {', '.join(types)} go through a proxy only if the target names it (option proxy)"
        told = "; ".join(map(_told, settings))
        line.ok(told + (use if types else ""), proxies={one.source: _harmless(one.proxy) for one in settings})
    return answers


def _told(setting: ProxySetting) -> str:
    bypass = f", except for {_harmless(setting.bypass)}" if setting.bypass else ""
    return f"{setting.source}: {_harmless(setting.proxy)}{bypass}"


def _harmless(text: str) -> str:
    return visible(without_passwords(text), 200)
