# SPDX-License-Identifier: Apache-2.0
"""`core.value` makes what the standard library's dataclasses make: each claim is held against both."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from byline.core import value

MAKERS = [
    pytest.param(SimpleNamespace(dataclass=maker.dataclass, field=maker.field, replace=maker.replace, made=made), id=name)
    for maker, made, name in ((dataclasses, 0, "library"), (value, 0, "first values"), (value, 40, "later values"))
]


@value.dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A value that another process can name."""

    a: int
    b: tuple[int, ...] = ()


@pytest.fixture(params=MAKERS)
def made(request: pytest.FixtureRequest) -> SimpleNamespace:
    maker = request.param

    @maker.dataclass(frozen=True, slots=True, kw_only=True)
    class Point:
        x: int
        y: int = 0
        tags: list[str] = maker.field(default_factory=list)

        @property
        def sum(self) -> int:
            return self.x + self.y

    @maker.dataclass(frozen=True, slots=True, order=True)
    class Pair:
        a: int
        b: int

    @maker.dataclass(slots=True)
    class Box:
        inside: int
        seen: list[int] = maker.field(init=False)

        def __post_init__(self) -> None:
            self.seen = [self.inside]

    @maker.dataclass(slots=True)
    class Crate(Box):
        lid: str = "shut"

    for _ in range(maker.made):  # the first values are made without a written `__init__`
        Point(x=1), Pair(1, 2), Box(inside=1), Crate(inside=1)
    return SimpleNamespace(Point=Point, Pair=Pair, Box=Box, Crate=Crate, replace=maker.replace)


def test_values_are_filled_from_keywords_defaults_and_factories(made: SimpleNamespace) -> None:
    point = made.Point(x=1)
    assert (point.x, point.y, point.tags, point.sum) == (1, 0, [], 1)
    assert made.Point(x=1).tags is not made.Point(x=1).tags
    assert made.Point(x=1, y=2, tags=["a"]).tags == ["a"]


def test_a_field_that_fills_itself_is_not_given(made: SimpleNamespace) -> None:
    assert (made.Box(inside=1).seen, made.Crate(inside=1, lid="open").lid) == ([1], "open")
    with pytest.raises(TypeError, match=r"Box\.__init__\(\)"):
        made.Box(inside=1, seen=[2])


@pytest.mark.parametrize("given", [{}, {"y": 1}, {"x": 1, "z": 1}])
def test_a_field_that_is_missing_or_unknown_is_refused(made: SimpleNamespace, given: dict[str, int]) -> None:
    with pytest.raises(TypeError, match=r"Point\.__init__\(\)"):
        made.Point(**given)
    with pytest.raises(TypeError):
        made.Point(1)


def test_equal_values_are_equal_and_hash_alike(made: SimpleNamespace) -> None:
    assert made.Pair(1, 2) == made.Pair(1, 2)
    assert made.Pair(1, 2) != made.Pair(1, 3)
    assert made.Pair(1, 2) != (1, 2)
    assert len({made.Pair(1, 2), made.Pair(1, 2), made.Pair(2, 1)}) == 2
    assert sorted([made.Pair(2, 1), made.Pair(1, 3)]) == [made.Pair(1, 3), made.Pair(2, 1)]
    assert made.Pair(1, 2) <= made.Pair(1, 2) < made.Pair(1, 3)
    with pytest.raises(TypeError):
        sorted([made.Pair(1, 2), (1, 2)])


def test_a_frozen_value_does_not_change_and_has_no_room_for_more(made: SimpleNamespace) -> None:
    point = made.Point(x=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.x = 2
    with pytest.raises((AttributeError, TypeError)):  # the standard library trips over its own `super` here
        point.new = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del point.x
    assert not hasattr(point, "__dict__")


def test_a_value_that_may_change_does_and_is_no_key(made: SimpleNamespace) -> None:
    box = made.Box(1)
    box.inside = 2
    assert (box.inside, box.seen) == (2, [1])
    with pytest.raises(AttributeError):
        box.new = 1
    with pytest.raises(TypeError):
        hash(box)


def test_a_class_inherits_fields(made: SimpleNamespace) -> None:
    crate = made.Crate(1, "open")
    assert (crate.inside, crate.seen, crate.lid) == (1, [1], "open")
    assert made.Crate(1) == made.Crate(1) != made.Box(1)


def test_values_say_what_they_are(made: SimpleNamespace) -> None:
    assert repr(made.Pair(1, 2)).endswith("Pair(a=1, b=2)")
    assert repr(made.Point(x=1)).endswith("Point(x=1, y=0, tags=[])")
    match made.Pair(1, 2):
        case made.Pair(a, b):
            assert (a, b) == (1, 2)


def test_replaced_values_are_new_ones(made: SimpleNamespace) -> None:
    point = made.Point(x=1, tags=["a"])
    for replace in (made.replace, dataclasses.replace):
        other = replace(point, y=5)
        assert (other.x, other.y, other.tags, point.y) == (1, 5, ["a"], 0)
    with pytest.raises(TypeError):
        made.replace(point, z=1)


def test_the_standard_library_knows_them(made: SimpleNamespace) -> None:
    assert dataclasses.is_dataclass(made.Point)
    assert [(each.name, each.init) for each in dataclasses.fields(made.Box)] == [("inside", True), ("seen", False)]
    assert dataclasses.asdict(made.Point(x=1, tags=["a"])) == {"x": 1, "y": 0, "tags": ["a"]}
    assert copy.deepcopy(made.Point(x=1, tags=["a"])).tags == ["a"]


def test_values_travel() -> None:
    assert pickle.loads(pickle.dumps(Kept(a=1, b=(2,)))) == Kept(a=1, b=(2,))  # noqa: S301 - our own bytes


def test_threads_that_make_the_first_values_at_once_make_good_ones() -> None:
    @value.dataclass(frozen=True, slots=True, kw_only=True)
    class Shared:
        a: int

    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(Shared(a=1) == Shared(a=1))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8


def test_a_program_that_has_values_imports_no_dataclasses() -> None:
    """That is what the module is for: `dataclasses` and the `inspect` that it imports cost as much as the interpreter."""
    code = "import sys, byline.core.authorship; print([name for name in ('dataclasses', 'inspect') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
