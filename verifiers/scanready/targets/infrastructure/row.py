"""The servers of the scanner itself: Master, Web Console, update server."""

from __future__ import annotations

from scanready.catalogue.option import switch
from scanready.catalogue.row import Cost, Detour, Group, Nmap, TargetType
from scanready.model import Step

_NOT_BY_PORT = Nmap(by_port=False)

MASTER = TargetType(
    "master",
    "Enterprise Recon Master Server",
    11117,
    Cost(1, 1, log="one connection without data, if the server logs that"),
    speaks="er-master",
    home=__package__,
    verifier="verify_master",
    group=Group.INFRASTRUCTURE,
    place=1,
    proof=Step.HANDSHAKE,
    steps=tuple(step for step in tuple(Step)[:5] if step is not Step.TLS),
    by_connection=True,
    serves="agents",
    public=False,
    nmap=_NOT_BY_PORT,
    proven_by="nothing: its protocol is not public; in tests, a stand-in that holds the connection open or closes it",
)

CONSOLE = TargetType(
    "console",
    "Enterprise Recon Web Console",
    443,
    # The same as a website, and one connection to port 80.
    Cost(
        9,
        9,
        log="an access-log line with our User-Agent for each request: HEAD on 443, HEAD on 80",
        detours=(Detour("80,443", "the page redirects to it, perhaps on another port", "another web server"),),
    ),
    speaks="http",
    home=__package__,
    verifier="verify_console",
    group=Group.INFRASTRUCTURE,
    place=2,
    tls=True,
    clear_port=80,
    serves="browsers",
    scheme="https",
    proof=Step.HANDSHAKE,
    steps=tuple(Step)[:5],
    nmap=_NOT_BY_PORT,
    proven_by="nginx as a stand-in",
)

UPDATE = TargetType(
    "update",
    "Ground Labs update server",
    8843,
    Cost(1, 1, log="nothing"),
    speaks="tls",
    home=__package__,
    verifier="verify_update",
    group=Group.INFRASTRUCTURE,
    place=3,
    tls=True,
    scheme="https",
    options=(switch("on_master"),),
    proof=Step.TLS,
    steps=tuple(Step)[:4],
    nmap=_NOT_BY_PORT,
    proven_by="nginx as a stand-in",
)
