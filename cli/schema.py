"""`riverguard schema`: the form of pack files, for editors."""

from pathlib import Path

import orjson

from config.pack_schema import pack_schema


def schema(output: Path | None) -> None:
    """Print the JSON Schema of packs, or write it to a file."""
    text = orjson.dumps(pack_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if output is None:
        print(text.decode(), end="")  # noqa: T201
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(text)
