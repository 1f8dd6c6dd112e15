"""`nsview schema`: the JSON schema of an output or of the lines of a recording, made of the types."""

import inspect
from types import SimpleNamespace
from typing import Any

from .console import DONE, print_json


def run(options: SimpleNamespace) -> int:
    print_json(schema(options.output), options)
    return DONE


def schema(name: str) -> dict[str, Any]:
    """The JSON schema of an output of that name; of events and a recording it is that of each line."""
    import msgspec

    from nsview.hosts import frames
    from nsview.model import export
    from nsview.model.printed import SCHEMAS

    types = SCHEMAS.get(name, (frames.Frame,))
    found, components = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    for component in components.values():
        # A docstring, indented or not by the versions of Python and msgspec.
        if "description" in component:
            component["description"] = inspect.cleandoc(component["description"])
    whole = found[0] if len(found) == 1 else {"anyOf": [*found]}
    about = f"nsview {name}, schema {export.SCHEMA}" + (": each line" if name in ("events", "recording") else "")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": about, **whole, "$defs": components}
