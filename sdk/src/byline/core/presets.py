# SPDX-License-Identifier: Apache-2.0
"""Policies to start from.

`solo` records and asks for nothing. `team` credits people's own lines at the levels that it names and the hands that exact, signed
claims name; every other change needs a senior. Its levels are those that `byline init` writes: junior, mid, senior. Its agents ask before
they run what destroys. Whatever the preset, no agent writes what decides about agents (`core.access`).

>>> format_preset("solo", repository="byl:" + "0" * 32).splitlines()[0]
'schema = 1'
"""

from __future__ import annotations

from typing import Final

from byline.core.policy import parse_policy
from byline.errors import PolicyError

TEAM_LEVELS: Final = ("junior", "mid", "senior")

_HEAD = """\
schema = 1
version = 1
repository = "{repository}"
requires_trust = {requires_trust}
"""

_SOLO = """
[[rule]]
id = "everything-else"
why = "one person: recorded, nothing to approve"
when = {}
require = { approvals = 0 }
"""

_TEAM = """
[evidence]
strength = "signed"
credit_human = [{ evidence = "observed" }, { evidence = "declared", levels = ["mid", "senior"] }]
credit_hands = true
acknowledge = "T1,T2 only"

[approval]
max_age = "72h"
binding = "effect"

[[rule]]
id = "ai-senior-signoff"
why = "a change that is not a person's own, where a hand is below senior or not known"
when = { credited_human = false, hand_below = "senior" }
require = { approvals = 1, level_at_least = "senior" }

[[rule]]
id = "everything-else"
why = "recorded, nothing to approve"
when = {}
require = { approvals = 0 }

[[agent]]
commands = ["*"]
effect = "ask"
why = "what a command destroys, no review brings back"
"""

PRESETS: Final = {"solo": _SOLO, "team": _TEAM}


def format_preset(name: str, *, repository: str, requires_trust: int = 1) -> str:
    """Return the text of the preset `name` for a repository.

    Raises:
        PolicyError: There is no such preset, or `repository` is no repository id.
    """
    if name not in PRESETS:
        raise PolicyError(f"no preset {name!r}", hint=f"there are {' and '.join(PRESETS)}")
    text = _HEAD.format(repository=repository, requires_trust=requires_trust) + PRESETS[name]
    parse_policy(text.encode())
    return text
