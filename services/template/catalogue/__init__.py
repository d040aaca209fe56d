"""Definitions that every tenant may start from, read as YAML and checked by JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from services.template.export_check import check_example, check_exports
from services.template.validation import Unfit, check_definition

_HERE = Path(__file__).parent
_MAX_NODES = 50_000


class _Plain(yaml.SafeLoader):
    """Safe YAML without aliases: they let a kilobyte stand for a gigabyte."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise Unfit("definition", "YAML aliases (*name) are not allowed")
        self.nodes = getattr(self, "nodes", 0) + 1
        if self.nodes > _MAX_NODES:
            raise Unfit("definition", f"more than {_MAX_NODES} values")
        return super().compose_node(parent, index)


class Definitions:
    """Reads definitions; the schema is compiled once."""

    def __init__(self) -> None:
        self._schema = jsonschema_rs.validator_for(json.loads((_HERE / "schema.json").read_text()))

    def parse(self, text: str) -> dict[str, Any]:
        """The definition as data; raises `Unfit` with the path of the first fault."""
        # Looked at before the reading, which takes a second for ten thousand values.
        if max(text.count(","), text.count("\n")) > _MAX_NODES:
            raise Unfit("definition", f"more than {_MAX_NODES} values or lines")
        try:
            parsed = yaml.load(text, Loader=_Plain)  # noqa: S506 - a SafeLoader
        except (yaml.YAMLError, RecursionError) as error:
            raise Unfit("definition", f"not readable as YAML: {str(error)[:500]}") from error
        if not isinstance(parsed, dict):
            raise Unfit("definition", "must be a mapping of keys")
        for fault in self._schema.iter_errors(parsed):
            path = ".".join(str(p) for p in fault.instance_path)
            raise Unfit(f"definition.{path}" if path else "definition", fault.message[:500])
        check_definition(parsed)
        check_exports(parsed.get("exports", ()), parsed["label_schema"]["shape"])
        if "example" in parsed:
            check_example(parsed)
        return parsed

    @staticmethod
    def catalogue() -> dict[str, str]:
        """Template id -> YAML text of every entry shipped."""
        return {path.stem: path.read_text() for path in sorted(_HERE.glob("*.yaml"))}
