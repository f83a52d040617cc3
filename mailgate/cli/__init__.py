"""The verbs: `mailgate VERB --help` explains each.

Exit codes: 0 ok · 64 usage · 65 bad input mail or data · 69 a service is unavailable · 70 a bug · 74 I/O ·
78 configuration. JSON goes to standard output, one object a line; logs and complaints go to standard error.
"""

from __future__ import annotations

import binascii
import json
import sys
import tomllib
import traceback

import click

import mailgate
from mailgate.cli import (
    braking,
    commanding,
    directory,
    learning,
    lists,
    look,
    mending,
    notices,
    ordering,
    policies,
    reporting,
    run,
    suppressing,
)
from mailgate.config import ConfigError
from mailgate.simulate.check import CaseError
from mailgate.store.engine import StoreError
from mailgate.store.migrate import SchemaError

USAGE, DATA, UNAVAILABLE, BUG, IO, CONFIG = 64, 65, 69, 70, 74, 78


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(mailgate.__version__, prog_name="mailgate")
def cli() -> None:
    """A mail daemon that threads tickets, checks replies and keeps promises of time."""


for verb in (
    *run.VERBS,
    *look.VERBS,
    *lists.VERBS,
    *braking.VERBS,
    *learning.VERBS,
    *suppressing.VERBS,
    *notices.VERBS,
    *directory.VERBS,
    *ordering.VERBS,
    *policies.VERBS,
    *reporting.VERBS,
):
    cli.add_command(verb)
for verb in (*mending.VERBS, *commanding.TICKET_VERBS):
    lists.ticket.add_command(verb)
directory.seller_group.add_command(commanding.seller_order)


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
    except ConfigError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        return CONFIG
    except (StoreError, SchemaError) as error:
        click.echo(f"mailgate: {error}", err=True)
        return UNAVAILABLE
    except CaseError as error:
        click.echo(f"mailgate: {error}", err=True)
        return DATA
    except (json.JSONDecodeError, tomllib.TOMLDecodeError, UnicodeDecodeError, binascii.Error) as error:
        click.echo(f"mailgate: the input can't be read: {error}", err=True)
        return DATA
    except BrokenPipeError:
        return 0
    except OSError as error:
        click.echo(f"mailgate: {error}", err=True)
        return IO
    except Exception:
        traceback.print_exc()
        return BUG
    return code if isinstance(code, int) else 0
