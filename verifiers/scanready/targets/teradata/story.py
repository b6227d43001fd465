"""Describe what a check of Teradata sends on each step, with the bteq line that asks the same."""

from __future__ import annotations

from scanready.catalogue.exchange import ONE_ROW, Exchange, Sent
from scanready.model import Step

_BTEQ = "bteq   # then: .logon {host}/{user}"

STORY: dict[str, dict[Step, Exchange]] = {
    "teradata": {
        Step.HANDSHAKE: Exchange(Sent(request="a configuration request, which names no user"), _BTEQ),
        Step.AUTH: Exchange("nothing more: the answer to the configuration request shows the result", _BTEQ),
        Step.LOGIN: Exchange("the account, once, on a connection of its own", _BTEQ),
        Step.ACCESS: Exchange(ONE_ROW, _BTEQ),
    },
}
