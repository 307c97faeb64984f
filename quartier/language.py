"""Texts, numbers and errors as a person reads them: gettext catalogues, Babel formats, errors without traceback."""

from __future__ import annotations

import datetime
import difflib
import functools
import gettext
import io
import re
from collections.abc import Iterable
from decimal import Decimal
from numbers import Integral
from pathlib import Path
from typing import Any

LANGUAGES = ("de", "en")
"""Languages with a catalogue in `locale/`; the first is the default."""


class PlainError(ValueError):
    """An error whose text is meant for the person at the keyboard: one message, no traceback, even in a notebook."""

    def _render_traceback_(self) -> list[str]:
        # IPython calls this in place of printing its own traceback.
        return [line for line in str(self).splitlines() if line]


@functools.cache
def _catalogue(language: str) -> gettext.NullTranslations:
    """Read `locale/<language>.po`; compiled in memory so that no binary file can grow stale beside its source."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    path = Path(__file__).parent / "locale" / f"{language}.po"
    with path.open("rb") as source:
        catalogue = read_po(source, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@functools.cache
def _marks(locale: str) -> dict[int, str]:
    """Say what stands in a locale where Python writes a comma, a point and a minus."""
    from babel.numbers import get_decimal_symbol, get_group_symbol, get_minus_sign_symbol

    return str.maketrans(
        {",": get_group_symbol(locale), ".": get_decimal_symbol(locale), "-": get_minus_sign_symbol(locale)}
    )


def language_name(language: str) -> str:
    """Name of a language in that language: Deutsch, English."""
    from babel import Locale

    return Locale.parse(language).get_display_name(language) or language


def signed(value: float, shown: str) -> str:
    """Put the sign of a value before its size as it is shown; none before nothing."""
    return ("+" if value > 0 else "\u2212" if value < 0 else "") + shown


def decimals(value: float) -> int:
    """Count the decimals that a number needs, up to nine."""
    return len(f"{value:.9f}".rstrip("0").partition(".")[2])


def minus(text: str) -> str:
    """Give negative numbers in a text the sign that is one, in the place of a hyphen."""
    return re.sub(r"(?<![^\s(])-(?=\d)", "\u2212", text)


def mark(message: str) -> str:
    """Mark a message for the catalogues where it is only translated later."""
    return message


class Texts:
    """The texts and number formats of one language.

    Parameters
    ----------
    language : str
        One of `LANGUAGES`.

    Raises
    ------
    PlainError
        The language has no catalogue.

    Examples
    --------
    >>> Texts("de").eur(8000)
    '8.000 EUR'
    >>> Texts("en").percent(0.125)
    '12.5%'
    """

    def __init__(self, language: str = LANGUAGES[0]) -> None:
        if language not in LANGUAGES:
            ours = Texts()
            raise PlainError(
                ours.text(
                    "There is no language {given}, only {known}.",
                    given=ours.given(language),
                    known=ours.listing(LANGUAGES),
                )
            )
        self.language = language
        self._locale = {"de": "de_DE", "en": "en_GB"}[language]

    def text(self, message: str, /, *, plural: str | None = None, n: int | str | None = None, **values: object) -> str:
        """Translate `message` (English) and fill in `values`; with `plural` and `n`, the form for n things."""
        catalogue = _catalogue(self.language)
        if plural is None:
            translated = catalogue.gettext(message)
        else:
            translated = catalogue.ngettext(message, plural, int(n) if isinstance(n, Integral) else 2)
        if n is not None:
            values = {"n": n, **values}
        return translated.format(**values) if values else translated

    def name(self, context: str, key: str) -> str:
        """Translate a key (a column, a status, a baseline) within its context; one without a translation stays as it is."""
        return _catalogue(self.language).pgettext(context, key)

    def column(self, key: str) -> str:
        """Heading of a table column, with its unit."""
        return self.name("column", key)

    def number(self, value: float, digits: int = 0) -> str:
        """Format a number with a fixed count of decimals."""
        shown = 0 if round(value, digits) == 0 else value  # no minus before a zero
        return self._digits(Decimal(str(shown)), digits)

    def exact(self, value: float, least: int = 0) -> str:
        """Format a number with as many decimals as it needs, up to nine; what is shown is read back as the same number."""
        digits = max(least, decimals(value))
        return self.number(value, 4 if digits == 3 else digits)  # 1,125 might be a thousand

    def _digits(self, value: Decimal, digits: int) -> str:
        """Write a number with the marks of the language. Babel would do the same, but a panel needs a thousand for each answer."""
        if not value.is_finite():
            from babel.numbers import format_decimal

            return format_decimal(value, locale=self._locale)
        return f"{value:,.{digits}f}".translate(_marks(self._locale))

    def eur(self, value: float) -> str:
        """Format an amount in EUR; cents only where there are any."""
        digits = 0 if round(value, 2) == round(value, 0) else 2
        return f"{self.number(value, digits)} EUR"

    def percent(self, share: float, digits: int = 1) -> str:
        """Format a share (0.125) as per cent (12,5 %)."""
        shown = 0 if round(100 * share, digits) == 0 else share  # no minus before a zero
        return self._digits(Decimal(str(shown)).scaleb(2), digits) + {"de": "\u00a0%", "en": "%"}[self.language]

    def date(self, value: datetime.date) -> str:
        """Format a date in its medium form (26.01.2021)."""
        from babel.dates import format_date

        return format_date(value, format="medium", locale=self._locale)

    def read_number(self, text: str) -> float | None:
        """Read a number as it is written in this language, with or without EUR or %; None where it is none, or could be two.

        Examples
        --------
        >>> Texts("de").read_number("72.000 EUR"), Texts("de").read_number("72 000"), Texts("de").read_number("72.0")
        (72000.0, 72000.0, None)
        """
        from babel.numbers import NumberFormatError, parse_decimal

        plain = text.strip().removesuffix("EUR").removesuffix("\u20ac").removesuffix("%").strip()
        plain = plain.replace("\u2212", "-")
        if re.fullmatch(r"[-+]?\d{1,3}([ \u00a0\u202f]\d{3})+([.,]\d+)?", plain):
            plain = re.sub(r"\s", "", plain)
        mark = {"de": ",", "en": r"\."}[self.language]
        # 1,240 in German: a thousand and more, or one and some? As in the tables, nobody is asked to guess.
        if not re.fullmatch(r"[-+]?[0-9.,]{1,30}", plain) or re.fullmatch(rf"[-+]?[1-9]\d{{0,2}}{mark}\d{{3}}", plain):
            return None
        try:
            return float(parse_decimal(plain, locale=self._locale, strict=True))
        except NumberFormatError:
            return None

    def listing(self, items: Iterable[str]) -> str:
        """Join items as in a sentence: a, b und c."""
        from babel.lists import format_list

        parts = list(items)
        return format_list(parts, locale=self._locale) if parts else ""

    def either(self, items: Iterable[str]) -> str:
        """Join items of which one is meant: a, b oder c."""
        from babel.lists import format_list

        parts = list(items)
        return format_list(parts, style="or", locale=self._locale) if parts else ""

    def one_of(self, name: object, known: Iterable[str]) -> str:
        """Say what is expected in the place of a name that is not known: one of those that are, the most like it first."""
        names = list(known)
        near = difflib.get_close_matches(str(name), names, n=1)
        return self.text("one of {values}", values=", ".join(dict.fromkeys([*near, *names])) or "-")

    def perhaps(self, said: str, given: str, known: Iterable[str], before: str = "") -> str:
        """Add to a sentence about a name that is not known which known one was perhaps meant, with what stands before it."""
        near = difflib.get_close_matches(given, list(known), n=1)
        return f"{said} {self.text('Perhaps: {name}', name=f'{before}{near[0]}')}" if near else said

    def given(self, value: Any, most: int = 60) -> str:
        """Quote a value as it was given, shortened where it is long; control characters are made visible."""
        shown = value if isinstance(value, str) else repr(value)
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
        return self.text("\u201c{value}\u201d", value=shown if len(shown) <= most else shown[: most - 3] + "...")
