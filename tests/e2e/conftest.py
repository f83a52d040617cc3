"""The daemons of these tests, their next hop, and real servers beside them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dovecot import dovecot
from nursery import nursery, sink
from postfix import postfix

__all__ = ["dovecot", "nursery", "postfix", "sink"]


@pytest.fixture(autouse=True)
def _nobody_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A daemon ends with the test that started it."""
    born = request.getfixturevalue("nursery") if "nursery" in request.fixturenames else None
    yield
    if born is not None:
        born.clear()
