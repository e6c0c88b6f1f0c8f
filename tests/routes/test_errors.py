"""How refusals and faults are told, and what is never told."""

import ast
import json
import string
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask, abort
from sqlalchemy import Engine

from mobile_units.config import Settings
from mobile_units.db import REFUSAL_OF_CONSTRAINT
from mobile_units.errors import REFUSALS, DomainError, Refusal
from mobile_units.rules.roles import Role
from routes import auth
from routes.app import REQUEST_BYTES, create_app
from routes.errors import STATUS
from tests.factories import ApiClient, api_client
from tests.routes.pages.browser import browser

WHOLE = {"code": "W", "name": "Wieluń", "locality": "Wieluń", "latitude": 51.2, "longitude": 18.5}
ROOT = Path(__file__).parents[2]
FORM = "application/x-www-form-urlencoded"
SECRET = "Anna Nowak 70051712345"


def facts_of(*templates: str) -> set[str]:
    """The names in braces."""
    return {name for template in templates for _, name, _, _ in string.Formatter().parse(template) if name}


def all_facts_of(refusal: Refusal) -> set[str]:
    """The facts that a refusal has to be raised with."""
    return facts_of(refusal.pl, refusal.en, refusal.way_out_pl, refusal.way_out_en)


def raised() -> Iterator[tuple[str, str, set[str]]]:
    """Where the program makes a refusal with a literal code: place, code, names of the facts given."""
    for folder in ("mobile_units", "routes", "schemas"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "DomainError" and node.args:
                    code, given = node.args[0], [keyword.arg for keyword in node.keywords]
                    if isinstance(code, ast.Constant) and None not in given:
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", str(code.value), {str(name) for name in given}


def test_every_code_has_a_status_and_every_status_a_code() -> None:
    """A new refusal is complete only with its HTTP status."""
    assert STATUS.keys() == REFUSALS.keys()
    assert set(STATUS.values()) <= {400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503}


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_sentences_are_complete_in_both_languages(code: str) -> None:
    """Each language has the sentence, both or neither have the way out, and the facts fill all of them."""
    refusal = REFUSALS[code]
    assert bool(refusal.way_out_pl) == bool(refusal.way_out_en)
    error = DomainError(code, **dict.fromkeys(all_facts_of(refusal), "fact"))
    for language in ("pl", "en"):
        assert error.sentence(language)
        assert not {"{", "}"} & set(error.sentence(language) + error.way_out(language))


def test_poles_read_a_day_as_they_write_it() -> None:
    """The fact stays as programs read it; only a fact that is a day and nothing else is taken for one."""
    error = DomainError("too_early", day="2026-12-08")
    assert "(8.12.2026)" in error.sentence("pl")
    assert "(2026-12-08)" in error.sentence("en")
    assert error.facts["day"] == "2026-12-08"
    assert "05/2026-12-08" in DomainError("template_retired", name="05/2026-12-08").sentence("pl")


def test_every_refusal_is_raised_with_the_facts_that_its_sentences_need() -> None:
    """Otherwise telling the refusal would itself be an error."""
    found = list(raised())
    assert len(found) > 10
    lacking = [(place, code) for place, code, given in found if all_facts_of(REFUSALS[code]) - given]
    assert lacking == []


def test_refusals_of_constraints_need_no_facts() -> None:
    """The database gives only the name of a constraint."""
    assert {code: facts for code in REFUSAL_OF_CONSTRAINT.values() if (facts := all_facts_of(REFUSALS[code]))} == {}


def test_a_problem_document_says_what_why_and_what_next(api: ApiClient) -> None:
    """The members of RFC 9457 and ours; `type` leads to a row of the public list."""
    refused = api.with_roles(Role.SETTLEMENT).get("/users")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json == {
        "type": "/api/v1/problems#not_allowed",
        "title": "Your role does not allow this.",
        "title_pl": "Twoja rola na to nie pozwala.",
        "status": 403,
        "code": "not_allowed",
        "way_out": "Ask an administrator for one of the roles: administrator.",
        "way_out_pl": "Poproś administratora o rolę: administrator.",
        "request_id": refused.headers["X-Request-ID"],
    }
    listed = api.app.test_client().get("/api/v1/problems").text
    assert [code for code in REFUSALS if f'id="{code}"' not in listed] == []


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("POST", "/sites", {"data": "{", "content_type": "application/json"}, 400, "bad_request"),
        ("POST", "/sites", {"data": b"\xff\xfe", "content_type": "application/json"}, 400, "bad_request"),
        ("POST", "/sites", {"data": "[]", "content_type": "application/json"}, 422, "invalid_input"),
        ("POST", "/sites", {"data": "code=1", "content_type": FORM}, 415, "unsupported_media_type"),
        ("POST", "/sites", {"data": "<a/>", "content_type": "text/xml"}, 415, "unsupported_media_type"),
        ("POST", "/sites", {"data": b" " * (REQUEST_BYTES + 1), "content_type": "application/json"}, 413, "too_large"),
        ("POST", "/sites", {"json": {"name": "a\x00b"}}, 422, "invalid_input"),
        ("POST", "/sites", {"json": {"logistics": {"a": ["\x00"]}}}, 422, "invalid_input"),
        ("POST", "/sites", {"json": {"name": "a\ud800b"}}, 422, "invalid_input"),
        ("POST", "/sites", {"json": {"logistics": {"\udfff": 1}}}, 422, "invalid_input"),
        ("POST", "/sites", {"json": WHOLE | {"teryt": "١٠١٧٠٩٣"}}, 422, "invalid_input"),
        ("POST", "/sites", {"data": "[" * 20_000, "content_type": "application/json"}, 400, "bad_request"),
        ("POST", "/tokens", {"data": "[" * 20_000, "content_type": "application/json"}, 400, "bad_request"),
        ("POST", "/sites?x=1", {"json": WHOLE}, 422, "invalid_input"),
        ("POST", "/slots/1/unblock", {"json": {"x": 1}}, 422, "invalid_input"),
        ("POST", "/slots/1/unblock", {"data": "{", "content_type": "application/json"}, 422, "invalid_input"),
        ("GET", "/slots/1?x=1", {}, 422, "invalid_input"),
        ("GET", "/slots", {"json": {}}, 422, "invalid_input"),
        ("HEAD", "/slots/1?x=1", {}, 422, None),
        ("DELETE", "/sites/1", {"json": {}}, 422, "invalid_input"),
        ("GET", "/sites?text=%00", {}, 422, "invalid_input"),
        ("GET", "/sites?page=0", {}, 422, "invalid_input"),
        ("GET", "/sites?unknown=1", {}, 422, "invalid_input"),
        ("GET", "/sites/0", {}, 404, "not_found"),
        ("GET", f"/sites/{2**63 - 1}", {}, 404, "not_found"),
        ("GET", f"/sites/{2**63}", {}, 404, "not_found"),
        ("GET", "/sites/-1", {}, 404, "not_found"),
        ("GET", "/nowhere", {}, 404, "not_found"),
        ("PUT", "/sites", {"json": {}}, 405, "method_not_allowed"),
        ("DELETE", "/sites", {}, 405, "method_not_allowed"),
    ],
)
def test_a_request_that_cannot_be_served_is_named(
    api: ApiClient, *, method: str, path: str, options: dict[str, object], status: int, code: str | None
) -> None:
    """Each fault of a request has its status and code, and always the same kind of document."""
    refused = api.call(method, path, **options)
    assert (refused.status_code, refused.headers["Content-Type"]) == (status, "application/problem+json")
    assert (refused.json or {}).get("code") == code


