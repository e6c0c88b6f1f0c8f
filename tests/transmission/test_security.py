"""Signatures on the wire: ours have the form that P1 wants, and those of answers cannot be made to lie."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import xmlsec
from lxml import etree

from mobile_units import clock
from mobile_units.transmission.answers import parse
from mobile_units.transmission.security import SignatureError, Signer, Verifier
from tests.transmission.authority import DAY, Authority
from tests.transmission.signed_answers import DS, NAMES, SOAP, SUCCESS, WSSE, WSU, signed

NOW = clock.now()
AUTHORITY = Authority()
CENTRE = AUTHORITY.issue(1)
US = AUTHORITY.issue(2)
VERIFIER = Verifier([AUTHORITY.certificate], US.certificate)
CONTEXT = "http://csioz.gov.pl/p1/kontekst/mt/v20180509"


def request() -> etree._Element:
    """An envelope that waits for its signature."""
    return etree.fromstring(
        f'<s:Envelope xmlns:s="{SOAP}"><s:Header><k:kontekstWywolania xmlns:k="{CONTEXT}"/></s:Header>'
        "<s:Body><pytanie/></s:Body></s:Envelope>"
    )


def test_a_signed_request_has_the_form_that_p1_wants() -> None:
    """Order, algorithms, and three references to the parts that are to be signed."""
    envelope = request()
    Signer(US).sign(envelope, datetime(2026, 9, 1, 10, 0, 0, 123_456, tzinfo=UTC))
    security, context = envelope[0]
    assert security.items() == [(f"{{{SOAP}}}mustUnderstand", "1")]
    assert [etree.QName(each).localname for each in security] == ["Timestamp", "BinarySecurityToken", "Signature"]
    assert [each.text for each in security[0]] == ["2026-09-01T10:00:00.123Z", "2026-09-01T10:05:00.123Z"]
    assert (security[1].get("ValueType"), security[1].get("EncodingType")) == (
        "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3",
        "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary",
    )
    signature = security[2]
    assert [signature[0][place].get("Algorithm") for place in (0, 1)] == [
        "http://www.w3.org/2001/10/xml-exc-c14n#",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    ]
    references = signature.findall("ds:SignedInfo/ds:Reference", NAMES)
    parts = [envelope[1], context, security[0]]
    assert [each.get("URI") for each in references] == [f"#{part.get(f'{{{WSU}}}Id')}" for part in parts]
    for reference in references:
        algorithms = [each.get("Algorithm") for each in reference.iter() if each.get("Algorithm")]
        assert algorithms == ["http://www.w3.org/2001/10/xml-exc-c14n#", "http://www.w3.org/2001/04/xmlenc#sha256"]
    pointer = signature.find("ds:KeyInfo/wsse:SecurityTokenReference/wsse:Reference", NAMES)
    assert pointer is not None
    assert pointer.get("URI") == f"#{security[1].get(f'{{{WSU}}}Id')}"


def test_two_requests_share_no_identifier() -> None:
    """A receiver may keep them all."""
    envelopes = [request(), request()]
    for envelope in envelopes:
        Signer(US).sign(envelope, NOW)
    names = [value for each in envelopes for value in each.xpath("//@wsu:Id", namespaces=NAMES)]  # type: ignore[union-attr]  # a list
    assert len(set(names)) == len(names) == 8


@pytest.mark.parametrize("lost", ["{*}Header/{*}kontekstWywolania", "{*}Body"])
def test_a_part_that_is_missing_is_not_left_unsigned(lost: str) -> None:
    """It is an error of ours."""
    envelope = request()
    part = envelope.find(lost)
    assert part is not None
    part.getparent().remove(part)  # type: ignore[union-attr]  # it has one
    with pytest.raises(ValueError, match="the envelope has no"):
        Signer(US).sign(envelope, NOW)


def test_our_own_signature_verifies_after_parsing_again() -> None:
    """What the wire carries is text."""
    envelope = request()
    Signer(US).sign(envelope, NOW)
    Verifier([AUTHORITY.certificate]).verify(etree.fromstring(etree.tostring(envelope)), NOW)


def test_an_answer_signed_by_whom_we_trust_is_believed() -> None:
    """Trusted is the issuer, or the very certificate that signs, whoever issued it."""
    VERIFIER.verify(signed(CENTRE, NOW), NOW)
    Verifier([CENTRE.certificate], US.certificate).verify(signed(CENTRE, NOW), NOW)


Change = Callable[[etree._Element], None]


def find(envelope: etree._Element, path: str) -> etree._Element:
    """The element at this path, which is there."""
    found = envelope.find(path, NAMES)
    assert found is not None
    return found


def remove(envelope: etree._Element, path: str) -> None:
    """Takes an element away."""
    found = find(envelope, path)
    found.getparent().remove(found)  # type: ignore[union-attr]  # it has one


def change_text(path: str, text: str) -> Change:
    """A change of one text."""
    return lambda envelope: setattr(find(envelope, path), "text", text)


def wrap(name: str | None) -> Change:
    """The signed body is hidden in the header, and another, under this name, takes its place."""

    def change(envelope: etree._Element) -> None:
        body = find(envelope, "s:Body")
        forged = copy.deepcopy(body)
        find(forged, ".//major").text = "urn:x:Inny"
        forged.attrib.clear()
        if name:
            forged.set(f"{{{WSU}}}Id", name)
        etree.SubElement(find(envelope, "s:Header"), "schowek").append(body)
        envelope.append(forged)

    return change


def second_body(envelope: etree._Element) -> None:
    """A body before the signed one."""
    envelope.insert(1, etree.fromstring(f'<s:Body xmlns:s="{SOAP}"><odp/></s:Body>'))


def foreign_id(envelope: etree._Element) -> None:
    """Another element bears the name of the body in an attribute that other software takes for a name."""
    etree.SubElement(find(envelope, "s:Header"), "schowek", ID="Body")


def twice(path: str) -> Change:
    """An element is repeated."""

    def change(envelope: etree._Element) -> None:
        found = find(envelope, path)
        found.getparent().append(copy.deepcopy(found))  # type: ignore[union-attr]  # it has one

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (change_text(".//major", "urn:x:Inny"), "is wrong"),
        (change_text(".//wsu:Expires", "2100-01-01T00:00:00Z"), "is wrong"),
        (change_text(".//ds:SignatureValue", "AAAA"), "is wrong"),
        (change_text(".//wsse:BinarySecurityToken", "AAAA"), "cannot be read"),
        (change_text(".//wsse:BinarySecurityToken", "ż"), "cannot be read"),
        (change_text(".//wsu:Created", "wczoraj"), "not of this time"),
        (lambda envelope: remove(envelope, ".//wsse:Security"), "no security header"),
        (lambda envelope: remove(envelope, ".//ds:Signature"), "no signature"),
        (lambda envelope: remove(envelope, ".//wsu:Timestamp"), "no timestamp"),
        (lambda envelope: remove(envelope, ".//wsu:Created"), "not of this time"),
        (lambda envelope: remove(envelope, ".//wsse:BinarySecurityToken"), "no certificate"),
        (lambda envelope: remove(envelope, ".//ds:KeyInfo"), "no reference to a certificate"),
        (lambda envelope: remove(envelope, ".//ds:SignedInfo"), "no list of signed parts"),
        (wrap("Body"), "no single part"),
        (wrap("inny"), "does not cover"),
        (wrap(None), "does not cover"),
        (second_body, "no single body"),
        (foreign_id, "no single part"),
        (twice(".//wsse:Security"), "no single security header"),
        (twice(".//ds:Signature"), "no single signature"),
        (twice(".//ds:SignedInfo"), "no single list"),
        (twice(".//wsu:Timestamp"), "no single timestamp"),
        (twice(".//wsse:BinarySecurityToken"), "no single certificate"),
    ],
)
def test_an_answer_that_was_tampered_with_is_not_believed(change: Change, why: str) -> None:
    """Whatever is changed, taken away, repeated, or wrapped so that another body is read than was signed."""
    envelope = signed(CENTRE, NOW)
    change(envelope)
    with pytest.raises(SignatureError, match=why):
        VERIFIER.verify(etree.fromstring(etree.tostring(envelope)), NOW)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"parts": ("Timestamp",)}, "does not cover"),
        ({"parts": ("Body",)}, "does not cover"),
        ({"method": xmlsec.constants.TransformRsaSha1}, "algorithms"),
        ({"digest": xmlsec.constants.TransformSha1}, "algorithms"),
        ({"c14n": xmlsec.constants.TransformInclC14N}, "algorithms"),
        ({"transforms": (xmlsec.constants.TransformInclC14N,)}, "algorithms"),
        ({"transforms": (xmlsec.constants.TransformExclC14N,) * 2}, "no single transform"),
        ({"transforms": ()}, "algorithms"),
    ],
)
def test_a_signature_made_in_another_way_is_not_believed(given: dict[str, object], why: str) -> None:
    """It may be right, but it leaves out a part, is weak, or signs less than it seems to."""
    envelope = signed(CENTRE, NOW, **given)  # type: ignore[arg-type]  # the parameters of the function
    with pytest.raises(SignatureError, match=why):
        VERIFIER.verify(envelope, NOW)


@pytest.mark.parametrize(
    ("identity", "why"),
    [
        (Authority("Obcy urząd").issue(1), "not issued by whom we trust"),
        (Authority(AUTHORITY.name).issue(1), "not issued by whom we trust"),
        (AUTHORITY.issue(1, since=-2 * DAY, until=-DAY), "not valid now"),
        (AUTHORITY.issue(1, since=DAY, until=2 * DAY), "not valid now"),
        (US, "our own certificate"),
    ],
    ids=["stranger", "namesake", "expired", "not yet valid", "ours"],
)
def test_an_answer_signed_by_anybody_else_is_not_believed(identity: object, why: str) -> None:
    """A signature alone proves nothing, and neither does our own message thrown back at us."""
    with pytest.raises(SignatureError, match=why):
        VERIFIER.verify(signed(identity, NOW), NOW)  # type: ignore[arg-type]  # an identity


def test_a_trusted_signer_is_believed_only_while_its_certificate_is_valid() -> None:
    """Being named by us does not prolong it."""
    expired = AUTHORITY.issue(1, since=-2 * DAY, until=-DAY)
    with pytest.raises(SignatureError, match="not valid now"):
        Verifier([expired.certificate]).verify(signed(expired, NOW), NOW)


def test_a_signer_known_from_before_is_not_believed_for_ever() -> None:
    """Who issued its certificate is remembered for a while, that it is valid never."""
    ends_soon = AUTHORITY.issue(1, until=DAY)
    verifier = Verifier([AUTHORITY.certificate])
    verifier.verify(signed(ends_soon, NOW), NOW)
    with pytest.raises(SignatureError, match="not valid now"):
        verifier.verify(signed(ends_soon, NOW + 2 * DAY), NOW + 2 * DAY)


def test_a_known_signer_does_not_vouch_for_a_stranger() -> None:
    """What is remembered is the certificate, not that an answer was once believed."""
    verifier = Verifier([AUTHORITY.certificate])
    verifier.verify(signed(CENTRE, NOW), NOW)
    stranger = Authority().issue(1)
    with pytest.raises(SignatureError, match="not issued by whom we trust"):
        verifier.verify(signed(stranger, NOW), NOW)


@pytest.mark.parametrize(
    ("read_after", "fresh"),
    [(timedelta(minutes=m, seconds=s), m in {-4, 4}) for m, s in [(-5, -1), (-4, 0), (4, 0), (5, 1)]],
)
def test_an_answer_of_another_time_is_not_believed(read_after: timedelta, fresh: bool) -> None:
    """Clocks may differ by five minutes; an answer that was kept and sent again later is older."""
    envelope = signed(CENTRE, NOW)
    if fresh:
        VERIFIER.verify(envelope, NOW + read_after)
    else:
        with pytest.raises(SignatureError, match="not of this time"):
            VERIFIER.verify(envelope, NOW + read_after)


def test_an_answer_that_says_it_is_over_is_not_believed() -> None:
    """Its own end counts too."""
    with pytest.raises(SignatureError, match="not of this time"):
        VERIFIER.verify(signed(CENTRE, NOW, expires=timedelta(minutes=-6)), NOW)


def test_a_comment_cannot_shorten_a_signed_text() -> None:
    """Comments are not signed, so they are gone before anything is read."""
    whole = etree.tostring(signed(CENTRE, NOW, SUCCESS.replace("Sukces", "SukcesInaczej")))
    content = parse(whole.replace(b"SukcesInaczej", b"Sukces<!-- -->Inaczej"))
    VERIFIER.verify(content.getroottree().getroot(), NOW)
    assert content.findtext(".//major") == "urn:x:SukcesInaczej"


def test_names_of_namespaces_are_those_of_the_standard() -> None:
    """A typing error in one of them would go unnoticed where both sides are ours."""
    assert WSSE.endswith("/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd")
    assert DS == "http://www.w3.org/2000/09/xmldsig#"
