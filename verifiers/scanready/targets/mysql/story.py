"""Describe what a check of MySQL or MariaDB sends on each step, with the client lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import AS_A_FACT, ONE_ROW, OPENSSL, Exchange, Sent
from scanready.model import Step

_MYSQL = "mysql -h {host} -P {port} -u {user} -p"
_PING = (
    "mysqladmin -h {host} -P {port} -u {user} -p ping   "
    "# do not use nc here: each connection that ends before the login counts towards max_connect_errors"
)

STORY: dict[str, dict[Step, Exchange]] = {
    "mysql": {
        Step.CONNECT: Exchange("a TCP connection request; the server speaks first", _PING),
        Step.TLS: Exchange(Sent(ssl="SSLRequest", **AS_A_FACT), OPENSSL),
        Step.HANDSHAKE: Exchange("nothing: the server speaks first", _PING),
        Step.AUTH: Exchange(
            Sent(
                "nothing more: the greeting names the method",
                probe="a login as scanready_probe without a password: the server refuses it, and does not count it "
                "towards max_connect_errors",
                query="a query for the account name, since the server accepted that login",
            ),
            _MYSQL,
        ),
        Step.LOGIN: Exchange("the account, once, on the same connection", _MYSQL),
        Step.ACCESS: Exchange(ONE_ROW, f"{_MYSQL} -e 'SHOW DATABASES'"),
    },
}
