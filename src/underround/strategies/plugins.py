"""Strategies of other packages: an entry point in the group ``underround.strategies`` is enough.

In the other package's ``pyproject.toml``::

    [project.entry-points."underround.strategies"]
    bargain = "my_package.bargain"

The module is imported, and its ``@strategy("bargain")`` registers the class.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final

from underround.model.errors import ConfigError

GROUP: Final = "underround.strategies"


def load_plugins() -> None:
    """Import every module that other packages name.

    Raises ``ConfigError`` naming the package when one cannot be imported: a strategy that is
    missing in silence would be worse than a start that fails.
    """
    for point in entry_points(group=GROUP):
        try:
            point.load()
        except Exception as error:  # a stranger's module may raise anything
            package = point.dist.name if point.dist is not None else "an installed package"
            raise ConfigError(
                f"strategy {point.name} of {package} cannot be loaded from {point.value} "
                f"({type(error).__name__}: {error}): mend or uninstall that package"
            ) from error
