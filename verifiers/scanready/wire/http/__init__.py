"""HTTP/1.1 as a client: one request without a body, one bounded answer, and what the answer asks for (RFC 9110, 9112).

    reader = http.ResponseReader("HEAD")
    await stream.send(http.request("HEAD", "/", host="intranet", user_agent="scanready/0.1"))
    response = await stream.receive(reader)

The reader accepts the odd answers that curl accepts. Other bytes that begin like HTTP raise OurLimit: a limit of this
reader, no fault of the server.
"""

from __future__ import annotations

from .answer import MAX_BODY as MAX_BODY
from .answer import MAX_HEAD as MAX_HEAD
from .answer import MAX_LINES as MAX_LINES
from .answer import Response as Response
from .answer import ResponseReader as ResponseReader
from .answer import is_http2 as is_http2
from .answer import read_response as read_response
from .asking import authority as authority
from .asking import request as request
from .challenges import Challenge as Challenge
from .challenges import challenges as challenges
from .coding import decoded as decoded
from .coding import undo as undo
from .pages import Look as Look
from .pages import is_empty as is_empty
from .pages import is_login_form as is_login_form
from .pages import look as look
from .pages import refresh_of as refresh_of
from .pages import refresh_to as refresh_to
from .tags import ASCII_BLANKS as ASCII_BLANKS
from .tags import readable as readable
from .tags import tags as tags
from .tags import text_of as text_of
from .values import FIELDS as FIELDS
from .values import STATUSES as STATUSES
