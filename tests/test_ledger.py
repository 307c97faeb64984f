"""The cooperation as a ledger: the notice's situation comes out of the tables, a signature is worth what two plans differ by."""

import csv
import datetime
import errno
import math
import os
from pathlib import Path

import icalendar
import oracle
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_city import all_of, appended, changed, described, fingerprint, removed, write_city, write_dialogue

import quartier as q
from quartier import ledger
from quartier.data import STATUSES
from quartier.language import PlainError, Texts
from quartier.scenario import SiteChoice

DATA = Path(__file__).parents[1] / "data"
TODAY = datetime.date(2026, 11, 24)
KEYS = {"programme": "rule", "agreements": "agreement_id", "calendar": "event_id", "steps": "step_id"}


def day(text):
    return datetime.date.fromisoformat(text)


def raw(name):
    """Rows of a table of the city, as they stand in the file."""
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def sites():
    return q.load(DATA)


@pytest.fixture(scope="module")
def situation(sites):
    return q.situation(sites)


@pytest.fixture
def city(tmp_path):
    return write_dialogue(write_city(tmp_path / "city"))


def texts_of(situation, name):
    return [fact.text for fact in situation.of(name)]


# --- the notice's own situation ---------------------------------------------------------------------------------


def test_the_situation_of_the_notice_comes_out_of_the_tables(situation):
    assert texts_of(situation, "budget_eur") == ["80.000 EUR im Jahr"]
    assert texts_of(situation, "max_sites") == ["höchstens 10 Standorte"]
    assert texts_of(situation, "signed_sites") == ["7 Standorte mit Kooperationsvereinbarung"]
    assert texts_of(situation, "partner") == ["BGW", "AWO Kreisverband Bielefeld", "Alt und Jung Nord-Ost e.V."]
    assert texts_of(situation, "in_talks") == ["1 Dienstleister im Gespräch"]
    assert texts_of(situation, "in_talks_note") == ["nicht benannt; durch die Pandemie verzögert"]
    assert [text.split(" ")[0:4] for text in texts_of(situation, "to_approach")] == [
        ["Mindestens", "ein", "weiteres", "Wohnungsunternehmen"],
        ["Eventuell", "weitere", "soziale", "Dienstleister"],
    ]
    assert texts_of(situation, "declined") == [
        "GSWG Gemeinnützige Siedlungs- und Wohnungsbaugenossenschaft Senne: "
        "unterschiedliche Vorstellungen vom Rahmen der Kooperation"
    ]
    assert texts_of(situation, "declined_why") == ["unterschiedliche Vorstellungen vom Rahmen der Kooperation"]
    assert texts_of(situation, "committee") == [
        "Sozial- und Gesundheitsausschuss am 26.01.2021",
        "Seniorenrat am 24.03.2021",
    ]
    assert texts_of(situation, "report_period") == ["zweite Jahreshälfte 2021"]
    assert "in der zweiten Jahreshälfte" in situation.one("report").text
    assert situation.one("decision_basis").text == "Beschlussvorlage 10517/2014-2020 vom 17.03.2020"
    assert situation.one("subject").text == "Weiterentwicklung der Quartiersarbeit im Bielefelder Modell"
    assert situation.one("signatory").text == "Ingo Nürnberger"
    assert situation.one("no such fact") is None
    assert situation.remarks == ()


def test_each_fact_stands_in_the_cell_that_it_names(situation):
    assert len(situation.facts) >= 20
    for fact in situation.facts:
        (row,) = [row for row in raw(fact.table) if row[KEYS[fact.table]] == fact.row]
        assert row["basis"] == fact.basis
        cells = [row[column] for column in fact.column.split("; ")]
        if fact.column in ("value", "text", "reason", "next_step", "body"):
            assert isinstance(fact.value, str) or float(cells[0]) == fact.value
            assert not isinstance(fact.value, str) or fact.value in cells[0]
    (period,) = situation.of("report_period")
    assert period.column == "begins; ends"
    (gswg,) = situation.of("declined")
    assert gswg.column == "status"


def test_nothing_that_the_notice_says_rests_on_an_assumption(situation):
    assert {fact.basis for fact in situation.facts if fact.name != "report_period"} == {"stated"}
    assert situation.one("report_period").basis == "derived"


