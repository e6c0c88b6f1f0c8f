"""Requests generated from the OpenAPI document: no fault of ours, and nothing changed by what is refused.

A few for each operation in every run; as many as wanted with `--fuzz` (see `make fuzz`).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, note
from hypothesis import settings as hypothesis_settings
from schemathesis import APIOperation, BaseSchema, Case
from schemathesis.core.result import Ok
from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from mobile_units import db, migrations
from mobile_units.config import Settings
from mobile_units.errors import REFUSALS
from mobile_units.models.base import Base
from routes.api.api import FEATURES
from routes.app import create_app
from routes.errors import STATUS
from tests.conftest import new_database
from tests.fuzz import cases, house
from tests.fuzz.cases import Sent, Stock

FEW = 6
"""So many requests for each operation in a usual run."""
PERSONAL = ("Testowa", "Zmyślona", *cases.TEXTS["pesel"], *cases.TEXTS["email"], *cases.TEXTS["telephone"])
"""Of the women in the house, and of those whom requests speak of."""
MAY_CHANGE = {"users": "to_jsonb(t) - 'failed_logins' - 'locked_until' - 'version'"}
"""What a refusal may leave behind: its trace, and the count of attempts to sign in."""


@dataclass
class Fuzzed:
    """The application on one connection whose transaction is never committed, and what is in the database."""

    app: Flask
    schema: BaseSchema
    connection: Connection
    stock: Stock
    digest: str
    before: dict[str, Any]
    told: Counter[tuple[str, int]] = field(default_factory=Counter)

    def send(self, sent: Sent) -> tuple[TestResponse, dict[str, Any]]:
        """The answer, and the data that are otherwise than before; afterwards all is as it was."""
        with self.connection.begin() as outer:
            self.app.extensions["engine"] = self.connection
            headers = {"Authorization": f"Bearer {self.stock.house.tokens[sent.who]}"} | sent.options.get("headers", {})
            with self.connection.begin_nested():
                answer = self.app.test_client().open(**sent.options | {"headers": headers})
                answer.get_data()
                changed = self._changed() if answer.status_code >= 400 or sent.who == "stranger" else {}
            outer.rollback()
        return answer, changed

    def _changed(self) -> dict[str, Any]:
        """Without a transaction id, nothing was written; the digest is exact where something was, and taken back."""
        if self.connection.scalar(text("SELECT pg_current_xact_id_if_assigned()")) is None:
            return {}
        after = digest_of(self.connection, self.digest)
        return {table: after[table] for table in after if after[table] != self.before[table]}


def digest_query() -> str:
    """A number for the rows of each table, whatever their order."""
    rows = {name: MAY_CHANGE.get(name, "t") for name in Base.metadata.tables if name != "audit_entries"}
    total = "coalesce(sum(hashtextextended(({row})::text, 0)), 0)"
    parts = (f"SELECT '{name}', count(*), {total.format(row=row)} FROM {name} t" for name, row in rows.items())  # noqa: S608 -- our own names
    return " UNION ALL ".join(parts)


def digest_of(connection: Connection, query: str) -> dict[str, Any]:
    """The digest by table."""
    return {name: (rows, total) for name, rows, total in connection.execute(text(query))}


@pytest.fixture(scope="module")
def fuzzed(server_url: str, settings: Settings) -> Iterator[Fuzzed]:
    """The application in a database of its own with a full house."""
    own = replace(settings, database_url=new_database(server_url, "fuzz"))
    engine = db.engine_of(own)
    migrations.upgrade(engine)
    stock = cases.stock_of(engine, house.build(engine))
    app = create_app(own)
    app.extensions["engine"].dispose()
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    with engine.connect() as connection, pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "reading", lambda engine: Session(engine, expire_on_commit=False))
        event.listen(Session, "before_commit", check_now)
        query = digest_query()
        before = digest_of(connection, query)
        connection.rollback()
        yield Fuzzed(app, schema, connection, stock, query, before)
        event.remove(Session, "before_commit", check_now)
    engine.dispose()


def check_now(session: Session) -> None:
    """What the database would check at the end of the transaction, which never comes."""
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


def judge(fuzzed: Fuzzed, case: Case[Any], sent: Sent) -> None:
    """Requires of an answer what the document promises; what is done for a user is not done for a stranger."""
    note(f"{sent}")
    answer, changed = fuzzed.send(sent)
    fuzzed.told[case.operation.label, answer.status_code] += 1
    if answer.status_code < 400:
        assert str(answer.status_code) in case.operation.definition.raw["responses"], answer.status_code
    else:
        judge_refusal(fuzzed, case, answer, changed)
    case.operation.validate_response(answer)
    if answer.status_code < 400 and sent.who != "stranger" and (sent.ours_in_path or sent.ours_in_body):
        other, changed = fuzzed.send(replace(sent, who="stranger"))
        assert other.status_code == 404 or not sent.ours_in_path, other.status_code
        assert ([each for each in PERSONAL if each in other.text], changed) == ([], {})


def judge_refusal(fuzzed: Fuzzed, case: Case[Any], answer: TestResponse, changed: dict[str, Any]) -> None:
    """A problem document with a code and sentences in both languages, nobody's data in it, and nothing changed."""
    told = answer.get_json(silent=True)
    assert isinstance(told, dict), answer.status_code
    code = str(told.get("code"))
    assert 400 <= answer.status_code < 500, told
    assert (answer.mimetype, STATUS.get(code)) == ("application/problem+json", answer.status_code)
    assert code in REFUSALS
    assert told["title"]
    assert told["title_pl"]
    assert ("way_out" in told) == ("way_out_pl" in told)
    assert [each for each in PERSONAL if each in answer.text] == []
    assert changed == {}, told


@pytest.mark.parametrize("feature", [each.name for each in FEATURES])
def test_no_request_breaks_anything(fuzzed: Fuzzed, feature: str, request: pytest.FixtureRequest) -> None:
    """Of every operation of a feature: each answer is as documented, refusals are told and change nothing."""
    wanted = request.config.getoption("--fuzz")
    config = hypothesis_settings(
        max_examples=wanted or FEW,
        derandomize=not wanted,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if wanted else [Phase.generate],
    )
    found = [each.ok() for each in fuzzed.schema.get_all_operations() if isinstance(each, Ok)]
    operations = [each for each in found if feature in each.definition.raw["tags"]]
    assert operations
    for operation in operations:
        attempt(fuzzed, operation, config)


def attempt(fuzzed: Fuzzed, operation: APIOperation[Any, Any, Any, Any], config: hypothesis_settings) -> None:
    """Sends requests for one operation."""

    @config
    @given(cases.requests(operation, fuzzed.stock))
    def run(made: tuple[Case[Any], Sent]) -> None:
        judge(fuzzed, *made)

    run()
