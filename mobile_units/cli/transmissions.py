"""The commands `mobile-units transmissions`: the hand-over as those see it whose money depends on it."""

import json
import shutil
import sys
import textwrap
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from mobile_units import clock
from mobile_units.cli.common import (
    DAY,
    command_actor,
    command_session,
    json_option,
    print_json,
    print_table,
    provider_option,
)
from mobile_units.clock import WARSAW
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.rules.transmissions import MessageKind

SHORTEST_REASON = 3
NEW_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
limit_option = click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, 500), help="Print at most so many."
)


@click.group("transmissions")
def transmissions() -> None:
    """Look after the hand-over of visits."""


@transmissions.command("list")
@click.option("--state", type=click.Choice([state.value for state in MessageState]), help="Only those in this state.")
@click.option("--kind", type=click.Choice([kind.value for kind in MessageKind]), help="Only those of this kind.")
@click.option("--day", type=DAY, help="Only those of this service day.")
@limit_option
@json_option
@provider_option
def list_messages(  # noqa: PLR0913, PLR0917 -- one parameter for each option
    state: str | None,
    kind: str | None,
    day: datetime | None,
    limit: int,
    as_json: bool,  # noqa: FBT001 -- a flag
    book: str | None,
) -> None:
    """List messages, nearest service day first."""
    from mobile_units.services import subjects
    from mobile_units.services import transmissions as service
    from mobile_units.services.queries import Paging

    wanted = day.date() if day else None
    criteria = service.TransmissionFilter(
        Paging(1, limit),
        MessageState(state) if state else None,
        MessageKind(kind) if kind else None,
        first_day=wanted,
        last_day=wanted,
    )
    with command_session() as session:
        page = service.find(session, command_actor(session, book), criteria)
        about = subjects.describe(session, page.items)
        rows = [{**_message(message), "about": subjects.subject_of(about, message).text_pl} for message in page.items]
    if as_json:
        return print_json({"total": page.total, "messages": rows})
    print_table(["id", "day", "state", "kind", "tries", "waits for", "about"], [_message_row(row) for row in rows])
    return _more(page.total, len(rows))


def _message(message: OutboxMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "uuid": str(message.uuid),
        "service_day": message.service_day,
        "state": message.state.value,
        "kind": message.kind.value,
        "subject_id": message.subject_id,
        "attempts": message.attempts,
        "due_at": _iso(message.due_at),
        "accepted_at": _iso(message.accepted_at),
        "waits_for": [each.id for each in message.waits_for],
    }


def _message_row(row: dict[str, Any]) -> list[str]:
    waits_for = ", ".join(map(str, row["waits_for"]))
    shown = [row[name] for name in ("id", "service_day", "state", "kind", "attempts")]
    return [*map(str, shown), waits_for, row["about"]]


@transmissions.command("work-list")
@click.option("--rule", help="Only what broke this rule or has this code.")
@limit_option
@json_option
@provider_option
def work_list(rule: str | None, limit: int, as_json: bool, book: str | None) -> None:  # noqa: FBT001 -- a flag
    """List rejected messages and what to correct."""
    from mobile_units.services import transmissions as service
    from mobile_units.services.queries import Paging

    with command_session() as session:
        page = service.work_list(session, command_actor(session, book), service.WorkFilter(Paging(1, limit), rule))
    if as_json:
        return print_json({"total": page.total, "items": [_work_item(item) for item in page.items]})
    for item in page.items:
        click.echo(f"{item.message.id}  {item.message.service_day}  {item.subject.text_pl}")
        _paragraph(f"{item.rule or item.meaning.code}: {item.meaning.pl}")
        _paragraph(f"→ {item.meaning.correct_pl}")
        if item.waiting:
            _paragraph(f"(messages that wait for it: {item.waiting})")
    if not page.items:
        click.echo("Nothing was rejected.")
    return _more(page.total, len(page.items))


def _work_item(item: Any) -> dict[str, Any]:
    told = {name: getattr(item, name) for name in ("rejected_at", "code", "rule", "description", "waiting")}
    message = {"id": item.message.id, "kind": item.message.kind.value, "service_day": item.message.service_day}
    return {**message, **told, "about": item.subject.text_pl, "meaning": asdict(item.meaning)}


