"""Write a configuration that works at once: `mailgate init DIR`.

mailgate.toml and the seller are the shipped, commented files; desks.toml holds one desk; the key is new. A file that
is already there is kept as it is, whatever it says.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mailgate.config import secret, shipped
from mailgate.config.load import DESKS, MAIN, SELLERS
from mailgate.config.problems import ConfigError, Problem, near, one_of, shown
from mailgate.config.settings import CLOCKS, Pack
from mailgate.desk.pack import bind
from mailgate.mail import address as addresses

SET_HERE = {
    "store": ("url",),
    "smtp": ("listen",),
    "lmtp": ("listen",),
    "guard": ("listen",),
    "smarthost": ("url",),
    "http": ("listen",),
    "tls": ("certificate", "key"),
    "trust": ("relays", "authserv_ids", "claimed_may"),
}
POLICIES_README = """\
A file here, such as digistore24.toml, takes the place of the pack of that name that mailgate brings along.
A new name is a new pack: desks.toml then says pack = "that-name". `mailgate check` reads what stands here.
Templates are laid over in the same way: templates/<language>/<notice>.txt beside this folder.
"""
FIRST_RUN = '# For a first run with no mail system in front; `mailgate check` warns until it is ["add"].'
_SECTION = re.compile(r"^\[(\w+)\]$")
_KEY = re.compile(r"^#(\w+) = ")


@dataclass(frozen=True)
class Started:
    """What `init` wrote, and what it found and left alone."""

    written: tuple[Path, ...]
    kept: tuple[Path, ...]


def init(directory: Path, address: str = "support@shop.test", pack: str = "digistore24") -> Started:
    """Write a working configuration for one desk. Raises ConfigError for no address or an unknown pack."""
    problems: list[Problem] = []
    packs = shipped.packs(directory, directory, problems)
    if not addresses.is_address(address):
        problems.append(Problem("--address", "", "an e-mail address such as support@shop.example", shown(address)))
    if pack not in packs:
        problems.append(Problem("--pack", "", one_of(packs), shown(pack), near(pack, packs)))
    if problems:
        raise ConfigError(problems)
    files = {
        MAIN: _with_effects(_main(_shipped("mailgate.toml")), address, packs[pack]),
        DESKS: _desk(address, packs[pack]),
        f"{SELLERS}/example-seller.toml": _seller(_shipped("sellers/example-seller.toml"), packs[pack]),
        "policies/README.txt": POLICIES_README,
        "keys": base64.b64encode(secrets.token_bytes(secret.KEY_BYTES)).decode() + "\n",
    }
    return _written(directory, files)


def _written(directory: Path, files: Mapping[str, str]) -> Started:
    written: list[Path] = []
    kept: list[Path] = []
    try:
        for folder in ("outgoing", "outgoing/tmp", "outgoing/new", "outgoing/cur"):
            (directory / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            (written if _created(path, text, 0o600 if name == "keys" else 0o644) else kept).append(path)
    except OSError as error:
        got = str(error.strerror).lower()
        raise ConfigError([Problem(str(error.filename or directory), "", "a place to write to", got)]) from None
    return Started(tuple(written), tuple(kept))


def _created(path: Path, text: str, mode: int) -> bool:
    """True if the file was written; False if there was one already."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return False
    with open(number, "w", encoding="utf-8") as file:
        file.write(text)
    return True


def _shipped(name: str) -> str:
    return (shipped.root() / "config" / name).read_text("utf-8")


def _main(text: str) -> str:
    """The shipped mailgate.toml with the keys that most people change set, and claims believed for a first run."""
    section, lines = "", []
    for line in text.splitlines():
        if found := _SECTION.match(line):
            section = found[1]
        key = _KEY.match(line)
        if key and key[1] in SET_HERE.get(section, ()):
            line = line[1:]
        if section == "trust" and key and key[1] == "claimed_may":
            lines.append(FIRST_RUN)
            line = f"claimed_may = {json.dumps(list(CLOCKS))}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def _with_effects(text: str, address: str, pack: Pack) -> str:
    """Where the pack asks for refunds or cancellations: somebody who gets them, at the desk's own domain."""
    if not bind(pack.raw, {}, pack.name).effects:
        return text
    to = f"effects@{address.rpartition('@')[2]}"
    return text.replace('#to = ""', f"to = {json.dumps(to, ensure_ascii=False)}", 1)


def _desk(address: str, pack: Pack) -> str:
    """desks.toml with one desk; what the shipped example explains is explained here too."""
    text = _shipped("desks.toml")
    head, _, tail = text.partition("# Values laid over the [options]")
    head = head.replace('"support@shop.example"', json.dumps(address, ensure_ascii=False), 1)
    head = head.replace('pack = "digistore24"', f"pack = {json.dumps(pack.name)}", 1)
    if pack.raw.get("carries") == "mailgate":
        head = head.replace('#carries = "people"', 'carries = "mailgate"', 1)
    if pack.name != "digistore24":
        head = re.sub(r"^#agents = .*$", "#agents = []", head, flags=re.MULTILINE)
        tail = re.sub(r"^#respond_within = .*\n", "", tail, flags=re.MULTILINE).partition("\n# The resellers")[0]
        tail += _entities(pack)
    return f"{head}# Values laid over the [options]{tail}"


def _entities(pack: Pack) -> str:
    found = pack.raw.get("entities", {})
    if not found:
        return ""
    lines = ["", "# The pack's entities; what stands here is laid over them."]
    for name, entity in found.items():
        lines += [f"#[desk.support.entities.{name}]", f"#helpdesk = {json.dumps(entity.get('helpdesk', ''))}", ""]
    return "\n".join(lines)


def _seller(text: str, pack: Pack) -> str:
    """The example seller, with an entity that the pack knows."""
    names = list(pack.raw.get("entities", {}))
    if names:
        return re.sub(r"^#entities = .*$", f"entities = {json.dumps(names[:1])}", text, flags=re.MULTILINE)
    return re.sub(r"^#(entities|products) = .*$", r"#\1 = …", text, flags=re.MULTILINE)
