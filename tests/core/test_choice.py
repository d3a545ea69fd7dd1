# SPDX-License-Identifier: Apache-2.0
"""`core.choice` makes what the standard library's enumerations are, as far as it goes: each claim is held against both."""

from __future__ import annotations

import copy
import enum
import json
import pickle
import subprocess
import sys
from types import SimpleNamespace

import pytest

from byline.core import choice
from byline.core.access import Effect
from byline.core.attribution import Evidence


@pytest.fixture(params=[pytest.param(enum, id="library"), pytest.param(choice, id="choice")])
def made(request: pytest.FixtureRequest) -> SimpleNamespace:
    maker = request.param

    class Effect(maker.StrEnum):  # type: ignore[name-defined,misc]  # one of two
        """What becomes of a call."""

        DENY = "deny"
        ASK = "ask"

        @property
        def rank(self) -> int:
            return len(Effect) - list(Effect).index(self)

    class Kind(maker.Enum):  # type: ignore[name-defined,misc]  # one of two
        EDIT = maker.auto()
        STOP = maker.auto()

    return SimpleNamespace(Effect=Effect, Kind=Kind)


def test_members_are_found_by_value_by_name_and_as_themselves(made: SimpleNamespace) -> None:
    effect, kind = made.Effect, made.Kind
    assert effect("ask") is effect["ASK"] is effect.ASK is effect(effect.ASK)
    assert kind(1) is kind["EDIT"] is kind.EDIT is kind(kind.EDIT)
    assert (effect.ASK.name, effect.ASK.value, kind.STOP.name, kind.STOP.value) == ("ASK", "ask", "STOP", 2)


@pytest.mark.parametrize("value", ["allow", "DENY", None, 3, [], {}, b"deny"])
def test_a_value_that_no_member_has_is_refused(made: SimpleNamespace, value: object) -> None:
    for each in (made.Effect, made.Kind):
        with pytest.raises(ValueError, match=r"is not a valid .*(Effect|Kind)"):
            each(value)


def test_members_stand_in_the_order_in_which_they_were_written(made: SimpleNamespace) -> None:
    assert [each.name for each in made.Effect] == ["DENY", "ASK"] == list(made.Effect.__members__)
    assert (len(made.Effect), made.Effect.DENY.rank, made.Effect.ASK.rank, bool(made.Kind)) == (2, 2, 1, True)
    assert made.Effect.ASK in made.Effect


def test_a_text_is_its_value_and_another_member_is_only_itself(made: SimpleNamespace) -> None:
    effect, kind = made.Effect, made.Kind
    assert (effect.DENY == "deny", hash(effect.DENY) == hash("deny"), {"deny": 1}[effect.DENY]) == (True, True, 1)
    assert (str(effect.DENY), f"{effect.DENY:>6}", ",".join(effect), json.dumps([effect.ASK])) == ("deny", "  deny", "deny,ask", '["ask"]')
    assert (kind.EDIT == kind.EDIT, kind.EDIT == kind.STOP, kind.EDIT == 1, str(kind.EDIT)) == (True, False, False, "Kind.EDIT")
    assert (repr(effect.DENY), repr(kind.STOP)) == ("<Effect.DENY: 'deny'>", "<Kind.STOP: 2>")


def test_copies_are_the_member_itself(made: SimpleNamespace) -> None:
    for each in (*made.Effect, *made.Kind):
        assert copy.copy(each) is each
        assert copy.deepcopy([each])[0] is each


def test_a_pickled_member_is_the_member_itself() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(Evidence.OBSERVED, protocol)) is Evidence.OBSERVED  # noqa: S301 - made in this line


def test_patterns_match_members() -> None:
    match Effect("deny"):
        case Effect.ASK:
            raise AssertionError
        case Effect.DENY:
            pass


def test_the_standard_librarys_module_is_not_imported() -> None:
    program = "import sys, byline.core.attribution, byline.core.access; print('enum' in sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {program}"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"False\n"
