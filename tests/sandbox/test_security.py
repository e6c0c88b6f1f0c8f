"""What the sandbox demands of a signed request, and how it signs its answers."""

import base64
import copy
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests
import xmlsec
from cryptography import x509
from lxml import etree
from lxml.etree import _Element as Element

from mobile_units import clock
from mobile_units.sandbox.certificates import Certificates, make
from mobile_units.sandbox.faults import Disturbance, Kind
from mobile_units.sandbox.server import SandboxServer
from tests.sandbox import raw, signing
from tests.sandbox.raw import Answer, Caller, Place
from tests.sandbox.signing import DS, SOAP, WSSE, WSU, Signer

ID = f"{{{WSU}}}Id"


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates of another authority."""
    return make(tmp_path_factory.mktemp("foreign"))


@pytest.fixture
def signer(certificates: Certificates) -> Signer:
    """Signs as P1 wants it."""
    return signing.signer(certificates)


def send(caller: Caller, envelope: Element, action: str = "zapiszDaneMus") -> Answer:
    """Sends an envelope that was made elsewhere."""
    return caller.post(etree.tostring(envelope), action)


def signed(signer: Signer, content: str | None = None) -> Element:
    """A registration, signed."""
    return signer.envelope(raw.header(), content or Place().registration())


def test_a_signed_request_is_carried_out(secured: SandboxServer, signing: Caller) -> None:
    """Over TLS, with a certificate of the client, from registration to a visit."""
    raw.opened(signing)
    signing.accepted(raw.saving(raw.visit("v", "s1")))
    assert secured.address.startswith("https://")
    assert secured.state.counts()["visits"] == 1


def test_a_signature_survives_being_parsed_and_written_again(signing: Caller, signer: Signer) -> None:
    """By whatever stands between."""
    text = etree.tostring(signed(signer), encoding="unicode")
    assert (
        signing.post(f'<?xml version="1.0" encoding="UTF-16"?>{text}'.encode("utf-16"), "zapiszDaneMus").code
        == "Sukces"
    )


def test_an_unsigned_request_is_refused(secured: SandboxServer, signing: Caller) -> None:
    """However good it is otherwise."""
    signing.signer = None
    answer = signing.send(Place().registration())
    assert (answer.status, answer.code) == (500, "bladPodpisuKomunikatu")
    assert secured.state.counts()["messages"] == 0


def text_of_body(envelope: Element) -> None:
    """Another name of the place."""
    next(envelope.iter("{*}nazwa")).text = "Inna"


def book_of_context(envelope: Element) -> None:
    """Another provider."""
    list(envelope.iter("{*}wartosc"))[1].text = raw.OTHER_BOOK


def end_of_timestamp(envelope: Element) -> None:
    """A longer life."""
    expires = next(envelope.iter(f"{{{WSU}}}Expires"))
    expires.text = (expires.text or "").replace("Z", "1Z")


def value_of_signature(envelope: Element) -> None:
    """Another signature."""
    value = next(envelope.iter(f"{{{DS}}}SignatureValue"))
    value.text = base64.b64encode(bytes(256)).decode()


def no_base64(envelope: Element) -> None:
    """A signature that is none."""
    next(envelope.iter(f"{{{DS}}}SignatureValue")).text = "???"


def digest_of_body(envelope: Element) -> None:
    """Another digest."""
    next(envelope.iter(f"{{{DS}}}DigestValue")).text = base64.b64encode(bytes(32)).decode()


def token_not_pointed_at(envelope: Element) -> None:
    """A key reference that leads elsewhere."""
    next(envelope.iter(f"{{{WSSE}}}Reference")).set("URI", "#other")


def two_signatures(envelope: Element) -> None:
    """One signature too many."""
    security = envelope[0][0]
    security.append(copy.deepcopy(security[-1]))


def two_tokens(envelope: Element) -> None:
    """One certificate too many."""
    security = envelope[0][0]
    security.insert(0, copy.deepcopy(security[1]))


def two_contexts(envelope: Element) -> None:
    """A second header that is not signed."""
    envelope[0].append(etree.fromstring(raw.header(raw.OTHER_BOOK)))


def no_security(envelope: Element) -> None:
    """No security header."""
    envelope[0].remove(envelope[0][0])


@pytest.mark.parametrize(
    "tamper",
    [
        text_of_body,
        book_of_context,
        end_of_timestamp,
        value_of_signature,
        no_base64,
        digest_of_body,
        token_not_pointed_at,
        two_signatures,
        two_tokens,
        two_contexts,
        no_security,
    ],
)
def test_a_tampered_request_is_refused(
    secured: SandboxServer, signing: Caller, signer: Signer, tamper: Callable[[Element], None]
) -> None:
    """Whatever was changed on the way."""
    envelope = signed(signer)
    tamper(envelope)
    assert send(signing, envelope).code == "bladPodpisuKomunikatu"
    assert secured.state.counts()["messages"] == 0


@pytest.mark.parametrize(
    "change",
    [
        {"parts": ("Body", "Timestamp")},
        {"parts": ("Body", "kontekstWywolania")},
        {"parts": ("kontekstWywolania", "Timestamp")},
        {"parts": ("Body", "Timestamp"), "marked": ("kontekstWywolania",)},
        {"parts": ("Body", "kontekstWywolania"), "marked": ("Timestamp",)},
        {"parts": ("Body", "kontekstWywolania", "Timestamp", "daneMus")},
        {"parts": ("kontekstWywolania", "Timestamp", "daneMus"), "marked": ("Body",)},
        {"parts": ("daneMus", "kontekstWywolania", "Timestamp")},
        {"method": "RsaSha1"},
        {"digest": "Sha1"},
        {"method": "RsaSha512"},
        {"digest": "Sha512"},
        {"c14n": "InclC14N"},
        {"c14n": "ExclC14NWithComments"},
    ],
    ids=str,
)
def test_a_signature_of_another_make_is_refused(signing: Caller, signer: Signer, change: dict[str, object]) -> None:
    """Three parts, exclusive canonicalization, RSA-SHA256 and SHA-256, no more and no less."""
    assert send(signing, signed(replace(signer, **change))).code == "bladPodpisuKomunikatu"  # type: ignore[arg-type]  # fields of a signer


@pytest.mark.parametrize(
    ("minutes", "seconds", "code"),
    [
        (0, 300, "Sukces"),
        (4, 300, "Sukces"),
        (6, 300, "przekroczonyCzas"),
        (-2, 300, "przekroczonyCzas"),
        (0, 301, "przekroczonyCzas"),
        (1, 10, "przekroczonyCzas"),
    ],
)
def test_a_request_lives_for_five_minutes(
    signing: Caller, signer: Signer, minutes: int, seconds: int, code: str
) -> None:
    """Not longer, and not before it was made."""
    created = datetime.now(UTC) - timedelta(minutes=minutes)
    made = replace(signer, created=created, life=timedelta(seconds=seconds))
    assert send(signing, signed(made)).code == code


def test_an_instant_without_an_offset_is_no_timestamp(signing: Caller, signer: Signer) -> None:
    """Nobody knows when it was."""
    made = replace(signer, created=datetime.now())  # noqa: DTZ005 -- that is the point
    assert send(signing, signed(made)).code == "bladPodpisuKomunikatu"


def test_a_request_cannot_be_replayed(signing: Caller, signer: Signer) -> None:
    """The same signature is good once; a new one of the same message is."""
    content = Place().registration()
    envelope = signed(signer, content)
    assert send(signing, envelope).code == "Sukces"
    assert send(signing, envelope).code == "bladPodpisuKomunikatu"
    assert send(signing, signed(signer, content)).code == "DuplikatKomunikatu"


def test_a_replay_after_its_life_is_too_old(signing: Caller, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    """So signatures need not be remembered for ever."""
    envelope = signed(signer)
    assert send(signing, envelope).code == "Sukces"
    later = clock.now() + timedelta(minutes=20)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert send(signing, signed(replace(signer, created=later))).code == "Sukces"
    assert send(signing, envelope).code == "przekroczonyCzas"


def test_remembered_signatures_are_forgotten_in_time(
    secured: SandboxServer, signing: Caller, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory holds those of some minutes."""
    seen = secured._http.service._security._seen._until  # type: ignore[union-attr]  # it has security
    for _ in range(3):
        send(signing, signed(signer))
    assert len(seen) == 3
    later = clock.now() + timedelta(minutes=20)
    monkeypatch.setattr(clock, "now", lambda: later)
    send(signing, signed(replace(signer, created=later)))
    assert len(seen) == 1