@pytest.mark.parametrize(
    ("status", "told"), [(406, (400, "bad_request")), (416, (400, "bad_request")), (505, (500, "internal"))]
)
def test_a_status_without_a_code_of_its_own_is_a_document_too(
    settings: Settings, engine: Engine, status: int, told: tuple[int, str]
) -> None:
    """Faults of the caller are bad requests, others are ours."""
    rare = create_app(settings)
    rare.add_url_rule("/api/v1/rare", "rare", auth.roles()(lambda: abort(status)))
    answer = api_client(rare, engine).get("/rare")
    assert (answer.status_code, answer.json["code"]) == told
    rare.extensions["engine"].dispose()


def test_an_undeclared_parameter_is_named(api: ApiClient) -> None:
    """In the same form as an unknown field."""
    assert api.get("/slots/1?x=1").json["errors"] == {"query": {"x": ["Unknown field."]}}
    assert api.post("/slots/1/block", {"x": 1}).json["errors"] == {"body": {"body": ["No body is expected."]}}


def test_a_page_tells_a_refusal_as_a_page(app: Flask) -> None:
    """With the same sentence in Polish, the way out, and the number of the request."""
    response = app.test_client().get("/nowhere")
    assert (response.status_code, response.mimetype) == (404, "text/html")
    assert "Nie ma takiego obiektu: /nowhere." in response.text
    assert response.headers["X-Request-ID"] in response.text


def test_what_was_typed_into_an_address_is_only_text(app: Flask) -> None:
    """A page that repeats the address does not run it."""
    assert "<script>" not in app.test_client().get("/<script>alert(1)</script>").text


@auth.roles()
def fail() -> str:
    """A view that fails in a way that nobody foresaw."""
    raise RuntimeError(SECRET)


def test_the_unexpected_is_told_without_anything_internal(
    settings: Settings, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    """The caller gets a request id; the log gets the kind of the exception and its place, never its text."""
    faulty = create_app(replace(settings, log_level="INFO"))
    faulty.add_url_rule("/api/v1/fail", "fail", fail)
    faulty.add_url_rule("/fail", "fail_page", fail)
    client = api_client(faulty, engine)
    person = browser(faulty, engine)
    person.sign_in()
    failed, page = client.get("/fail"), person.get("/fail")
    assert (failed.status_code, failed.json["code"], page.status_code) == (500, "internal", 500)
    assert failed.headers["X-Request-ID"] in failed.json["way_out"]
    log = capsys.readouterr().err
    lines = [json.loads(line) for line in log.splitlines()]
    told = next(line for line in lines if line["event"] == "unexpected_error")
    assert (told["exception"], told["request_id"]) == ("RuntimeError", failed.headers["X-Request-ID"])
    assert "test_errors.py" in told["at"][-1]
    for public in (json.dumps(failed.json), page.text, log):
        assert SECRET not in public
        assert "70051712345" not in public
    assert "RuntimeError" not in json.dumps(failed.json) + page.text
    faulty.extensions["engine"].dispose()


def test_an_unreachable_database_is_a_moment_to_wait(settings: Settings) -> None:
    """The API says 503 and when to come back; a page says so too."""
    app = create_app(replace(settings, database_url="postgresql://nobody@127.0.0.1:1/none"))
    refused = app.test_client().get("/api/v1/sites", headers={"Authorization": "Bearer mu_any"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert refused.json
    assert refused.json["code"] == "busy"
    assert "127.0.0.1" not in refused.text
    client = app.test_client()
    with client.session_transaction() as planted:
        planted["user"], planted["epoch"] = 1, 1
    page = client.get("/")
    assert (page.status_code, "Baza danych chwilowo nie odpowiada" in page.text) == (503, True)
    app.extensions["engine"].dispose()
