"""The commands `transmissions`: what they print, what they write, and how they end."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from mobile_units import cli, clock, db
from mobile_units.clock import WARSAW
from mobile_units.config import Settings
from mobile_units.models.providers import Provider
from mobile_units.models.transmissions import AttemptOutcome, MessageState, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.services import evidence
from tests import factories, factories_log
from tests.environment import environment

Run = Callable[..., Result]


@pytest.fixture
def provider(engine: Engine) -> Provider:
    """A provider among others, so that each command names it."""
    with db.transaction(engine) as session:
        factories.provider(session)
        return factories.provider(session)


@pytest.fixture
def run(settings: Settings, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command for the provider, in the environment of the test database."""
    monkeypatch.delenv("MOBILE_UNITS_TEST_SERVER")
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: object) -> Result:
        words = ["transmissions", *map(str, arguments), "--provider", provider.rpwdl_book]
        return CliRunner().invoke(cli.cli, words)

    return run


@pytest.fixture
def rejected(engine: Engine, provider: Provider) -> tuple[Visit, OutboxMessage]:
    """A visit of today whose message was rejected an hour ago, after a failure of the centre."""
    with db.transaction(engine) as session:
        visit = factories_log.visit(session, provider.id, clock.today())
        message = factories_log.of_visit(session, visit, MessageState.REJECTED)
        hour_ago = clock.now() - timedelta(hours=1)
        factories_log.attempt(session, message, hour_ago, AttemptOutcome.RETRYABLE, "bladWewnetrzny", "Błąd")
        factories_log.attempt(
            session, message, hour_ago + timedelta(minutes=1), AttemptOutcome.REJECTED, "x", "REG.WER.13: brak"
        )
        return visit, message


def state_of(engine: Engine, message: OutboxMessage) -> MessageState:
    """The state of a message as it stands."""
    with Session(engine) as session:
        return session.get_one(OutboxMessage, message.id).state


def test_messages_are_listed(run: Run, rejected: tuple[Visit, OutboxMessage]) -> None:
    """As a table or as JSON, filtered by state, kind and day."""
    visit, message = rejected
    heading, line = run("list").output.splitlines()
    assert heading.split()[:4] == ["id", "day", "state", "kind"]
    assert line.split()[:4] == [str(message.id), str(clock.today()), "rejected", "save_visit"]
    assert f"wizyta {visit.id}" in line
    told = json.loads(run("list", "--json").output)
    assert (told["total"], told["messages"][0]["id"]) == (1, message.id)
    assert run("list", "--state", "pending").output == "Nothing found.\n"
    assert run("list", "--kind", "save_slots").output == "Nothing found.\n"
    assert run("list", "--day", "2020-01-01").output == "Nothing found.\n"
    assert str(message.id) in run("list", "--state", "rejected", "--kind", "save_visit", "--day", clock.today()).output


def test_a_long_list_says_how_much_is_left_out(engine: Engine, run: Run, provider: Provider) -> None:
    """So that nobody takes a part for the whole."""
    with db.transaction(engine) as session:
        for _ in range(3):
            factories_log.message(session, provider.id, MessageState.REJECTED)
    assert run("list", "--limit", 2).output.endswith("… and 1 more (--limit).\n")
    assert run("work-list", "--limit", 2).output.endswith("… and 1 more (--limit).\n")


def test_the_list_of_work_says_what_to_correct(run: Run, rejected: tuple[Visit, OutboxMessage]) -> None:
    """In Polish, below each message; as JSON in both languages."""
    said = " ".join(run("work-list").output.split())
    assert "REG.WER.13: W terminie nie ma wolnego miejsca." in said
    assert "→ Sprawdź, kto zajmuje termin" in said
    (item,) = json.loads(run("work-list", "--json", "--rule", "REG.WER.13").output)["items"]
    assert item["meaning"]["en"] == "The slot has no free place."
    assert run("work-list", "--rule", "REG.WER.1").output == "Nothing was rejected.\n"


def test_a_message_is_shown_with_its_attempts(run: Run, rejected: tuple[Visit, OutboxMessage]) -> None:
    """And what its refusal means, in both languages."""
    _, message = rejected
    said = run("show", message.id).output
    assert "bladWewnetrzny" in said
    assert "The slot has no free place." in said
    told = json.loads(run("show", message.id, "--json").output)
    assert [each["outcome"] for each in told["log"]] == ["retryable", "rejected"]
    assert told["log"][0]["certificate"] == factories_log.CERTIFICATE


def test_instants_are_those_of_polish_clocks_or_of_programs(
    engine: Engine, run: Run, rejected: tuple[Visit, OutboxMessage]
) -> None:
    """All of them alike: a table has no second clock in it, and JSON names the offset."""
    with Session(engine) as session:
        message = session.get_one(OutboxMessage, rejected[1].id)
        due_at, started_at = (each.astimezone(WARSAW) for each in (message.due_at, message.log[0].started_at))
    said = run("show", message.id).output
    assert all(f"{instant:%Y-%m-%d %H:%M:%S}" in said for instant in (due_at, started_at))
    assert "+00:00" not in said
    told = json.loads(run("show", message.id, "--json").output)
    (listed,) = json.loads(run("list", "--json").output)["messages"]
    for text, instant in ((told["due_at"], due_at), (told["log"][0]["started_at"], started_at)):
        assert datetime.fromisoformat(text) == instant
    assert listed["due_at"] == told["due_at"]


