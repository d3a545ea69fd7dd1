# SPDX-License-Identifier: Apache-2.0
"""The standard library's enumerations, without its module: to import `enum` takes half as long as the interpreter takes to start.

    class Effect(StrEnum):
        DENY = "deny"
        ASK = "ask"

For what an agent waits for (`capture.guard`) and what that imports. A member is what it is in the standard library: one object, found by
its value, by its name and in the order in which it was written; it is copied and pickled as itself. Of everything else that `enum` can
do (aliases, flags, `_missing_`, members of other types) there is nothing. Type checkers see the standard library.

>>> class Effect(StrEnum):
...     DENY = "deny"
...     ASK = "ask"
>>> Effect("ask") is Effect.ASK, [*Effect], f"{Effect.DENY}"
(True, [<Effect.DENY: 'deny'>, <Effect.ASK: 'ask'>], 'deny')
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["Enum", "StrEnum", "auto"]


class _Auto:
    """Stands for the number of a member, from 1."""


_VALUES = (str, _Auto)


class _Choice(type):
    """The class of enumerations: makes the members of a class body, and finds them."""

    _members_: tuple[Any, ...]
    _found_: dict[object, Any]  # by value, and by the member itself

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> _Choice:
        members: dict[str, Any] = {key: each for key, each in body.items() if type(each) in _VALUES and not key.startswith("_")}
        made = super().__new__(cls, name, bases, {key: value for key, value in body.items() if key not in members})
        made._members_, made._found_ = (), {}
        for number, (key, given) in enumerate(members.items(), 1):
            value = number if type(given) is _Auto else given
            member: Any = str.__new__(made, value) if issubclass(made, str) else object.__new__(made)
            member._name_, member._value_ = key, value
            made._members_ += (member,)
            made._found_ |= {value: member, member: member}
            setattr(made, key, member)
        return made

    def __call__(cls, value: object) -> Any:  # noqa: ANN401 - a member
        """Return the member whose value, or which itself, is `value`.

        Raises:
            ValueError: There is none.
        """
        try:
            return cls._found_[value]
        except (KeyError, TypeError):
            raise ValueError(f"{value!r} is not a valid {cls.__qualname__}") from None

    def __getitem__(cls, name: str) -> Any:  # noqa: ANN401 - a member
        return cls.__members__[name]

    @property
    def __members__(cls) -> dict[str, Any]:
        return {each.name: each for each in cls}

    def __iter__(cls) -> Iterator[Any]:
        return iter(cls._members_)

    def __len__(cls) -> int:
        return len(cls._members_)

    def __bool__(cls) -> bool:
        return True

    def __contains__(cls, value: object) -> bool:
        return any(value is each or value == each.value for each in cls._members_)


class _Enum(metaclass=_Choice):
    """Members that are equal to themselves alone."""

    _name_: str
    _value_: Any

    @property
    def name(self) -> str:
        """How the class body calls it."""
        return self._name_

    @property
    def value(self) -> Any:  # noqa: ANN401 - what the class body says
        """What the class body says that it is."""
        return self._value_

    def __repr__(self) -> str:
        return f"<{type(self).__name__}.{self._name_}: {self._value_!r}>"

    def __str__(self) -> str:
        return f"{type(self).__name__}.{self._name_}"

    def __reduce_ex__(self, protocol: object) -> tuple[type, tuple[object]]:
        return type(self), (self._value_,)

    def __copy__(self) -> _Enum:
        return self

    def __deepcopy__(self, memo: object) -> _Enum:
        return self


class _StrEnum(_Enum, str):  # noqa: SLOT000 - a member has a name
    """Members that are their values, too."""

    __str__ = str.__str__
    __format__ = str.__format__


if TYPE_CHECKING:
    from enum import Enum, StrEnum, auto
else:
    Enum, StrEnum, auto = _Enum, _StrEnum, _Auto
