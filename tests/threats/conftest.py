"""The same cast and the same gate as in tests/exchanges."""

from theatre import *  # noqa: F403
