"""Define the fixes for a web server's configuration."""

from __future__ import annotations

from scanready.remedies.fixes import Fix, on_target
from scanready.remedies.quoting import ADDRESS

NGINX_ALLOW = Fix(
    "allow {agent};",
    at=on_target("in nginx.conf, in the location or server block of this page; then reload nginx"),
    agent=ADDRESS,
)
APACHE_ALLOW = Fix(
    "Require ip {agent}",
    at=on_target("in the Apache configuration, in the Directory or Location section of this page; then reload Apache"),
    agent=ADDRESS,
)
