"""Read a configuration directory, all of it, and say everything that is wrong at once.

In this order: mailgate.toml with the command line's overrides laid over it, packs, desks.toml (a pack's entities
under the desk's own), each desk's pack with its options bound, the sellers, templates, signatures.toml, secret
files; then the questions that no single file answers (cross.py). Nothing is guessed: what can't be read is a problem,
never a default.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mailgate.config import cross, leaving, overrides, secret, sellers, shipped, signature_entries, signing
from mailgate.config.overrides import Tables
from mailgate.config.problems import ConfigError, Loc, Problem, dotted, near, of_model, one_of, shown, unknown_key
from mailgate.config.settings import Main, Pack, Settings
from mailgate.desk.notice import Templates
from mailgate.desk.observe import as_seen_by
from mailgate.desk.pack import PackError, Policy, bind
from mailgate.desk.party import Desk
from mailgate.desk.recognise import recognises_sample

MAIN = "mailgate.toml"
DESKS = "desks.toml"
SELLERS = sellers.FOLDER

Model = TypeVar("Model", bound=BaseModel)


@dataclass
class _Reading:
    """One pass over a directory: where it is, how the user named it, what was found wrong so far.

    `desks` counts the desks that desks.toml names, readable or not; -1 until it was read.
    """

    directory: Path
    said: Path
    main_name: str
    sets: Mapping[Loc, Any]
    problems: list[Problem] = field(default_factory=list)
    desks: int = -1

    def file(self, name: str) -> str:
        """A file of the directory as the user would name it."""
        return str(self.said / name)

    def tables(self, name: str) -> Tables | None:
        """The tables of a file that has to be there, overrides included; None and a problem if it can't be read."""
        hint = "" if (self.directory / name).exists() else f"mailgate init {self.said} writes one"
        text = None
        if hint:
            self.problems.append(Problem(self.file(name), "", "a file", "nothing", hint))
        else:
            text = shipped.text_of(self.directory / name, self.problems, self.said / name)
        return shipped.toml_of(text, self.file(name), self.problems) if text is not None else None

    def model(self, kind: type[Model], table: Tables, file: str, prefix: Loc) -> Model | None:
        """`table` as a value of `kind`; with problems, what is left of it so that the rest is checked too, or None."""
        context = {"directory": self.directory}
        try:
            return kind.model_validate(table, context=context)
        except ValidationError as error:
            self.problems += of_model(error, kind, file, prefix)
            sound = _without(table, [item["loc"] for item in error.errors()])
        try:
            return kind.model_validate(sound, context=context)
        except ValidationError:
            return None

    def placed(self, problem: Problem) -> Problem:
        """`problem`, but one of a key that the command line set names the command line."""
        ours = problem.file in (self.file(self.main_name), self.file(DESKS))
        for loc in self.sets if ours else ():
            key = dotted(loc)
            if problem.key == key or problem.key.startswith((f"{key}.", f"{key}[")):
                return Problem("--set", problem.key, problem.expected, problem.got, problem.hint)
        return problem


def load(path: Path, overrides: Sequence[str] = ()) -> Settings:
    """The settings of a directory (or of its mailgate.toml), with `section.key=value` overrides. Raises ConfigError."""
    settings, errors = _read(path, overrides)
    if errors or settings is None:
        raise ConfigError(errors)
    return settings


def check(path: Path, overrides: Sequence[str] = ()) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """(errors, warnings) of a directory: all that stops mailgate, and all that a person should look at."""
    settings, errors = _read(path, overrides)
    warnings = cross.warnings(settings, str(_directory(path)[0])) if settings else []
    return tuple(errors), tuple(warnings)


def _directory(path: Path) -> tuple[Path, str]:
    """(the directory as the user named it, the name of its main file)."""
    is_file = path.is_file() or (path.suffix == ".toml" and not path.is_dir())
    return (path.parent, path.name) if is_file else (path, MAIN)


def _read(path: Path, sets: Sequence[str]) -> tuple[Settings | None, list[Problem]]:
    """What could be read (None without a readable mailgate.toml), and every error."""
    said, main_name = _directory(path)
    if not said.is_dir():
        hint = f"mailgate init {said} writes one"
        return None, [Problem(str(said), "", f"a directory with {MAIN}", "no such directory", hint)]
    problems: list[Problem] = []
    reading = _Reading(said.absolute(), said, main_name, overrides.read(sets, problems), problems)
    main = _main(reading)
    packs = shipped.packs(reading.directory, said, problems)
    desks = _desks(reading, packs)
    policies = {name: bound for name, desk in desks.items() if (bound := _bound(reading, packs, desk))}
    directory = sellers.read(reading)
    found: Tables = {"desks": desks, "packs": packs, "policies": policies}
    found |= {"sellers": directory.sellers, "places": directory.places}
    found["templates"] = _templates(reading)
    found["signatures"] = signature_entries.read(reading.directory, said, problems)
    sections = {name: getattr(main or Main(), name) for name in Main.model_fields}
    settings = Settings(**sections, directory=reading.directory, **found)
    if main:
        problems += secret.problems(main)
        problems += leaving.problems(main, reading.file(reading.main_name))
        problems += signing.problems(main, reading.file(reading.main_name))
    problems += cross.errors(settings, str(said), desks_whole=len(desks) == reading.desks)
    return (settings if main else None), list(dict.fromkeys(map(reading.placed, problems)))


