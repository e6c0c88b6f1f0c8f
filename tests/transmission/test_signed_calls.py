"""Calls whose answers are to be signed: what is said is never hidden, but only what is signed counts as accepted."""

from dataclasses import replace

import pytest
from lxml import etree

from mobile_units import clock
from mobile_units.transmission.certificates import Credentials
from mobile_units.transmission.gateway import (
    AlreadyDelivered,
    Delivered,
    Halted,
    Outcome,
    OutcomeUnknown,
    Presence,
    RefusedVisit,
    Rejected,
    Retryable,
)
from mobile_units.transmission.messages import ChangesPage, ChangesQuery, LoadedVisits
from mobile_units.transmission.soap import SoapGateway
from tests.transmission import examples
from tests.transmission.authority import Authority
from tests.transmission.raw_server import http, raw_server
from tests.transmission.signed_answers import SUCCESS, signed
from tests.transmission.test_answers import envelope, fault

AUTHORITY = Authority()
CENTRE = AUTHORITY.issue(1)
US = AUTHORITY.issue(2)
STRANGER = Authority("Obcy urząd").issue(1)
CREDENTIALS = Credentials(signing=US, signers=(AUTHORITY.certificate,))
DUPLICATE = SUCCESS.replace("Sukces", "DuplikatKomunikatu")
REFUSAL = SUCCESS.replace("urn:x:Sukces", "urn:x:BladWeryfikacjiRegul").replace(
    "</wynik>", "<komunikat>REG.WER.4: nie</komunikat></wynik>"
)
PAGE = SUCCESS.replace("</odp>", "<znacznik>17</znacznik><saNastepne>false</saNastepne></odp>")
PRESENT = SUCCESS.replace("</odp>", "<stanKomunikatu>PRZYJETY</stanKomunikatu></odp>")


def text_of(content: str, *, by: object = CENTRE) -> str:
    """An answer with this content, signed unless `by` is None."""
    if by is None:
        return envelope(content).decode()
    return etree.tostring(signed(by, clock.now(), content)).decode()  # type: ignore[arg-type]  # an identity


def gateway_to(address: str) -> SoapGateway:
    """A gateway that signs and wants signatures."""
    return examples.gateway(address, credentials=CREDENTIALS)


def outcome_of(text: str, status: int = 200) -> Outcome:
    """What a message becomes with this answer."""
    with raw_server(http(status, text)) as server:
        return gateway_to(server.address).send(examples.visit(examples.new_id()))


def test_a_signed_acceptance_counts() -> None:
    """Now, or before."""
    assert outcome_of(text_of(SUCCESS)) == Delivered()
    assert isinstance(outcome_of(text_of(DUPLICATE)), AlreadyDelivered)


@pytest.mark.parametrize("content", [SUCCESS, DUPLICATE])
@pytest.mark.parametrize(
    ("by", "why"), [(None, "no security header"), (STRANGER, "not issued by whom we trust"), (US, "our own")]
)
def test_an_acceptance_without_proof_leaves_the_outcome_unknown(content: str, by: object, why: str) -> None:
    """It is looked up, never taken for paid."""
    outcome = outcome_of(text_of(content, by=by))
    assert isinstance(outcome, OutcomeUnknown)
    assert outcome.reason.startswith("accepted, but ")
    assert why in outcome.reason


def test_an_acceptance_that_was_changed_on_its_way_leaves_the_outcome_unknown() -> None:
    """A refusal was made into a success."""
    outcome = outcome_of(text_of(REFUSAL).replace("BladWeryfikacjiRegul", "Sukces"))
    assert outcome == OutcomeUnknown(reason="accepted, but the signature of the answer is wrong")


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    ("code", "expected"),
    [("bladZapisu", Retryable), ("bladPodpisuKomunikatu", Halted), ("niepoprawnyKomunikat", Rejected)],
)
def test_a_fault_is_what_it_says_even_without_a_signature(code: str, expected: type[Outcome], status: int) -> None:
    """Its text and event arrive, and that nobody vouches for them is told."""
    text = fault("Zdarzenie 2b1c0f0e-5d1d-4b39-9a53-2f1f3c3f9b10").decode().replace("bladZapisu", code)
    outcome = outcome_of(text, status)
    assert isinstance(outcome, expected)
    assert isinstance(outcome, (Retryable, Halted, Rejected))
    assert outcome.event_uuid == "2b1c0f0e-5d1d-4b39-9a53-2f1f3c3f9b10"
    said = outcome.description if isinstance(outcome, Rejected) else outcome.reason
    assert said == "Zdarzenie 2b1c0f0e-5d1d-4b39-9a53-2f1f3c3f9b10 [the answer has no security header]"


def test_a_refusal_with_a_wrong_signature_still_names_its_rule() -> None:
    """A person sees both."""
    outcome = outcome_of(text_of(REFUSAL).replace("nie<", "tak<"))
    assert isinstance(outcome, Rejected)
    assert outcome.rule == "REG.WER.4"
    assert outcome.description == "REG.WER.4: tak [the signature of the answer is wrong]"


