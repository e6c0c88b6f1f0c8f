"""What women are told, how long it is, what it never says, and by which way it goes."""

import re
from dataclasses import fields
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.errors import DomainError
from mobile_units.rules import messages
from mobile_units.rules.messages import (
    LONGEST,
    MOST_SEGMENTS,
    Appointment,
    Channel,
    Contact,
    Notice,
    NoticeKind,
    Text,
    channels,
    compose,
    link_to,
)
from mobile_units.rules.segments import BASIC, EXTENSION, measured
from mobile_units.rules.wording import Language

PL = Language.POLISH
TOKEN = "Zk3_abcdefghijklmnopqr"
LETTERS = "".join(sorted(set(BASIC) - set("\n\r") | set("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ„”–")))
WAS = Appointment(datetime(2026, 10, 12, 7, 30, tzinfo=UTC), "Wieluń", "Plac Legionów 1")
NOW = Appointment(datetime(2026, 10, 14, 8, 0, tzinfo=UTC), "Osjaków", "przy Urzędzie Gminy")
UNTIL = datetime(2026, 10, 11, 10, 0, tzinfo=UTC)


def notice(kind: NoticeKind = NoticeKind.BOOKED, **changes: Any) -> Notice:
    """A whole notice."""
    given: dict[str, Any] = {
        "now": NOW,
        "was": WAS,
        "answer_by": UNTIL,
        "sender": "Przychodnia Łódź",
        "telephone": "42 630 12 34",
    }
    return Notice(kind=kind, **(given | changes))


def said(kind: NoticeKind, channel: Channel = Channel.SMS, language: Language = PL, **changes: Any) -> str:
    """The text of a notice."""
    return compose(notice(kind, **changes), channel, language).body


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (
            NoticeKind.BOOKED,
            (
                "Przychodnia Lodz: wizyta w srode 14 pazdziernika o 10:00, Osjakow, przy Urzedzie Gminy. "
                "Zmiana lub rezygnacja: tel. 42 630 12 34."
            ),
        ),
        (
            NoticeKind.MOVED,
            (
                "Przychodnia Lodz: wizyta z poniedzialku 12 pazdziernika (godz. 9:30) przeniesiona na srode "
                "14 pazdziernika, godz. 10:00, Osjakow, przy Urzedzie Gminy. Pytania: tel. 42 630 12 34."
            ),
        ),
        (
            NoticeKind.CANCELLED,
            (
                "Przychodnia Lodz: wizyta w poniedzialek 12 pazdziernika o 9:30 nie odbedzie sie. Przepraszamy. "
                "Nowy termin: tel. 42 630 12 34."
            ),
        ),
        (
            NoticeKind.PLACE_OFFERED,
            (
                "Przychodnia Lodz: wolny termin w srode 14 pazdziernika o 10:00, Osjakow, przy Urzedzie Gminy. "
                "Prosimy o odpowiedz do niedzieli 11 pazdziernika, godz. 12:00: tel. 42 630 12 34."
            ),
        ),
        (
            NoticeKind.STOP_MOVED,
            (
                "Przychodnia Lodz: zmiana miejsca wizyty. Zapraszamy w srode 14 pazdziernika o 10:00: Osjakow, "
                "przy Urzedzie Gminy. Pytania: tel. 42 630 12 34."
            ),
        ),
    ],
)
def test_text_messages(kind: NoticeKind, text: str) -> None:
    """Each kind in Polish, folded to the alphabet of text messages."""
    assert said(kind) == text


def test_an_e_mail() -> None:
    """With its letters, the year, how far it moved, and no name of hers."""
    composed = compose(notice(NoticeKind.MOVED, link=link_to("https://wizyty.example.pl/w", TOKEN)), Channel.EMAIL, PL)
    assert composed.subject == "Zmiana terminu wizyty"
    assert composed.body == (
        "Dzień dobry,\n\nmusieliśmy przenieść wizytę z poniedziałku 12 października, godz. 9:30. Przepraszamy.\n\n"
        "Nowy termin: środa 14 października 2026 r., godz. 10:00 (o 2 dni później)\n"
        "Miejsce: Osjaków, przy Urzędzie Gminy\n\n"
        "Pytania i zmiana terminu: tel. 42 630 12 34\n\nPrzychodnia Łódź\n\n"
        "Wiadomość wysłano automatycznie, prosimy na nią nie odpowiadać.\n\n"
        f"Szczegóły: https://wizyty.example.pl/w/{TOKEN}\n"
    )


