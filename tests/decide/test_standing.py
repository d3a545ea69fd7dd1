# SPDX-License-Identifier: Apache-2.0
"""Before somebody signs: the files for which a gate would not count it, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.change import Change
from byline.core.effect import effect_digest
from byline.core.policy import Require, Rule, When
from byline.core.publickey import Presence
from byline.core.trust import Use
from byline.core.verified import Strength, VerifiedApproval, VerifiedAuthorship
from byline.decide import decide_change
from byline.decide.standing import list_uncounted
from casework import NOW, REPOSITORY, TARGET, ai, approval, authorship, changed, claim, human, make_trust, sha, team, verbatim
from decide.test_properties import PEOPLE, TRUST, cases

if TYPE_CHECKING:
    from byline.core.effect import Transition
    from byline.core.policy import Policy

OLD, NEW = b"a\nb\n", b"a\nb2\n"
BOTH = (Use.APPROVAL, Use.ROOT)


def _why(path: bytes, writer: str, approver: str, uses: tuple[Use, ...] = (Use.APPROVAL,), policy: Policy | None = None) -> str | None:
    """Say why `approver` need not sign for what an agent of `writer` did; None where it would count."""
    said = authorship(claim(path, OLD, NEW, ai(writer) if writer != "p-mia" else human(writer)))
    fact = VerifiedAuthorship(digest="1" * 64, principal=writer, key="0" * 64, strength=Strength.SIGNED, authorship=said, is_full=True)
    change = Change(
        repository=REPOSITORY,
        target=TARGET,
        environment=None,
        manifest=None,
        files=(changed(path, OLD, NEW),),
        authorships=(fact,),
        verbatim=verbatim([fact]),
    )
    found = list_uncounted(policy or team(), change, make_trust(), approver=approver, uses=uses)
    return found[0].why if found else None


@pytest.mark.parametrize(
    ("path", "approver", "uses", "why"),
    [
        (b"a.py", "p-ana", BOTH, None),
        (b"a.py", "p-rob", BOTH, "you had a hand in it"),
        (b"a.py", "p-mia", BOTH, "ai-senior-signoff asks for senior or above, and you are mid"),
        (b"a.py", "p-ana", (Use.ROOT,), "your key does not have the use approval"),
        (b".byline/policy.toml", "p-mia", BOTH, None),
        (b".byline/policy.toml", "p-mia", (Use.APPROVAL,), "it decides whom Byline trusts, and your key does not have the use root"),
    ],
)
def test_a_reason_is_given_where_no_rule_would_count_it(path: bytes, approver: str, uses: tuple[Use, ...], why: str | None) -> None:
    """What the built-in protection counts need not be counted by a rule as well."""
    assert _why(path, "p-rob", approver, uses) == why


def test_a_key_in_a_file_is_told_that_the_policy_asks_for_a_token() -> None:
    eyes = Rule(id="eyes", why="w", when=When(), require=Require(approvals=1))
    policy = team(rules=(eyes,), presence=Presence.PRESENT)
    assert "a token that somebody touches" in (_why(b"a.py", "p-rob", "p-mia", policy=policy) or "")


def test_where_no_rule_asks_nothing_is_in_the_way() -> None:
    assert _why(b"a.py", "p-mia", "p-rob") is None
    eyes = Rule(id="eyes", why="w", when=When(), require=Require(approvals=1))
    assert _why(b"a.py", "p-mia", "p-rob", policy=team(rules=(eyes,))) is None
    denied = Rule(id="never", why="w", when=When(), require=None)
    assert _why(b"a.py", "p-mia", "p-rob", policy=team(rules=(denied,))) is None


def _yes(who: str, move: Transition, uses: tuple[Use, ...], policy: Policy) -> VerifiedApproval:
    given_to = approval(who, move, policy=policy)
    assert given_to.digest == effect_digest([move])
    return VerifiedApproval(digest=sha(b"yes"), principal=who, key="0" * 64, strength=Strength.LOGGED, approval=given_to, uses=uses)


@given(
    case=cases(),
    who=st.sampled_from(PEOPLE),
    uses=st.sampled_from([(Use.APPROVAL,), (Use.ROOT,), BOTH]),
    presence=st.sampled_from(Presence),
)
def test_what_is_said_not_to_count_changes_no_verdict(
    case: tuple[Policy, Change], who: str, uses: tuple[Use, ...], presence: Presence
) -> None:
    """AP5: whatever claims there are, whatever the policy asks; the key is one in a file."""
    policy, change = replace(case[0], presence=presence), case[1]
    before = decide_change(policy, change, trust=TRUST, at=NOW)
    moves = {file.transition.path: file.transition for file in change.files}
    for each in list_uncounted(policy, change, TRUST, approver=who, uses=uses):
        more = (*change.approvals, _yes(who, moves[each.path], uses, policy))
        assert decide_change(policy, replace(change, approvals=more), trust=TRUST, at=NOW) == before
