"""Check scanready itself on this host: emulators on loopback, one healthy and one that refuses for each target type.

An emulator is data in its type's folder, ``targets/X/emulated/``: literal bytes of a real server, or constructed ones
where no server was available, and a TOML file that says which request gets which of them. It needs no root and no
package beyond the default install, and contacts no other host.
"""

from __future__ import annotations

from .examine import Comparison, SelfTest, examine
from .host import Host, this_host

__all__ = ["Comparison", "Host", "SelfTest", "examine", "this_host"]
