"""Fixes for a web server's configuration."""

from __future__ import annotations

from scanready.remedies.fixes import Fix
from scanready.remedies.quoting import ADDRESS

NGINX_ALLOW = Fix("allow {agent};", agent=ADDRESS)
APACHE_ALLOW = Fix("Require ip {agent}", agent=ADDRESS)
