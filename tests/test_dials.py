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


#: The functions that begin a connection or a question, by the module that has them.
BEGIN = {
    "scanready.net.dial": {"dial", "accepting", "attempt"},
    "scanready.climb.dial_all": {"dial_all"},
    "dial_all": {"dial_all"},
}
#: The module may ask without a turn: it belongs to no run.
OF_NO_RUN = {"fitness/resolvers.py"}


def calls_without_a_turn(tree: ast.AST) -> set[str]:
    """Return the calls that begin a connection, and name no passage."""
    begin = {"datagram.ask"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            begin |= {name.name for name in node.names} & BEGIN.get(node.module or "", set())
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) in begin)
    return {words for words in map(ast.unparse, calls) if "passage" not in words}


def test_every_connection_has_its_turn() -> None:
    """Else it would exceed the bounds that a firewall on the way can live with."""
    found = {
        path.relative_to(ROOT).as_posix(): calls
        for path in ROOT.rglob("*.py")
        if (calls := calls_without_a_turn(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert found.keys() == OF_NO_RUN, found


def test_the_search_for_turns_is_not_blind() -> None:
    source = (
        "from scanready.net.dial import accepting, dial\ndial(address, 5.0)\naccepting(address, 5.0, probe.passage)"
    )
    assert calls_without_a_turn(ast.parse(source)) == {"dial(address, 5.0)"}
    assert calls_without_a_turn(ast.parse("datagram.ask(address)")) == {"datagram.ask(address)"}
