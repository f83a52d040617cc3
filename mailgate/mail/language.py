"""Which language a text is written in, if that is plain: en, pt, it, fa, de, es or fr, else None.

Counts the small words that a language cannot do without; the winner must have several and clearly more than the next.
A wrong guess is worse than none: notices go out in the language that somebody last wrote in.
"""

from __future__ import annotations

import re

LIMIT = 5000
ENOUGH = 3

_WORDS = {
    "en": """
        the and you your for with this that have has not are was were been please would could my from they
        what when we our
    """,
    "pt": """
        não você vocês uma para com que meu minha está estou foi obrigado obrigada seu sua mas ainda também já
        aos pelo pela são do da em um
    """,
    "it": """
        non che per una sono ho il della del di con mio mia è questo questa grazie ma anche gli nel ancora
        stato alla vorrei buongiorno
    """,
    "de": """
        nicht und ich die der das ist ein eine sie mit für auf bitte mir mein meine habe haben wir auch noch
        zu den dem wurde
    """,
    "es": """
        no que para una con mi está estoy gracias pero por el los las del su ha usted también ya hola muy
        cuando es un la
    """,
    "fr": """
        ne pas que pour une avec mon ma est je vous merci mais les des dans votre nous ce cette aussi été
        bonjour sur le la
    """,
}
_TABLE = {name: frozenset(words.split()) for name, words in _WORDS.items()}
_WORD = re.compile(r"[^\W\d_]+")
_PERSIAN = re.compile(r"[پچژگکی]")
_ARABIC_SCRIPT = re.compile(r"[\u0600-\u06ff]")
_ARABIC_WORD = re.compile(r"[\u0600-\u06ff]+")
_ARABIC_ONLY = re.compile(r"[ةىيكإأ]")


def language(text: str) -> str | None:
    """The BCP 47 tag of the language that `text` is plainly written in, or None."""
    sample = text[:LIMIT].lower()
    arabic = 0 if sample.isascii() else len(_ARABIC_SCRIPT.findall(sample))
    if arabic and arabic * 2 > sum(map(str.isalpha, sample)):
        persian = len(_PERSIAN.findall(sample))
        several = len(_ARABIC_WORD.findall(sample)) >= ENOUGH
        return "fa" if several and persian * 20 > arabic and persian > 2 * len(_ARABIC_ONLY.findall(sample)) else None
    words = _WORD.findall(sample)
    scores = sorted(((sum(map(small.__contains__, words)), name) for name, small in _TABLE.items()), reverse=True)
    (best, name), (second, _) = scores[:2]
    plain = best >= ENOUGH and best * 10 >= len(words) and best >= 1.5 * second + 1
    return name if plain else None
