"""Define the fixes for an Informix server: lines of hosts.equiv and entries of the inventory."""

from __future__ import annotations

from scanready.remedies.fixes import IN_INVENTORY, Fix, on_target
from scanready.remedies.quoting import ADDRESS, PORTS, USER_WORD, YAML_WORD

#: A line of hosts.equiv.
TRUSTED_HOST = Fix(
    "{agent} {user}",
    at=on_target("in /etc/hosts.equiv or the file of REMOTE_SERVER_CFG"),
    agent=ADDRESS,
    user=USER_WORD,
)
#: An entry of the inventory for the server that a redirect names.
OTHER_SERVER = Fix(
    "- {{host: {host}, type: informix, port: {port}, server: {server}}}",
    at=IN_INVENTORY,
    host=YAML_WORD.called("HOST"),
    port=PORTS,
    server=YAML_WORD.called("SERVER"),
)
