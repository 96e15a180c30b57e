"""Writes YAML to a file and loads it, and reports an error as one comparable text."""

from collections.abc import Callable
from pathlib import Path

import pytest

from config.packs import load_pack
from models.errors import ConfigError

Fault = tuple[int, int, str, str]


@pytest.fixture
def fault(tmp_path: Path) -> Callable[[str | bytes], Fault]:
    """Load a pack that must fail: line, column, message, hint."""

    def load(text: str | bytes) -> Fault:
        path = tmp_path / "p.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(ConfigError) as caught:
            load_pack(str(path))
        place = caught.value.place
        assert place is not None
        assert str(caught.value).startswith(f"{path}:{place.line}:{place.column}: ")
        return place.line, place.column, caught.value.message, caught.value.hint

    return load
