"""Requests of the contract written by hand, and a caller that sends them: nothing of the product's client is used."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

import requests
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from lxml import etree
from lxml.etree import _Element as Element

from mobile_units.sandbox.certificates import Certificates
from tests.sandbox.signing import Signer, signer

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WS = "http://csioz.gov.pl/p1/cer/ws/v0"
MT = "http://csioz.gov.pl/p1/cer/mt/v0"
COMMON = "http://csioz.gov.pl/p1/wspolne/mt/v0"
CONTEXT = "http://csioz.gov.pl/p1/kontekst/mt/v20180509"
OIDS = "2.16.840.1.113883.3.4424"
NODE = f"{OIDS}.2.7.999"
PESEL = f"{OIDS}.1.1.616"
BOOK = "000000999999"
OTHER_BOOK = "000000888888"
ATTRIBUTES = (
    "idPodmiotuOidRoot",
    "idPodmiotuOidExt",
    "idUzytkownikaOidRoot",
    "idUzytkownikaOidExt",
    "idMiejscaPracyOidRoot",
    "idMiejscaPracyOidExt",
    "rolaBiznesowa",
)
OPENS = datetime(2026, 9, 1, 6, tzinfo=UTC)
"""Eight o'clock in Poland."""
_women = count(80_000_000_000)


def header(book: str = BOOK, without: str = "") -> str:
    """The call context of a provider, lacking one attribute if asked to."""
    values = {name: "x" for name in ATTRIBUTES if name != without}
    if "idPodmiotuOidExt" in values:
        values["idPodmiotuOidExt"] = book
    inside = "".join(
        f'<atrybut nazwa="urn:csioz:p1:kontekst:{name}"><wartosc>{value}</wartosc></atrybut>'
        for name, value in values.items()
    )
    return f'<kontekstWywolania xmlns="{CONTEXT}">{inside}</kontekstWywolania>'


def identifier(name: str, value: str, root: str = NODE, namespace: str = MT) -> str:
    """An identifier as the contract writes it."""
    return (
        f'<{name} xmlns="{namespace}"><extension xmlns="{COMMON}">{value}</extension>'
        f'<root xmlns="{COMMON}">{root}</root></{name}>'
    )


def request(operation: str, content: str, message: str | None = None) -> str:
    """A request that changes something, under a message identifier of its own unless one is given."""
    known = identifier("identyfikatorKomunikatu", message or str(uuid4()), namespace="")
    return f'<w:{operation}Req xmlns:w="{WS}">{known}{content}</w:{operation}Req>'


def question(operation: str, content: str) -> str:
    """A request that changes nothing."""
    return f'<w:{operation}Req xmlns:w="{WS}">{content}</w:{operation}Req>'


@dataclass(frozen=True)
class Place:
    """A service place with one schedule, and its messages."""

    book: str = BOOK
    cell: str = "001"
    mobile: bool = True
    code: str = "10.7940.159.02"
    schedule: str = field(default_factory=lambda: str(uuid4()))
    point: str = field(default_factory=lambda: str(uuid4()))

    @property
    def extension(self) -> str:
        """The place's own number."""
        return f"{self.book}-{self.cell}"

    def identifier(self, name: str = "identyfikatorMus", namespace: str = MT) -> str:
        """Names the place."""
        return identifier(name, self.extension, f"{OIDS}.2.3.3", namespace)

    def registration(self, message: str | None = None, provider: str | None = None) -> str:
        """Registers it."""
        place = element(
            "daneMus",
            self.identifier("identyfikator"),
            identifier("identyfikatorPodmiotu", provider or self.book, f"{OIDS}.2.3.1"),
            kodKomorki=self.cell,
            kodSpecjalnosci="7940",
            nazwa="Pracownia",
            adres="ul. Próbna 1",
            rodzaj="MOBILNE" if self.mobile else "STACJONARNE",
            oddzialNfz="05",
        )
        return request("zapiszDaneMus", place, message)

    def mobile_point(self) -> str:
        """Imports its point."""
        point = element(
            "mobilnyPunktObslugi",
            identifier("identyfikator", self.point),
            self.identifier(),
            nazwa="Rynek",
            miejscowosc="Wieluń",
            szerokoscGeograficzna="51.2",
            dlugoscGeograficzna="18.5",
            obowiazujeOd="2026-09-01",
        )
        return request("importujMobilnePunktyObslugi", point)

    def working(self, hours: int = 8, point: str | None = None, flag: bool | None = None) -> str:
        """Saves its schedule, by default with the point of a mobile place."""
        given = (self.point if self.mobile else None) if point is None else point
        flagged = bool(given) if flag is None else flag
        schedule = element(
            "harmonogram",
            identifier("identyfikator", self.schedule),
            self.identifier(),
            f'<mobilnyPunktObslugi xmlns="{MT}">{str(flagged).lower()}</mobilnyPunktObslugi>',
            identifier("identyfikatorMobilnegoPunktuObslugi", given) if given else "",
            kodZakresu=self.code,
            numerUmowy="1",
            oddzialNfz="05",
            obowiazujeOd="2026-09-01",
            obowiazujeDo="2026-09-30",
            czasPracy=interval(OPENS, OPENS + timedelta(hours=hours)),
        )
        return request("zapiszHarmonogram", schedule)

    def slots(self, *slots: str) -> str:
        """Offers slots."""
        schedule = identifier("identyfikatorHarmonogramu", self.schedule, namespace="")
        return request("zapiszSloty", schedule + "".join(slots))

    def activation(self, message: str | None = None) -> str:
        """Opens it."""
        return request("aktywujMus", self.identifier(namespace=""), message)