def test_without_an_anchor_signatures_are_not_looked_at() -> None:
    """Then TLS alone vouches for the answer."""
    with raw_server(http(200, text_of(SUCCESS, by=STRANGER))) as server:
        gateway = examples.gateway(server.address, credentials=Credentials(signing=US))
        assert gateway.send(examples.activation()) == Delivered()


@pytest.mark.parametrize(("by", "expected"), [(CENTRE, Presence.PRESENT), (None, Presence.UNANSWERED)])
def test_a_lookup_is_believed_only_when_signed(by: object, expected: Presence) -> None:
    """It decides whether a visit counts as passed."""
    with raw_server(http(200, text_of(PRESENT, by=by))) as server:
        assert gateway_to(server.address).lookup(examples.activation()) is expected


def test_changes_come_as_a_page() -> None:
    """With the mark from which to go on."""
    with raw_server(http(200, text_of(PAGE))) as server:
        found = gateway_to(server.address).changes(ChangesQuery(cursor="16", limit=10))
    assert found == ChangesPage(changes=(), cursor="17", more=False)
    assert b"<znacznik>16</znacznik>" in server.received[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (text_of(PAGE, by=None), Retryable),
        (text_of(SUCCESS), Retryable),
        (text_of(DUPLICATE), Retryable),
        ("no XML", Retryable),
        (fault("chwilowo").decode(), Retryable),
        (fault("nie").decode().replace("bladZapisu", "bladAutoryzacji"), Rejected),
        (fault("nie").decode().replace("bladZapisu", "kontoZablokowane"), Halted),
    ],
    ids=["unsigned", "without a mark", "strange", "no XML", "fault", "not allowed", "locked out"],
)
def test_changes_that_do_not_come_are_asked_for_again_or_told(text: str, expected: type[Outcome]) -> None:
    """Asking changes nothing at the centre, so no failure leaves anything unknown."""
    with raw_server(http(200, text)) as server:
        assert isinstance(gateway_to(server.address).changes(ChangesQuery()), expected)


def test_changes_from_nobody_are_asked_for_again() -> None:
    """The connection broke off."""
    with raw_server(b"") as server:
        assert isinstance(gateway_to(server.address).changes(ChangesQuery()), Retryable)


def test_an_initial_load_names_the_visits_that_were_refused() -> None:
    """The others are in."""
    visit = examples.visit(examples.new_id())
    refused = (
        "<odrzuconaWizyta><identyfikator><extension>17</extension><root>1.2.3</root></identyfikator>"
        "<kod>urn:x:BladWeryfikacjiRegul</kod><komunikat>REG.WER.7: zajęty</komunikat></odrzuconaWizyta>"
    )
    with raw_server(http(200, text_of(SUCCESS.replace("</odp>", f"{refused}</odp>")))) as server:
        outcome = gateway_to(server.address).send(LoadedVisits(message_id=visit.message_id, visits=(visit,)))
    assert isinstance(outcome, Delivered)
    (found,) = outcome.refused
    assert found == RefusedVisit(
        identifier=found.identifier, code="BladWeryfikacjiRegul", rule="REG.WER.7", description="REG.WER.7: zajęty"
    )
    assert (found.identifier.root, found.identifier.extension) == ("1.2.3", "17")


def test_a_refused_visit_without_a_name_leaves_an_initial_load_unknown() -> None:
    """It is sent again as a whole."""
    visit = examples.visit(examples.new_id())
    answer = text_of(SUCCESS.replace("</odp>", "<odrzuconaWizyta><kod>x</kod></odrzuconaWizyta></odp>"))
    with raw_server(http(200, answer)) as server:
        outcome = gateway_to(server.address).send(LoadedVisits(message_id=visit.message_id, visits=(visit,)))
    assert isinstance(outcome, OutcomeUnknown)


def test_the_certificate_that_signs_is_known() -> None:
    """It is part of the evidence."""
    assert gateway_to("http://127.0.0.1:9/").certificate == US.fingerprint
    assert examples.gateway("http://127.0.0.1:9/").certificate is None


def test_what_was_sent_last_is_kept_only_if_it_left() -> None:
    """Not what was never sent, and never a question."""
    nobody = gateway_to("http://127.0.0.1:9/")
    nobody.send(examples.activation())
    assert nobody.last_sent is None
    with raw_server(http(200, text_of(SUCCESS))) as server:
        gateway = gateway_to(server.address)
        kept = [gateway.last_sent]
        gateway.send(message := examples.activation())
        gateway.lookup(examples.activation())
        gateway.changes(ChangesQuery())
        kept.append(gateway.last_sent)
        gateway.send(replace(examples.service_place(), name=None))  # type: ignore[arg-type]  # cannot be sent
        kept.append(gateway.last_sent)
    assert [each is not None for each in kept] == [False, True, False]
    assert message.message_id.extension.encode() in (kept[1] or b"")
