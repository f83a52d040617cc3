"""Attacks on the doors of a real daemon, a family a module; `bench/attack.py` runs them."""
