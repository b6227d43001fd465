"""Causes of the scanner's own servers: an unknown greeting, a missing page, a check from the wrong host."""

from __future__ import annotations

from scanready.model import Cause, OtherOwner, Owner, Step

UNKNOWN_GREETING = Cause(
    "master.unknown-greeting",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The server sent a greeting that matches no known protocol. The Master Server's protocol is not public, so the "
    "check cannot tell whether this is the Master Server.",
    "On the Master Server, check which program listens on the port. If this is not the Master Server, correct host or "
    "port in the inventory.",
    "On the Master: ss -ltnp 'sport = :{port}'. On the agent: timeout 2 nc {host} {port} | xxd",
    wire="The server sends data first, and it matches no known protocol. The agent sends nothing.",
    definite=False,
)
NO_PAGE = Cause(
    "console.no-page",
    Owner.SERVER,
    Step.HANDSHAKE,
    "A web server answers, but with an error status in place of the Web Console's page. Another web server may use "
    "this port.",
    "Open the address in a browser. If this is the Master Server, check the service of the Web Console on it.",
    "On the agent: curl -vk https://{host}:{port}/",
    wire="The server answers the agent's HTTP request with a status of 400 or above (other than 401).",
    definite=False,
    also=(OtherOwner(Owner.OPERATOR, "If this is not the Master Server, correct host or port in the inventory."),),
)
NOT_THE_MASTER = Cause(
    "update.not-the-master",
    Owner.OPERATOR,
    Step.AGENT,
    "Only the Master Server connects to the update server. A check from another host cannot show whether the path from "
    "the Master Server is open.",
    "Run this check on the Master Server, with the option `on_master: true`.",
    "On the Master: openssl s_client -connect {host}:{port} -servername {host} </dev/null",
    wire="Nothing on the wire shows it: the target does not have the option on_master.",
    definite=False,
)
