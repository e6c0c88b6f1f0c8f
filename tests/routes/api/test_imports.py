"""The API for imports."""

import pytest

from mobile_units.rules.roles import Role
from mobile_units.services import tables
from tests.factories import Answer, ApiClient, api_client
from tests.factories_catalogue import BUS, kept
from tests.services.test_imports import DEMAND, NFZ_HEADING, SITES, UNITS
from tests.services.test_tables import xlsx

WIELUN = SITES + 'A,Plac,Wieluń,51.22,"18,57",24000,1017093\n'


def upload(api: ApiClient, path: str, content: str | bytes) -> Answer:
    """Sends a file as a form does."""
    raw = content.encode() if isinstance(content, str) else content
    heading = b'--limit\r\nContent-Disposition: form-data; name="file"; filename="plik.csv"\r\n\r\n'
    body = heading + raw + b"\r\n--limit--\r\n"
    return api.post(f"/imports/{path}", data=body, content_type="multipart/form-data; boundary=limit")


def test_sites_are_imported_with_estimates_unless_told_otherwise(api: ApiClient) -> None:
    """The answer counts what was done."""
    answer = upload(api, "sites", WIELUN)
    counts = {"rows": 1, "created": 1, "updated": 0, "unchanged": 0}
    assert (answer.status_code, answer.json) == (200, counts | {"sites_without_teryt": []})
    assert [demand["estimated"] for demand in api.get("/sites").json["items"][0]["demands"]] == [True, True]
    upload(api, "sites?estimate=false", WIELUN.replace("A,Plac", "B,Plac"))
    assert api.get("/sites?text=B").json["items"][0]["demands"] == []


def test_a_dry_run_stores_nothing(api: ApiClient) -> None:
    """It says what would be done."""
    assert upload(api, "sites?dry_run=true", WIELUN).json["created"] == 1
    assert api.get("/sites").json["total"] == 0


def test_all_problems_are_listed_and_nothing_is_stored(api: ApiClient) -> None:
    """With row, column, code and reason in both languages."""
    refusal = upload(api, "sites", WIELUN + "B,,Wieluń,18.57,51.22,,\n")
    assert (refusal.status_code, refusal.json["code"]) == (422, "import_refused")
    assert refusal.headers["Content-Type"] == "application/problem+json"
    problems = refusal.json["problems"]
    assert [(each["row"], each["column"], each["code"]) for each in problems] == [
        (3, "name", "value_missing"),
        (3, "lat", "outside_poland"),
        (3, "lon", "outside_poland"),
    ]
    assert problems[0]["reason_pl"] == "Brak wartości."
    assert problems[0]["reason_en"] == "The value is missing."
    assert api.get("/sites").json["total"] == 0


def test_units_are_imported_for_the_places_of_the_provider(api: ApiClient) -> None:
    """A cell code of another provider is unknown."""
    text = UNITS + "M1,Mammobus,51.77,19.46,1;2;3,8:00,16:00,60,breast:002:60:8:1\n"
    kept(api_client(api.app, api.engine), "/service-places", BUS)
    assert upload(api, "units", text).json["problems"][0]["code"] == "unknown_cell_code"
    kept(api, "/service-places", BUS)
    assert upload(api, "units", text).json["created"] == 1
    assert api.get("/units").json["items"][0]["programmes"][0]["women_per_day"] == 60


def test_women_due_are_imported_by_site_or_from_the_table_of_the_nfz(api: ApiClient) -> None:
    """A programme and a month announce the NFZ's table; gminas without a site are told."""
    upload(api, "sites?estimate=false", WIELUN)
    by_site = upload(api, "demand", DEMAND + "A,cervical,300,2026-09-01,NFZ,\n").json
    assert by_site == {"rows": 1, "created": 1, "updated": 0, "unchanged": 0}
    table = xlsx(NFZ_HEADING, ["1017093", "Wieluń", "Łódzki", 500, 3], ["1410012", "Inna", "Mazowiecki", 7, 0])
    answer = upload(api, "demand?programme=breast&month=2026-10", table).json
    assert (answer["created"], answer["sites_without_gmina"]) == (1, [])
    assert answer["gminas_without_site"] == [{"teryt": "1410012", "name": "Inna", "women_due": 7}]
    demands = api.get("/sites").json["items"][0]["demands"]
    assert {demand["programme"]: demand["women_due"] for demand in demands} == {"breast": 500, "cervical": 300}


@pytest.mark.parametrize(
    "query", ["programme=breast", "month=2026-10", "programme=breast&month=2026", "programme=lung&month=2026-10"]
)
def test_the_table_of_the_nfz_needs_programme_and_month(api: ApiClient, query: str) -> None:
    """One without the other is a mistake, not a guess."""
    refusal = upload(api, f"demand?{query}", "x")
    assert (refusal.status_code, refusal.json["code"]) == (422, "invalid_input")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"\xff\xfe", 422, "table_unreadable"),
        (b"", 422, "table_empty"),
        (b"x" * (tables.MAX_BYTES + 1), 413, "table_too_large"),
        (b"x" * (17 * 1024 * 1024), 413, "too_large"),
    ],
)
def test_a_file_that_is_no_table_is_refused(api: ApiClient, content: bytes, status: int, code: str) -> None:
    """For every kind of import."""
    for path in ("sites", "units", "demand"):
        refusal = upload(api, path, content)
        assert (refusal.status_code, refusal.json["code"]) == (status, code)


def test_a_request_without_a_file_is_refused(api: ApiClient) -> None:
    """Also when it is not a form at all."""
    assert api.post("/imports/sites", json={}).json["code"] == "invalid_input"
    empty = api.post("/imports/sites", data={}, content_type="multipart/form-data")
    assert (empty.status_code, empty.json["code"]) == (422, "invalid_input")


def test_only_the_coordinator_imports(api: ApiClient) -> None:
    """Nobody else plans."""
    for role in (Role.MIDWIFE, Role.SETTLEMENT, Role.ADMINISTRATOR):
        user = api.with_roles(role)
        for path in ("sites", "units", "demand"):
            assert upload(user, path, WIELUN).status_code == 403
