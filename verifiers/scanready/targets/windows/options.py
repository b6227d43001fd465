"""The option with the fixed port of WMI: an administrator may give WMI one in place of a dynamic port.

``winmgmt /standalonehost`` moves WMI to a process of its own, whose DCOM endpoint is TCP 24158 unless dcomcnfg says
otherwise. The inventory states it as ``wmi_port``. Then no other dynamic port is needed, and none is tested.
"""

from __future__ import annotations

from scanready.catalogue.option import pinned

WMI_PORT = pinned("wmi_port")