def test_rejected_messages_are_sent_again(engine: Engine, run: Run, rejected: tuple[Visit, OutboxMessage]) -> None:
    """One, or all of a rule; what is meant has to be said."""
    _, message = rejected
    for wrong in ([], [message.id, "--all-rejected"], [message.id, "--rule", "REG.WER.13"]):
        assert run("resend", *wrong).exit_code == 2
    assert run("resend", "--all-rejected", "--rule", "REG.WER.1").output == "Messages that are sent again: 0.\n"
    assert run("resend", message.id).output == "Messages that are sent again: 1.\n"
    assert state_of(engine, message) is MessageState.PENDING


def test_a_message_is_given_up(engine: Engine, run: Run, rejected: tuple[Visit, OutboxMessage]) -> None:
    """Never without a reason."""
    _, message = rejected
    assert run("give-up", message.id).exit_code == 2
    assert run("give-up", message.id, "--reason", " x ").exit_code == 2
    assert run("give-up", message.id, "--reason", "prywatnie").output == f"Message {message.id} is given up.\n"
    assert state_of(engine, message) is MessageState.GIVEN_UP


def test_a_halted_link_is_resumed(engine: Engine, run: Run, provider: Provider) -> None:
    """Until then a check names it."""
    with db.transaction(engine) as session:
        factories_log.link(
            session, provider.id, halted_at=clock.now(), halted_reason="x", halted_code="kontoZablokowane"
        )
    halted = run("check")
    assert (halted.exit_code, "link_halted" in halted.output, "kontoZablokowane" in halted.output) == (1, True, True)
    assert run("resume").output == "Sending goes on.\n"
    assert run("check").exit_code == 0


def test_evidence_is_written(run: Run, rejected: tuple[Visit, OutboxMessage], tmp_path: Path) -> None:
    """JSON and PDF of one reading, with the verdict on the terminal; the digest belongs to both."""
    visit, _ = rejected
    data, printed = tmp_path / "dowod.json", tmp_path / "dowod.pdf"
    said = run("evidence", visit.uuid, "--json", data, "--pdf", printed).output
    document = json.loads(data.read_text(encoding="utf-8"))
    assert document["sha256"] == hashlib.sha256(evidence.canonical(document)).hexdigest()
    assert said.splitlines()[0] == "Wizyta nieprzekazana, termin jeszcze trwa."
    assert said.splitlines()[-1] == f"SHA-256 {document['sha256']}"
    assert printed.read_bytes().startswith(b"%PDF-")
    assert json.loads(run("evidence", visit.id).output)["visit"]["uuid"] == str(visit.uuid)


def test_visits_at_risk_are_listed(run: Run, rejected: tuple[Visit, OutboxMessage]) -> None:
    """What needs a person is marked; why and what to do stands below."""
    visit, _ = rejected
    said = run("at-risk").output
    assert said.startswith(f"! today   wizyta {visit.id}, ")
    assert "→ Popraw dane i wyślij komunikat ponownie." in said
    (each,) = json.loads(run("at-risk", "--json").output)["visits"]
    assert (each["visit_id"], each["why"], each["rule"]) == (visit.id, "rejected", "REG.WER.13")


def test_outages_are_listed(engine: Engine, run: Run, rejected: tuple[Visit, OutboxMessage]) -> None:
    """Momentary failures are counted, and listed if one asks."""
    _, message = rejected
    yesterday = clock.now() - timedelta(days=1)
    with db.transaction(engine) as session:
        for minutes in (0, 5):
            at = yesterday + timedelta(minutes=minutes)
            factories_log.attempt(session, message, at, AttemptOutcome.RETRYABLE, "bladZapisu", "Błąd")
        factories_log.attempt(session, message, yesterday + timedelta(minutes=7))
    days = ["--from", clock.today() - timedelta(days=2), "--to", clock.today()]
    _, line, rest = run("outages", *days).output.splitlines()
    assert ("0:07:00" in line, "server_error 2" in line) == (True, True)
    assert rest == "Momentary failures not listed: 1 (--momentary)."
    assert len(json.loads(run("outages", *days, "--momentary", "--json").output)) == 2


@pytest.mark.parametrize("day", ["1899-12-31", "9999-12-31"])
def test_a_day_of_another_age_is_refused(run: Run, day: str) -> None:
    """As in the API, and without a traceback."""
    refused = run("outages", "--from", clock.today(), "--to", day)
    assert (refused.exit_code, "from 1900-01-01 to 2199-12-31" in refused.output) == (2, True)


def test_what_was_sent_is_printed(run: Run, rejected: tuple[Visit, OutboxMessage]) -> None:
    """By the key that `show` prints."""
    _, message = rejected
    attempt = json.loads(run("show", message.id, "--json").output)["log"][0]
    assert run("sent", attempt["id"]).output == factories_log.ENVELOPE + "\n"


def test_a_check_ends_with_the_worst_finding(engine: Engine, run: Run, rejected: tuple[Visit, OutboxMessage]) -> None:
    """2 while a visit of today is stuck, 1 while a person is needed, 0 if all is well."""
    visit, message = rejected
    said = run("check")
    assert (said.exit_code, said.output.splitlines()[0][:22]) == (2, "CRITICAL  visits_today")
    assert [each["code"] for each in json.loads(run("check", "--json").output)] == ["visits_today", "rejected"]
    with db.transaction(engine) as session:
        session.get_one(Visit, visit.id).urgent = True
    assert run("check").exit_code == 1
    assert run("resend", message.id).exit_code == 0
    said = run("check")
    assert (said.exit_code, said.output) == (0, "OK        nothing needs a person\n")
