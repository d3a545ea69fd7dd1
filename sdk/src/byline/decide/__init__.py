# SPDX-License-Identifier: Apache-2.0
"""decide: a policy and a change, built from proven facts only, give a verdict.

Nothing here does I/O, asks a clock or raises to say no. The one door is `decide_change`; `lint_policy` and `explain_policy` tell
a person what a policy says before it judges anything.
"""

from __future__ import annotations

from byline.decide.explain import explain_policy
from byline.decide.lint import Remark, lint_policy
from byline.decide.rules import decide_change

__all__ = ["Remark", "decide_change", "explain_policy", "lint_policy"]
