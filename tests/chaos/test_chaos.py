"""A short chaos run with real processes, and the judge shown to see each defect in the two stores that it left."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.chaos.judge import Case, judge
from tests.chaos.run import Plan, played

pytestmark = pytest.mark.processes

SHORT = Plan(seed=7, messages=200, days=2, kill_every=(3.0, 6.0), share=0.3, seconds=300)


@dataclass(frozen=True)
class Played:
    """A run that is over and whose stores can still be read."""

    case: Case
    figures: dict[str, Any]
    folder: Path

    def with_defect_there(self, statements: str) -> Case:
        """The case after something was done to a copy of the sandbox's state."""
        copy = self.folder / "defect.sqlite"
        copy.unlink(missing_ok=True)
        with closing(sqlite3.connect(self.case.sandbox_file)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            target.executescript(statements)
        return replace(self.case, sandbox_file=copy)

    def with_defect_here(self, statements: str) -> Case:
        """The case after something was done to a copy of our database."""
        url = self.case.database_url
        with psycopg.connect(url.replace("/postgres?", "/template1?"), autocommit=True, connect_timeout=5) as server:
            server.execute("DROP DATABASE IF EXISTS defect WITH (FORCE)")
            server.execute("CREATE DATABASE defect TEMPLATE postgres")
        url = url.replace("/postgres?", "/defect?")
        with psycopg.connect(url, connect_timeout=5) as connection:
            connection.execute(b"SET session_replication_role = replica")
            connection.execute(statements.encode())
        return replace(self.case, database_url=url)


@pytest.fixture(scope="module")
def run(server_folder: Path) -> Iterator[Played]:
    """200 messages, every third call disturbed, workers killed every few seconds, database and sandbox once."""
    folder = server_folder / "chaos"
    with played(SHORT, folder) as (case, figures):
        yield Played(case, figures, folder)
    shutil.rmtree(folder)


def test_nothing_is_lost_doubled_or_out_of_order(run: Played) -> None:
    """The judge, who reads both stores from outside, finds nothing."""
    assert judge(run.case) == [], run.figures


def test_it_was_chaos(run: Played) -> None:
    """Everything that was to be killed was killed, calls were disturbed, and all the same everything arrived."""
    figures = run.figures
    assert figures["kills"]["worker"] >= 2
    assert figures["kills"]["database"] == figures["kills"]["sandbox"] == 1
    assert figures["disturbed_share"] > 0.15
    assert figures["messages"]["accepted"] >= SHORT.messages


THERE = {
    "every_visit_is_there_once": "DELETE FROM visit WHERE id = (SELECT min(id) FROM visit)",
    "nothing_strange_is_there": "UPDATE visit SET id = id || '0'",
    "last_state_is_there": "UPDATE visit SET status = 'ZREALIZOWANA' WHERE status = 'UMOWIONA'",
    "order_was_kept": "UPDATE arrival SET number = -number",
    "messages_were_accepted_there": "DELETE FROM message WHERE sequence = (SELECT max(sequence) FROM message)",
    "places_were_told": "UPDATE slot SET capacity = capacity + 1 WHERE id = (SELECT min(id) FROM slot)",
    "places_are_counted": "UPDATE visit SET slot = (SELECT min(slot) FROM visit)",
    "nobody_is_booked_twice": """
        INSERT INTO arrival (visit, woman, programme, status, content)
        SELECT 'another', woman, programme, status, content FROM visit WHERE status = 'UMOWIONA' LIMIT 1
    """,
    "receiver_was_asked_first": "UPDATE acceptance SET at = 0",
}
HERE = {
    "every_visit_is_there_once": "UPDATE visits SET uuid = gen_random_uuid() WHERE id = (SELECT min(id) FROM visits)",
    "last_state_is_there": "UPDATE visits SET status = 'performed' WHERE status = 'booked'",
    "order_was_kept": "UPDATE visit_changes SET id = -id",
    "visits_are_passed": "UPDATE visits SET passed_at = NULL",
    "messages_are_done": "UPDATE outbox_messages SET state = 'rejected' WHERE kind = 'save_slots'",
    "messages_were_accepted_there": "UPDATE outbox_messages SET uuid = gen_random_uuid() WHERE kind = 'save_visit'",
    "places_were_told": "UPDATE slots SET told_places = 7 WHERE id = (SELECT min(id) FROM slots)",
    "places_are_counted": "UPDATE slots SET taken = 0",
    "nobody_is_booked_twice": """
        DROP INDEX uq_visits_one_active_per_woman_and_programme;
        UPDATE visits SET woman_id = (SELECT min(woman_id) FROM visits)
    """,
    "attempts_are_complete": "DELETE FROM transmission_attempts WHERE outcome = 'delivered'",
    "attempts_do_not_overlap": """
        INSERT INTO transmission_attempts (message_id, started_at, milliseconds, outcome, endpoint)
        SELECT message_id, started_at - interval '200 ms', 400, 'retryable', endpoint FROM transmission_attempts LIMIT 1
    """,
    "inbound_is_accounted_for": "UPDATE inbound_changes SET state = 'received'",
    "nothing_differs": "UPDATE reconciliations SET state = 'failed', leased_until = NULL",
    "no_personal_data_leaked": "UPDATE transmission_attempts SET description = '{pesel}'",
}


@pytest.mark.parametrize("rule", THERE)
def test_the_judge_sees_a_defect_there(run: Played, rule: str) -> None:
    """Each rule fails when the sandbox holds something else."""
    assert rule in rules_broken(run.with_defect_there(THERE[rule]))


@pytest.mark.parametrize("rule", HERE)
def test_the_judge_sees_a_defect_here(run: Played, rule: str) -> None:
    """Each rule fails when our database holds something else."""
    pesel = run.case.clear(run.case.table("SELECT identity_number FROM women LIMIT 1")[0]["identity_number"])
    assert rule in rules_broken(run.with_defect_here(HERE[rule].format(pesel=pesel)))


def rules_broken(case: Case) -> set[str]:
    """The names of the rules that the judge found broken."""
    return {finding.partition(":")[0] for finding in judge(case)}
