"""The test files that take longest: the processes that share the tests begin with these, and so end together."""

from __future__ import annotations

#: Those of ten seconds and more on an idle machine, the longest first; waits and computing both count.
LONGEST = (
    "tests/store/test_killed.py",
    "tests/targets/test_hostile.py",
    "tests/lab/test_smb.py",
    "tests/testing/test_pytest_plugin.py",
    "tests/test_new_target.py",
    "tests/lab/test_agent.py",
    "tests/lab/test_ladder.py",
    "tests/lab/test_estate.py",
    "tests/test_mutate.py",
    "tests/testing/test_docs.py",
    "tests/cli/test_history.py",
    "tests/cli/test_hostile_text.py",
    "tests/cli/test_processes.py",
    "tests/targets/oracle/test_oracle.py",
    "tests/targets/nfs/test_nfs_hostile.py",
    "tests/lab/test_nfs.py",
    "tests/inventory/test_inventory.py",
    "tests/lab/test_infrastructure.py",
    "tests/lab/test_windows.py",
    "tests/report/test_html_browser.py",
    "tests/lab/test_smb_login.py",
    "tests/lab/test_cloud.py",
    "tests/lab/test_one_machine.py",
    "tests/lab/test_firewall.py",
    "tests/examples/test_redis.py",
    "tests/emulators/test_demo.py",
    "tests/targets/windows/test_wmi_login.py",
    "tests/targets/test_database_logins.py",
    "tests/lab/test_wmi_login.py",
    "tests/lab/test_lab_nfs.py",
    "tests/targets/smb/test_smb.py",
    "tests/cli/test_broken_plugins.py",
    "tests/cli/test_third_party_parity.py",
    "tests/cli/test_bad_input.py",
    "tests/cli/test_report_files.py",
    "tests/targets/db2/test_db2.py",
    "tests/targets/infrastructure/test_infrastructure.py",
    "tests/targets/windows/test_wmi_hostile.py",
    "tests/run/test_leftovers.py",
    "tests/fitness/test_this_host.py",
    "tests/test_house.py",
    "tests/test_packaging.py",
)
_PLACE = {file: place for place, file in enumerate(LONGEST)}


def place(test: str) -> int:
    """Return the place of a test's file in that order; all files that are not listed share the last one."""
    return _PLACE.get(test.partition("::")[0], len(LONGEST))