def test_a_request_without_a_certificate_in_it_is_refused(signing: Caller, signer: Signer) -> None:
    """There is nothing to verify it with."""
    assert send(signing, signed(replace(signer, token=False))).code == "brakCertyfikatu"


def test_a_certificate_of_another_authority_is_refused(signing: Caller, signer: Signer, foreign: Certificates) -> None:
    """Though the signature itself is right; so is what is no certificate."""
    certificate, key = signing_of(foreign)
    assert send(signing, signed(replace(signer, certificate=certificate, key=key))).code == "certyfikatNiewazny"
    for nonsense in (b"", b"nonsense"):
        assert send(signing, signed(replace(signer, certificate=nonsense))).code == "certyfikatNiewazny"


def signing_of(certificates: Certificates) -> tuple[bytes, bytes]:
    """The WSS certificate and key of a set."""
    return signing.opened(certificates.wss_p12, certificates.password_file)


def test_a_certificate_that_ended_is_refused(signing: Caller, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the day after."""
    assert send(signing, signed(signer)).code == "Sukces"
    end = x509.load_der_x509_certificate(signer.certificate).not_valid_after_utc
    monkeypatch.setattr(clock, "now", lambda: end + timedelta(minutes=1))
    assert send(signing, signed(replace(signer, created=end))).code == "certyfikatNiewazny"


def test_another_ones_certificate_does_not_fit_the_key(
    signing: Caller, signer: Signer, certificates: Certificates
) -> None:
    """A certificate is public; what counts is its key."""
    certificate, _ = opened_tls(certificates)
    assert send(signing, signed(replace(signer, certificate=certificate))).code == "bladPodpisuKomunikatu"


def opened_tls(certificates: Certificates) -> tuple[bytes, bytes]:
    """The TLS certificate and key of a set."""
    return signing.opened(certificates.tls_p12, certificates.password_file)


def wrapped_in_header(envelope: Element, other: str) -> None:
    """The signed Body hides in the header, another one takes its place."""
    body = envelope[1]
    etree.SubElement(envelope[0], "hidden").append(body)
    envelope.append(etree.fromstring(f'<s:Body xmlns:s="{SOAP}">{other}</s:Body>'))


def wrapped_with_the_same_identifier(envelope: Element, other: str) -> None:
    """Both bear the identifier that is signed."""
    identifier = envelope[1].get(ID) or ""
    wrapped_in_header(envelope, other)
    envelope[1].set(ID, identifier)


def wrapped_with_another_identifier(envelope: Element, other: str) -> None:
    """The other one has an identifier of its own, which nothing refers to."""
    wrapped_in_header(envelope, other)
    envelope[1].set(ID, "other")


def wrapped_with_a_look_alike_identifier(envelope: Element, other: str) -> None:
    """The other one bears it in an attribute of another name."""
    identifier = envelope[1].get(ID) or ""
    wrapped_in_header(envelope, other)
    envelope[1].set("Id", identifier)


def second_content(envelope: Element, other: str) -> None:
    """A second Body that is not signed."""
    envelope.append(etree.fromstring(f'<s:Body xmlns:s="{SOAP}">{other}</s:Body>'))


def wrapped_in_body(envelope: Element, other: str) -> None:
    """The signed Body lies inside the one that is carried out."""
    body = envelope[1]
    outer = etree.SubElement(envelope, f"{{{SOAP}}}Body")
    outer.append(etree.fromstring(other))
    outer[0].append(body)


@pytest.mark.parametrize(
    "wrap",
    [
        wrapped_in_header,
        wrapped_with_the_same_identifier,
        wrapped_with_another_identifier,
        wrapped_with_a_look_alike_identifier,
        second_content,
        wrapped_in_body,
    ],
)
def test_a_signature_cannot_be_wrapped_around_another_body(
    secured: SandboxServer, signing: Caller, signer: Signer, wrap: Callable[[Element, str], None]
) -> None:
    """What is carried out is what was signed, or nothing is."""
    envelope = signed(signer)
    wrap(envelope, Place(cell="666").registration())
    assert send(signing, envelope).code in {"bladPodpisuKomunikatu", "niepoprawnyKomunikat"}
    assert secured.state.counts()["messages"] == 0


@pytest.fixture
def bare(secured: SandboxServer, certificates: Certificates) -> Iterator[Caller]:
    """A caller who trusts the server and shows no certificate."""
    with raw.caller(secured.address) as caller:
        caller.session.verify = str(certificates.ca)
        yield caller


def test_nobody_connects_without_a_certificate(bare: Caller) -> None:
    """TLS ends before anything is asked."""
    with pytest.raises(requests.ConnectionError):
        bare.send(Place().registration())


def test_nobody_connects_with_a_certificate_of_another_authority(bare: Caller, foreign: Certificates) -> None:
    """Nor with that of a client of another sandbox."""
    bare.session.cert = raw.client_files(foreign)
    with pytest.raises(requests.ConnectionError):
        bare.send(Place().registration())


def test_the_server_shows_a_certificate_for_this_machine(signing: Caller, foreign: Certificates) -> None:
    """Of its own authority, and of no other."""
    signing.session.verify = str(foreign.ca)
    with pytest.raises(requests.exceptions.SSLError) as caught:
        signing.send(Place().registration())
    assert ssl.SSLCertVerificationError.__name__ in repr(caught.value)


def verified(answer: bytes, certificates: Certificates) -> list[str]:
    """The names of the parts that a signature of the sandbox covers, as xmlsec sees it."""
    root = etree.fromstring(answer)
    token = root.findtext(f".//{{{WSSE}}}BinarySecurityToken") or ""
    certificate = x509.load_der_x509_certificate(base64.b64decode(token))
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(certificates.ca.read_bytes()))
    context = xmlsec.SignatureContext()
    parts = {each.get(ID): each for each in root.iter("*") if each.get(ID)}
    for part in parts.values():
        context.register_id(part, "Id", WSU)
    context.key = xmlsec.Key.from_memory(base64.b64decode(token), xmlsec.constants.KeyDataFormatCertDer)
    context.verify(next(root.iter(f"{{{DS}}}Signature")))
    uris = [each.get("URI", "")[1:] for each in root.iter(f"{{{DS}}}Reference")]
    return sorted(etree.QName(parts[uri]).localname for uri in uris)


def test_every_answer_is_signed(signing: Caller, certificates: Certificates) -> None:
    """Success, refusal and fault; xmlsec agrees."""
    good = signing.send(Place().registration())
    refused = signing.send(raw.fetching("none"))
    fault = signing.post(b"nonsense", "zapiszWizyte")
    for answer in (good, refused, fault):
        assert verified(answer.content, certificates) == ["Body", "Timestamp"]


def test_a_changed_answer_does_not_verify(signing: Caller, certificates: Certificates) -> None:
    """The signature of an answer means something."""
    answer = signing.send(Place().registration()).content.replace(b":Sukces<", b":Porazka<")
    with pytest.raises(xmlsec.VerificationError):
        verified(answer, certificates)


@pytest.mark.parametrize("seconds", [-400, 400])
def test_a_wrong_clock_finds_timestamps_outside_their_life(
    secured: SandboxServer, signing: Caller, seconds: int
) -> None:
    """Slow or fast; the message is not carried out and can come again."""
    content = Place().registration()
    secured.disturbances.switch_on(Disturbance(kind=Kind.CLOCK_SKEW, seconds=seconds, remaining=1))
    assert signing.send(content).code == "przekroczonyCzas"
    assert signing.send(content).code == "Sukces"


def test_a_plain_sandbox_needs_no_signature(cer: Caller) -> None:
    """For tests and first steps; it does not sign either."""
    answer = cer.send(Place().registration())
    assert (answer.code, cer.address.partition(":")[0]) == ("Sukces", "http")
    assert DS.encode() not in answer.content
