"""Read a secret from the output of a command: ``exec:COMMAND``.

There is no shell. The command ends at its deadline with all that it started, its output is bounded, and what it writes
is never shown, since that may be the secret.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

from scanready.catalogue.wrong import Wrong, shown
from scanready.clients.child_process import own_group

#: Seconds that a command may take.
PATIENCE = 30.0
_KILLED = 5.0


def words_of(command: str) -> list[str]:
    """Split a command as a POSIX shell does; on Windows, a backslash is an ordinary character.

    Raises:
        Wrong: a quotation mark is not closed, or there is no command.
    """
    lexer = shlex.shlex(command, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    if os.name == "nt":
        lexer.escape = ""
    try:
        words = list(lexer)
    except ValueError:
        raise Wrong("`exec:` has a quotation mark that is not closed") from None
    if not words or "\0" in command:
        raise Wrong("`exec:` is incomplete: write exec:COMMAND")
    return words


def run(command: str, most: int) -> bytes:
    """Return the output of a command, at most ``most`` bytes.

    Raises:
        Wrong: it cannot be started, fails, does not end in time, or writes too much. The message names the program.
    """
    program, *arguments = words_of(command)
    name, path = shown(Path(program).name), _program(program)
    try:
        child = subprocess.Popen(  # the file of this user or of the system has the command
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_folder(),
            **own_group(),
        )
    except OSError as error:
        raise Wrong(f"exec: {name} cannot be started: {error.strerror or type(error).__name__}") from None
    try:
        output = _output(child, most, name)
        code = child.wait(_KILLED)
    except subprocess.TimeoutExpired:
        raise Wrong(f"exec: {name} closed its output and did not end") from None
    finally:
        _kill(child)
    if code:
        ended = f"exit code {code}" if code > 0 else f"signal {-code}"
        raise Wrong(
            f"exec: {name} ended with {ended}; its messages may have the secret and are not shown: run it there"
        )
    return output


def _output(child: subprocess.Popen[bytes], most: int, name: str) -> bytes:
    """Return all output of a child, read by a thread that ends when the child is killed."""
    found: list[bytes] = []
    stream = child.stdout
    assert stream is not None
    reader = threading.Thread(target=lambda: found.append(stream.read(most + 1)), name="exec", daemon=True)
    reader.start()
    reader.join(PATIENCE)
    if not found:
        raise Wrong(f"exec: {name} did not end within {PATIENCE:g} s")
    if len(found[0]) > most:
        raise Wrong(f"exec: {name} wrote more than {most >> 10} KiB")
    return found[0]


def _program(program: str) -> str:
    """Return the absolute path of a program, so that the working folder never provides it.

    Raises:
        Wrong: it is not found, or its path is relative; on Windows also a batch file, which a shell would run.
    """
    if os.name == "nt":
        if not Path(program).is_absolute() or program.lower().endswith((".bat", ".cmd")):
            raise Wrong(f"exec: {shown(program)} must be the full path of a program (.exe) on Windows")
        return program
    if "/" in program and not Path(program).is_absolute():
        raise Wrong(f"exec: {shown(program)} is a relative path: write the full path")
    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(folder).is_absolute()]
    found = shutil.which(program, path=os.pathsep.join(folders))
    if found is None:
        raise Wrong(f"exec: there is no program {shown(program)}")
    return found


def _folder() -> str:
    """Return where a command runs: this user's home, not the working folder."""
    home = os.path.expanduser("~")
    return home if Path(home).is_dir() else Path(os.sep).anchor


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End a child and the processes that it started."""
    with contextlib.suppress(OSError):
        if sys.platform != "win32":
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_KILLED)
    if child.stdout is not None:
        with contextlib.suppress(OSError):
            child.stdout.close()
