"""Tell what target type an operating system's name means, and which systems are no type, with the reason.

Names are compared word by word, so that a name within another word says nothing. ``RHEL8`` and ``win2019`` count: a
digit ends a word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from scanready.catalogue import Catalogue
from scanready.run.registry import catalogue

from .columns import plain_word

_HYPERVISOR = "a hypervisor: import its virtual machines, or name a type in the row"
_STORAGE = "a storage system: in the row, name the type of its file service, such as smb or nfs"
_NETWORK = "a network device, not a target type"
_APPLIANCE = "an appliance: if it runs a service to scan, name its type in the row"
_DEVICE = "a device, not a target type"
_MAINFRAME = "not a target type: in the row, name the type of a service on this host, such as ssh or db2"
#: Systems that mean no target type, by the words of their names; they win over a type's own words.
_NO_TYPE: Mapping[str, str] = {
    **dict.fromkeys(("esx", "esxi", "vmkernel", "xenserver", "citrix hypervisor", "hyper v server"), _HYPERVISOR),
    **dict.fromkeys(("proxmox", "nutanix", "ahv", "vcenter"), _HYPERVISOR),
    **dict.fromkeys(("ontap", "netapp", "onefs", "isilon", "qts", "dsm", "synology", "qnap", "purity"), _STORAGE),
    **dict.fromkeys(("truenas", "freenas", "unity os", "powerscale", "data domain"), _STORAGE),
    **dict.fromkeys(("cisco", "ios xe", "ios xr", "nx os", "nxos", "junos", "fortios", "pan os"), _NETWORK),
    **dict.fromkeys(("arubaos", "cumulus", "eos", "routeros", "vyos", "big ip", "tmos", "gaia", "pfsense"), _NETWORK),
    **dict.fromkeys(("opnsense", "edgeos", "openwrt", "dd wrt", "sonicos", "comware", "screenos"), _NETWORK),
    **dict.fromkeys(("photon", "windows ce", "windows embedded", "windows phone", "windows mobile"), _APPLIANCE),
    "ios": "the system of a network device or a phone, not a target type",
    **dict.fromkeys(("android", "ipados", "chrome os", "chromeos", "tizen"), _DEVICE),
    **dict.fromkeys(("z os", "zos", "os 390", "z vm", "ibm i", "os 400", "os400", "i5 os", "mvs"), _MAINFRAME),
}


@dataclass(frozen=True, slots=True)
class Guess:
    """A type and what the guess rests on; or no type, and why."""

    type: str
    why: str


def type_of_system(name: str) -> Guess | None:
    """Return the target type that an operating system's name means, or no type with the reason.

    None stands for a name that is not known, or that means several types.
    """
    word = plain_word(name)
    if found := _pattern(tuple(_NO_TYPE)).search(word):
        return Guess("", f"{name} is {_NO_TYPE[found[1]]}")
    types = _types(catalogue())
    meant = {types[found] for found in _pattern(tuple(types)).findall(word)} if types else set()
    return Guess(meant.pop(), f"type taken from its operating system, {name}") if len(meant) == 1 else None


@lru_cache(maxsize=1)
def _types(types: Catalogue) -> Mapping[str, str]:
    """Types by the words for their systems; where several claim one, the first in the catalogue has it."""
    return {plain_word(system): row.name for row in list(types)[::-1] for system in row.called.systems}


@lru_cache(maxsize=4)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    either = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<![a-z0-9])({either})(?![a-z])")
