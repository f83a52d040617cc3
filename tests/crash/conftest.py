"""The daemons of these tests and their next hop."""

from nursery import nursery, sink
from poison import deadly_reader

__all__ = ["deadly_reader", "nursery", "sink"]
