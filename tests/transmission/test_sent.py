"""What is kept of a message that was sent shows no woman, and nothing from which she could be found again."""

from dataclasses import replace
from datetime import date

from lxml import etree

from mobile_units.transmission.certificates import Credentials
from mobile_units.transmission.messages import LoadedVisits, Message, personal_values
from mobile_units.transmission.sent import masked
from tests.transmission import examples
from tests.transmission.authority import Authority
from tests.transmission.raw_server import http, raw_server
from tests.transmission.signed_answers import SUCCESS
from tests.transmission.test_answers import envelope

US = Authority().issue(2)


def kept(message: Message) -> str:
    """What is kept of a message."""
    with raw_server(http(200, envelope(SUCCESS).decode())) as server:
        gateway = examples.gateway(server.address, credentials=Credentials(signing=US))
        gateway.send(message)
    assert gateway.last_sent is not None
    return gateway.last_sent.decode()


def test_a_woman_is_masked_and_the_visit_is_not() -> None:
    """What a person needs to find the message again stays."""
    message = examples.visit(examples.new_id())
    text = kept(message)
    assert not [value for value in personal_values(message) if value in text]
    assert text.count(">***<") == len(personal_values(message))
    for shown in (message.identifier.extension, message.slot.extension, message.product_code, examples.BOOK):
        assert shown in text
    assert "Timestamp" in text


def test_signature_and_certificate_are_not_kept() -> None:
    """A digest would tell whether a guess of the masked values is right."""
    text = kept(examples.visit(examples.new_id()))
    assert "Signature" not in text
    assert "Digest" not in text
    assert "BinarySecurityToken" not in text


def test_all_women_of_an_initial_load_are_masked() -> None:
    """Each by her own values."""
    visits = []
    for number in range(200):
        visit = examples.visit(examples.new_id(), pesel=f"{number:011}")
        named = replace(
            visit.patient, given_name=f"Fikcja{number}a", family_name=f"Niebyła{number}a", birth_date=date(1950, 1, 1)
        )
        visits.append(replace(visit, patient=named))
    message = LoadedVisits(message_id=visits[0].message_id, visits=tuple(visits))
    text = kept(message)
    assert not [value for value in personal_values(message) if value in text]
    assert all(visit.identifier.extension in text for visit in visits)


def test_a_value_inside_of_a_text_or_an_attribute_is_found() -> None:
    """Wherever a contract puts it."""
    root = etree.fromstring('<a b="tel. 600700800"><c>Anna Nowak</c><d e="Anna">Hanna</d><f>Ewa</f></a>')
    assert masked(root, ["Anna", "600700800"]) == b'<a b="***"><c>***</c><d e="***">Hanna</d><f>Ewa</f></a>'


def test_a_very_short_value_is_masked_where_it_stands_alone() -> None:
    """Inside of a text it would be found everywhere."""
    root = etree.fromstring("<a><b>1</b><c>2.16.1</c></a>")
    assert masked(root, ["1", ""]) == b"<a><b>***</b><c>2.16.1</c></a>"