def _without(table: Tables, locs: Iterable[Loc]) -> Tables:
    """A copy of `table` without the keys at `locs`; of a list, the whole list goes."""
    left = copy.deepcopy(table)
    for loc in locs:
        at: Any = left
        for part, after in zip(loc, (*loc[1:], 0), strict=True):
            if not isinstance(at, dict):
                break
            if isinstance(after, int) or not isinstance(at.get(str(part)), dict):
                at.pop(str(part), None)
                break
            at = at[str(part)]
    return left


def _main(reading: _Reading) -> Main | None:
    """mailgate.toml; every section is validated, the absent ones too, so that their paths start at the directory."""
    tables = reading.tables(reading.main_name)
    if tables is None:
        return None
    overrides.laid_over(tables, reading.sets, lambda loc: loc[0] != "desk")
    sections: Tables = {name: {} for name in Main.model_fields if name != "hostname"}
    return reading.model(Main, sections | tables, reading.file(reading.main_name), ())


def _desks(reading: _Reading, packs: Mapping[str, Pack]) -> dict[str, Desk]:
    tables = reading.tables(DESKS)
    if tables is None:
        return {}
    file = reading.file(DESKS)
    overrides.laid_over(tables, reading.sets, lambda loc: loc[0] == "desk")
    reading.problems += [unknown_key(file, (name,), ["desk"]) for name in tables if name != "desk"]
    found: dict[str, Desk] = {}
    named = _named(reading, tables.get("desk", {}), file, "desk")
    reading.desks = len(named)
    for name, table in named.items():
        pack = packs.get(str(table.get("pack")))
        entities = _entities(pack.raw.get("entities", {}) if pack else {}, table.get("entities", {}))
        desk = reading.model(Desk, table | {"name": name, "entities": entities}, file, ("desk", name))
        if desk:
            found[name] = desk
    if not tables.get("desk"):
        reading.problems.append(Problem(file, "desk", "at least one [desk.NAME]", "none"))
    return found


def _named(reading: _Reading, table: Any, file: str, key: str) -> dict[str, Tables]:
    """The tables `[key.NAME]`; anything else under `key` is a problem."""
    if not isinstance(table, dict):
        reading.problems.append(Problem(file, key, f"tables such as [{key}.support]", shown(table)))
        return {}
    wrong = [name for name, each in table.items() if not isinstance(each, dict)]
    reading.problems += [Problem(file, dotted((key, n)), f"a table [{key}.{n}]", shown(table[n])) for n in wrong]
    return {name: each for name, each in table.items() if name not in wrong}


def _entities(of_pack: Any, of_desk: Any) -> Any:
    """The pack's entities, under what the desk says of each."""
    if not (isinstance(of_pack, dict) and isinstance(of_desk, dict)):
        return of_desk
    merged = dict(of_pack)
    for name, entity in of_desk.items():
        both = isinstance(entity, dict) and isinstance(of_pack.get(name), dict)
        merged[name] = of_pack[name] | entity if both else entity
    return merged


def _bound(reading: _Reading, packs: Mapping[str, Pack], desk: Desk) -> Policy | None:
    """The desk's pack with the desk's options bound, or None and problems."""
    file, key = reading.file(DESKS), dotted(("desk", desk.name))
    pack = packs.get(desk.pack)
    if pack is None:
        problem = Problem(file, f"{key}.pack", one_of(packs), shown(desk.pack), near(desk.pack, packs))
        reading.problems.append(problem)
        return None
    try:
        policy = bind(as_seen_by(desk, pack.raw), desk.options, pack.name)
    except PackError as error:
        reading.problems += [_of_pack(item, pack, desk, file) for item in error.problems]
        return None
    for number, entry in enumerate(policy.recognise):
        if not recognises_sample(entry):
            reading.problems.append(Problem(pack.file, f"recognise.{number}.sample", "a mail that it recognises", entry.name))
    return policy if policy.hash else policy.model_copy(update={"hash": _hash(pack, desk)})


def _of_pack(item: tuple[str, str, Any], pack: Pack, desk: Desk, file: str) -> Problem:
    """What is wrong with an option that the desk chose is the desk's problem, everything else the pack's."""
    where, expected, got = item
    name = where.removeprefix("options.").partition(".")[0]
    if not (where.startswith("options.") and name in desk.options):
        return Problem(pack.file, where, expected, shown(got))
    key, known = dotted(("desk", desk.name, "options", name)), pack.raw.get("options", {})
    if name not in known:
        return Problem(file, key, f"an option of {pack.name}", "an unknown one", near(name, known) or one_of(known))
    return Problem(file, key, expected, shown(got))


def _hash(pack: Pack, desk: Desk) -> str:
    """What a ticket keeps of the policy it opened under: the pack's text and the desk's options, and if it only observes."""
    said = json.dumps(dict(desk.options), sort_keys=True, default=str)
    said += f"\0observe {desk.warn_before}" if desk.mode == "observe" else ""
    return hashlib.sha256(f"{pack.text}\0{said}".encode()).hexdigest()


def _templates(reading: _Reading) -> Templates:
    notices, strings, frame = shipped.templates(reading.directory, reading.said, reading.problems)
    return Templates(notices=notices, strings=strings, frame=frame)