def element(name: str, *first: str, namespace: str = "", **rest: str) -> str:
    """An element with children: those given whole, then those given by name, in the namespace of the types."""
    named = "".join(f'<{key} xmlns="{MT}">{value}</{key}>' for key, value in rest.items())
    return f'<{name} xmlns="{namespace}">{"".join(first)}{named}</{name}>'


def interval(starts: datetime, ends: datetime) -> str:
    """From an instant to another."""
    return f'<od xmlns="{MT}">{starts.isoformat()}</od><do xmlns="{MT}">{ends.isoformat()}</do>'


def slot(name: str, places: int = 1, minutes: int = 0, days: int = 0, lasts: int = 8) -> str:
    """A slot that begins these minutes after opening."""
    starts = OPENS + timedelta(days=days, minutes=minutes)
    return element(
        "slot",
        identifier("identyfikator", name),
        interval(starts, starts + timedelta(minutes=lasts)),
        liczbaMiejsc=str(places),
        rodzaj="PROCEDURA_ODPOWIEDNIA",
    )


def new_woman() -> str:
    """The PESEL of nobody."""
    return str(next(_women))


def visit(  # noqa: PLR0917 -- what tells visits apart
    name: str,
    slot: str,
    woman: str | None = None,
    status: str = "UMOWIONA",
    path: str = "MAMMOGRAFIA",
    family_name: str = "Zmyślona",
    root: str = NODE,
) -> str:
    """A visit as it is told."""
    patient = element(
        "pacjent",
        identifier("identyfikator", woman or new_woman(), PESEL),
        imie="Fikcja",
        nazwisko=family_name,
        dataUrodzenia="1970-01-01",
        namespace=MT,
    )
    return element(
        "wizyta",
        identifier("identyfikator", name, root),
        identifier("identyfikatorSlotu", slot),
        patient,
        kodZakresu="10.7940.159.02",
        sciezka=path,
        pilna="false",
        status=status,
    )


def saving(visit: str, message: str | None = None) -> str:
    """Tells one visit."""
    return request("zapiszWizyte", visit, message)


def cancelling(name: str, by: str = "SWIADCZENIODAWCA", root: str = NODE) -> str:
    """Cancels a visit."""
    known = identifier("identyfikatorWizyty", name, root, namespace="")
    return request("anulujWizyte", f'{known}<odwolanaPrzez xmlns="">{by}</odwolanaPrzez>')


def loading(*visits: str, message: str | None = None) -> str:
    """Hands over visits that were booked before."""
    return request("zasilInicjalnie", "".join(visits), message)


def fetching(name: str, root: str = NODE) -> str:
    """Asks for a visit."""
    return question("pobierzWizyte", identifier("identyfikatorWizyty", name, root, namespace=""))


