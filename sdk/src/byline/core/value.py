# SPDX-License-Identifier: Apache-2.0
"""The standard library's dataclasses, made late: a class costs a program that starts a twentieth, and its methods do the same.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Point:
        x: int
        y: int = 0

`dataclasses` writes and compiles six methods for each class when its module is imported, and imports `inspect` to do so. A program
that signs one commit meets eighty classes and needs thirty: that took half of its time. Here `__init__` is written when a few
values were made without, `__eq__` and `__hash__` when the first are compared, and `dataclasses.fields` and its like are answered by
the standard library when somebody asks. Type checkers see the standard library. Slots always; no `InitVar`, no class variables.

>>> replace(Point(x=1), y=2)
Point(x=1, y=2)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    _Value = TypeVar("_Value")

__all__ = ["dataclass", "field", "replace"]

_UNSET: Any = object()
_FEW = 32  # values: to write and compile a method takes as long as to fill so many without
_ORDER = (("__lt__", "<"), ("__le__", "<="), ("__gt__", ">"), ("__ge__", ">="))


class _Field:
    """What a field is filled with where nobody fills it, and whether a caller may."""

    __slots__ = ("default", "factory", "init")

    def __init__(self, *, default: object = _UNSET, default_factory: Callable[[], object] = _UNSET, init: bool = True) -> None:
        self.default, self.factory, self.init = default, default_factory, init


def _dataclass(*, frozen: bool = False, slots: bool, kw_only: bool = False, order: bool = False) -> Callable[[type[_Value]], type[_Value]]:
    """Return the decorator that makes a class of values."""
    assert slots  # noqa: S101 - said at each class, as the standard library wants it said

    def make(cls: type[_Value]) -> type[_Value]:
        inherited: dict[str, _Field] = {}
        for each in reversed(cls.__mro__[1:]):
            inherited |= each.__dict__.get("_fields_", {})
        own = {name: _as_field(cls.__dict__.get(name, _UNSET)) for name in cls.__annotations__}
        spec = inherited | own
        body = {name: value for name, value in cls.__dict__.items() if name not in own and name not in ("__dict__", "__weakref__")}
        body |= {"_fields_": spec, "_kw_only_": kw_only, "__slots__": tuple(name for name in own if name not in inherited)}
        body |= {"__qualname__": cls.__qualname__, "__match_args__": () if kw_only else tuple(spec), "__dataclass_fields__": _Described()}
        body["__signature__"] = _Signature()
        home: list[type] = []  # what its methods are told of it, who are made before: to set one later is to look for all of its slots
        methods = _methods(home, frozen=frozen, order=order)
        made: Any = type(cls)
        value: type[_Value] = made(cls.__name__, cls.__bases__, methods | body)
        home.append(value)
        return value

    return make


def _replace(value: _Value, /, **changes: object) -> _Value:
    """Return `value` with other values for some of its fields."""
    spec = _spec(type(value))
    return type(value)(**{name: getattr(value, name) for name, each in spec.items() if each.init} | changes)


def _spec(cls: type[Any]) -> dict[str, _Field]:
    spec: dict[str, _Field] = cls._fields_
    return spec


def _as_field(given: object) -> _Field:
    return given if isinstance(given, _Field) else _Field(default=given)


def _methods(home: list[type], *, frozen: bool, order: bool) -> dict[str, Any]:
    methods: dict[str, Any] = {"__init__": _init(home), "__eq__": _compared(home, "__eq__", "=="), "__hash__": None}
    methods["__repr__"] = _describe
    if frozen:
        methods["__hash__"] = _late(home, "__hash__", lambda cls: (f"(self):\n return hash({_all(cls, 'self')})", {}))
        methods |= {"__setattr__": _refuse, "__delattr__": _refuse, "__getstate__": _state, "__setstate__": _fill}
    if order:
        methods |= {name: _compared(home, name, sign) for name, sign in _ORDER}
    return methods


def _init(home: list[type]) -> Callable[..., None]:
    """Return `__init__` for the first few values, which are not worth the writing; then, and where a call is wrong, it is written."""
    late, calls = _late(home, "__init__", _write_init), iter(range(_FEW))

    def __init__(self: object, *args: object, **kwargs: object) -> None:  # noqa: N807 - it stands as a method
        if args or next(calls, None) is None or not _fill_by_name(self, kwargs):
            late(self, *args, **kwargs)

    return __init__


def _fill_by_name(self: object, given: dict[str, object]) -> bool:
    """Fill `self` from `given` and what its fields have for themselves; False where that is not all it takes: then it is no value yet."""
    spec = _spec(type(self))
    if not given.keys() <= spec.keys():
        return False
    for name, each in spec.items():
        if name in given and each.init:
            value = given[name]
        elif name in given or (each.init and each.default is each.factory):  # both unset
            return False
        elif each.factory is not _UNSET:
            value = each.factory()
        elif each.default is not _UNSET:
            value = each.default
        else:
            continue
        object.__setattr__(self, name, value)
    if hasattr(self, "__post_init__"):
        self.__post_init__()
    return True


def _late(home: list[type], name: str, write: Callable[[type], tuple[str, dict[str, Any]]]) -> Callable[..., Any]:
    """Return a method of the class in `home` that writes itself where it is first called; two threads write the same."""

    def method(self: object, *args: object, **kwargs: object) -> object:
        (cls,) = home
        text, known = write(cls)
        exec(f"def {name}{text}", known)  # noqa: S102 - as `dataclasses` does: of names that a class body has
        written: Callable[..., object] = known[name]
        written.__qualname__ = f"{cls.__qualname__}.{name}"
        setattr(cls, name, written)
        return written(self, *args, **kwargs)

    return method


def _write_init(cls: type[Any]) -> tuple[str, dict[str, Any]]:
    known: dict[str, Any] = {"_unset": _UNSET}
    parameters, lines = ["self"], []
    for name, each in cls._fields_.items():
        known[f"_set_{name}"], known[f"_default_{name}"], known[f"_make_{name}"] = getattr(cls, name).__set__, each.default, each.factory
        is_made, has_default = each.factory is not _UNSET, each.default is not _UNSET
        value = f"_make_{name}()" if is_made else f"_default_{name}"
        if each.init:
            parameters += ["*"] if cls._kw_only_ and len(parameters) == 1 else []
            parameters.append(f"{name}=_unset" if is_made else f"{name}=_default_{name}" if has_default else name)
            value = f"{value} if {name} is _unset else {name}" if is_made else name
        if each.init or is_made or has_default:
            lines.append(f" _set_{name}(self, {value})")
    lines.append(" self.__post_init__()" if hasattr(cls, "__post_init__") else " pass")
    return f"({', '.join(parameters)}):\n" + "\n".join(lines), known


def _compared(home: list[type], name: str, sign: str) -> Callable[..., Any]:
    def write(cls: type) -> tuple[str, dict[str, Any]]:
        mine, other = _all(cls, "self"), _all(cls, "other")
        return f"(self, other):\n return {mine} {sign} {other} if other.__class__ is self.__class__ else NotImplemented", {}

    return _late(home, name, write)


def _all(cls: type, whose: str) -> str:
    return f"({''.join(f'{whose}.{name}, ' for name in _spec(cls))})"


def _describe(self: object) -> str:
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in _spec(type(self)))})"


def _refuse(self: object, name: str, *_: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"a {type(self).__qualname__} does not change: {name}")


def _state(self: object) -> tuple[object, ...]:
    return tuple(getattr(self, name) for name in _spec(type(self)))


def _fill(self: object, state: tuple[object, ...]) -> None:
    for name, value in zip(_spec(type(self)), state, strict=True):
        object.__setattr__(self, name, value)


class _Described:
    """`__dataclass_fields__`: what the standard library would know of the class, asked of it when somebody wants to know."""

    def __get__(self, value: object, cls: type[Any]) -> object:
        import dataclasses

        known: list[tuple[str, type, Any]] = []
        for name, each in _spec(cls).items():
            given = {"default": each.default, "default_factory": each.factory}
            options: Any = {option: value for option, value in given.items() if value is not _UNSET}
            known.append((name, object, dataclasses.field(init=each.init, **options)))
        made: Any = dataclasses.make_dataclass(cls.__name__, known, kw_only=cls._kw_only_)
        cls.__dataclass_fields__ = made.__dataclass_fields__
        return made.__dataclass_fields__


class _Signature:
    """`__signature__`: what `inspect` would read off an `__init__` that is not written yet."""

    def __get__(self, value: object, cls: type[Any]) -> object:
        from inspect import Parameter, Signature

        kind = Parameter.KEYWORD_ONLY if cls._kw_only_ else Parameter.POSITIONAL_OR_KEYWORD
        asked = {name: each for name, each in _spec(cls).items() if each.init}
        given = {name: Parameter.empty if each.default is each.factory is _UNSET else each.default for name, each in asked.items()}
        return Signature([Parameter(name, kind, default=default) for name, default in given.items()])


if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:
    dataclass, field, replace = _dataclass, _Field, _replace
