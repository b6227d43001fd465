"""The lab: real servers on their real ports, in network namespaces, one set for each pytest process.

Fixtures
    lab     the whole of it (fixtures/lab/lab.py); servers start when first asked for and are kept for the session
    agent   lab.agent, where the product runs

    def test_password_login_is_asked_for(lab):
        server = lab.postgresql("scram")                      # variants: fixtures.lab.postgresql.VARIANTS
        target = Target(host=server.hostname, type="postgresql", port=server.port)

        report = lab.agent.run(lambda: asyncio.run(verify(target)))           # here, in the agent's namespace
        done = lab.agent.command([sys.executable, "-m", "scanready", "check", f"postgresql://{server.hostname}"])

        with lab.policy(f"ip daddr {server.address} tcp dport 5432 drop"):    # the firewall in the middle
            ...
        assert "no pg_hba.conf entry" not in server.log

Servers (all have .address .address6 .hostname .port .log .pid .host):
    lab.openssh(variant)  lab.dropbear(variant)  lab.mariadb(variant)  lab.postgresql(variant)  lab.dovecot(variant)
    lab.nfs(variant): nfs.firewall(name, server.address) is what a firewall may do to its ports, for lab.policy
    lab.samba(variant)  lab.samba_rpc()  lab.samba_dc(variant): their accounts are in samba.py and samba_dc.py
    lab.squid(variant)  lab.clouds(): the services of clouds.CLOUDS  lab.portal(variant)
    lab.nginx().site(name)  lab.apache().site(name)  lab.proxy(variant)  lab.dns()  lab.misbehaving(mode, port, banner)
    lab.host(label, addresses=1): a machine without servers; .absent is an unused address next to it
``label="own"`` gives a test its own openssh, mariadb, postgresql, dovecot or dropbear, whose counters no other test
changes. MariaDB and PostgreSQL have ``.sql()`` over their Unix socket and ``.full()``, which uses up all connections.

Users and passwords: accounts.PASSWORD for all (proxy.PASSWORD for the proxy); ``server.user`` may log in. The agent's
system trusts the lab's root certificate (lab.authority.root); libraries with their own trust store do not.

Rules: pass functions to ``agent.run``, not sockets or event loops created outside. A thread pool that already has
threads stays in the namespace in which they were created. The lab does not change the machine's own /etc, /run or
/var, except /etc/netns and /run/netns while it is up. The next run removes the remains of a killed run.

All tests in this directory carry the marker ``lab``. On a machine that cannot run the lab they are skipped with the
reason; with SCANREADY_REQUIRE_LAB=1 they fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from fixtures.lab import lab as laboratory
from fixtures.lab.net import Host
from scanready.climb import certificates
from scanready.net import off_the_loop


@pytest.fixture(scope="session")
def lab() -> Iterator[laboratory.Lab]:
    reason = laboratory.unavailable()
    if reason is not None:
        if os.environ.get("SCANREADY_REQUIRE_LAB") == "1":
            pytest.fail(f"the lab is required but cannot be had: {reason}", pytrace=False)
        pytest.skip(f"no lab: {reason}")
    built = laboratory.Lab()
    try:
        yield built
    finally:
        built.close()


@pytest.fixture(scope="module", autouse=True)
def _whom_the_agent_trusts() -> Iterator[None]:
    """The lab's agent trusts other authorities than the machine: what is judged on one does not count on the other.

    For each module, as modules of both kinds take turns in one process.
    """
    _forget_whom_this_process_trusts()
    yield
    _forget_whom_this_process_trusts()


def _forget_whom_this_process_trusts() -> None:
    certificates._store.cache_clear()
    certificates._judge.cache_clear()
    off_the_loop._threads().shutdown(wait=False)  # they keep the mounts, and so the store, of who started them
    off_the_loop._threads.cache_clear()


@pytest.fixture(scope="session")
def agent(lab: laboratory.Lab) -> Host:
    return lab.agent
