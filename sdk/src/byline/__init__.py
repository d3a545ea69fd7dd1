# SPDX-License-Identifier: Apache-2.0
r"""Who wrote every line: capture, attribute, sign, log, verify, decide.

Names are loaded when they are first used (PEP 562), so that `import byline` costs next to nothing and an agent's hook stays fast:

    import byline

    with byline.session(agent="reviewer", model="example/model-1") as session:
        session.write("greeting.py", "print('hello')\n")
"""

from __future__ import annotations

# Spelled out, because importing `typing` would double the time that `import byline` takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from byline.errors import BylineError as BylineError
    from byline.errors import PatchError as PatchError
    from byline.errors import RefusedError as RefusedError
    from byline.flow.sessions import Session as Session
    from byline.flow.sessions import current as current
    from byline.flow.sessions import session as session
    from byline.flow.sessions import tool as tool

__version__ = "0.1.0"

_HOMES = {
    "BylineError": "byline.errors",
    "PatchError": "byline.errors",
    "RefusedError": "byline.errors",
    "Session": "byline.flow.sessions",
    "current": "byline.flow.sessions",
    "session": "byline.flow.sessions",
    "tool": "byline.flow.sessions",
}

__all__ = ["BylineError", "PatchError", "RefusedError", "Session", "__version__", "current", "session", "tool"]


def __getattr__(name: str) -> object:
    """Load a public name from its home.

    Raises:
        AttributeError: Byline has no such name.
    """
    from importlib import import_module

    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'byline' has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