def test_what_is_said_on_the_telephone_is_the_text_message_with_its_letters() -> None:
    """A person reads it out, so it is as long as it is."""
    long = Appointment(NOW.starts_at, "Ó" * 40, "Ż" * 80)
    assert "w środę 14 października" in said(NoticeKind.BOOKED, Channel.CALL_LIST)
    assert "Ż" * 80 in said(NoticeKind.MOVED, Channel.CALL_LIST, now=long, was=long)


@pytest.mark.parametrize(("kind", "channel", "language"), list(product(NoticeKind, Channel, Language)))
def test_every_text_is_filled_and_tells_nothing_of_the_examination(
    kind: NoticeKind, channel: Channel, language: Language
) -> None:
    """All kinds by all ways in both languages: no open value, no word of a programme, a telephone for answers."""
    composed = compose(notice(kind), channel, language)
    assert "$" not in composed.body
    assert not re.search(r"badani|mammo|cytolog|HPV|screening|test|examin|rak\b", composed.body, re.IGNORECASE)
    assert "42 630 12 34" in composed.body
    assert (composed.subject is not None) == (channel is Channel.EMAIL)


def test_a_notice_has_no_field_about_a_woman() -> None:
    """What is not there cannot be told."""
    assert {each.name for each in fields(Notice)} == {
        *("kind", "sender", "telephone", "now", "was", "answer_by", "link")
    }
    assert {each.name for each in fields(Appointment)} == {"starts_at", "locality", "place"}


def lines(name: str, letters: str = LETTERS) -> st.SearchStrategy[str]:
    """One line of text, as long as it may be more often than chance would have it."""
    most = LONGEST[name]
    return st.text(st.sampled_from(letters), min_size=1, max_size=most).filter(str.strip) | st.text(
        st.sampled_from(letters), min_size=most, max_size=most
    ).filter(str.strip)


