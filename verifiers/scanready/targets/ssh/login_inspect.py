"""Read the output of one command and one entry of one directory after a login over SSH. Read-only."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanready.causes import common, talk_ended
from scanready.climb.explain import Failure
from scanready.wire import UnknownValue
from scanready.wire.printable import printable

from . import causes
from .fixes import SUBSYSTEM
from .login_limits import UNCHECKED, Leash, words_of

if TYPE_CHECKING:
    import paramiko

#: More than our command ever prints; a forced command may print without end.
MOST_OUTPUT = 64 << 10
#: Reasons of a CHANNEL_OPEN_FAILURE (RFC 4254, 5.1). "Connect failed" (2) is sshd's answer beyond MaxSessions.
_REFUSALS, _RESOURCE_SHORTAGE = (1, 2, 3), 4
#: paramiko's texts for a connection that has ended, and for a channel that the server closed.
_ENDED = ("Channel closed.", "Channel is not open", "SSH session not active", "Unable to open channel.")


@dataclass(frozen=True, slots=True)
class Command:
    """Hold a command's combined output and its exit status, None if the server sent none."""

    output: str
    status: int | None


@dataclass(frozen=True, slots=True)
class Listing:
    """Describe a path that was read: its absolute name, whether it is a directory, and one entry ("" if empty)."""

    path: str
    directory: bool
    entry: str


def run_command(transport: paramiko.Transport, leash: Leash, command: str) -> Command | Failure:
    """Run a command without a terminal, and read at most `MOST_OUTPUT` bytes of its output."""
    import paramiko

    try:
        channel = transport.open_session()
        channel.settimeout(leash.remaining)
        channel.set_combine_stderr(True)
        channel.exec_command(command)
        output = b""
        while len(output) < MOST_OUTPUT and (more := channel.recv(4096)):
            output += more
        ended = channel.status_event.wait(min(1.0, leash.remaining)) and channel.exit_status >= 0
        status = channel.exit_status if ended else None
        channel.close()
    except (paramiko.SSHException, EOFError, OSError, *UNCHECKED) as error:
        refused = Failure(causes.COMMAND_REFUSED, f"the server refused to run a command: {words_of(error)}")
        return _unanswered(transport, leash, error) or _unless_busy(error, refused)
    return Command(output.decode("utf-8", "replace"), status)


def _unless_busy(error: BaseException, refused: Failure) -> Failure:
    """Return the refusal of a channel, unless its reason is a shortage, or one that is not known here."""
    import paramiko

    if not isinstance(error, paramiko.ChannelException) or error.code in _REFUSALS:
        return refused
    if error.code == _RESOURCE_SHORTAGE:
        return Failure(talk_ended.ACCESS_BROKEN_OFF, refused.detail)
    return Failure(common.LIMIT, str(UnknownValue("the reason why a channel does not open", error.code)))


def list_path(transport: paramiko.Transport, leash: Leash, path: str) -> Listing | Failure:
    """Open the SFTP subsystem, and read one entry of the directory at ``path``, or one byte of the file."""
    import paramiko
    from paramiko.sftp import SFTPError

    try:
        channel = transport.open_session()
        channel.settimeout(leash.remaining)
        channel.invoke_subsystem("sftp")
        sftp = paramiko.SFTPClient(channel)
    except (paramiko.SSHException, SFTPError, EOFError, OSError, *UNCHECKED) as error:
        # Output of a login script or nologin before the SFTP server's first packet causes "Garbage packet received".
        refused = Failure(causes.NO_SFTP, f"the SFTP subsystem does not start: {words_of(error)}", SUBSYSTEM())
        return _unanswered(transport, leash, error) or _unless_busy(error, refused)
    try:
        return _look(sftp, path)
    except FileNotFoundError:
        return Failure(common.ACCESS_NOT_FOUND, f"{path} does not exist")
    except PermissionError:
        return Failure(common.ACCESS_DENIED, f"this account may not read {path}")
    except SFTPError as error:  # raised by paramiko itself; a status of the server is an OSError
        return Failure(
            common.LIMIT, f"paramiko does not understand the SFTP server's answer for {path}: {words_of(error)}"
        )
    except (paramiko.SSHException, EOFError, OSError, *UNCHECKED) as error:
        return _unanswered(transport, leash, error) or Failure(causes.SFTP_FAILED, f"{path}: {words_of(error)}")


def _look(sftp: paramiko.SFTPClient, path: str) -> Listing:
    absolute = printable(sftp.normalize(path), 500)
    mode = sftp.stat(path).st_mode or 0
    if stat.S_ISREG(mode):
        with sftp.open(path, "rb") as file:
            file.read(1)
        return Listing(absolute, False, "")
    entry = next(iter(sftp.listdir_iter(path, read_aheads=1)), None)
    return Listing(absolute, True, printable(entry.filename, 200) if entry is not None else "")


def _unanswered(transport: paramiko.Transport, leash: Leash, error: BaseException) -> Failure | None:
    """Return the failure for a request that got no answer; None if the server refused it.

    Silence, floods, the end of the connection and limits of the library are not refusals.
    """
    import paramiko

    if leash.flooded:
        return leash.verdict("")
    if isinstance(error, TimeoutError) or leash.expired:
        return Failure(common.OUT_OF_TIME, "the server did not answer within the time")
    if isinstance(error, UNCHECKED):
        return Failure(common.LIMIT, f"paramiko, the library for this login, failed: {words_of(error)}")
    if transport.is_active():
        return None
    if isinstance(error, paramiko.SSHException) and str(error) not in _ENDED:
        return Failure(common.LIMIT, f"paramiko, the library for this login, failed: {words_of(error)}")
    words = f"; its message: {printable(leash.disconnect_text)}" if leash.disconnect_text else ""
    return Failure(talk_ended.ACCESS_BROKEN_OFF, f"the server closed the connection after the login{words}")
