"""The verbs: `mailgate VERB --help` explains each.

Exit codes: 0 ok · 64 usage · 65 bad input mail or data · 69 a service is unavailable · 70 a bug · 74 I/O ·
78 configuration. JSON goes to standard output, one object a line; logs and complaints go to standard error.
"""

from __future__ import annotations

import binascii
import importlib
import json
import sys
import tomllib
import traceback

import click

import mailgate

USAGE, DATA, UNAVAILABLE, BUG, IO, CONFIG = 64, 65, 69, 70, 74, 78


# the module of each verb: it is imported when the verb is called, or when all are listed
VERBS = {
    **dict.fromkeys(("init", "check", "serve", "demo", "config"), "run"),
    "inspect": "reading",
    **dict.fromkeys(("replay", "simulate", "explain"), "look"),
    **dict.fromkeys(("message", "spool", "ticket", "outbox"), "lists"),
    **dict.fromkeys(("hold", "release"), "braking"),
    **dict.fromkeys(("backup", "restore"), "backing"),
    **dict.fromkeys(("purge", "person"), "privacy"),
    "learn": "learning",
    "migrate": "migrating",
    "suppression": "suppressing",
    "notice": "notices",
    "seller": "directory",
    "order": "ordering",
    "policy": "policies",
    "report": "reporting",
}


class Verbs(click.Group):
    """The verbs by name, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        verbs: tuple[click.Command, ...] = importlib.import_module(f"mailgate.cli.{VERBS[cmd_name]}").VERBS
        return next(verb for verb in verbs if verb.name == cmd_name)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(mailgate.__version__, prog_name="mailgate")
def cli() -> None:
    """A mail daemon that threads tickets, checks replies and keeps promises of time."""


def main() -> None:
    """Run the command line and leave with the exit code that fits."""
    sys.exit(_code())


def _code() -> int:
    try:
        code = cli.main(standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (json.JSONDecodeError, tomllib.TOMLDecodeError, UnicodeDecodeError, binascii.Error) as error:
        click.echo(f"mailgate: the input can't be read: {error}", err=True)
        return DATA
    except BrokenPipeError:
        return 0
    except OSError as error:
        click.echo(f"mailgate: {error}", err=True)
        return IO
    except Exception as error:
        return _said(error)
    return code if isinstance(code, int) else 0


def _said(error: Exception) -> int:
    """The exit code of an error of ours, which is told in its own words; any other is a bug."""
    from mailgate.config import ConfigError
    from mailgate.simulate.check import CaseError
    from mailgate.store.engine import StoreError
    from mailgate.store.migrate import SchemaError

    if isinstance(error, ConfigError):
        for problem in error.problems:
            click.echo(str(problem), err=True)
        return CONFIG
    if isinstance(error, StoreError | SchemaError):
        click.echo(f"mailgate: {error}", err=True)
        return UNAVAILABLE
    if isinstance(error, CaseError):
        click.echo(f"mailgate: {error}", err=True)
        return DATA
    traceback.print_exc()
    return BUG