@transmissions.command("show")
@click.argument("message_id", type=int, help="Key of the message.")
@json_option
@provider_option
def show(message_id: int, as_json: bool, book: str | None) -> None:  # noqa: FBT001 -- a flag
    """Show a message with every attempt to deliver it."""
    from mobile_units.rules.refusals import meaning_of, rule_in
    from mobile_units.services import subjects
    from mobile_units.services import transmissions as service

    with command_session() as session:
        message = service.get(session, command_actor(session, book), message_id)
        about = subjects.subject_of(subjects.describe(session, [message]), message).text_pl
        told = {**_message(message), "about": about, "note": message.note}
        log = [_attempt(attempt) for attempt in message.log]
    if as_json:
        return print_json({**told, "log": log})
    told |= {"due_at": _local(message.due_at), "accepted_at": _local(message.accepted_at)}
    click.echo("\n".join(f"{name:<12} {value}" for name, value in told.items() if value not in [None, "", []]))
    click.echo()
    columns = ["attempt", "started", "ms", "outcome", "code", "description"]
    rows = [{**each, "started_at": _local(attempt.started_at)} for each, attempt in zip(log, message.log, strict=True)]
    print_table(columns, [[str(row[name] or "") for name in _ATTEMPT] for row in rows])
    if message.state is MessageState.REJECTED and log:
        meaning = meaning_of(log[-1]["code"], rule_in(log[-1]["description"]))
        click.echo()
        for sentence in (meaning.pl, meaning.en, f"→ {meaning.correct_pl}", f"→ {meaning.correct_en}"):
            _paragraph(sentence)
    return None


_ATTEMPT = ("id", "started_at", "milliseconds", "outcome", "code", "description")


def _attempt(attempt: Any) -> dict[str, Any]:
    more = ("event_uuid", "endpoint", "certificate")
    told = {name: getattr(attempt, name) for name in (*_ATTEMPT, *more)}
    return {**told, "outcome": attempt.outcome.value, "started_at": _iso(attempt.started_at)}


@transmissions.command("resend")
@click.argument("message_id", type=int, required=False, help="Key of a rejected message.")
@click.option("--all-rejected", is_flag=True, help="All rejected messages.")
@click.option("--rule", help="With --all-rejected: only those that broke this rule or have this code.")
@provider_option
def resend(message_id: int | None, all_rejected: bool, rule: str | None, book: str | None) -> None:  # noqa: FBT001 -- a flag
    """Send rejected messages again, once what was wrong is corrected."""
    from mobile_units.services import transmissions as service

    if (message_id is None) is not all_rejected or (rule and not all_rejected):
        raise click.UsageError("give the key of a message, or --all-rejected with or without --rule")
    with command_session() as session:
        actor = command_actor(session, book)
        if message_id is None:
            count = service.resend_all(session, actor, rule, clock.now())
        else:
            count = bool(service.resend(session, actor, message_id, clock.now()))
        click.echo(f"Messages that are sent again: {int(count)}.")


@transmissions.command("give-up")
@click.argument("message_id", type=int, help="Key of a rejected message.")
@click.option("--reason", required=True, help="Why; it is kept.")
@provider_option
def give_up(message_id: int, reason: str, book: str | None) -> None:
    """Decide not to send a rejected message again.

    What waited for it waits no more.
    """
    from mobile_units.services import transmissions as service

    if len(reason.strip()) < SHORTEST_REASON:
        raise click.UsageError(f"the reason needs at least {SHORTEST_REASON} characters")
    with command_session() as session:
        command = service.GivingUp(reason.strip())
        service.give_up(session, command_actor(session, book), message_id, command, clock.now())
        click.echo(f"Message {message_id} is given up.")


@transmissions.command("resume")
@provider_option
def resume(book: str | None) -> None:
    """Send again after a halt, once its cause is mended."""
    from mobile_units.services import transmissions as service

    with command_session() as session:
        service.resume(session, command_actor(session, book), clock.now())
        click.echo("Sending goes on.")


@transmissions.command("evidence")
@click.argument("visit", help="Key or UUID of a visit.")
@click.option("--json", "json_file", type=NEW_FILE, help="Write the JSON to this file.")
@click.option("--pdf", "pdf_file", type=NEW_FILE, help="Write the PDF to this file.")
@provider_option
def evidence(visit: str, json_file: Path | None, pdf_file: Path | None, book: str | None) -> None:
    """Show whether a visit was passed in time, and why not.

    Without --json and --pdf the JSON is printed. Its `sha256` is printed in the PDF.
    """
    from mobile_units.services import evidence as service

    with command_session() as session:
        actor = command_actor(session, book)
        document = service.read(session, actor, service.find_visit(session, actor, visit), clock.now())
    if json_file:
        json_file.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if pdf_file:
        pdf_file.write_bytes(service.pdf(document))
    if not (json_file or pdf_file):
        return print_json(document)
    verdict = document["verdict"]
    click.echo(f"Wizyta {verdict['timing_pl']}.")
    if verdict["reason_pl"]:
        click.echo(f"Ustalenie: {verdict['reason_pl']}.")
        click.echo(verdict["finding_pl"])
    return click.echo(f"SHA-256 {document['sha256']}")


