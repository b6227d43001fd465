"""Log in to Redis: one AUTH, whatever the answer.

Redis locks no account. A refusal is an entry of ACL LOG, which an administrator may watch, and other servers of the
same authority may lock: so the right to try comes from :meth:`scanready.climb.probe.Probe.attempt`.
"""

from __future__ import annotations

from scanready.author import Failure, Probe, Stream, common

from . import causes, resp

#: The user that a client is before it logs in; its password is ``requirepass`` of redis.conf.
DEFAULT_USER = "default"


async def log_in(probe: Probe, stream: Stream, *, proves: bool) -> str:
    """Send AUTH, and return the user that is logged in.

    The user ``default`` is not named, so that the command is the one of versions before 6, too.

    Args:
        proves: False where the server asks for no password: an accepted AUTH then says nothing of the password.

    Raises:
        Failure: the credential was refused, or was not tried.
    """
    credential = probe.credential
    assert credential is not None, "the caller looks for one"
    user = credential.username or DEFAULT_USER
    words = [credential.password or ""] if user == DEFAULT_USER else [user, credential.password or ""]
    async with probe.attempt() as going:
        going.pending = True
        await stream.send(resp.command("AUTH", *words))
        (reply,) = await stream.receive(resp.read_reply)
        going.pending = False
        if isinstance(reply, resp.Failed):
            raise refusal(reply)
        going.proof = proves
    return user


def refusal(reply: resp.Failed) -> Failure:
    """Return the failure that a refused AUTH means."""
    if reply.code == "WRONGPASS" or "invalid password" in reply.text:
        return Failure(common.LOGIN_REFUSED, reply.text)
    if "without any password configured" in reply.text or "no password is set" in reply.text:
        return Failure(causes.NO_PASSWORD, reply.text)
    if "wrong number of arguments" in reply.text:
        return Failure(causes.NO_USERS, reply.text)
    return Failure(causes.ERROR, reply.text)
