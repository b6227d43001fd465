"""Place a finding: ``resolve.*``, ``connect.*``, ``tls.*`` and ``handshake.*`` stand on the rung of that name.

Which byte of the talk showed it does not matter: a PostgreSQL that does not answer the request for TLS is silent on the
rung ``handshake``. Past the handshake the peer has proven its protocol. Silence, a hang-up or an answer that is not
understood is then no finding about the handshake; it has a cause of the rung that was being climbed.
"""

from __future__ import annotations

from scanready.causes import common, talk_ended
from scanready.model import Cause, Finding, Step
from scanready.net.stream import PeerClosed, StreamError
from scanready.wire import WireError

#: The rungs whose name is the area of causes that stand nowhere else.
_OWN_AREAS = {str(step): step for step in (Step.RESOLVE, Step.CONNECT, Step.TLS, Step.HANDSHAKE)}

_TOO_SLOW = {
    Step.TLS: common.TLS_TOO_SLOW,
    Step.AUTH: talk_ended.AUTH_TOO_SLOW,
    Step.LOGIN: talk_ended.LOGIN_TOO_SLOW,
    Step.ACCESS: talk_ended.ACCESS_TOO_SLOW,
}
_BROKEN_OFF = {
    Step.TLS: common.TLS_FAILED,
    Step.AUTH: talk_ended.AUTH_BROKEN_OFF,
    Step.LOGIN: talk_ended.LOGIN_BROKEN_OFF,
    Step.ACCESS: talk_ended.ACCESS_BROKEN_OFF,
}


def rung_of(cause: Cause, step: Step) -> Step:
    """Return the rung that a cause stands on, where a check found it on the rung ``step``."""
    return _OWN_AREAS.get(cause.code.partition(".")[0], step)


def past_handshake(finding: Finding, error: BaseException, step: Step) -> Finding:
    """Return the finding of ``error`` as ``step``, a rung past the handshake, may have it.

    An answer that is not understood may be the fault of our reader, so that is a limit of ours, which blocks nothing.
    Another protocol, or throttling, that a verifier recognised stays what it is.
    """
    cause = finding.cause
    if cause in (common.SILENT, common.TOO_SLOW):
        return Finding(_TOO_SLOW[step], finding.detail, finding.fix)
    ended = (common.HUNG_UP, common.BROKEN_OFF)
    if cause in (*ended, common.MALFORMED, common.OTHER_PROTOCOL) and isinstance(error, PeerClosed):
        return Finding(_BROKEN_OFF[step], str(error))
    if cause in ended:
        return Finding(_BROKEN_OFF[step], finding.detail, finding.fix)
    heard_alone = cause is common.OTHER_PROTOCOL and isinstance(error, WireError | StreamError)
    if cause is common.MALFORMED or heard_alone:
        return Finding(common.LIMIT, f"the server's answer is not understood: {finding.detail}")
    return finding
