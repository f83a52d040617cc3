"""mailgate: a mail daemon for marketplaces and the sellers who work with them."""

__version__ = "0.1.0"
