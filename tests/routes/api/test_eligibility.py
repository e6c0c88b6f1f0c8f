"""The API for the rules of eligibility."""

from mobile_units.rules.roles import Role
from tests.factories import ApiClient
from tests.factories_catalogue import load_reference


def test_the_rules_are_read_with_their_sources(api: ApiClient) -> None:
    """Ages by path, the wait after an earlier examination, and whether a source states it."""
    load_reference(api.engine)
    rules = api.get("/eligibility-rules?path=classic_cytology&valid_on=2026-09-07").json["items"]
    assert {(rule["age_from"], rule["age_to"]) for rule in rules} == {(25, 64)}
    general = {rule["after_path"]: rule for rule in rules if rule["risk_group"] is None}
    assert general["classic_cytology"]["interval_months"] == 36
    assert (general["hpv_lbc"]["confirmed"], general["classic_cytology"]["confirmed"]) == (False, True)
    assert all(rule["legal_source"] for rule in rules)


def test_rules_and_exclusions_are_filtered(api: ApiClient) -> None:
    """By programme and by the day on which they hold."""
    load_reference(api.engine)
    assert api.get("/eligibility-rules?programme=breast").json["total"] == 2
    assert api.get("/eligibility-rules?programme=breast&valid_on=2023-12-31").json["total"] == 0
    exclusions = api.get("/eligibility-exclusions?programme=cervical&valid_on=2026-09-07").json["items"]
    assert [exclusion["code"] for exclusion in exclusions] == ["cervical_malignancy"]
    assert api.get("/eligibility-exclusions").json["total"] == 3


def test_every_role_reads_them_and_nobody_changes_them(api: ApiClient) -> None:
    """They are law, the same for all providers."""
    for role in Role:
        user = api.with_roles(role)
        assert user.get("/eligibility-rules").status_code == 200
        assert user.get("/eligibility-exclusions").status_code == 200
    assert api.post("/eligibility-rules", {}).status_code == 405


def test_one_rule_and_one_exclusion_are_read(api: ApiClient) -> None:
    """As they are listed, by key."""
    load_reference(api.engine)
    for path in ("/eligibility-rules", "/eligibility-exclusions"):
        first = api.get(path).json["items"][0]
        assert api.get(f"{path}/{first['id']}").json == first
        assert api.get(f"{path}/{2**60}").json["code"] == "not_found"
