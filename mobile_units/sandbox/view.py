"""The sandbox's page as HTML, in Polish. Whatever is put into it is text, never markup."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from lxml import etree
from lxml.etree import _Element as Element

from mobile_units.sandbox.faults import Disturbance, Kind
from mobile_units.sandbox.ikp import FreeSlot
from mobile_units.sandbox.listing import ROWS, Holdings, Shown, instant
from mobile_units.sandbox.rules import FAULT_CODES
from mobile_units.sandbox.visits import BOOKED, CANCELLED, PROGRAMMES

Content = str | Element

COUNTS = {
    "service_places": "MUŚ",
    "active_service_places": "MUŚ aktywne",
    "mobile_points": "punkty mobilne",
    "schedules": "harmonogramy",
    "slots": "terminy",
    "visits": "wizyty",
    "cancelled_visits": "wizyty odwołane",
    "messages": "komunikaty",
}
KINDS = {
    Kind.DELAY: "opóźnienie",
    Kind.REFUSE: "odmowa połączeń",
    Kind.RESET_BEFORE: "zerwanie przed wykonaniem",
    Kind.RESET_AFTER: "zerwanie po wykonaniu",
    Kind.HTTP_500: "HTTP 500 bez SOAP",
    Kind.FAULT: "błąd P1",
    Kind.MALFORMED: "odpowiedź nie jest XML",
    Kind.TRUNCATED: "odpowiedź urwana",
    Kind.DUPLICATE: "odpowiedź „duplikat” po wykonaniu",
    Kind.CLOCK_SKEW: "zegar serwera się myli",
}
PATHS = {"MAMMOGRAFIA": "mammografia", "CYTOLOGIA_KLASYCZNA": "cytologia klasyczna", "HPV_LBC": "test HPV z LBC"}
STATUSES = {
    BOOKED: "umówiona",
    CANCELLED: "odwołana",
    "ZREALIZOWANA": "zrealizowana",
    "NIEZREALIZOWANA": "niezrealizowana",
}
AUTHORS = {"PACJENT": "pacjentka", "SWIADCZENIODAWCA": "świadczeniodawca", "SYSTEM": "system"}


def page(  # noqa: PLR0913 -- all that is on it
    *,
    held: Holdings,
    disturbances: Sequence[Disturbance],
    free: Sequence[FreeSlot],
    operations: Iterable[str],
    address: str,
    token: str,
    notice: tuple[bool, str] | None = None,
    schedule: str | None = None,
) -> bytes:
    """The page; `notice` is whether the last action succeeded, and a sentence. `schedule` is whose slots are shown."""
    said = [_tag("p", notice[1], class_="notice good" if notice[0] else "notice bad", role="status")] if notice else []
    main = _tag(
        "main",
        _tag(
            "div",
            _tag("h1", "Piaskownica centralnej e-rejestracji"),
            _tag("p", "Zastępuje CeR na tym komputerze. Usługa: ", _tag("code", address), class_="lead"),
        ),
        *said,
        _counts(held.counts),
        _tag("div", _disturbances(disturbances, operations, token), _booking(free, token), class_="columns"),
        _visits(held.visits, held.counts, free, token),
        _slots(held, schedule),
        _schedules(held),
        _tag("div", _places(held), _points(held), class_="columns"),
        _messages(held),
    )
    return _document(main)


def _document(main: Element) -> bytes:
    head = _tag(
        "head",
        _tag("meta", charset="utf-8"),
        _tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        _tag("meta", name="color-scheme", content="light dark"),
        _tag("title", "Piaskownica CeR"),
        _tag("link", rel="icon", href="data:,"),
        _tag("link", rel="stylesheet", href="/style.css"),
    )
    top = _tag(
        "header",
        _tag("a", "Mobile Units", class_="brand", href="/"),
        _tag("p", "piaskownica CeR – to nie jest system Centrum e-Zdrowia", class_="provider"),
        class_="top",
    )
    body = _tag("body", top, main)
    html = _tag("html", head, body, lang="pl")
    return etree.tostring(html, method="html", encoding="utf-8", doctype="<!doctype html>")


def _counts(counts: dict[str, int]) -> Element:
    boxes = [_tag("div", _tag("dt", label), _tag("dd", str(counts[name]))) for name, label in COUNTS.items()]
    return _tag("dl", *boxes, class_="counts")


def _disturbances(active: Sequence[Disturbance], operations: Iterable[str], token: str) -> Element:
    rows = [
        (
            KINDS[each.kind] + (f": {each.code}" if each.code else ""),
            _percent(each.share),
            each.operation or "wszystkie",
            "" if each.seconds is None else f"{each.seconds:g} s".replace(".", ","),
            "bez końca" if each.remaining is None else str(each.remaining),
        )
        for each in active
    ]
    parts: list[Element] = [_tag("h2", "Zakłócenia")]
    if rows:
        table = _table(("rodzaj", "część wywołań", "operacja", "czas", "pozostało"), rows)
        parts.append(_tag("div", table, class_="wide-table"))
        parts.append(_form("/faults/clear", token, _tag("button", "Wyłącz wszystkie", class_="quiet")))
    else:
        parts.append(_tag("p", "Żadne zakłócenie nie jest włączone.", class_="muted"))
    form = _form(
        "/faults",
        token,
        _field("Rodzaj", _select("kind", [(kind.value, label) for kind, label in KINDS.items()])),
        _field("Część wywołań, w procentach", _input("percent", type="number", min="1", max="100", value="100")),
        _field("Operacja", _select("operation", [("", "wszystkie"), *((name, name) for name in operations)])),
        _field("Kod (błąd P1)", _select("code", [(code, code) for code in FAULT_CODES])),
        _field("Sekundy (opóźnienie, odmowa, zegar)", _input("seconds", type="number", value="5", step="any")),
        _field("Ile razy (puste: bez końca)", _input("remaining", type="number", min="1")),
        _tag("button", "Włącz"),
        class_="fields",
    )
    return _tag("section", *parts, form, class_="card")


def _booking(free: Sequence[FreeSlot], token: str) -> Element:
    title = _tag("h2", "IKP: pacjentka umawia wizytę")
    if not free:
        empty = _tag("p", "Nie ma wolnych terminów w aktywnych MUŚ.", class_="muted")
        return _tag("section", title, empty, class_="card")
    form = _form(
        "/ikp/visits",
        token,
        _field("Termin", _select("slot", _free_options(free)), class_="wide"),
        _field("Imię", _input("given_name", required="required", autocomplete="off")),
        _field("Nazwisko", _input("family_name", required="required", autocomplete="off")),
        _field("PESEL", _input("pesel", required="required", inputmode="numeric", autocomplete="off")),
        _field("Data urodzenia", _input("birth_date", type="date", required="required")),
        _field("Telefon", _input("telephone", type="tel", autocomplete="off")),
        _field("Badanie", _select("path", [(path, PATHS[path]) for path in PROGRAMMES])),
        _tag("button", "Umów"),
        class_="fields",
    )
    return _tag("section", title, form, class_="card")


def _visits(shown: Sequence[Shown], counts: dict[str, int], free: Sequence[FreeSlot], token: str) -> Element:
    rows = [
        (
            _tag("strong", each.initials),
            _when(each.starts),
            PATHS.get(each.path, each.path),
            _status(each.status),
            _tag("span", AUTHORS[each.changed_by], _tag("span", _when(each.changed_at), class_="muted small")),
            _number(each.id),
            _actions(each, free, token),
        )
        for each in shown
    ]
    title = _title("Wizyty", len(rows), counts["visits"] + counts["cancelled_visits"])
    columns = ("pacjentka", "termin", "badanie", "stan", "ostatnia zmiana", "identyfikator", "IKP")
    return _listing(title, columns, rows, "Nie ma jeszcze wizyt.")


def _actions(visit: Shown, free: Sequence[FreeSlot], token: str) -> Content:
    if visit.status != BOOKED:
        return ""
    cancel = _form("/ikp/visits/cancel", token, _hidden("visit", visit.id), _tag("button", "Odwołaj", class_="quiet"))
    if not free:
        return cancel
    choice = _select("slot", _free_options(free[:20]), **{"aria-label": "Nowy termin"})
    button = _tag("button", "Przełóż", class_="quiet")
    move = _form("/ikp/visits/move", token, _hidden("visit", visit.id), choice, button)
    return _tag("div", move, cancel, class_="actions")


def _slots(held: Holdings, schedule: str | None) -> Element:
    rows = [
        (
            _when(instant(row["starts"])),
            f"{instant(row['ends']):%H:%M}",
            f"{row['taken']} z {row['capacity']}",
            _number(row["id"]),
        )
        for row in held.slots
    ]
    heading = "Terminy z ostatnimi wizytami" if schedule is None else "Terminy harmonogramu"
    title = _title(heading, len(rows), len(rows) if schedule else held.counts["slots"])
    return _listing(title, ("początek", "koniec", "zajęte miejsca", "identyfikator"), rows, "Nie ma takich terminów.")


def _schedules(held: Holdings) -> Element:
    rows = [
        (
            row["place"] or "",
            row["point"] or "stacjonarny",
            row["product_code"],
            _when(instant(row["starts"])),
            _when(instant(row["ends"])),
            _tag("a", str(row["slots"]), href=f"/?schedule={row['id']}"),
            str(row["visits"]),
        )
        for row in held.schedules
    ]
    columns = ("MUŚ", "punkt mobilny", "zakres", "od", "do", "terminy", "wizyty")
    return _listing(_title("Harmonogramy", len(rows), held.counts["schedules"]), columns, rows, "Nie ma harmonogramów.")


def _places(held: Holdings) -> Element:
    rows = [
        (
            row["name"],
            "mobilne" if row["mobile"] else "stacjonarne",
            _tag(
                "span", "aktywne" if row["active"] else "nieaktywne", class_=f"tag {'good' if row['active'] else 'bad'}"
            ),
            _tag("code", row["id"].rpartition("/")[2]),
        )
        for row in held.places
    ]
    title = _title("Miejsca udzielania świadczeń", len(rows), held.counts["service_places"])
    return _listing(title, ("nazwa", "rodzaj", "stan", "numer"), rows, "Nie ma MUŚ.")


def _points(held: Holdings) -> Element:
    rows = [(row["name"], _tag("code", row["service_place"].rpartition("/")[2])) for row in held.points]
    title = _title("Mobilne punkty obsługi", len(rows), held.counts["mobile_points"])
    return _listing(title, ("nazwa", "MUŚ"), rows, "Nie ma punktów.")


def _messages(held: Holdings) -> Element:
    rows = [
        (_when(instant(row["at"]), seconds=True), row["operation"], row["owner"], _number(row["id"]))
        for row in held.messages
    ]
    title = _title("Ostatnie przyjęte komunikaty", len(rows), held.counts["messages"])
    return _listing(title, ("chwila", "operacja", "podmiot", "identyfikator"), rows, "Nie ma komunikatów.")


def _listing(title: Element, columns: Sequence[str], rows: Sequence[Sequence[Content]], empty: str) -> Element:
    content = _tag("div", _table(columns, rows), class_="wide-table") if rows else _tag("p", empty, class_="muted")
    return _tag("section", title, content, class_="card")


def _title(text: str, shown: int, all_of_them: int) -> Element:
    note = f"ostatnie {min(shown, ROWS)} z {all_of_them}" if shown < all_of_them else str(all_of_them)
    return _tag("h2", text, _tag("span", note, class_="muted"))


def _table(columns: Sequence[str], rows: Sequence[Sequence[Content]]) -> Element:
    head = _tag("thead", _tag("tr", *(_tag("th", column, scope="col") for column in columns)))
    body = [
        _tag("tr", *(_tag("td", cell, **{"data-column": column}) for column, cell in zip(columns, row, strict=True)))
        for row in rows
    ]
    return _tag("table", head, _tag("tbody", *body), class_="plain")


def _status(status: str) -> Element:
    return _tag("span", STATUSES.get(status, status), class_="tag bad" if status == CANCELLED else "tag good")


def _free_options(free: Sequence[FreeSlot]) -> list[tuple[str, str]]:
    return [(each.id, f"{_when(each.starts)} · {each.place} · {each.product_code}") for each in free]


def _when(moment: datetime, *, seconds: bool = False) -> str:
    return f"{moment:%d.%m.%Y %H:%M:%S}" if seconds else f"{moment:%d.%m.%Y %H:%M}"


def _number(identifier: str) -> Element:
    """An identifier without its root, which is there to be looked at."""
    return _tag("code", identifier.partition("/")[2], title=identifier)


def _percent(share: float) -> str:
    return f"{share * 100:g} %".replace(".", ",")


def _form(action: str, token: str, *children: Content, **attributes: str) -> Element:
    return _tag("form", _hidden("token", token), *children, method="post", action=action, **attributes)


def _field(label: str, control: Element, **attributes: str) -> Element:
    return _tag("label", _tag("span", label), control, **attributes)


def _input(name: str, **attributes: str) -> Element:
    return _tag("input", name=name, **attributes)


def _hidden(name: str, value: str) -> Element:
    return _tag("input", type="hidden", name=name, value=value)


def _select(name: str, options: Iterable[tuple[str, str]], **attributes: str) -> Element:
    return _tag("select", *(_tag("option", label, value=value) for value, label in options), name=name, **attributes)


def _tag(element_name: str, /, *children: Content, **attributes: str) -> Element:
    """An element; `class_` is its class. Texts among its children are escaped when it is written."""
    element = etree.Element(element_name, {key.rstrip("_"): value for key, value in attributes.items()})
    for child in children:
        if isinstance(child, str):
            _write(element, child)
        else:
            element.append(child)
    return element


def _write(element: Element, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text
