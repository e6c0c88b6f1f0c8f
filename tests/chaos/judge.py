"""The judge of the chaos test: reads both sides from outside and names everything that does not fit.

It shares no code with what it judges. Of the product it knows the tables, of the sandbox the state file with its noted
arrivals, and of the contract the words.
"""

import sqlite3
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
from cryptography.fernet import Fernet, MultiFernet
from lxml import etree
from psycopg.rows import dict_row

Row = dict[str, Any]
State = tuple[str, str]
"""Status and examination, in the words of the contract."""

THERE = {
    "held": "UMOWIONA",
    "booked": "UMOWIONA",
    "confirmed": "UMOWIONA",
    "arrived": "UMOWIONA",
    "performed": "ZREALIZOWANA",
    "not_performed": "NIEZREALIZOWANA",
    "no_show": "NIEZREALIZOWANA",
    "cancelled": "ODWOLANA",
    "moved": "ODWOLANA",
}
EXAMINATIONS = {"mammography": "MAMMOGRAFIA", "classic_cytology": "CYTOLOGIA_KLASYCZNA", "hpv_lbc": "HPV_LBC"}
CANCELLERS = {"woman": "PACJENT", "provider": "SWIADCZENIODAWCA", "system": "SWIADCZENIODAWCA"}
OVER = "ODWOLANA"
COMING = "UMOWIONA"
UNSURE = -1
"""What stands for a number of places that the sandbox may or may not have been told."""

VISITS = """
SELECT visits.id, visits.uuid::text, visits.status, visits.path, visits.programme, visits.cancelled_by,
    visits.passed_at, visits.cer_root, visits.cer_extension, visits.woman_id, visits.slot_id, slots.uuid::text AS slot,
    contract_ranges.product_code, women.identity_number, women.telephone, providers.oid_root
FROM visits JOIN slots ON slots.id = slot_id JOIN contract_ranges ON contract_ranges.id = contract_range_id
JOIN women ON women.id = woman_id JOIN providers ON providers.id = visits.provider_id
ORDER BY visits.id
"""
SLOTS = """
SELECT slots.id, slots.uuid::text, slots.status, capacity, taken, told_places, providers.oid_root
FROM slots JOIN schedules ON schedules.id = schedule_id JOIN providers ON providers.id = schedules.provider_id
"""
MESSAGES = """
SELECT outbox_messages.id, uuid::text, kind, subject_id, state, attempts, uncertain, accepted_at, oid_root
FROM outbox_messages JOIN providers ON providers.id = provider_id ORDER BY outbox_messages.id
"""
ATTEMPTS = """
SELECT id, message_id, extract(epoch FROM started_at)::float8 AS began, milliseconds, outcome, code, description,
    endpoint, certificate, sent
FROM transmission_attempts ORDER BY message_id, started_at
"""


