"""Define the statements that distinguish MySQL from other products that speak its protocol."""

from __future__ import annotations

#: Every MySQL since 4.1.2 and every MariaDB runs it, and answers with an account. Search engines with a port for
#: MySQL's clients have no such function; to CURRENT_USER() by itself Sphinx answers 0 (measured with 2.2.11).
WHO_ARE_WE = "SELECT UNHEX(HEX(CURRENT_USER()))"
