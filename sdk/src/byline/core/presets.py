# SPDX-License-Identifier: Apache-2.0
"""Policies to start from.

`solo` records and asks for nothing. `team` credits people's own lines at the levels that it names and the hands that exact, signed
claims name; every other change needs a senior. Its levels are those that `byline init` writes: junior, mid, senior. Its agents ask before
they run what destroys, publishes or deploys. `regulated` takes nobody's word: the log proves that no statement was withheld, so that T1 to
T4 hold, every change has the yes of a senior who had no hand in it, what runs in production that of two, and agents touch none of it.
Whatever the preset, no agent writes what decides about agents (`core.access`).

>>> format_preset("solo", repository="byl:" + "0" * 32).splitlines()[0]
'schema = 1'
"""

from __future__ import annotations

import json
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
why = "what a command destroys or puts out, no review brings back"
"""

_PRODUCTION: Final = (
    *("infra/**", "deploy/**", "terraform/**", "k8s/**", "helm/**", "**/migrations/**", "**/*.tf", "**/Dockerfile*"),
    *(".github/workflows/**", ".gitlab-ci.yml"),
)
_REGULATED = f"""
[evidence]
strength = "logged"
completeness = "required"

[approval]
max_age = "24h"
binding = "effect"

[[rule]]
id = "production"
why = "what runs in production has two people's yes"
when = {{ paths = {json.dumps(_PRODUCTION)} }}
require = {{ approvals = 2, level_at_least = "senior" }}

[[rule]]
id = "four-eyes"
why = "every change has the yes of a senior who had no hand in it"
when = {{}}
require = {{ approvals = 1, level_at_least = "senior" }}

[[agent]]
paths = {json.dumps(_PRODUCTION)}
effect = "deny"
why = "what runs in production is changed by people"

[[agent]]
commands = ["*"]
effect = "deny"
why = "what destroys, publishes or deploys is run by people"
"""

PRESETS: Final = {"solo": _SOLO, "team": _TEAM, "regulated": _REGULATED}
NEEDS_LOG: Final = frozenset(("regulated",))  # a log that seals an index: no change gets through without


def format_preset(name: str, *, repository: str, requires_trust: int = 1) -> str:
    """Return the text of the preset `name` for a repository.

    Raises:
        PolicyError: There is no such preset, or `repository` is no repository id.
    """
    if name not in PRESETS:
        raise PolicyError(f"no preset {name!r}", hint=f"there are {', '.join(PRESETS)}")
    text = _HEAD.format(repository=repository, requires_trust=requires_trust) + PRESETS[name]
    parse_policy(text.encode())
    return text
