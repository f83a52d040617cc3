"""One self-contained HTML page that shows notices as their readers get them: subject, HTML form, text form.

Works offline: no link leads out of it, and each HTML form stands in a frame of its own that runs no scripts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, StrictUndefined

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Notices of mailgate</title>
<style>
:root { color-scheme: light dark; --width: 640px;
  --line: light-dark(#c4c8ce, #4a4f57); --quiet: light-dark(#5b616b, #a3a9b3); }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
header { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center;
  padding: 8px 16px; background: Canvas; border-bottom: 1px solid var(--line); }
h1 { font-size: 17px; margin: 0; }
header label { display: inline-flex; gap: 6px; align-items: center; min-height: 44px; }
input, select { font: inherit; min-height: 36px; padding: 0 8px; box-sizing: border-box; max-width: 100%; }
main { padding: 0 16px 48px; }
article { margin: 24px 0 0; padding: 16px 0 0; border-top: 1px solid var(--line); scroll-margin-top: 72px; }
article:target h2 { text-decoration: underline; }
h2 { font-size: 16px; margin: 0; }
h2 a { color: inherit; text-decoration: none; }
.quiet { color: var(--quiet); font-weight: normal; }
.subject { margin: 4px 0 12px; font-weight: 600; overflow-wrap: anywhere; }
.forms { display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start; }
iframe { width: var(--width); max-width: 100%; height: 480px; box-sizing: border-box;
  border: 1px solid var(--line); border-radius: 6px; }
pre { flex: 1 1 80ch; min-width: 0; box-sizing: border-box; max-width: 100%; margin: 0; padding: 12px; overflow-x: auto;
  border: 1px solid var(--line);
  border-radius: 6px; font: 13px/1.5 ui-monospace, monospace;
  unicode-bidi: plaintext; white-space: pre-wrap; overflow-wrap: anywhere; }
[role=alert] { padding: 12px; border: 2px solid light-dark(#b3261e, #f2b8b5); border-radius: 6px; }
</style>
</head>
<body>
<header>
<h1>{{ cards|length }} notices</h1>
<label>Find <input type="search" id="find" placeholder="name or language"></label>
<label>Width <select id="width">
<option value="375px">375</option><option value="640px" selected>640</option><option value="100%">all</option>
</select></label>
<label>Colours <select id="scheme">
<option value="light dark">as the system</option><option>light</option><option>dark</option>
</select></label>
</header>
<main>
{% for card in cards %}
<article id="{{ card.anchor }}" data-find="{{ card.name }} {{ card.language }}">
<h2><a href="#{{ card.anchor }}">{{ card.name }}</a>
<span class="quiet">{{ card.language }}{{ ", written in " ~ card.written if card.written != card.language }}</span></h2>
{% if card.error %}
<p role="alert">{{ card.error }}</p>
{% else %}
<p class="subject" dir="auto" lang="{{ card.written }}">{{ card.subject }}</p>
<div class="forms">
<iframe sandbox="allow-same-origin" loading="lazy" title="{{ card.anchor }}, HTML form" srcdoc="{{ card.html }}"></iframe>
<pre dir="auto" lang="{{ card.written }}" tabindex="0">{{ card.text }}</pre>
</div>
{% endif %}
</article>
{% endfor %}
</main>
<script>
const frames = [...document.querySelectorAll("iframe")], root = document.documentElement.style;
const fit = frame => {
  const page = frame.contentDocument?.documentElement;
  if (page) frame.style.height = page.offsetHeight + 2 + "px";
};
for (const frame of frames) { frame.onload = () => fit(frame); fit(frame); }
find.oninput = () => {
  for (const one of document.querySelectorAll("article")) one.hidden = !one.dataset.find.includes(find.value.trim());
};
width.onchange = () => { root.setProperty("--width", width.value); requestAnimationFrame(() => frames.forEach(fit)); };
scheme.onchange = () => { root.colorScheme = scheme.value; };
</script>
</body>
</html>
"""
_GALLERY = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(_PAGE)


@dataclass(frozen=True)
class Card:
    """One notice in one language; `written` is the language that it fell back to. With `error`, it has no forms."""

    name: str
    language: str
    written: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    error: str = ""

    @property
    def anchor(self) -> str:
        """Its id on the page."""
        return f"{self.language}-{self.name}"


def gallery(cards: Sequence[Card]) -> str:
    """The page."""
    return _GALLERY.render(cards=cards)
