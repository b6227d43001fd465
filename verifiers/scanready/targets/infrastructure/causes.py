"""Causes of the scanner's own servers: what a connection alone cannot show, and whose connection it is."""

from __future__ import annotations

from scanready.model import Cause, OtherOwner, Owner, Step

UNKNOWN_GREETING = Cause(
    "master.unknown-greeting",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "Whoever answers speaks first, in bytes that belong to no protocol known here. The Master Server's protocol is not "
    "public: whether these are its bytes cannot be told.",
    "Look on the Master Server what listens on the port; correct host or port in the inventory if it is not this host.",
    "On the Master: ss -ltnp 'sport = :{port}'. On the agent: timeout 2 nc {host} {port} | xxd",
    definite=False,
)
NO_PAGE = Cause(
    "console.no-page",
    Owner.SERVER,
    Step.HANDSHAKE,
    "A web server answers, and shows no page where the Web Console should be: it may be another server's port.",
    "Open the address in a browser, and look at the Web Console's service if it is the Master Server's.",
    "On the agent: curl -vk https://{host}:{port}/",
    definite=False,
    also=(OtherOwner(Owner.OPERATOR, "Correct host or port in the inventory, if it is not the Master Server's."),),
)
NOT_THE_MASTER = Cause(
    "update.not-the-master",
    Owner.OPERATOR,
    Step.AGENT,
    "The update server is reached from the Master Server. What another host sees of it proves nothing about the "
    "Master's own way there, neither that it is open nor that it is closed.",
    "Run this check on the Master Server, with the option `on_master: true`.",
    "On the Master: openssl s_client -connect {host}:{port} -servername {host} </dev/null",
    definite=False,
)
