"""Outputs of nsview beside their documented JSON schemas."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

DOCUMENTED = Path(__file__).resolve().parents[2] / "docs" / "schema"


def strict(schema: Any) -> Any:
    """A schema that allows nothing that it does not name."""
    match schema:
        case dict():
            closed = {"additionalProperties": False} if "properties" in schema else {}
            return {**closed, **{key: strict(value) for key, value in schema.items()}}
        case list():
            return [strict(one) for one in schema]
    return schema


def differences(name: str, *outputs: Any) -> Iterator[str]:
    """The places where outputs are not as their schema says."""
    found = Draft202012Validator(strict(json.loads((DOCUMENTED / f"{name}.json").read_text())))
    for output in outputs:
        for error in found.iter_errors(output):
            yield f"{error.json_path}: {error.message[:200]}"
