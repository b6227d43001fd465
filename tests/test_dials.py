"""Only a few modules make sockets: those that judge the address, and those that say here why they need not.

A new one would be a way around ``--allow`` of an agent (net/allowed.py).
"""

from __future__ import annotations

import ast
from pathlib import Path

import scanready

ROOT = Path(scanready.__file__).parent
#: Calls that make a socket which may be connected, or that connect by themselves.
WAYS = {
    "socket.socket",
    "socket.create_connection",
    "sockets.tcp",
    "sockets.udp",
    "asyncio.open_connection",
    "urllib.request.urlopen",
    "dns.resolver.resolve",
}
#: Methods of an event loop that connect.
OF_A_LOOP = {"sock_connect", "sock_sendto", "create_connection", "create_datagram_endpoint"}
MAY = {
    "net/dial.py": "judges the address",
    "net/datagram.py": "judges the address",
    "net/loop_poller.py": "connects the sockets of the two",
    "net/sockets.py": "makes them; its own listens on loopback, or sends no packet",
    "targets/nfs/rpc_talk.py": "judges the address",
    "targets/ews/srv.py": "asks the resolver of this host, as every look-up of a name does",
    "fitness/ports.py": "binds a port of this host and connects to none",
}


def ways(tree: ast.AST) -> set[str]:
    """Return the ways of a module to the network."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in WAYS or name.rpartition(".")[2] in OF_A_LOOP:
                found.add(name)
    return found


def test_every_way_to_the_network_is_listed() -> None:
    found = {}
    for path in ROOT.rglob("*.py"):
        if here := ways(ast.parse(path.read_text(encoding="utf-8"))):
            found[path.relative_to(ROOT).as_posix()] = here
    assert found.keys() == MAY.keys(), {name: here for name, here in found.items() if name not in MAY}


def test_the_list_is_not_blind() -> None:
    assert ways(ast.parse("socket.socket(socket.AF_INET)\nawait loop.sock_connect(sock, where)")) == {
        "socket.socket",
        "loop.sock_connect",
    }