def test_the_table_of_the_situation_names_the_cell_of_each_fact(situation):
    table = situation.table()
    assert list(table.columns) == ["fact", "text", "basis", "table", "key"]
    assert table.loc[0].tolist() == ["budget_eur", "80.000 EUR im Jahr", "stated", "programme", "budget_eur"]


def test_the_situation_speaks_english_where_asked(sites):
    english = q.situation(sites, "en")
    assert english.one("budget_eur").text == "80,000 EUR a year"
    assert english.one("report_period").text == "second half of the year 2021"


def real_city(folder):
    """Copy the city of this repository, to change it."""
    for path in [*DATA.glob("*.csv"), *DATA.glob("*/*.csv"), DATA / "datapackage.json"]:
        (folder / path.relative_to(DATA)).parent.mkdir(parents=True, exist_ok=True)
        (folder / path.relative_to(DATA)).write_bytes(path.read_bytes())
    return folder


def test_changed_data_change_the_situation(tmp_path):
    folder = real_city(tmp_path / "city")
    all_of(
        changed("programme.csv", "budget_eur,Mittel im Jahr,80000", "budget_eur,Mittel im Jahr,96000"),
        changed("programme.csv", "Ingo Nürnberger", "Erika Mustermann"),
        appended(
            "agreements.csv",
            "vennhofallee-2021-07,vennhofallee,bgw,mellycox,signed,2021-07-01,,stated,mitteilung-2021,",
            "heinrichstrasse-2021-07,heinrichstrasse,bgw,mellycox,negotiating,2021-07-01,Umbau,stated,mitteilung-2021,",
        ),
    )(folder)
    now = q.situation(q.load(folder))
    assert now.one("budget_eur").value == 96_000
    assert now.one("signatory").text == "Erika Mustermann"
    signed = now.one("signed_sites")
    assert (signed.value, signed.basis, signed.table) == (8, "assumed", "agreements")
    assert len(signed.row.split("; ")) == 8
    assert "MellyCox" in texts_of(now, "partner")
    assert now.one("in_talks").text == "1 Standort in Verhandlung"
    assert texts_of(now, "in_talks_note") == ["Umbau"]
    assert now.remarks == ()  # the agreements are newer than what the programme says


def test_counted_agreements_are_no_better_than_derived(tmp_path):
    folder = write_city(tmp_path / "city")
    found = q.situation(q.load(folder))
    signed = found.one("signed_sites")
    assert (signed.value, signed.row, signed.basis) == (1, "park-2021", "derived")
    assert [(fact.value, fact.basis) for fact in found.of("partner")] == [
        ("Wohnbau GmbH", "derived"),
        ("AWO", "derived"),
    ]
    assert found.one("in_talks").basis == "assumed"
    assert texts_of(found, "declined") == ["Scholle, eG: andere Vorstellungen"]
    assert found.of("committee") == ()
    assert found.of("to_approach") == ()


def test_agreements_that_contradict_the_programme_are_told(tmp_path):
    folder = real_city(tmp_path / "city")
    all_of(
        changed("agreements.csv", "brockeiche,bgw,awo,signed", "brockeiche,bgw,mellycox,prospective"),
        changed("agreements.csv", "anbieter-in-verhandlung,negotiating", ",negotiating"),
        changed("programme.csv", "BGW; AWO Kreisverband Bielefeld", "BGW; Rotes Kreuz"),
    )(folder)
    now = q.situation(q.load(folder))
    assert now.one("signed_sites").value == 7
    assert list(now.remarks) == [
        "Das Programm nennt 7 Standorte mit Vereinbarung, die Liste der Vereinbarungen 6.",
        "Das Programm nennt 1 Dienstleister im Gespräch, die Liste der Vereinbarungen 0.",
        "Das Programm nennt Rotes Kreuz als Partner; in keiner unterschriebenen Vereinbarung kommt dieser Name vor.",
        "Eine unterschriebene Vereinbarung nennt AWO Kreisverband Bielefeld als Partner, das Programm nicht.",
    ]


