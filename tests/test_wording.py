"""How easily a German text is read: counted by hand."""

import pytest

from quartier.language import PlainError, Texts
from quartier.wording import readability, readability_note, syllables

BY_HAND = """
Rat 1, Abend 2, Oma 2, Übung 2, Idee 2, Ausschuss 2, Seniorenrat 5, Nachbarschaft 3, Menschen 2, ältere 3, Euro 2, Theater 3, Museum 3,
Wohnungsunternehmen 6, Beratung 3, Gesundheit 3, Station 3, neue 2, Bauer 2, Feuer 2, Information 5, Café 2, Begegnung 3, Zuschuss 2,
beobachten 4, geehrt 2, See 1, individuell 5, Vereinbarung 4, Telefon 3, Verein 2, Partei 2, Italien 4, Realität 4, geöffnet 3,
Geschichte 3, Batterie 3, sozial 3, Quelle 2, bequem 2, zwei 1, Uhu 2, Aue 2, Senioren-Café 6
"""


@pytest.mark.parametrize(("word", "count"), [entry.split() for entry in BY_HAND.replace("\n", " ").split(",")])
def test_syllables_are_those_counted_by_hand(word, count):
    assert syllables(word) == int(count)


def test_the_formula_is_that_of_bamberger_and_vanecek():
    # 9 words in 2 sentences, 1 of 3 syllables (willkommen).
    text = "Das Café ist am Montag offen. Alle sind willkommen."
    assert readability(text) == pytest.approx(0.2744 * 100 / 9 + 0.2656 * 9 / 2 - 1.693)
    # 8 words in 1 sentence, 3 of three and more syllables: Bielefeld, Quartiersarbeit, Seniorinnen.
    text = "Die Stadt Bielefeld zahlt Quartiersarbeit für alle Seniorinnen."
    assert readability(text) == pytest.approx(0.2744 * 100 * 3 / 8 + 0.2656 * 8 - 1.693)


@pytest.mark.parametrize(
    ("text", "words", "sentences"),
    [
        ("Wir treffen uns am 3. Mai um 10 Uhr.", 9, 1),
        ("Wir sind z. B. am Mai da.", 7, 1),
        ("Wir sind z.B. am Mai da.", 7, 1),
        ("Es gibt Kaffee, Tee usw.\nDann ist Schluss.", 10, 2),
        ("Es kostet 80.000 EUR. Das ist viel.", 7, 2),
        ("Der Rat tagt am 26.01.2026. Dann der Rat.", 8, 2),
        ("Wer kommt? Alle! Gut.", 4, 3),
        ("Im Jahr 2026. Dann nicht.", 5, 2),
        ("Dr. Maus wohnt Nr. 5 am Bach.", 7, 1),
        ("E. Maus ist da.", 4, 1),
        ("Das Haus", 2, 1),
        ("Kaffee\nTee", 2, 2),
        ("Rund 5 % sind da... Gut.", 6, 2),
    ],
)
def test_stops_of_abbreviations_numbers_and_days_end_no_sentence(text, words, sentences):
    from quartier.wording import _WORD, _sentences

    found = [one for one in map(_WORD.findall, _sentences(text)) if one]
    assert (sum(map(len, found)), len(found)) == (words, sentences)


def test_long_words_in_long_sentences_are_harder():
    easy = "Wir haben Geld. Wir geben es den Orten. Dort ist ein Café."
    hard = (
        "Die Bewilligung der Zuwendungen erfolgt nach Maßgabe der Kooperationsvereinbarung unter Berücksichtigung der "
        "Inanspruchnahme der Angebote durch Seniorinnen und Senioren in den jeweiligen Einzugsbereichen."
    )
    assert readability(easy) < 4 < 12 < readability(hard)
    assert readability_note(hard, Texts("de")).startswith("schwerer als für Klasse 12")
    assert readability_note(easy, Texts("de")).startswith("geeignet etwa ab Klasse 1 (vierte Wiener Sachtextformel: ")
    assert readability_note(easy, Texts("en")).startswith("fit for about school year 1 ")


@pytest.mark.parametrize("text", ["", "  \n", "... !", "***"])
def test_a_text_without_words_is_refused(text):
    with pytest.raises(PlainError, match="ohne Wörter"):
        readability(text)
