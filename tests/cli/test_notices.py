"""`mailgate notice`: which notices there are, and the page that shows them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from selectolax.lexbor import LexborHTMLParser

from mailgate.cli import notices as verbs
from mailgate.cli import samples
from mailgate.cli.notices import notice
from mailgate.config import ConfigError


def _run(*words: str) -> Result:
    return CliRunner().invoke(notice, words)


def _cards(file: Path) -> dict[str, LexborHTMLParser]:
    tree = LexborHTMLParser(file.read_text("utf-8"))
    frames = {one.attributes["id"] or "": one.css_first("iframe") for one in tree.css("article")}
    return {name: LexborHTMLParser(frame.attributes["srcdoc"] or "") for name, frame in frames.items() if frame}


def test_the_list_says_what_each_notice_needs(tmp_path: Path) -> None:
    """Name, variables, languages; every notice has a sample."""
    rows = [json.loads(line) for line in _run("list", "--json", "--config", str(tmp_path)).output.splitlines()]
    extended = next(row for row in rows if row["notice"] == "extended")
    assert extended == {"notice": "extended", "needs": ["due_at"], "languages": ["en", "fa", "it", "pt-BR"]}
    assert {row["notice"] for row in rows} == samples.NAMES
    assert "weekly_report" in _run("list", "--config", str(tmp_path)).output


def test_the_preview_shows_every_notice_in_every_language(tmp_path: Path) -> None:
    """On one page that needs no network and runs no script of a notice."""
    file = tmp_path / "all.html"
    result = _run("preview", "--config", str(tmp_path), "--output", str(file))
    assert result.exit_code == 0, result.output
    expected = {f"{language}-{name}" for language in samples.LANGUAGES for name, _ in samples.variants(language)}
    assert set(_cards(file)) == expected
    assert result.output.startswith(f"{file}: {len(expected)} notices in en, fa, it, pt-BR")
    assert not LexborHTMLParser(file.read_text("utf-8")).css("link, img, script[src], [role=alert]")


def test_the_preview_of_one_notice_shows_its_turns(tmp_path: Path) -> None:
    """In one language, right to left where it is so."""
    file = tmp_path / "one.html"
    assert _run("preview", "--config", str(tmp_path), "--lang", "fa", "--notice", "mediate", "--output", str(file)).exit_code == 0
    cards = _cards(file)
    assert set(cards) == {"fa-mediate", "fa-mediate-alert"}
    assert all(card.css_first("html").attributes["dir"] == "rtl" for card in cards.values())


def test_the_preview_reads_the_templates_of_the_house(tmp_path: Path) -> None:
    """A notice that the directory replaces looks as it does there; a mistake in it stands on the page, a new one is named."""
    own = tmp_path / "templates" / "en"
    own.mkdir(parents=True)
    (own / "extended.txt").write_text("Hello\n\nTake your time until {{ due_at|day }}.\n", "utf-8")
    (own / "help.txt").write_text("Hello\n\n{{ nobody }}\n", "utf-8")
    (own / "invented.txt").write_text("Hello\n\n{% if %}\n", "utf-8")
    config, file = tmp_path / "mailgate.toml", tmp_path / "page.html"
    config.write_text("", "utf-8")
    result = _run("preview", "--config", str(config), "--lang", "en", "--output", str(file))
    assert "no sample for invented" in result.output
    assert "Take your time until" in _cards(file)["en-extended"].text()
    assert "nobody" in LexborHTMLParser(file.read_text("utf-8")).css_first("#en-help [role=alert]").text()
    listed = _run("list", "--config", str(tmp_path)).output
    assert "(no template: " in listed


def test_what_nobody_knows_is_a_mistake_of_usage(tmp_path: Path) -> None:
    """Exit code 2 of click, which main turns into 64; files that are not text are a mistake of the configuration."""
    assert "there is no language 'xx'" in _run("preview", "--lang", "xx").output
    assert "there is no notice 'nonsense'" in _run("preview", "--notice", "nonsense").output
    own = tmp_path / "templates" / "en"
    own.mkdir(parents=True)
    (own / "help.txt").write_bytes(b"\xff\xfe")
    assert isinstance(_run("list", "--config", str(tmp_path)).exception, ConfigError)


def test_the_page_opens_in_the_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only with --open."""
    seen: list[str] = []
    monkeypatch.setattr(verbs.click, "launch", lambda url: seen.append(url))
    file = tmp_path / "one.html"
    _run("preview", "--config", str(tmp_path), "--notice", "help", "--output", str(file))
    assert seen == []
    _run("preview", "--config", str(tmp_path), "--notice", "help", "--output", str(file), "--open")
    assert seen == [str(file)]