def test_a_committee_is_named_once_with_its_first_date(tmp_path):
    folder = real_city(tmp_path / "city")
    more = "rat-2022,committee,Bericht,2022-09-01,2022-09-01,Seniorenrat; Stadtrat,,stated,mitteilung-2021,,"
    appended("calendar.csv", more)(folder)
    read = q.load(folder)
    assert texts_of(q.situation(read), "committee")[1:] == ["Seniorenrat am 24.03.2021", "Stadtrat am 01.09.2022"]
    later = q.situation(read, since=day("2021-12-31"))
    assert texts_of(later, "committee") == ["Seniorenrat am 01.09.2022", "Stadtrat am 01.09.2022"]
    assert texts_of(later, "report_period") == ["zweite Jahreshälfte 2021"]  # its last day is not over yet
    assert texts_of(q.situation(read, since=day("2022-01-01")), "report_period") == ["zweite Jahreshälfte 2022"]
    assert q.situation(read, since=day("2030-01-01")).of("committee") == ()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("BGW", "BGW Bielefelder Gesellschaft mbH", True),
        ("bgw bielefelder gesellschaft mbh", "BGW", True),
        ("AWO", "AWO", True),
        ("AWO", "AWOnders e.V.", False),
        ("Gesellschaft", "BGW Bielefelder Gesellschaft mbH", False),
    ],
)
def test_a_name_is_that_of_a_partner_where_it_is_its_beginning(one, other, same):
    assert ledger._same_partner(one, other) is same


@pytest.mark.parametrize(
    ("begins", "ends", "name"),
    [
        ("2021-01-01", "2021-06-30", "erste Jahreshälfte 2021"),
        ("2021-07-01", "2021-12-31", "zweite Jahreshälfte 2021"),
        ("2021-01-01", "2021-12-31", "Jahr 2021"),
        ("2021-07-01", "2021-07-01", "01.07.2021"),
        ("2021-07-01", "2021-12-30", "01.07.2021 bis 30.12.2021"),
        ("2020-07-01", "2021-12-31", "01.07.2020 bis 31.12.2021"),
    ],
)
def test_a_span_of_days_is_named_as_people_do(begins, ends, name):
    assert ledger.period_name(day(begins), day(ends), Texts()) == name


def test_sites_of_a_table_have_no_situation(sites):
    given = q.Sites.from_frame(sites.frame.assign(need=100.0))
    for ask in (q.situation, q.cooperation, q.agenda, ledger.ics_bytes):
        with pytest.raises(PlainError, match="nicht aus dem Ordner einer Stadt"):
            ask(given)


# --- what is next -----------------------------------------------------------------------------------------------


def test_each_site_in_progress_has_its_next_step_and_the_end_of_its_agreement(city):
    table = q.cooperation(q.load(city, today=TODAY))
    assert table.index.tolist() == ["park", "hill", None]
    assert table.loc["park"].to_dict() == {
        "name": "Am Park",
        "status": "signed",
        "partners": "Wohnbau GmbH; AWO",
        "since": day("2021-01-26"),
        "next_step": None,
        "due_date": None,
        "blocked_by": None,
        "agreement_ends": day("2026-12-31"),
        "basis": "assumed",
    }
    assert table.loc["hill", ["status", "since", "next_step", "due_date", "blocked_by", "basis"]].tolist() == [
        "negotiating",
        day("2025-11-03"),
        "Entwurf schicken",
        day("2026-04-15"),
        "Urlaub",
        "assumed",
    ]
    last = table.iloc[-1]
    assert (last["name"], last["status"], last["next_step"]) == (None, None, "Noch ein Unternehmen ansprechen")
    assert last["basis"] == "stated"


def test_of_two_ends_of_an_agreement_the_later_counts(city):
    appended("calendar.csv", "neu,renewal,Vereinbarung läuft aus,2029-12-31,2029-12-31,,park,stated,amt,")(city)
    assert q.cooperation(q.load(city, today=TODAY)).loc["park", "agreement_ends"] == day("2029-12-31")


