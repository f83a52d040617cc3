"""The cast and the gate of the stories (theatre.py)."""

from theatre import *  # noqa: F403