def asking_for_changes(
    cursor: str | None = None, first: str | None = None, last: str | None = None, limit: int = 100
) -> str:
    """Asks what changed."""
    named = {"znacznik": cursor, "dzienOd": first, "dzienDo": last, "najwyzejZmian": limit}
    inside = "".join(f'<{name} xmlns="">{value}</{name}>' for name, value in named.items() if value is not None)
    return question("pobierzZmiany", inside)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    content: bytes

    @property
    def tree(self) -> Element:
        """The content of the Body."""
        return etree.fromstring(self.content).findall(f"{{{SOAP}}}Body/*")[0]

    @property
    def code(self) -> str:
        """The last segment of the most specific code."""
        found = [self.tree.findtext(f".//{{*}}{name}") for name in ("minor", "kodBleduMajor", "major")]
        return next(code for code in found if code).rpartition(":")[2]

    @property
    def rule(self) -> str:
        """The broken rule that is named."""
        return (self.tree.findtext(".//{*}komunikat") or "").partition(":")[0]

    def texts(self, name: str) -> list[str]:
        """The texts of all elements of a name."""
        return [each.text or "" for each in self.tree.iterfind(f".//{{*}}{name}")]


class Caller:
    """Sends requests for one provider, plain or with TLS and signature."""

    def __init__(self, address: str, certificates: Certificates | None = None, book: str = BOOK) -> None:
        self.address = address
        self.session = requests.Session()
        self.session.trust_env = False
        self.signer: Signer | None = None
        self.book = book
        if certificates:
            self.signer = signer(certificates)
            self.session.verify = str(certificates.ca)
            self.session.cert = client_files(certificates)

    def send(self, content: str, action: str | None = None) -> Answer:
        """Sends a request, signed if there is a signer."""
        return self.post(self.envelope(content), action or action_of(content))

    def envelope(self, content: str) -> bytes:
        """The request on its way."""
        if self.signer:
            return etree.tostring(self.signer.envelope(header(self.book), content))
        return (
            f'<s:Envelope xmlns:s="{SOAP}"><s:Header>{header(self.book)}</s:Header><s:Body>{content}</s:Body>'
            "</s:Envelope>"
        ).encode()

    def post(self, envelope: bytes, action: str) -> Answer:
        """Sends any bytes."""
        headers = {"SOAPAction": f'"urn:{action}"'.encode()}
        response = self.session.post(self.address, data=envelope, headers=headers, timeout=10)
        return Answer(response.status_code, response.content)

    def accepted(self, *contents: str) -> None:
        """Sends requests that must succeed."""
        for content in contents:
            answer = self.send(content)
            assert answer.code == "Sukces", answer.content

    def close(self) -> None:
        """Ends the connection."""
        self.session.close()


def action_of(content: str) -> str:
    """The SOAPAction of a request."""
    name = etree.QName(etree.fromstring(content)).localname.removesuffix("Req")
    return "importujMobilnePunktyObsługi" if name.startswith("importuj") else name


@contextmanager
def caller(address: str, certificates: Certificates | None = None, book: str = BOOK) -> Iterator[Caller]:
    """A caller whose connection is closed at the end."""
    made = Caller(address, certificates, book)
    try:
        yield made
    finally:
        made.close()


def client_files(certificates: Certificates) -> tuple[str, str]:
    """Certificate and key for TLS as `requests` wants them, beside the p12."""
    key, certificate, _ = pkcs12.load_key_and_certificates(
        certificates.tls_p12.read_bytes(), certificates.password_file.read_bytes()
    )
    assert key
    assert certificate
    pem = certificates.tls_p12.with_suffix(".pem")
    secret = certificates.tls_p12.with_suffix(".key")
    pem.write_bytes(certificate.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(pem), str(secret)


def opened(caller: Caller, place: Place | None = None, places: int = 1, slots: tuple[str, ...] = ("s1", "s2")) -> Place:
    """A place brought up to activation, with slots one after another."""
    place = place or Place()
    offered = (slot(name, places, minutes=10 * number) for number, name in enumerate(slots))
    points = (place.mobile_point(),) if place.mobile else ()
    caller.accepted(place.registration(), *points, place.working(), place.slots(*offered), place.activation())
    return place