def test_a_site_that_declined_comes_back_with_a_step_and_a_house_that_is_no_candidate_too(city):
    appended(
        "steps.csv",
        "yard,approach,yard,,2026-05-01,Noch einmal fragen,,,stated,amt",
        "mill,approach,mill,awo,2026-05-01,Fragen,,,stated,amt",
        "hill-2,negotiation,hill,awo,2026-05-01,Unterschreiben,,,stated,amt",
    )(city)
    table = q.cooperation(q.load(city, today=TODAY))
    assert table.index.tolist() == ["park", "hill", "hill", "mill", "yard", None]
    assert table.loc["yard", ["status", "blocked_by"]].tolist() == ["declined", "andere Vorstellungen"]
    assert table.loc["mill", ["status", "partners", "basis"]].tolist() == [None, "AWO", "stated"]


def test_a_city_without_steps_still_has_its_cooperation(tmp_path):
    table = q.cooperation(q.load(write_city(tmp_path / "city")))
    assert table["status"].tolist() == ["signed", "negotiating"]
    assert table["next_step"].isna().all()


def test_the_talks_of_the_notice_are_delayed_by_the_pandemic(sites):
    table = q.cooperation(sites)
    talks = table[table["status"] == "negotiating"]
    assert talks["blocked_by"].tolist() == ["durch die Pandemie verzögert"]
    assert talks["basis"].tolist() == ["assumed"]
    assert table[table.index.isna()]["basis"].tolist() == ["stated", "stated"]
    assert "gswg-senne" not in table.index


# --- what it would mean -----------------------------------------------------------------------------------------


def solved(sites, scenario, site_id, status):
    """The oracle: sites whose status is replaced in the data, solved from nothing; None where there is no plan."""
    own = scenario.sites[site_id].choices() if site_id in scenario.sites else {}
    try:
        return q.allocate(sites.replace({site_id: {**own, "status": status}}), scenario.replace(sites={}))
    except q.InfeasibleScenario:
        return None


@pytest.mark.parametrize("name", ["baseline", "alle-zehn-plaetze"])
def test_a_signature_and_a_failure_are_worth_what_two_plans_differ_by(sites, name):
    scenario = q.Scenario.named(name, DATA)
    table, now = q.consequences(sites, scenario), q.allocate(sites, scenario)
    signed, open_ = (
        (sites.statuses == "signed").sum(),
        pd.Series(sites.statuses).isin(["negotiating", "prospective"]).sum(),
    )
    assert len(table) == signed + 2 * open_
    for row in table.itertuples():
        then = solved(sites, scenario, row.Index, {"signature": "signed", "failure": "declined"}[row.event])
        assert row.possible
        assert row.benefit_change == pytest.approx(then.benefit - now.benefit, abs=2e-6)
        assert row.amount_eur == now.amounts[row.Index]
        assert row.then_eur == then.amounts[row.Index]
        change = then.amounts - now.amounts
        assert table.attrs["changes"][row.Index, row.event] == {site: eur for site, eur in change.items() if eur}
        others = change.drop(row.Index)
        assert row.moved_eur == max(others[others > 0].sum(), -others[others < 0].sum())
        assert row.name not in row.gains
        assert row.name not in row.loses
        for site, eur in others.items():
            assert (str(sites.frame["name"][site]) in row.gains) == (eur > 0)
            assert (str(sites.frame["name"][site]) in row.loses) == (eur < 0)


def test_those_in_talks_come_first_and_those_that_declined_are_past(sites):
    table = q.consequences(sites, q.Scenario.named("baseline", DATA))
    assert list(table["status"].drop_duplicates()) == ["negotiating", "prospective", "signed"]
    assert table.loc["vennhofallee", "event"].tolist() == ["signature", "failure"]
    assert "gswg-senne" not in table.index


def test_where_a_signature_would_leave_no_plan_the_rules_that_conflict_are_named(sites):
    scenario = q.Scenario.named("baseline", DATA).replace(max_sites=7)
    table = q.consequences(sites, scenario)
    row = table[(table.index == "vennhofallee") & (table["event"] == "signature")].iloc[0]
    assert solved(sites, scenario, "vennhofallee", "signed") is None
    assert not row["possible"]
    assert math.isnan(row["benefit_change"])
    assert row["why"] == "8 Standorte müssen gefördert werden; Plätze: höchstens 7"
    first = ledger.consequence_sentences(sites, scenario)[0]
    assert first.sentence == (
        "Wird für Vennhofallee unterschrieben, gibt es keinen Plan. Zusammen nicht erfüllbar sind: "
        "8 Standorte müssen gefördert werden; Plätze: höchstens 7."
    )


