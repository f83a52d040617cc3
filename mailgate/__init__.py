"""mailgate: a mail daemon for marketplaces and the sellers who work with them."""

from pathlib import Path

__version__ = "0.1.0"


def shipped() -> Path:
    """The folder that holds the shipped config/ and templates/: in the package (a wheel), or beside it (a checkout)."""
    package = Path(__file__).parent
    inside = package / "_data"
    return inside if inside.is_dir() else package.parent
