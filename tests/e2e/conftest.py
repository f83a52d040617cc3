"""The daemons of these tests, their next hop, and real servers beside them."""

from dovecot import dovecot
from nursery import nursery, sink
from postfix import postfix

__all__ = ["dovecot", "nursery", "postfix", "sink"]