def test_what_a_scenario_chooses_for_a_site_beside_its_status_stays(sites):
    chosen = {"vennhofallee": SiteChoice(max_eur=9000.0), "wefelshof": SiteChoice(status="prospective")}
    scenario = q.Scenario.named("baseline", DATA).replace(sites=chosen)
    table = q.consequences(sites, scenario)
    assert table[table["event"] == "signature"].loc["vennhofallee", "then_eur"] == 9000
    assert table.loc["wefelshof", "event"].tolist() == ["signature", "failure"]


def test_no_plan_as_it_is_has_no_consequences(sites):
    with pytest.raises(q.InfeasibleScenario):
        q.consequences(sites, q.Scenario.named("baseline", DATA).replace(max_sites=3))


def test_the_sentences_say_who_gains_and_who_loses(sites):
    scenario = q.Scenario.named("baseline", DATA)
    table, said = q.consequences(sites, scenario), ledger.consequence_sentences(sites, scenario)
    changing = [row for row in table.itertuples() if table.attrs["changes"][row.Index, row.event]]
    assert len(said) == len(changing) + 2
    for row, one in zip(changing, said, strict=False):
        assert row.name in one.sentence
        assert one.figures["benefit_change"] == row.benefit_change
        assert row.gains in one.sentence
        assert row.loses in one.sentence
    assert said[-2].sentence == "Hier würde eine Unterschrift am Plan nichts ändern: Vennhofallee."
    assert said[-1].figures["sites"] == table[table["status"] == "prospective"]["name"].unique().tolist()
    english = ledger.consequence_sentences(sites, scenario.replace(language="en"))
    assert english[0].sentence.startswith("If the talks on Vennhofallee fail, the benefit changes by −1,621.6 weighted")


def frame(**columns):
    return pd.DataFrame({"scale_eur": 5000.0, "min_eur": 1000.0, "max_eur": 9000.0, **columns})


def test_money_that_nobody_else_can_use_is_not_moved():
    given = q.Sites.from_frame(frame(site_id=["a", "b"], need=[100, 50], status=["signed", "negotiating"]))
    row = q.consequences(given, q.Scenario(budget_eur=20_000)).loc["a"]
    assert (row["amount_eur"], row["then_eur"], row["moved_eur"], row["gains"]) == (9000, 0, 0, "")


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_benefit_of_every_consequence_is_that_of_the_best_of_all_plans(data):
    drawn = data.draw
    status = drawn(st.lists(st.sampled_from(STATUSES), min_size=3, max_size=3))
    need = drawn(st.lists(st.integers(1, 400), min_size=3, max_size=3))
    table = frame(site_id=["a", "b", "c"], need=need, status=status)
    scenario = q.Scenario(
        budget_eur=drawn(st.sampled_from([3000, 8000, 30_000])),
        max_sites=drawn(st.integers(1, 3)),
        excluded=drawn(st.sampled_from([("declined",), ("declined", "prospective")])),
        step_eur=1000,
    )
    now = oracle.best(q.Sites.from_frame(table), scenario)
    if now is None:
        with pytest.raises(q.InfeasibleScenario):
            q.consequences(q.Sites.from_frame(table), scenario)
        return
    for row in q.consequences(q.Sites.from_frame(table), scenario).itertuples():
        becomes = {"signature": "signed", "failure": "declined"}[row.event]
        changed = table.assign(status=table["status"].where(table["site_id"] != row.Index, becomes))
        then = oracle.best(q.Sites.from_frame(changed), scenario)
        assert row.possible == (then is not None)
        assert (row.why == "") == row.possible
        if row.possible:
            assert row.benefit_change == pytest.approx(then - now, abs=2e-6)


# --- when -------------------------------------------------------------------------------------------------------