@dataclass(frozen=True)
class Case:
    """What is judged: both stores, the keys of the personal data, the lease, and what the kills may have cost.

    `unrecorded` is how many claims may have been left without an attempt, because whoever made it was killed.
    """

    database_url: str
    sandbox_file: Path
    encryption_keys: Sequence[str]
    lease_seconds: float
    unrecorded: int
    logs: Path | None = None

    def table(self, query: str) -> list[Row]:
        """Rows of our database."""
        with psycopg.connect(self.database_url, row_factory=dict_row, connect_timeout=5) as connection:
            return connection.execute(query.encode()).fetchall()

    def there(self, query: str) -> list[Row]:
        """Rows of the sandbox."""
        with closing(sqlite3.connect(self.sandbox_file, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]

    def clear(self, token: bytes | None) -> str:
        """A personal text, decrypted."""
        return self._cipher.decrypt(token).decode() if token else ""

    @cached_property
    def _cipher(self) -> MultiFernet:
        return MultiFernet([Fernet(key) for key in self.encryption_keys])

    @cached_property
    def visits(self) -> list[Row]:
        """Our visits, each with `there`, the identifier by which the sandbox knows it."""
        rows = self.table(VISITS)
        for row in rows:
            own = f"{row['oid_root']}/{row['uuid']}"
            row["there"] = f"{row['cer_root']}/{row['cer_extension']}" if row["cer_root"] else own
        return rows

    @cached_property
    def slots(self) -> list[Row]:
        """Our slots, each with its identifier there."""
        return [{**row, "there": f"{row['oid_root']}/{row['uuid']}"} for row in self.table(SLOTS)]

    @cached_property
    def messages(self) -> list[Row]:
        """Our messages, each with its identifier there."""
        return [{**row, "there": f"{row['oid_root']}/{row['uuid']}"} for row in self.table(MESSAGES)]

    @cached_property
    def attempts(self) -> dict[int, list[Row]]:
        """The attempts of each message in order of time."""
        return _grouped(self.table(ATTEMPTS), "message_id")

    @cached_property
    def held(self) -> dict[str, Row]:
        """The visits that the sandbox holds, with the parsed content."""
        return {row["id"]: {**row, **_said(row["content"])} for row in self.there("SELECT * FROM visit")}

    @cached_property
    def arrivals(self) -> list[Row]:
        """Every state in which a visit was accepted, in order."""
        return [{**row, **_said(row["content"])} for row in self.there("SELECT * FROM arrival ORDER BY number")]

    @cached_property
    def by_women(self) -> set[str]:
        """The visits that women booked or changed in IKP."""
        return {row["visit"] for row in self.arrivals if row["changed_by"] == "PACJENT"}

    @cached_property
    def given_up(self) -> set[int]:
        """The visits about which a person decided that nothing more is sent."""
        return {row["subject_id"] for row in self.messages if row["state"] == "given_up" and "visit" in row["kind"]}


def judge(case: Case) -> list[str]:
    """Everything that does not fit, each with the name of the rule that it breaks; nothing if all does."""
    rules = (
        every_visit_is_there_once,
        nothing_strange_is_there,
        last_state_is_there,
        order_was_kept,
        visits_are_passed,
        messages_are_done,
        messages_were_accepted_there,
        places_were_told,
        places_are_counted,
        nobody_is_booked_twice,
        attempts_are_complete,
        attempts_do_not_overlap,
        receiver_was_asked_first,
        inbound_is_accounted_for,
        nothing_differs,
        no_personal_data_leaked,
    )
    return [f"{rule.__name__}: {finding}" for rule in rules for finding in rule(case)]


def every_visit_is_there_once(case: Case) -> Iterator[str]:
    """Each of our visits is held by the sandbox, and no two under one identifier."""
    known = Counter(visit["there"] for visit in case.visits)
    yield from (f"{name} stands for {count} visits" for name, count in known.items() if count > 1)
    for visit in case.visits:
        if visit["there"] not in case.held and visit["id"] not in case.given_up:
            yield f"visit {visit['id']} ({visit['status']}) is not there"


def nothing_strange_is_there(case: Case) -> Iterator[str]:
    """The sandbox holds no visit that we do not know.

    One booked in IKP may have been cancelled there before we heard of it, or a person may have set it aside.
    """
    known = {visit["there"] for visit in case.visits} | _set_aside(case)
    for name in case.held.keys() - known:
        if name not in case.by_women or case.held[name]["status"] != OVER:
            yield f"{name} is unknown here"


def last_state_is_there(case: Case) -> Iterator[str]:
    """Status, slot, examination, product code, woman and who cancelled are the same on both sides.

    Where a woman moved a visit that we were cancelling, it ended in one slot here and in the other there.
    """
    root = case.visits[0]["oid_root"] if case.visits else ""
    for visit in _settled(case):
        held = case.held[visit["there"]]
        ours = {
            "status": THERE[visit["status"]],
            "slot": f"{root}/{visit['slot']}",
            "examination": EXAMINATIONS[visit["path"]],
            "product": visit["product_code"],
            "pesel": case.clear(visit["identity_number"]),
        }
        if ours["status"] == OVER and visit["there"] in case.by_women:
            ours = {"status": OVER}
        if visit["status"] == "cancelled":
            ours["cancelled_by"] = CANCELLERS[visit["cancelled_by"]]
        if ours["status"] == COMING and visit["there"] not in case.by_women:
            ours["telephone"] = case.clear(visit["telephone"])
        for name, value in ours.items():
            if held[name] != value:
                shown = "differs" if name in {"pesel", "telephone"} else f"{value} here, {held[name]} there"
                yield f"visit {visit['id']}: {name} {shown}"


def order_was_kept(case: Case) -> Iterator[str]:
    """What the sandbox accepted of a visit is part of its history here, in the same order, and ends with the same."""
    arrived: dict[str, list[State]] = defaultdict(list)
    for row in case.arrivals:
        arrived[row["visit"]].append((row["status"], row["examination"]))
    histories = _histories(case)
    for visit in _settled(case):
        if visit["there"] in case.by_women:
            continue
        told, history = _collapsed(arrived[visit["there"]]), _collapsed(histories[visit["id"]])
        if not _is_part(told, history) or told[-1:] != history[-1:]:
            yield f"visit {visit['id']}: told {_shown(told)}, happened {_shown(history)}"


def visits_are_passed(case: Case) -> Iterator[str]:
    """A visit whose newest message was accepted counts as passed, and no other."""
    newest = {m["subject_id"]: m for m in case.messages if m["kind"] == "save_visit"}
    for visit in case.visits:
        message = newest.get(visit["id"])
        accepted = message is not None and message["state"] == "accepted"
        if message is not None and accepted != (visit["passed_at"] is not None):
            yield f"visit {visit['id']}: passed_at {visit['passed_at']}, its newest message is {message['state']}"


def messages_are_done(case: Case) -> Iterator[str]:
    """Every message was accepted, but for those that a person gave up."""
    for message in case.messages:
        if message["state"] not in {"accepted", "given_up"}:
            yield f"message {message['id']} ({message['kind']}) is {message['state']}"
        elif message["state"] == "accepted" and message["accepted_at"] is None:
            yield f"message {message['id']} has no accepted_at"


def messages_were_accepted_there(case: Case) -> Iterator[str]:
    """What counts as accepted here was accepted there, and the other way round."""
    there = {row["id"] for row in case.there("SELECT id FROM message")}
    for message in case.messages:
        silent = any(attempt["code"] == "nothing_to_send" for attempt in case.attempts.get(message["id"], ()))
        if message["state"] == "accepted" and message["there"] not in there and not silent:
            yield f"message {message['id']} ({message['kind']}) was not accepted there"
        if message["state"] == "given_up" and message["there"] in there:
            yield f"message {message['id']} ({message['kind']}) was given up, but accepted there"
    for strange in there - {message["there"] for message in case.messages}:
        yield f"message {strange} is unknown here"


def places_were_told(case: Case) -> Iterator[str]:
    """The sandbox offers the places that each slot has, and we know that it does."""
    offered = {row["id"]: row["capacity"] for row in case.there("SELECT id, capacity FROM slot")}
    for slot in case.slots:
        there, told = offered.pop(slot["there"], None), slot["told_places"]
        wanted = {"open": slot["capacity"], "blocked": slot["taken"], "withdrawn": 0}[slot["status"]]
        if (there or 0) != wanted:
            yield f"slot {slot['id']} ({slot['status']}): {wanted} places here, {there} there"
        if told not in {None, UNSURE, there}:
            yield f"slot {slot['id']}: {told} places told, {there} there"
    yield from (f"slot {name} is unknown here" for name in offered)


def places_are_counted(case: Case) -> Iterator[str]:
    """`taken` is the number of visits that hold a place, here as there, and never more than there are."""
    here = Counter(visit["slot_id"] for visit in case.visits if THERE[visit["status"]] != OVER)
    strange = _set_aside(case) - {visit["there"] for visit in case.visits}
    there = Counter(row["slot"] for row in case.held.values() if row["status"] != OVER and row["id"] not in strange)
    disputed = {visit["slot_id"] for visit in case.visits if visit["id"] in case.given_up}
    for slot in case.slots:
        holding, told = here[slot["id"]], there[slot["there"]]
        if slot["taken"] != holding or (told != holding and slot["id"] not in disputed):
            yield f"slot {slot['id']}: taken {slot['taken']}, {holding} visits here, {told} there"
        if holding > slot["capacity"] or told > slot["capacity"]:
            yield f"slot {slot['id']} is overfull: {holding} here, {told} there, {slot['capacity']} places"


def nobody_is_booked_twice(case: Case) -> Iterator[str]:
    """At no time did a woman have two visits to come in one programme, here or there."""
    here = Counter((v["woman_id"], v["programme"]) for v in case.visits if THERE[v["status"]] == COMING)
    yield from (f"woman {woman} in {programme} here" for (woman, programme), count in here.items() if count > 1)
    coming: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in case.arrivals:
        visits = coming[row["pesel"], row["programme"]]
        visits.discard(row["visit"])
        if row["status"] == COMING:
            visits.add(row["visit"])
        if len(visits) > 1:
            yield f"arrival {row['number']}: {len(visits)} visits of one woman in {row['programme']} there"


def attempts_are_complete(case: Case) -> Iterator[str]:
    """Each attempt says how it ended, where and under which certificate; few claims are without one."""
    for attempt in (each for attempts in case.attempts.values() for each in attempts):
        missing = [name for name in _needed(attempt) if attempt[name] in {None, ""}]
        if missing or attempt["milliseconds"] < 0:
            yield f"attempt {attempt['id']} ({attempt['outcome']}) lacks {', '.join(missing)}"
    claims = sum(message["attempts"] for message in case.messages)
    recorded = sum(map(len, case.attempts.values()))
    if not 0 <= claims - recorded <= case.unrecorded:
        yield f"{claims} claims and {recorded} attempts; the kills explain {case.unrecorded}"
    for message in case.messages:
        if message["state"] == "accepted" and not any(map(_accepts, case.attempts.get(message["id"], ()))):
            yield f"message {message['id']} was accepted without an attempt that says so"


def attempts_do_not_overlap(case: Case) -> Iterator[str]:
    """A message is on its way once at a time; only an attempt that outlived its lease may meet the next one."""
    for message_id, attempts in case.attempts.items():
        for former, latter in pairwise(attempts):
            lasted = former["milliseconds"] / 1000
            if latter["began"] < former["began"] + lasted - 0.05 and lasted < case.lease_seconds:
                yield f"message {message_id}: attempts {former['id']} and {latter['id']} overlap"


def receiver_was_asked_first(case: Case) -> Iterator[str]:
    """After an attempt of unknown outcome nothing is sent that the sandbox has already.

    Who asks learns that it arrived and sends nothing, so an attempt that kept an envelope did not ask.
    """
    accepted = {row["message"]: row["at"] for row in case.there("SELECT message, at FROM acceptance")}
    for message in case.messages:
        attempts = case.attempts.get(message["id"], [])
        for former, latter in pairwise(attempts):
            known = accepted.get(message["there"], float("inf")) < latter["began"] - 0.05
            if former["outcome"] == "outcome_unknown" and known and latter["sent"]:
                yield f"message {message['id']}: attempt {latter['id']} sent again what had arrived"


def inbound_is_accounted_for(case: Case) -> Iterator[str]:
    """Every change that came from the sandbox was taken over, known already, or decided by a person."""
    rows = case.table("SELECT * FROM inbound_changes")
    for row in rows:
        there = case.held.get(f"{row['cer_root']}/{row['cer_extension']}", {"status": "gone"})
        if row["state"] in {"received", "conflict"}:
            yield f"inbound change {row['id']} is {row['state']} ({row['code']})"
        if row["state"] == "applied" and row["visit_id"] is None and there["status"] != OVER:
            yield f"inbound change {row['id']} was applied to no visit"
        if row["state"] == "dismissed" and row["decided_at"] is None:
            yield f"inbound change {row['id']} was dismissed by nobody"
    told = {f"{row['cer_root']}/{row['cer_extension']}" for row in rows}
    last = {row["visit"]: row["changed_by"] for row in case.arrivals}
    yield from (f"what a woman did to {name} never came" for name in case.by_women - told if last[name] == "PACJENT")


def nothing_differs(case: Case) -> Iterator[str]:
    """The product's own comparison, done last, was finished and found nothing, not even what it mended itself.

    Those before it met a system in trouble; what they found must not wait for a person any more.
    """
    comparisons = case.table("SELECT id, state FROM reconciliations ORDER BY id")
    last = comparisons[-1] if comparisons else {"id": 0, "state": "missing"}
    if last["state"] != "done":
        yield f"the last comparison is {last['state']}"
    for row in case.table("SELECT * FROM reconciliation_differences"):
        if row["reconciliation_id"] == last["id"] or row["state"] == "open":
            yield f"visit {row['visit_id']}: {row['kind']} {row['fields']}, {row['state']}"


def no_personal_data_leaked(case: Case) -> Iterator[str]:
    """No PESEL is in what was kept of an attempt, or in a log."""
    secret = {case.clear(row["identity_number"]).encode() for row in case.table("SELECT identity_number FROM women")}
    for attempt in (each for attempts in case.attempts.values() for each in attempts):
        kept = (zlib.decompress(attempt["sent"]) if attempt["sent"] else b"") + str(attempt["description"]).encode()
        if secret & _numbers(kept):
            yield f"attempt {attempt['id']} keeps a PESEL"
    for log in sorted(case.logs.glob("*.log")) if case.logs else ():
        if secret & _numbers(log.read_bytes()):
            yield f"{log.name} holds a PESEL"


def _settled(case: Case) -> list[Row]:
    """The visits that have to be the same on both sides."""
    return [visit for visit in case.visits if visit["there"] in case.held and visit["id"] not in case.given_up]


def _set_aside(case: Case) -> set[str]:
    query = "SELECT cer_root, cer_extension FROM inbound_changes WHERE state = 'dismissed'"
    return {f"{row['cer_root']}/{row['cer_extension']}" for row in case.table(query)}


def _histories(case: Case) -> dict[int, list[State]]:
    """The states of each visit in the order of its changes; a change of the path names both paths as its reason."""
    changes = _grouped(case.table("SELECT * FROM visit_changes ORDER BY visit_id, id"), "visit_id")
    histories = {}
    for visit in case.visits:
        own = [(row["to_status"], _paths_in(case.clear(row["reason"]))) for row in changes.get(visit["id"], ())]
        path = next((paths[0] for _, paths in own if paths), visit["path"])
        states: list[State] = []
        for status, paths in own:
            path = paths[1] if paths else path
            states.append((THERE[status], EXAMINATIONS[path]))
        histories[visit["id"]] = states
    return histories


def _paths_in(reason: str) -> tuple[str, str] | None:
    before, arrow, after = reason.partition(" → ")
    return (before, after) if arrow and {before, after} <= EXAMINATIONS.keys() else None


def _said(content: bytes) -> Row:
    """What the XML of a visit says."""
    visit = etree.fromstring(content)

    def text(path: str) -> str | None:
        found = visit.find("/".join(f"{{*}}{name}" for name in path.split("/")))
        return None if found is None else (found.text or "").strip()

    return {
        "examination": text("sciezka"),
        "product": text("kodZakresu"),
        "cancelled_by": text("odwolanaPrzez"),
        "pesel": text("pacjent/identyfikator/extension"),
        "telephone": text("pacjent/telefon"),
    }


def _collapsed(states: Iterable[State]) -> list[State]:
    """Without repetitions in a row."""
    kept: list[State] = []
    for state in states:
        if kept[-1:] != [state]:
            kept.append(state)
    return kept


def _is_part(part: Sequence[State], whole: Sequence[State]) -> bool:
    """Whether everything of a part is found in the whole, in order."""
    rest = iter(whole)
    return all(state in rest for state in part)


def _shown(states: Iterable[State]) -> str:
    return " > ".join(f"{status} {examination}" for status, examination in states)


def _needed(attempt: Mapping[str, Any]) -> list[str]:
    needed = ["outcome", "endpoint"]
    if attempt["outcome"] == "delivered":
        needed.append("sent")
    if attempt["sent"]:
        needed.append("certificate")
    if attempt["outcome"] in {"rejected", "halted"}:
        needed.append("code")
    if attempt["outcome"] in {"retryable", "outcome_unknown", "halted"}:
        needed.append("description")
    return needed


def _accepts(attempt: Mapping[str, Any]) -> bool:
    return attempt["outcome"] in {"delivered", "already_delivered"}


def _grouped(rows: Iterable[Row], key: str) -> dict[int, list[Row]]:
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups


def _numbers(text: bytes) -> set[bytes]:
    """Every run of exactly 11 digits."""
    digits = bytes(byte if 48 <= byte <= 57 else 32 for byte in text)
    return {run for run in digits.split() if len(run) == 11}
