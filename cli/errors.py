"""How an error is told: one message and a hint."""

from rich.console import Console

from models.errors import RiverguardError


def report(error: RiverguardError) -> None:
    """Print an error to standard error."""
    Console(stderr=True).print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
