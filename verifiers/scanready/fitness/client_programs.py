"""Programs that the scanner needs on its agent: the ssh client, which the document demands, and a Notes client."""

from __future__ import annotations

import asyncio

from scanready.causes import common
from scanready.run.agent_step import NO_SSH_CLIENT, tell_of_notes
from scanready.targets.notes import client as notes
from scanready.targets.ssh import client as openssh

from .question import Answer, Line
from .request import Asked

# Retired algorithms that old targets have nothing else for, by slot: without them no configuration helps.
_FOR_OLD_TARGETS = {
    "kex": ("diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1"),
    "host_key": ("ssh-rsa", "ssh-dss"),
    "cipher": ("aes128-cbc", "3des-cbc"),
    "mac": ("hmac-sha1", "hmac-md5"),
}
_SLOTS = {"kex": "key exchanges", "host_key": "host key algorithms", "cipher": "ciphers", "mac": "MACs"}


async def look_for_ssh(asked: Asked) -> list[Answer]:
    """Ask the ssh client what it is and knows; without one it fails if a type to be served needs it."""
    answers: list[Answer] = []
    with Line("ssh client", answers) as line:
        client = await asyncio.to_thread(openssh.present)
        needing = [row.name for row in asked.types if row.needs_client == "ssh"]
        if client is None and needing:
            line.unmet(common.CLIENT_MISSING, f"{NO_SSH_CLIENT}; {' and '.join(needing)} targets need it")
        elif client is None:
            line.skip(f"{NO_SSH_CLIENT}; none of these targets needs it")
        else:
            known = {slot: sorted(client.supported[slot]) for slot in _SLOTS}
            counts = ", ".join(f"{len(known[slot])} {words}" for slot, words in _SLOTS.items())
            line.saw(f"{client.version or client.program}: {counts}", ssh_client=client.version, **known)
            unknown = [name for slot, names in _FOR_OLD_TARGETS.items() for name in names if name not in known[slot]]
            if unknown and any(known.values()):
                line.saw(f"cannot do {', '.join(unknown)}, which some old targets want", cannot=unknown)
            if client.general is None:
                line.saw("its effective configuration cannot be asked (ssh -G)")
    return answers


async def look_for_notes(asked: Asked) -> list[Answer]:
    """Look for the Notes client, which `notes` targets alone need."""
    answers: list[Answer] = []
    with Line("Notes client", answers) as line:
        client = await asyncio.to_thread(notes.present)
        if client is None and not asked.wants("notes"):
            line.skip("none found; only notes targets need one")
        else:
            tell_of_notes(client, line)
    return answers
