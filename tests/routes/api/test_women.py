"""The API for women: found by what is in the body, shown to midwives only."""

from datetime import date

import pytest

from mobile_units import db
from mobile_units.rules.roles import Role
from mobile_units.rules.women import make_pesel
from mobile_units.services import reference
from tests import factories_booking
from tests.factories import ApiClient, api_client

PESEL = make_pesel(date(1970, 5, 17), 42, "F")
WOMAN = {
    "identity": {"pesel": PESEL},
    "given_name": "Próba",
    "family_name": "Testowa",
    "telephone": "+48600700800",
    "email": "proba@example.org",
    "language": "en",
    "declaration": {
        "risk_groups": ["hiv"],
        "exclusions": [],
        "examinations": [{"path": "classic_cytology", "performed_on": "2025-10-01"}],
    },
}
DOCUMENT = {"country": "DE", "document_number": "C01X00T47"}


@pytest.fixture(autouse=True)
def reference_data(api: ApiClient) -> None:
    """The codes that a declaration may use."""
    with db.transaction(api.engine) as session:
        reference.load_reference_data(session)


def test_a_woman_is_registered_and_read_back(api: ApiClient) -> None:
    """What was sent comes back; the PESEL tells the birth date."""
    kept = api.post("/women", WOMAN)
    assert kept.status_code == 201, kept.json
    read = api.get(f"/women/{kept.json['id']}").json
    assert read == kept.json
    assert (read["identity_kind"], read["identity_number"], read["birth_date"]) == ("pesel", PESEL, "1970-05-17")
    assert {name: read[name] for name in WOMAN if name != "identity"} == {
        name: value for name, value in WOMAN.items() if name != "identity"
    }


def test_a_woman_is_found_by_a_document(api: ApiClient) -> None:
    """However it is written."""
    kept = api.post("/women", WOMAN | {"identity": DOCUMENT, "birth_date": "1970-05-17"})
    found = api.post("/women/search", {"country": "de", "document_number": "c01 x00 t47"})
    assert (found.status_code, found.json) == (200, kept.json)
    assert found.json["identity_number"] == "DE:C01X00T47"


def test_a_known_woman_is_refused_without_telling_of_her(api: ApiClient) -> None:
    """The answer names the way to find her, which leaves a trace in the audit log."""
    kept = api.post("/women", WOMAN).json
    again = api.post("/women", WOMAN | {"given_name": "Inna"})
    assert (again.status_code, again.json["code"]) == (409, "woman_known")
    assert not {"id", "woman", "family_name"} & set(again.json)
    assert str(kept["id"]) not in again.json["title"] + again.json["way_out"]
    entries = api.get(f"/audit-entries?subject=woman&subject_id={kept['id']}").json["items"]
    assert [entry["action"] for entry in entries] == ["search", "register"]


def test_a_search_in_vain_says_not_found_without_the_number(api: ApiClient) -> None:
    """Nothing of the identity comes back, whether it is unknown or wrong."""
    unknown, wrong = api.post("/women/search", {"pesel": PESEL}), api.post("/women/search", {"pesel": "70051700001"})
    assert (unknown.status_code, unknown.json["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json["code"]) == (422, "pesel_invalid")
    assert PESEL not in str(unknown.json)
    assert "70051700001" not in str(wrong.json)


@pytest.mark.parametrize(
    "identity", [{}, {"pesel": PESEL, "country": "DE"}, {"country": "DE"}, DOCUMENT | {"pesel": PESEL}]
)
def test_an_identity_is_one_thing_and_whole(api: ApiClient, identity: dict[str, str]) -> None:
    """A PESEL or a document, never a part or both."""
    assert api.post("/women/search", identity).json["code"] == "invalid_input"


def test_names_telephone_and_declaration_can_change(api: ApiClient) -> None:
    """A second change on the same reading is refused."""
    key = api.post("/women", WOMAN).json["id"]
    change = {"version": 1, "values": {"family_name": "Nowa", "telephone": None, "declaration": {}}}
    changed = api.patch(f"/women/{key}", change)
    assert (changed.status_code, changed.json["family_name"], changed.json["telephone"]) == (200, "Nowa", None)
    assert changed.json["declaration"]["risk_groups"] == []
    assert api.patch(f"/women/{key}", change).json["code"] == "stale_version"


def test_an_identity_is_corrected_but_not_into_that_of_another_woman(api: ApiClient) -> None:
    """That the other one is known is told, so it is audited as a search for her; a half identity is refused."""
    other = api.post("/women", WOMAN | {"identity": DOCUMENT, "birth_date": "1970-05-17"}).json
    key = api.post("/women", WOMAN).json["id"]
    taken = api.patch(f"/women/{key}", {"version": 1, "values": {"identity": DOCUMENT}})
    assert (taken.status_code, taken.json["code"]) == (409, "woman_known")
    log = api.get(f"/audit-entries?subject=woman&subject_id={other['id']}").json["items"]
    assert "search" in {entry["action"] for entry in log}
    right = make_pesel(date(1971, 1, 2), 43, "F")
    corrected = api.patch(f"/women/{key}", {"version": 1, "values": {"identity": {"pesel": right}}})
    assert (corrected.status_code, corrected.json["identity_number"]) == (200, right)
    assert corrected.json["birth_date"] == "1971-01-02"
    half = api.patch(f"/women/{key}", {"version": 2, "values": {"identity": {"country": "DE"}}})
    assert half.json["code"] == "invalid_input"


@pytest.mark.parametrize(
    "declaration",
    [
        {"examinations": [{"path": "classic_cytology"}]},
        {"examinations": [{"performed_on": "2025-10-01"}]},
        {"examinations": [{"path": "x-ray", "performed_on": "2025-10-01"}]},
        {"colour": "red"},
        None,
    ],
)
def test_a_half_declaration_is_refused_when_registering_and_when_changing(api: ApiClient, declaration: object) -> None:
    """Never stored, never an unexpected error."""
    assert api.post("/women", WOMAN | {"declaration": declaration}).json["code"] == "invalid_input"
    key = api.post("/women", WOMAN).json["id"]
    refused = api.patch(f"/women/{key}", {"version": 1, "values": {"declaration": declaration}})
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_input")


def test_the_answer_on_eligibility_has_its_reason_and_source(api: ApiClient) -> None:
    """Twelve months in a risk group: refused in the spring, eligible in the autumn."""
    key = api.post("/women", WOMAN).json["id"]
    early = api.get(f"/women/{key}/eligibility?path=classic_cytology&on=2026-05-01").json
    assert (early["eligible"], early["code"]) == (False, "interval_not_elapsed")
    assert (early["next_eligible_on"], early["legal_source"]) == ("2026-10-01", "Dz.U. 2025 poz. 298")
    assert "01.10.2026" in early["reason_pl"]
    assert api.get(f"/women/{key}/eligibility?path=classic_cytology&on=2026-10-01").json["eligible"] is True
    assert api.get(f"/women/{key}/eligibility?path=mammography").status_code == 200
    assert api.get(f"/women/{key}/eligibility").json["code"] == "invalid_input"


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.MIDWIFE}))
def test_only_midwives_see_women(api: ApiClient, role: Role) -> None:
    """Every address about women is closed to the other roles."""
    key = api.post("/women", WOMAN).json["id"]
    other = api.with_roles(role)
    answers = [
        other.post("/women", WOMAN),
        other.post("/women/search", {"pesel": PESEL}),
        other.get(f"/women/{key}"),
        other.patch(f"/women/{key}", {"version": 1, "values": {}}),
        other.get(f"/women/{key}/eligibility?path=mammography"),
        other.get("/visits/with-women"),
    ]
    assert {answer.status_code for answer in answers} == {403}


