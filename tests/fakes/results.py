"""Results of which a test says only what matters to it: everything else is nothing, or zero."""

from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

Kind = TypeVar("Kind")


def filled(kind: type[Kind], /, **some: Any) -> Kind:
    """A struct with these fields, those of parts as dictionaries; numbers that nobody gave are null, or 0 where they must be."""
    info = _info(kind)
    assert isinstance(info, inspect.StructType)
    unknown = some.keys() - {field.name for field in info.fields}
    assert not unknown, f"{kind.__name__} has no {unknown}"
    return kind(
        **{
            field.name: _made(field.type, some[field.name]) if field.name in some else _nothing(field.type)
            for field in info.fields
            if field.name in some or field.required
        }
    )


_info = cache(inspect.type_info)


def _made(kind: inspect.Type, value: Any) -> Any:
    kind = _bare(kind)
    if isinstance(kind, inspect.UnionType):
        kind = next((_bare(one) for one in kind.types if not isinstance(_bare(one), inspect.NoneType)), kind)
    if isinstance(kind, inspect.StructType) and isinstance(value, dict):
        return filled(kind.cls, **value)
    if isinstance(kind, inspect.VarTupleType):
        return tuple(_made(kind.item_type, one) for one in value)
    return tuple(value) if isinstance(kind, inspect.TupleType) and isinstance(value, list) else value


def _nothing(kind: inspect.Type) -> Any:
    match _bare(kind):
        case inspect.UnionType(types=types):
            null = any(isinstance(_bare(one), inspect.NoneType) for one in types)
            return None if null else _nothing(types[0])
        case inspect.StructType(cls=cls):
            return filled(cls)
        case inspect.LiteralType(values=values):
            return max(values)
        case inspect.StrType():
            return ""
        case inspect.BoolType():
            return False
        case inspect.VarTupleType():
            return ()
        case inspect.TupleType(item_types=types):
            return tuple(map(_nothing, types))
    return 0


def _bare(kind: inspect.Type) -> inspect.Type:
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def plain(value: Any) -> Any:
    """As JSON has it: structs are dictionaries, tuples lists."""
    return msgspec.json.decode(msgspec.json.encode(value))
