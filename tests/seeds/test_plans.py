"""No mail, step or attempt reads a whole table: with a million mails each must cost what it costs with ten."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from plot import tell
from sqlalchemy import Engine, event
from turning import scratch

STORIES = range(700, 716)
READS = ("SELECT", "UPDATE", "DELETE")
NOTHING = "WHERE 0 = 1"  # while all is on hold
RARE = (":wipe", "mend.py:close_merged")  # what no path does: a test's, and a verb that people seldom give


@contextmanager
def noted(engine: Engine) -> Iterator[dict[str, tuple[Any, str]]]:
    """Each statement of ours, once, with parameters and with who asked."""
    found: dict[str, tuple[Any, str]] = {}

    def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, many: bool) -> None:
        asked = _asker()
        if statement.startswith(READS) and NOTHING not in statement and "/store/" in asked:
            found.setdefault(statement, (parameters[0] if many else parameters, asked))

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def _asker() -> str:
    """The nearest function that is not SQLAlchemy's: `file:function`."""
    frame = sys._getframe(1)
    while frame.f_back and ("sqlalchemy" in frame.f_code.co_filename or frame.f_code.co_filename == __file__):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_code.co_name}"


def test_every_statement_of_the_three_paths_finds_its_rows_by_an_index() -> None:
    """SQLite's own plan: no table is scanned, and none is searched by the desk alone, to which all mail may belong."""
    engine = scratch()._engine
    with noted(engine) as statements:
        for seed in STORIES:
            tell(seed)
    assert len(statements) > 60
    with engine.connect() as connection:
        plans = {
            f"{asked} {statement}": [
                str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            ]
            for statement, (parameters, asked) in statements.items()
            if not asked.endswith(RARE)
        }
    slow = {asked: plan for asked, plan in plans.items() if any(_reads_all(step) for step in plan)}
    assert slow == {}


def _reads_all(step: str) -> bool:
    return step.startswith("SCAN ") and "CONSTANT ROW" not in step and "(subquery" not in step or "(desk=?)" in step
