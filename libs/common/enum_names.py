"""Names of enum values in documents: without the prefix that protobuf asks for."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor


def enum_tables(descriptor: EnumDescriptor) -> tuple[dict[str, int], dict[int, str]]:
    """(number by name, name by number); the unspecified value is the empty name."""
    prefix = descriptor.values[0].name.removesuffix("UNSPECIFIED")
    numbers = {v.name.removeprefix(prefix): v.number for v in descriptor.values}
    numbers[""] = 0
    return numbers, {n: ("" if n == 0 else s) for s, n in numbers.items() if s != ""}


class Numbers(dict[str, int]):
    """Numbers of an enum field by name, read without prefix or (as protobuf's JSON has it) with it;
    `ValueError` for any other name."""

    def __init__(self, field: FieldDescriptor) -> None:
        plain = enum_tables(field.enum_type)[0]
        super().__init__(plain | {v.name: v.number for v in field.enum_type.values})
        self._field, self._plain = field.name, [name for name in plain if name]

    def __missing__(self, name: Any) -> int:
        known = ", ".join(self._plain)
        raise ValueError(f"{self._field}: {name!r:.100} is none of {known}")