def appointments() -> st.SearchStrategy[Appointment]:
    """Anywhere at any time."""
    instants = st.datetimes(datetime(2026, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- the strategy wants bounds without a zone
    return st.builds(Appointment, instants, lines("locality"), lines("place"))


NOTICES = st.builds(
    Notice,
    kind=st.sampled_from(NoticeKind),
    sender=lines("sender"),
    telephone=st.sampled_from(["426301234", "+380501234567", "+4915123456789"]),
    now=appointments(),
    was=appointments(),
    answer_by=appointments().map(lambda each: each.starts_at),
    link=st.none() | st.just(f"https://{'w' * 50}.pl/w/{TOKEN}"),
)


@given(NOTICES, st.sampled_from(Language))
def test_a_text_message_keeps_within_its_segments(said_of: Notice, language: Language) -> None:
    """However long the names are and whatever Polish letters they have, a link only where there is room."""
    text = try_compose(said_of, Channel.SMS, language)
    if text is not None:
        assert 1 <= measured(text.body).segments <= MOST_SEGMENTS
        assert text.body == try_without_link(said_of, language) or f" {said_of.link}" in text.body


def try_compose(said_of: Notice, channel: Channel, language: Language) -> Text | None:
    """The text, None for names that tell of an examination by chance."""
    try:
        return compose(said_of, channel, language)
    except DomainError as refused:
        if refused.code != "message_tells_examination":
            raise
        return None


def try_without_link(said_of: Notice, language: Language) -> str:
    """The text message as it would be without a link."""
    bare = Notice(said_of.kind, said_of.sender, said_of.telephone, said_of.now, said_of.was, said_of.answer_by)
    return compose(bare, Channel.SMS, language).body


def test_the_longest_link_is_left_out_before_a_word_is() -> None:
    """And is there where the names are short."""
    link = link_to("https://wizyty.example.pl/w", TOKEN)
    long = Appointment(NOW.starts_at, "o" * 40, "p" * 80)
    assert link in said(NoticeKind.MOVED, link=link)
    assert link not in said(NoticeKind.MOVED, link=link, now=long, sender="s" * 30)


@pytest.mark.parametrize("place", ["Жук " * 20, "€" * 80])
def test_a_text_message_of_too_many_segments_is_refused(place: str) -> None:
    """Letters of another script and signs that count twice; the call list still has the text."""
    where = Appointment(NOW.starts_at, "o" * 40, place)
    with pytest.raises(DomainError) as refused:
        said(NoticeKind.MOVED, now=where, sender="s" * 30)
    assert refused.value.code == "message_too_long"
    assert refused.value.facts["segments"] > MOST_SEGMENTS
    assert place in said(NoticeKind.MOVED, Channel.CALL_LIST, now=where)


@given(lines("place", LETTERS + EXTENSION.strip("\f")), st.sampled_from([Channel.EMAIL, Channel.CALL_LIST]))
def test_values_are_told_as_they_are(place: str, channel: Channel) -> None:
    """Signs of templates, of addresses and of pages in a value are letters like others."""
    text = try_compose(notice(now=Appointment(NOW.starts_at, "Osjaków", place)), channel, PL)
    assert text is None or place.rstrip() in text.body


@pytest.mark.parametrize("place", ["$sender", "${telephone}", "{0}", "%s", "<b>", "$", "{{ 7*7 }}"])
def test_a_value_is_never_read_as_a_template(place: str) -> None:
    """It is inserted once."""
    assert f"Osjaków, {place}." in said(NoticeKind.BOOKED, Channel.CALL_LIST, now=Appointment(UNTIL, "Osjaków", place))


@pytest.mark.parametrize("bad", ["", "  ", "a\nb", "a\r\nBcc: b", "a\x00", "a\u2028b", "a\u202eb", "a\tb", "x" * 81])
@pytest.mark.parametrize("name", ["sender", "locality", "place"])
def test_free_text_is_one_line(name: str, bad: str) -> None:
    """Nothing empty, nothing long, no line, no control, no sign that turns the text around."""
    changes: dict[str, Any] = {"sender": bad} if name == "sender" else {}
    where = Appointment(UNTIL, *((bad, "x") if name == "locality" else ("x", bad if name == "place" else "x")))
    with pytest.raises(DomainError) as refused:
        notice(now=where, **changes)
    assert (refused.value.code, refused.value.facts["field"]) == ("message_field_invalid", name)


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        (NoticeKind.BOOKED, "now"),
        (NoticeKind.MOVED, "now"),
        (NoticeKind.MOVED, "was"),
        (NoticeKind.CANCELLED, "was"),
        (NoticeKind.PLACE_OFFERED, "now"),
        (NoticeKind.PLACE_OFFERED, "answer_by"),
        (NoticeKind.STOP_MOVED, "now"),
        (NoticeKind.STOP_MOVED, "was"),
    ],
)
def test_a_notice_is_whole(kind: NoticeKind, missing: str) -> None:
    """It says what it is about."""
    with pytest.raises(DomainError) as refused:
        notice(kind, **{missing: None})
    assert (refused.value.code, refused.value.facts["missing"]) == ("message_incomplete", missing)


def test_a_cancellation_needs_nothing_new() -> None:
    """And a booking nothing old."""
    assert "nie odbedzie sie" in said(NoticeKind.CANCELLED, now=None, answer_by=None)
    assert "w srode" in said(NoticeKind.BOOKED, was=None, answer_by=None)


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize(
    "place", ["przy mammobusie", "Poradnia Cytologiczna", "HPV", "Szpital Onkologiczny", "RAK", "Cytobus 2"]
)
def test_a_name_that_tells_of_the_examination_is_refused(place: str, channel: Channel) -> None:
    """By every way."""
    with pytest.raises(DomainError) as refused:
        said(NoticeKind.BOOKED, channel, now=Appointment(UNTIL, "Osjaków", place))
    assert refused.value.code == "message_tells_examination"


