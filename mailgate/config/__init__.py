"""Configuration: TOML that reads like a page of rules, turned into frozen settings or into a list of what is wrong."""

from mailgate.config.load import check, load
from mailgate.config.problems import ConfigError, Problem
from mailgate.config.secret import keys, password, shared, store_password
from mailgate.config.settings import Main, Pack, Settings
from mailgate.config.signature_entries import builtin as signatures
from mailgate.config.signing import signing_keys
from mailgate.config.starter import Started, init
from mailgate.config.values import Endpoint, endpoint

__all__ = [
    "ConfigError",
    "Endpoint",
    "Main",
    "Pack",
    "Problem",
    "Settings",
    "Started",
    "check",
    "endpoint",
    "init",
    "keys",
    "load",
    "password",
    "store_password",
    "shared",
    "signatures",
    "signing_keys",
]
