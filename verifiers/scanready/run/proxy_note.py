"""The note on a proxy that the agent's environment names for a target, which the check does not use."""

from __future__ import annotations

from typing import Any

from scanready.catalogue.facts import AGENT_PROXY
from scanready.climb.probe import Probe
from scanready.net.proxy_settings import applies_to, of_environment
from scanready.redaction.userinfo import without_passwords
from scanready.wire.printable import visible


def proxy_note(probe: Probe, facts: dict[str, Any]) -> list[str]:
    """Return the note, and put the proxy into the facts; nothing for an assumed agent, or with the option proxy."""
    if probe.shared.agent.assumed or probe.row.relay(probe.target):
        return []
    setting = of_environment("https" if probe.row.tls else "http")
    if setting is None or not (probe.row.hostless or applies_to(setting, probe.target.host)):
        return []
    named = visible(without_passwords(setting.proxy), 200)
    facts[AGENT_PROXY.name] = named
    return [f"{setting.source} of this agent names the proxy {named}, which the check uses only as the option proxy"]
