"""A small storm with real processes, and the judge shown to see each defect in the database that it left."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace

import psycopg
import pytest

from mobile_units import db, migrations
from mobile_units.config import Settings
from tests.conftest import new_database
from tests.storm.crowd import Report
from tests.storm.judge import judge
from tests.storm.run import Storm, rage

pytestmark = pytest.mark.processes

ATTEMPTS, PROCESSES, SEED = 600, 3, 7


@dataclass(frozen=True)
class Raged:
    """A storm that is over, and the database that it left."""

    storm: Storm
    url: str

    def broken(self, *defect: str) -> set[str]:
        """The rules that the judge finds broken after something was done to the database, which is undone at once."""
        with psycopg.connect(self.url) as connection:
            connection.execute("SET LOCAL session_replication_role = replica")
            for statement in defect:
                connection.execute(statement.encode())
            found = judge(connection, self.storm)
            connection.rollback()
        return {finding.partition(":")[0] for finding in found}


@pytest.fixture(scope="module")
def raged(server_url: str, settings: Settings) -> Raged:
    """600 attempts of three processes in a database of their own."""
    own = replace(settings, database_url=new_database(server_url, "storm"))
    engine = db.engine_of(own)
    migrations.upgrade(engine)
    engine.dispose()
    return Raged(rage(own, ATTEMPTS, PROCESSES, SEED), str(own.database_url))


def test_a_storm_leaves_everything_sound(raged: Raged) -> None:
    """Nobody is booked twice or lost, every attempt was answered, and nobody waited in a circle."""
    assert raged.broken() == set(), raged.storm.figures()


def test_it_was_a_storm(raged: Raged) -> None:
    """All sorts of attempts succeeded, and many women found their last place taken."""
    done = {action for action, answer in raged.storm.answers if answer == "done"}
    assert {"book", "hold", "confirm", "cancel", "move", "change_stop"} <= done
    assert len({"move_many", "offer", "change_path"} & done) > 1
    assert sum(report.losers for report in raged.storm.reports) > 50


A_VISIT = "(SELECT min(id) FROM visits WHERE status IN ('booked', 'confirmed'))"
WITHOUT_CHECKS = (
    "ALTER TABLE slots DROP CONSTRAINT ck_slots_capacity",
    "ALTER TABLE slots DROP CONSTRAINT ck_slots_withdrawn_is_empty",
    "ALTER TABLE slots DROP CONSTRAINT ck_slots_orphaned_has_visits",
    "DROP INDEX uq_visits_one_active_per_woman_and_programme",
    "DROP INDEX uq_waiting_list_entries_one_open_per_woman_and_programme",
)
DEFECTS = {
    "no_slot_is_overfull": "UPDATE slots SET capacity = 0, extra = 0",
    "extra_places_are_for_overbooked_women": "UPDATE slots SET extra = extra + capacity, capacity = 0",
    "taken_counts_visits": "UPDATE slots SET taken = 0",
    "one_visit_in_a_programme": f"UPDATE visits SET woman_id = (SELECT woman_id FROM visits WHERE id = {A_VISIT})",
    "no_visit_is_lost": "UPDATE slots SET status = 'withdrawn'",
    "orphaned_slots_have_visits": "UPDATE slots SET status = 'orphaned'",
    "booked_visits_are_told": "DELETE FROM outbox_messages WHERE kind = 'save_visit'",
    "holds_are_not_told": f"UPDATE visit_changes SET to_status = 'held' WHERE visit_id = {A_VISIT}",
    "ended_visits_are_called_off": "DELETE FROM outbox_messages WHERE kind = 'cancel_visit'",
    "history_ends_where_the_visit_stands": f"UPDATE visits SET status = 'performed' WHERE id = {A_VISIT}",
    "an_offer_is_a_hold": f"""
        INSERT INTO waiting_list_entries
            (provider_id, woman_id, programme, path, channel, urgent, teryt, weekdays, status, visit_id, answer_by,
             version)
        SELECT provider_id, women.id, 'breast', 'mammography', 'desk', false, '10', '{{1}}', 'offered', {A_VISIT},
            now(), 1
        FROM women LIMIT 2
    """,
    "sessions_are_held": "UPDATE visits SET status = 'performed', cancelled_by = NULL, held_until = NULL",
    "slots_tell_whether_one_more_fits": "UPDATE slots SET fits = NOT fits",
    "visits_are_those_reported": f"DELETE FROM visits WHERE id = {A_VISIT}",
}


@pytest.mark.parametrize("rule", DEFECTS)
def test_the_judge_sees_a_defect_in_the_database(raged: Raged, rule: str) -> None:
    """Each question is answered when it should be."""
    assert rule in raged.broken(*WITHOUT_CHECKS, DEFECTS[rule])


def _without_an_answer(report: Report) -> None:
    report.answers["book", "done"] -= 1


def _with_an_error(report: Report) -> None:
    report.answers["book", "done"] -= 1
    report.answers["book", "DeadlockDetected"] += 1


def _without_a_way_out(report: Report) -> None:
    report.without_way_out.append("slot_full")


def _given_to_two(report: Report) -> None:
    report.made.append(report.made[0])


def _with_one_key_for_two(report: Report) -> None:
    report.keys += [("repeated", report.made[0]), ("repeated", report.made[1])]


@pytest.mark.parametrize(
    ("rule", "spoil"),
    [
        ("every_attempt_has_an_answer", _without_an_answer),
        ("every_attempt_has_an_answer", _with_an_error),
        ("losers_have_a_way_out", _without_a_way_out),
        ("visits_are_those_reported", _given_to_two),
        ("a_key_stands_for_one_visit", _with_one_key_for_two),
    ],
)
def test_the_judge_sees_a_defect_in_the_reports(raged: Raged, rule: str, spoil: Callable[[Report], None]) -> None:
    """Each rule about what was answered is able to fail."""
    reports = deepcopy(raged.storm.reports)
    spoil(reports[0])
    spoiled = replace(raged, storm=replace(raged.storm, reports=reports))
    assert rule in spoiled.broken()