def test_women_are_never_listed_and_never_shown_to_another_provider(api: ApiClient) -> None:
    """There is no address that lists them."""
    key = api.post("/women", WOMAN).json["id"]
    stranger = api_client(api.app, api.engine)
    assert api.get("/women").status_code == 405
    assert stranger.get(f"/women/{key}").status_code == 404
    assert stranger.post("/women/search", {"pesel": PESEL}).status_code == 404
    assert stranger.post("/women", WOMAN).status_code == 201


def test_a_woman_of_the_factories_can_be_booked(api: ApiClient) -> None:
    """The factories make what the API shows."""
    with db.transaction(api.engine) as session:
        woman = factories_booking.woman(session, api.actor.provider_id)
    assert api.get(f"/women/{woman.id}").json["identity_number"] == woman.identity_number


def test_consents_are_given_and_withdrawn(api: ApiClient) -> None:
    """Withdrawing asks for no version, and takes no other way than those of consents."""
    kept = api.post("/women", WOMAN | {"email_consent": True}).json
    assert (kept["email_consent_at"] is None, kept["sms_consent_at"]) == (False, None)
    path = f"/women/{kept['id']}/consents/withdraw"
    withdrawn = api.post(path, {"channels": ["email"]})
    assert (withdrawn.status_code, withdrawn.json["email_consent_at"]) == (200, None)
    assert api.post(path, {"channels": ["call_list"]}).json["code"] == "invalid_input"
    assert api.with_roles(Role.COORDINATOR).post(path, {"channels": ["sms"]}).status_code == 403


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"telephone": "600 700"}, "telephone_invalid"),
        ({"email": "a@b"}, "email_invalid"),
        ({"language": "de"}, "invalid_input"),
    ],
)
def test_what_cannot_be_reached_is_refused(api: ApiClient, values: dict[str, str], code: str) -> None:
    """And the answer does not repeat it."""
    answer = api.post("/women", WOMAN | values)
    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert not any(value in str(answer.json) for value in values.values() if value != "de")


def test_a_woman_who_was_kept_twice_is_merged(api: ApiClient) -> None:
    """Seen before, done by somebody who is midwife and administrator, with a reason; then she is found as the other."""
    kept = api.post("/women", WOMAN).json
    other = api.post("/women", WOMAN | {"identity": DOCUMENT, "birth_date": "1970-05-17"}).json
    path = f"/women/{kept['id']}/merge"
    seen = api.get(f"{path}?merged_id={other['id']}")
    assert (seen.status_code, seen.json["merged"]["id"], seen.json["examinations"]) == (200, other["id"], 0)
    wanted = {"merged_id": other["id"], "kept_version": kept["version"], "merged_version": other["version"]}
    assert api.post(path, wanted | {"reason": " "}).json["code"] == "invalid_input"
    midwife = api.with_roles(Role.MIDWIFE).post(path, wanted | {"reason": "ta sama osoba"})
    assert (midwife.status_code, "administrator" in midwife.json["way_out"]) == (403, True)
    done = api.post(path, wanted | {"reason": "ta sama osoba"})
    assert (done.status_code, done.json["id"]) == (200, kept["id"])
    assert api.post("/women/search", DOCUMENT).json["id"] == kept["id"]
    gone = api.get(f"/women/{other['id']}")
    assert (gone.status_code, gone.json["code"], str(kept["id"]) in gone.json["way_out"]) == (409, "woman_merged", True)
    known = api.post("/women", WOMAN | {"identity": DOCUMENT, "birth_date": "1970-05-17"})
    assert known.json["code"] == "woman_known"
