"""The generated OpenAPI document and the page that shows it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate

from routes.auth import PUBLIC, route_name

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    """The document as anybody can read it."""
    read = app.test_client().get("/api/v1/openapi.json").json
    assert isinstance(read, dict)
    return read


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and description of every operation."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    """A validator of the standard finds no fault in it."""
    assert document["openapi"] == "3.1.0"
    validate(document)


def test_every_route_of_the_api_is_in_it(app: Flask, document: dict[str, Any]) -> None:
    """Paths and methods are those of the application, with a summary each and a tag."""
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if hasattr(app.view_functions[rule.endpoint], "view_class")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    told = list(operations(document))
    assert {(path, method) for path, method, _ in told} == served
    assert [path for path, _, operation in told if not operation.get("summary") or not operation["tags"]] == []


def test_it_says_which_operations_need_a_token(app: Flask, document: dict[str, Any]) -> None:
    """A bearer token everywhere, but for what is on the public list."""
    assert document["security"] == [{"bearer": []}]
    assert document["components"]["securitySchemes"]["bearer"] == {"type": "http", "scheme": "bearer"}
    adapter = app.url_map.bind("")
    for path, method, operation in operations(document):
        some = path.replace("{day}", "2027-03-10")
        endpoint, _ = adapter.match(re.sub(r"\{\w+\}", "1", some), method=method.upper())
        public = route_name(endpoint, app.view_functions[endpoint], method) in PUBLIC
        assert (operation.get("security") == []) == public, f"{method} {path}"


def test_every_refusal_is_a_problem_document(document: dict[str, Any]) -> None:
    """Each operation documents refusals, and all of them with the one schema."""
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    required = document["components"]["schemas"]["Problem"]["required"]
    assert sorted(required) == ["code", "status", "title", "title_pl", "type"]
    assert [path for path, _, operation in operations(document) if "default" not in operation["responses"]] == []
    responses = document["components"]["responses"]
    assert responses.pop("NOT_MODIFIED") == {"description": "Not Modified"}
    assert [name for name, each in responses.items() if each["content"] != problem] == []


def test_patterns_are_written_for_json_schema(document: dict[str, Any]) -> None:
    """The anchors of Python mean nothing there."""
    patterns = re.findall(r"'pattern': '([^']*)'", str(document))
    assert patterns
    assert [pattern for pattern in patterns if r"\A" in pattern or r"\Z" in pattern] == []


def test_the_page_comes_with_all_that_it_needs(app: Flask) -> None:
    """Its scripts and styles are served here; nothing is fetched from elsewhere."""
    client = app.test_client()
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    for asset in re.findall(r'(?:src|href|data-document)="([^"]+)"', page.text):
        with client.get(asset) as served:
            assert served.status_code == 200, asset
