"""A request the CLOB says no to: status, the venue's own words, headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import TypeAlias

from aiohttp import web

from underround.local_venue.net.http_host import json_answer

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]


class Refused(Exception):
    """The answer to a request that is not carried out."""

    def __init__(
        self,
        status: int,
        text: str,
        *,
        form: str = "error",
        more: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """``text`` is the venue's, under the name ``form``; ``more`` are further fields."""
        super().__init__(text)
        self.status = status
        self.text = text
        self.form = form
        self.more = more or {}
        self.headers = headers or {}

    def answer(self) -> web.Response:
        """Return the refusal as the venue writes it."""
        return json_answer({self.form: self.text, **self.more}, self.status, self.headers)


def refusing(handler: Handler) -> Handler:
    """Let ``handler`` say no by raising ``Refused``."""

    @wraps(handler)
    async def answered(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except Refused as refused:
            return refused.answer()

    return answered