@pytest.mark.parametrize("place", ["Kraków", "Rakowa 5", "Raków", "Brak numeru", "Raki 3"])
def test_places_that_only_sound_like_it_are_fine(place: str) -> None:
    """A town is not an illness."""
    assert place in said(NoticeKind.BOOKED, Channel.CALL_LIST, now=Appointment(UNTIL, place, place))


def test_the_telephone_of_the_provider_is_one() -> None:
    """Otherwise she could not answer."""
    with pytest.raises(DomainError) as refused:
        said(NoticeKind.BOOKED, telephone="nie ma")
    assert refused.value.code == "telephone_invalid"


@pytest.mark.parametrize(
    "link",
    [
        f"http://example.pl/{TOKEN}",
        f"https://example.pl/?t={TOKEN}",
        f"https://example.pl/{TOKEN}?name=Anna",
        f"https://example.pl/{TOKEN}#anna",
        f"https://anna@example.pl/{TOKEN}",
        f"https://example.pl/Anna.Nowak/{TOKEN}",
        f"https://example.pl/44051401359/{TOKEN}",
        "https://example.pl/44051401359",
        "https://example.pl/4405140135944051401359",
        "https://example.pl/44051401359-_44051401359",
        f"https:///{TOKEN}",
        f"javascript:{TOKEN}",
        f"https://example.pl/{TOKEN}\n",
        f"https://{'e' * 70}.pl/{TOKEN}",
        "https://[/" + TOKEN,
        TOKEN,
        "",
    ],
)
def test_a_link_holds_a_random_token_and_nothing_else(link: str) -> None:
    """No question, no user, no number, no name; over HTTPS."""
    with pytest.raises(DomainError) as refused:
        notice(link=link)
    assert (refused.value.code, refused.value.facts) == ("message_link_invalid", {})


def test_a_link_is_made_of_a_page_and_a_token() -> None:
    """However the page ends."""
    assert link_to("https://example.pl:8443/w/", TOKEN) == f"https://example.pl:8443/w/{TOKEN}"
    with pytest.raises(DomainError):
        link_to("https://example.pl/w", "44051401359")


@pytest.mark.parametrize("parts", [("", "a"), (" \n", "a"), ("a", " "), ("a", "")])
def test_an_empty_text_is_refused(parts: tuple[str, str]) -> None:
    """Nothing goes out that says nothing."""
    with pytest.raises(DomainError) as refused:
        Text(*parts)
    assert refused.value.code == "message_empty"


MOBILE, FIXED, ADDRESS = "+48512345678", "+48426301234", "anna@example.pl"


@given(
    st.builds(
        Contact, st.sampled_from([None, ADDRESS]), st.sampled_from([None, MOBILE, FIXED]), st.booleans(), st.booleans()
    )
)
def test_the_ways_to_a_woman(contact: Contact) -> None:
    """E-mail, then SMS, each with her agreement and where it reaches her; a person last and always."""
    by_email = contact.agreed_to_email and contact.email is not None
    by_sms = contact.agreed_to_sms and contact.telephone == MOBILE
    expected = [Channel.EMAIL] * by_email + [Channel.SMS] * by_sms + [Channel.CALL_LIST]
    assert list(channels(contact)) == expected


def test_contacts_are_not_printed() -> None:
    """Neither the address nor the number shows."""
    assert repr(Contact(ADDRESS, MOBILE)) == "Contact(agreed_to_email=False, agreed_to_sms=False)"


def test_both_languages_say_the_same() -> None:
    """The same kinds with the same values."""
    polish, english = (messages._texts(each) for each in Language)
    named = re.compile(r"\$[a-z_]+")
    for kind, channel in product(NoticeKind, ("sms", "email", "subject")):
        assert set(named.findall(polish[kind][channel])) == set(named.findall(english[kind][channel])), (kind, channel)