def test_the_agenda_holds_events_steps_open_measures_and_instalments_in_order(city):
    table = q.agenda(q.load(city, today=TODAY))
    assert table[["begins", "event", "key"]].to_numpy().tolist() == [
        [day("2026-03-02"), "committee", "rat"],
        [day("2026-04-01"), "instalment", "eins"],
        [day("2026-04-15"), "step", "hill"],
        [day("2026-06-30"), "measure", "park-1"],
        [day("2026-07-01"), "report", "bericht"],
        [day("2026-10-01"), "instalment", "zwei"],
        [day("2026-12-31"), "renewal", "ende-park"],
    ]
    assert table.set_index("key")["site"].dropna().to_dict() == {
        "hill": "Am Hügel",
        "park-1": "Am Park",
        "ende-park": "Am Park",
    }
    assert table.set_index("key").loc["eins", "text"] == "Erste Rate (60\u00a0%)"


@pytest.mark.parametrize(
    ("first", "last", "keys"),
    [
        (None, "2026-04-01", ["rat", "eins"]),
        ("2026-12-31", None, ["bericht", "ende-park"]),
        ("2026-08-01", "2026-08-31", ["bericht"]),
        ("2027-01-01", None, []),
    ],
)
def test_what_is_over_before_or_begins_after_is_left_out(city, first, last, keys):
    table = q.agenda(q.load(city, today=TODAY), first and day(first), last and day(last))
    assert table["key"].tolist() == keys


def test_a_made_up_measure_is_due_only_where_it_is_asked_for_and_says_that_it_is_made_up(sites):
    assert not q.agenda(sites)["table"].str.startswith("demonstration").any()
    asked = q.agenda(sites, made_up=True)
    made_up = asked[asked["table"] == "demonstration_measures"]
    open_ = [row for row in raw("demonstration/measures") if row["state"] == "open"]
    assert sorted(made_up["key"]) == sorted(row["measure_id"] for row in open_)
    assert made_up["text"].str.startswith("Erfunden: ").all()
    assert b"Erfunden" not in ledger.ics_bytes(sites)


def test_a_city_without_dates_has_an_empty_agenda_and_no_calendar(tmp_path):
    read = q.load(write_city(tmp_path / "city"))
    assert q.agenda(read).empty
    with pytest.raises(PlainError, match="keine Termine"):
        ledger.ics_bytes(read)
    with pytest.raises(PlainError, match="keine Termine"):
        ledger.write_calendar(tmp_path / "city", tmp_path / "termine.ics")
    assert not (tmp_path / "termine.ics").exists()


# --- the file for a calendar ------------------------------------------------------------------------------------


def entries(content):
    return icalendar.Calendar.from_ical(content).walk("VEVENT")


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_calendar_says_what_the_agenda_says(sites, language):
    content, table = ledger.ics_bytes(sites, language), q.agenda(sites, language=language)
    found = entries(content)
    assert len(found) == len(table) == 18
    assert len({str(entry["uid"]) for entry in found}) == 18
    for entry, row in zip(found, table.to_dict("records"), strict=True):
        assert str(entry["uid"]) == f"{row['table']}.{row['key']}@bielefeld.quartier"
        assert type(entry.start) is datetime.date
        assert entry.start == row["begins"]
        assert entry.end == row["ends"] + datetime.timedelta(days=1)
        assert entry["dtstamp"].dt.date() == row["begins"]
        assert str(entry["summary"]).startswith(row["text"])
        assert row["site"] is None or row["site"] in str(entry["summary"])
        is_assumed = row["basis"] == "assumed"
        assert str(entry["status"]) == ("TENTATIVE" if is_assumed else "CONFIRMED")
        marks = {"de": ("(angenommen)", "Annahme"), "en": ("(assumed)", "Assumption")}[language]
        assert str(entry["summary"]).endswith(marks[0]) == is_assumed
        assert (marks[1] in entry["categories"].cats) == is_assumed
        assert row["note"] is None or row["note"] in str(entry["description"])


def test_a_calendar_has_the_lines_that_the_rfc_wants(sites):
    content = ledger.ics_bytes(sites)
    assert content.startswith(b"BEGIN:VCALENDAR\r\n")
    assert content.endswith(b"END:VCALENDAR\r\n")
    lines = content.split(b"\r\n")
    assert all(len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in lines)
    assert b"VERSION:2.0" in lines
    assert any(line.startswith(b"PRODID:") for line in lines)


