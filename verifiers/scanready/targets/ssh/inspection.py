"""Build one read-only command for a Unix host, and read its output. Pure text, no I/O.

The command must survive any login shell, including csh and fish. So it is one line for /bin/sh in single quotes, and
contains no single quotes itself. It uses only POSIX utilities, except ``findmnt`` and ``/proc/mounts``; ``mount`` is
the fallback. It begins and ends with a mark, to separate its output from that of a shell, a menu or a login script.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.wire.printable import printable

from . import causes
from .fixes import GIVE_A_SHELL, match_stanza

BEGIN, END = "scanready-begin", "scanready-end"

_SCRIPT = "; ".join(
    (
        "echo",  # ends a line that a login script left open: each mark needs its own line
        f"echo {BEGIN}",
        'echo "system=`uname -sm`"',
        'd="${1:-${TMPDIR:-/tmp}}"',
        'echo "directory=$d"',
        'if test -d "$d"; then echo is=directory; fi',
        # test uses access(2), which respects permissions, ACLs and read-only mounts, and writes nothing.
        'if test -w "$d" && test -x "$d"; then echo is=writable; fi',
        'set -- `df -Pk "$d" 2>/dev/null | tail -n 1`',
        'echo "free=$4"',
        'm="$6"',
        'o=`findmnt -nro OPTIONS -T "$d" 2>/dev/null`',
        'if test -z "$o" && test -r /proc/mounts; then o=`grep -F " $m " /proc/mounts | tail -n 1`; fi',
        'if test -z "$o"; then o=`mount 2>/dev/null | grep -F " $m " | tail -n 1`; fi',
        'echo "mount=$o"',
        f"echo {END}",
    )
)

# The texts of OpenSSH under ForceCommand internal-sftp, of nologin(8) and pam_nologin(8), and of sshd and PAM on
# expiry.
_SFTP_ONLY = re.compile(r"sftp connections? only|sftp.only|only sftp", re.IGNORECASE)
_NOLOGIN = re.compile(
    r"account is (?:currently )?not available|not available at this time|nologin|system is going down|"
    r"logins? (?:is|are) (?:currently )?disabled|unprivileged users are not permitted",
    re.IGNORECASE,
)
_EXPIRED = re.compile(r"password (?:has )?expired|password change required|account has expired", re.IGNORECASE)


def command(directory: str | None) -> str:
    """Return the command line; ``directory`` is where a scan stores its files, else the target's $TMPDIR or /tmp."""
    return f"/bin/sh -c '{_SCRIPT}' sh{f' {shlex.quote(directory)}' if directory else ''}"


@dataclass(frozen=True, slots=True)
class Inspection:
    """Hold the findings of the command; ``free`` is in KiB, None if ``df`` did not report it."""

    system: str
    directory: str
    exists: bool
    writable: bool
    noexec: bool
    free: int | None


def read(output: str) -> Inspection | None:
    """Return the findings in the command's output, None if the command did not run to its end.

    A mark counts only as a whole line. A device that quotes the command line in an error, or a login shell that traces
    its commands (``set -x``), prints the marks inside longer lines.
    """
    lines = [line.strip() for line in output.splitlines()]
    if BEGIN not in lines or END not in lines[lines.index(BEGIN) :]:
        return None
    begin = lines.index(BEGIN)
    found: dict[str, list[str]] = {}
    for line in lines[begin + 1 : lines.index(END, begin)]:
        name, _, value = line.partition("=")
        found.setdefault(name.strip(), []).append(value.strip())

    def first(name: str) -> str:
        return printable(found.get(name, [""])[0], 300)

    return Inspection(
        first("system"),
        first("directory"),
        "directory" in found.get("is", []),
        "writable" in found.get("is", []),
        "noexec" in re.split(r"[\s,()]+", first("mount")),
        int(first("free")) if first("free").isdecimal() else None,
    )


def something_else_ran(output: str, status: int | None, user: str, agent: str) -> Failure:
    """Return why the command did not run to its end; ``agent`` is this host's address as the server sees it."""
    text, exited = printable(output, 300), f"exit status {status}"
    detail = f"{exited}, output: {text}" if text else f"{exited} and no output"
    unforced = match_stanza(user, agent, "ForceCommand none")
    if _EXPIRED.search(text):
        return Failure(common.LOGIN_EXPIRED, detail)
    if _SFTP_ONLY.search(text):
        return Failure(causes.SFTP_ONLY, detail, unforced)
    if _NOLOGIN.search(text):
        return Failure(causes.NOLOGIN, detail, GIVE_A_SHELL(user=user))
    if status in (126, 127) or (not text and status != 0):
        return Failure(causes.COMMAND_REFUSED, detail)
    return Failure(causes.FORCED_COMMAND, detail, unforced)
