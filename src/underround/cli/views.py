"""What a command shows while it works: nothing, lines, or one picture that is redrawn."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import RenderableType
from rich.live import Live

from underround.cli.screen import Screen


class View:
    """Something that is shown between a beginning and an end; use as a context manager."""

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _begin(self) -> None:
        """Nothing to begin."""

    def _end(self) -> None:
        """Nothing to end."""


class Drawing(View):
    """One picture on a terminal, drawn anew in its place; a transient one goes at the end."""

    def __init__(self, console: Screen, *, transient: bool = False) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=transient)

    def _begin(self) -> None:
        self._live.start()

    def _end(self) -> None:
        self._live.stop()

    def _draw(self, picture: RenderableType) -> None:
        self._live.update(picture, refresh=True)