def test_the_same_data_give_the_same_bytes_in_any_order_of_the_rows(sites, tmp_path):
    folder = real_city(tmp_path / "city")
    head, *rows = (folder / "calendar.csv").read_text(encoding="utf-8").splitlines()
    (folder / "calendar.csv").write_text("\n".join([head, *reversed(rows)]) + "\n", encoding="utf-8")
    assert ledger.ics_bytes(q.load(folder)) == ledger.ics_bytes(sites) == ledger.ics_bytes(q.load(DATA))


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=200).filter(
        str.strip
    ),
    begins=st.dates(datetime.date(1900, 1, 1), datetime.date(2200, 1, 1)),
    days=st.integers(0, 4000),
)
def test_any_text_and_any_days_come_back_as_they_were(sites, text, begins, days):
    calendar = sites.table("calendar").head(1)
    calendar = calendar.assign(name=text, begins=begins, ends=begins + datetime.timedelta(days))
    only = q.Sites(sites.frame, {**sites.tables, "calendar": calendar, "steps": sites.table("steps").head(0)})
    only = q.Sites(only.frame, {**only.tables, "instalments": sites.table("instalments").head(0)})
    (entry,) = entries(ledger.ics_bytes(only))
    assert str(entry["summary"]) == text
    assert (entry.start, entry.end) == (begins, begins + datetime.timedelta(days + 1))


def test_the_calendar_is_written_as_a_whole_and_replaces_one_that_is_there(city, tmp_path):
    target = tmp_path / "new" / "termine.ics"
    assert ledger.write_calendar(city, target) == (
        f"7 Termine in „{target}“ geschrieben: 02.03.2026 bis 31.12.2026. "
        f"Der Ordner „{target.parent}“ wurde dafür angelegt."
    )
    assert target.read_bytes() == ledger.ics_bytes(q.load(city))
    target.write_bytes(b"BEGIN:VCALENDAR old")
    assert "folder" not in ledger.write_calendar(city, target, "en")
    assert len(entries(target.read_bytes())) == 7
    assert [path.name for path in target.parent.iterdir()] == ["termine.ics"]


def test_a_calendar_takes_the_place_of_no_other_file(city, tmp_path):
    (tmp_path / "README.md").write_text("# Mein Text", encoding="utf-8")
    with pytest.raises(PlainError, match="kein Kalender"):
        ledger.write_calendar(city, tmp_path / "README.md")
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "# Mein Text"


def test_a_file_that_cannot_be_read_is_no_calendar_to_be_replaced(city, tmp_path, monkeypatch):
    target = tmp_path / "termine.ics"
    target.write_bytes(b"BEGIN:VCALENDAR old")
    opened = Path.open

    def refuse(path, *args, **options):
        if path == target:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PlainError, match="nichts geschrieben"):
        ledger.write_calendar(city, target)
    monkeypatch.undo()
    assert target.read_bytes() == b"BEGIN:VCALENDAR old"


def test_a_calendar_that_cannot_be_written_leaves_everything_as_it_was(city, tmp_path):
    (tmp_path / "termine.ics").mkdir()
    before = fingerprint(tmp_path)
    with pytest.raises(PlainError, match="Ordner"):
        ledger.write_calendar(city, tmp_path / "termine.ics")
    with pytest.raises(PlainError, match="Datei dieses Namens"):
        ledger.write_calendar(city, city / "sites.csv" / "termine.ics")
    assert fingerprint(tmp_path) == before


def test_faulty_data_write_no_calendar(city, tmp_path):
    changed("instalments.csv", "0.4", "0.3")(city)
    before = fingerprint(tmp_path)
    with pytest.raises(q.DataError):
        ledger.write_calendar(city, tmp_path / "termine.ics")
    assert fingerprint(tmp_path) == before


def test_a_folder_without_a_calendar_still_has_its_steps(city):
    all_of(
        removed("calendar.csv"),
        described(lambda d: d[""]["resources"].remove(d["calendar"])),
    )(city)
    read = q.load(city, today=TODAY)
    assert q.situation(read).of("committee") == ()
    assert set(q.agenda(read)["event"]) == {"instalment", "step", "measure"}
