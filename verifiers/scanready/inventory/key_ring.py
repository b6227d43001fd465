"""Read a secret from the operating system's key ring, or from another backend of the ``keyring`` package.

A backend is foreign code: it may hang, return bytes, or raise an error whose text is the secret.
"""

from __future__ import annotations

import shlex
import sys
import threading
from collections.abc import Callable

from scanready.catalogue.wrong import Wrong, shown

#: Seconds that a key ring may take, since a person may have to unlock it.
PATIENCE = 60.0


def look_up(rest: str) -> str:
    """Return the secret of ``SERVICE/USER``.

    Raises:
        Wrong: there is no key ring; or it has no such secret, fails, or does not answer within `PATIENCE`.
    """
    service, _, user = rest.rpartition("/")
    found = ask_patiently("the key ring", lambda: _answer(service, user))
    if found is None:
        raise Wrong(f"the key ring has no secret for service {shown(service)}, user {shown(user)}")
    if isinstance(found, (bytes, bytearray)):
        try:
            found = found.decode()
        except UnicodeDecodeError:
            raise Wrong("the key ring returned bytes that are not UTF-8 text") from None
    if not isinstance(found, str):
        raise Wrong("the key ring returned something that is not text")
    return found


def ask_patiently(who: str, question: Callable[[], object]) -> object:
    """Ask foreign code in a separate thread, which is abandoned if it hangs; return the answer.

    Raises:
        Wrong: it raised one, or another error, or did not answer within `PATIENCE`.
    """
    answers: list[object] = []

    def ask() -> None:
        try:
            answers.append(question())
        except Wrong as wrong:
            answers.append(wrong)
        except BaseException as error:  # noqa: BLE001  # the text of any exception may be the secret
            answers.append(Wrong(f"{who} did not answer: {type(error).__name__[:60]}"))

    thread = threading.Thread(target=ask, name=who, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    answer = answers[0] if answers else Wrong(f"{who} did not answer within {PATIENCE:.0f} s")
    if isinstance(answer, Wrong):
        raise answer
    return answer


def _answer(service: str, user: str) -> object:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        pip = f"{shlex.quote(sys.executable)} -m pip install 'scanready[keyring]'"
        raise Wrong(f"`keyring:` needs the keyring package: {pip}") from None
    try:
        return keyring.get_password(service, user)
    except keyring.errors.NoKeyringError:
        raise Wrong("`keyring:` finds no key ring on this host (no backend is available)") from None
