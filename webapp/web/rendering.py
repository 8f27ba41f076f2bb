"""How templates are rendered: Flask's environment, with what every page does a hundred times made cheap."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import MutableMapping
from typing import Any

from flask.templating import Environment as FlaskEnvironment


class Environment(FlaskEnvironment):
    """An environment whose templates share its globals."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """
        Return the globals of a template.

        Jinja wraps those of the environment in a chain even where a template adds none. A chain is searched in Python,
        name by name, whenever a template imports macros from another: a tenth of the time of a page here.
        """
        return ChainMap(dict(d), self.globals) if d else self.globals