@transmissions.command("at-risk")
@click.option("--days", default=14, show_default=True, type=click.IntRange(0, 366), help="Look so many days ahead.")
@limit_option
@json_option
@provider_option
def at_risk(days: int, limit: int, as_json: bool, book: str | None) -> None:  # noqa: FBT001 -- a flag
    """List visits that have still to be passed, today's first.

    The NFZ pays for them only if they are passed in time. Each says why it is not passed and what to do; what needs a
    person is marked.
    """
    from mobile_units.services import risks
    from mobile_units.services.queries import Paging

    with command_session() as session:
        criteria = risks.RiskFilter(Paging(1, limit), horizon_days=days)
        page = risks.find(session, command_actor(session, book), criteria, clock.now())
    if as_json:
        return print_json({"total": page.total, "visits": [_visit_at_risk(visit) for visit in page.items]})
    if not page.items:
        click.echo("No visit is at risk.")
    for visit in page.items:
        mark = "!" if visit.why.needs_a_person else " "
        changed = ", changed since it was passed" if visit.changed_since else ""
        click.echo(f"{mark} {visit.when.value:<6}  {visit.subject.text_pl}{changed}")
        since = f" (since {_local(visit.since)})" if visit.since else ""
        _paragraph(f"{visit.detail_pl}{since}")
        _paragraph(f"→ {visit.why.to_do_pl}")
    return _more(page.total, len(page.items))


def _visit_at_risk(visit: Any) -> dict[str, Any]:
    words = {"to_do_pl": visit.why.to_do_pl, "to_do_en": visit.why.to_do_en, "needs_a_person": visit.why.needs_a_person}
    return {**asdict(visit), "when": visit.when.value, "why": visit.why.value, **words}


@transmissions.command("outages")
@click.option("--from", "first", type=DAY, required=True, help="First day.")
@click.option("--to", "last", type=DAY, required=True, help="Last day.")
@click.option("--minimum", default=60, show_default=True, type=click.IntRange(0, 86_400), help="Seconds of an outage.")
@click.option("--momentary", is_flag=True, help="Also single and shorter failures.")
@json_option
@provider_option
def outages(  # noqa: PLR0913, PLR0917 -- one parameter for each option
    first: datetime,
    last: datetime,
    minimum: int,
    momentary: bool,  # noqa: FBT001 -- a flag
    as_json: bool,  # noqa: FBT001 -- a flag
    book: str | None,
) -> None:
    """List outages of the central system.

    They are what our own attempts show.
    """
    from mobile_units.services import outages as service

    criteria = service.OutageFilter(first.date(), last.date(), minimum)
    with command_session() as session:
        every = service.find(session, command_actor(session, book), criteria)
    shown = [each for each in every if momentary or not each.outage.momentary]
    if as_json:
        return print_json([{"endpoint": each.endpoint, **asdict(each.outage)} for each in shown])
    print_table(
        ["begun", "ended", "lasted", "failed", "side", "shown by", "endpoint"], [_outage_row(each) for each in shown]
    )
    hidden = len(every) - len(shown)
    if hidden:
        click.echo(f"Momentary failures not listed: {hidden} (--momentary).")
    return None


def _outage_row(each: Any) -> list[str]:
    outage = each.outage
    signs = ", ".join(f"{sign.value} {count}" for sign, count in outage.signs)
    ended = _local(outage.ended_at) if outage.ended_at else "goes on"
    lasted = str(outage.shown).partition(".")[0]
    return [_local(outage.begun_at), ended, lasted, str(outage.calls), outage.side.value, signs, each.endpoint]


@transmissions.command("sent")
@click.argument("attempt_id", type=int, help="Key of an attempt, as `show` prints it.")
@provider_option
def sent(attempt_id: int, book: str | None) -> None:
    """Print what an attempt sent, with personal data masked."""
    from mobile_units.services import transmissions as service

    with command_session() as session:
        click.echo(service.sent(session, command_actor(session, book), attempt_id))


@transmissions.command("check")
@json_option
@provider_option
def check(as_json: bool, book: str | None) -> None:  # noqa: FBT001 -- a flag
    """Say what needs a person, a line for each finding.

    The exit code is 0 if all is well, 1 if something needs a person, and 2 if money is at stake today; a database that
    does not answer is 1 as well. Nagios reads them as OK, WARNING and CRITICAL.
    """
    from mobile_units.services import watch

    with command_session() as session:
        findings = watch.check(session, command_actor(session, book), clock.now())
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            word = "CRITICAL" if finding.severity is watch.Severity.MONEY_TODAY else "WARNING"
            click.echo(f"{word:<8}  {finding.code}: {finding.text_pl} / {finding.text_en}")
        if not findings:
            click.echo("OK        nothing needs a person")
    sys.exit(int(watch.severity(findings)))


# output


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _local(instant: datetime | date | None) -> str:
    if not isinstance(instant, datetime):
        return str(instant or "")
    return f"{instant.astimezone(WARSAW):%Y-%m-%d %H:%M:%S}"


def _paragraph(text: str) -> None:
    width = max(60, min(120, shutil.get_terminal_size().columns))
    click.echo(textwrap.fill(text, width, initial_indent="    ", subsequent_indent="    "))


def _more(total: int, shown: int) -> None:
    if total > shown:
        click.echo(f"… and {total - shown} more (--limit).")
