"""How easily a German text is read: a measure to be shown beside a text, not one to write for."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from quartier.language import PlainError, Texts

if TYPE_CHECKING:
    from pyphen import Pyphen

SPOKEN = {
    "z. B.": "zum Beispiel",
    "d. h.": "das heißt",
    "u. a.": "unter anderem",
    "i. d. R.": "in der Regel",
    "o. g.": "oben genannt",
    "usw.": "und so weiter",
    "bzw.": "beziehungsweise",
    "ggf.": "gegebenenfalls",
    "evtl.": "eventuell",
    "inkl.": "inklusive",
    "einschl.": "einschließlich",
    "rd.": "rund",
    "ca.": "circa",
    "vgl.": "vergleiche",
    "Nr.": "Nummer",
    "Abs.": "Absatz",
    "Art.": "Artikel",
    "Dr.": "Doktor",
    "St.": "Sankt",
    "Str.": "Straße",
    "Std.": "Stunden",
    "Tsd.": "Tausend",
    "Mio.": "Millionen",
    "EUR": "Euro",
    "€": "Euro",
    "%": "Prozent",
    "§": "Paragraf",
}
"""Abbreviations as they are read aloud; their stops end no sentence."""

_NUMBER = r"\d+(?:[.,:]\d+)*"
_WORD = re.compile(rf"{_NUMBER}|[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_VOWELS = re.compile(r"eu|äu|au|ei|ai|ie|aa|ee|oo|[aeiouyäöüéèáà]")


def readability(text: str) -> float:
    """Say by the fourth Wiener Sachtextformel for which school year a German text is fit.

    ``0.2744 MS + 0.2656 SL - 1.693`` with MS the share of words of three and more syllables in per cent and SL the words in a sentence
    (Bamberger, R. and Vanecek, E. (1984): Lesen - Verstehen - Lernen - Schreiben. Wien: Jugend und Volk). 4 is very easy, 15 very hard.

    Sentences end with a stop, an exclamation or a question mark, and with a line; the stop behind an abbreviation of `SPOKEN`, a single
    letter or a number of one or two digits ("am 3. Mai") ends none. Abbreviations count as they are spoken. A number in digits counts
    as one short word, which is a choice of ours: how long it is when spoken says little about how hard it is to read.

    Parameters
    ----------
    text : str
        Plain text; an item of a list or a heading on a line of its own.

    Returns
    -------
    float
        The school year.

    Raises
    ------
    PlainError
        The text has no words.

    Examples
    --------
    >>> round(readability("Das Café ist am Montag offen. Alle sind willkommen."), 1)
    2.6
    """
    sentences = [words for words in map(_WORD.findall, _sentences(text)) if words]
    words = [word for sentence in sentences for word in sentence]
    if not words:
        raise PlainError(Texts("de").text("The readability of a text without words cannot be measured."))
    long = sum(syllables(word) >= 3 for word in words)
    return 0.2744 * 100 * long / len(words) + 0.2656 * len(words) / len(sentences) - 1.693


def readability_note(text: str, texts: Texts) -> str:
    """Say in a sentence how easily a German text is read.

    Parameters
    ----------
    text : str
        The German text.
    texts : Texts
        Language of the sentence.

    Returns
    -------
    str
        The school year, rounded, and the value of the formula.
    """
    value = readability(text)
    year = max(1, round(value))
    shown = texts.number(value, 1)
    if year > 12:
        return texts.text("harder than for school year 12 (fourth Wiener Sachtextformel: {value})", value=shown)
    return texts.text(
        "fit for about school year {year} (fourth Wiener Sachtextformel: {value})", year=year, value=shown
    )


def syllables(word: str) -> int:
    """Count the spoken syllables of a German word: those that may be parted at the end of a line, and vowels that stand alone there.

    Parameters
    ----------
    word : str
        One word; digits count as one syllable.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> [syllables(word) for word in ("Rat", "Abend", "Seniorenrat", "8.000")]
    [1, 2, 5, 1]
    """
    if word[0].isdigit():
        return 1
    pieces = [piece for part in re.split(r"[-'’]", word) for piece in _parts().inserted(part, "-").split("-")]
    # No line may end behind one letter, so that "A-bend" comes in one piece.
    return sum(max(1, len(_VOWELS.findall(piece.lower().replace("qu", "q")))) for piece in pieces)


@functools.cache
def _parts() -> Pyphen:
    from pyphen import Pyphen

    return Pyphen(lang="de_DE")


def _sentences(text: str) -> list[str]:
    for short, spoken in SPOKEN.items():
        loose = re.escape(short).replace(r"\ ", r"[ \u00a0\u202f]?")
        start, end = (r"(?<!\w)", r"(?!\w)") if short[0].isalpha() else ("", "")
        # At the end of a sentence the stop of an abbreviation is the sentence's as well.
        text = re.sub(
            f"{start}{loose}{end}(?=(\\s*$|\\s*\\n)?)",
            lambda found, said=spoken: f" {said}{'.' if found[1] is not None else ''} ",  # type: ignore[misc]
            text,
            flags=re.MULTILINE,
        )
    text = re.sub(r"(?<![\w.,])(\d{1,2}|[^\W\d_])\.(?=[ \u00a0]\S)", r"\1 ", text)
    return re.split(r"[!?…]+|\.(?!\d)|\n", text)
