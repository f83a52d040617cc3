"""The daemons of these tests and their next hop."""

from nursery import nursery, sink

__all__ = ["nursery", "sink"]
