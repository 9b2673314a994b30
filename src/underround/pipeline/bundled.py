"""The recordings that ship with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

RECORDINGS: Final = Path(str(files("underround"))) / "data" / "recordings"
"""Where they lie; a folder, because the package is never installed as an archive."""
NHL: Final = "nhl-2026-06-07"
WEATHER: Final = "weather-2026-08"
BUNDLED: Final[dict[str, Path]] = {name: RECORDINGS / name for name in (NHL, WEATHER)}
"""Name → folder."""
DEFAULT: Final = NHL
"""The one that is replayed when nothing is named."""
