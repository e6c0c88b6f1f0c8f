"""Planning jobs: what is asked, how far it is, and what was planned."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validates_schema

from mobile_units.models.planning import JobKind, JobState
from mobile_units.rules.programmes import Programme
from mobile_units.services import planning_jobs, planning_queue
from schemas.base import FilterSchema, page_schema
from schemas.itineraries import PlanRequestSchema, WeightsSchema
from schemas.versions import TermsSchema
from schemas.what_if import WhatIfSchema


class NewPlanningJobSchema(PlanRequestSchema):
    """What the planner is asked for."""

    kind = fields.Enum(JobKind, by_value=True, load_default=JobKind.PLAN)
    what_if = fields.Nested(WhatIfSchema, metadata={"description": "what would be different; with `what_if` only"})

    @validates_schema
    def require_the_difference(self, data: dict[str, Any], **_: Any) -> None:
        """What would be different is given with a job of that kind, and with no other."""
        if (data["kind"] is JobKind.WHAT_IF) != ("what_if" in data):
            raise ValidationError("Goes together with the kind `what_if`.", "what_if")

    @post_load
    def make(self, data: dict[str, Any], **options: Any) -> planning_jobs.NewJob:
        """Builds the command."""
        del data["kind"]
        supposed = data.pop("what_if", None)
        return planning_jobs.NewJob(plan=super().make(data, **options), what_if=supposed)


class ProgressSchema(Schema):
    """The best plan so far."""

    seconds = fields.Float(metadata={"description": "since the planner began"})
    iterations = fields.Integer()
    women = fields.Integer(allow_none=True, metadata={"description": "null before there is a plan"})
    km = fields.Float(allow_none=True)
    value = fields.Float(allow_none=True)
    history = fields.List(
        fields.List(fields.Float()), metadata={"description": "how the value rose: pairs of seconds and value"}
    )


class FailureSchema(Schema):
    """Why a job failed."""

    code = fields.String()
    title = fields.Function(lambda refusal: refusal.sentence("en"), metadata={"type": "string"})
    title_pl = fields.Function(lambda refusal: refusal.sentence("pl"), metadata={"type": "string"})
    way_out = fields.Function(lambda refusal: refusal.way_out("en"), metadata={"type": "string"})
    way_out_pl = fields.Function(lambda refusal: refusal.way_out("pl"), metadata={"type": "string"})


class PlanningJobSchema(Schema):
    """A job without its result."""

    id = fields.Integer()
    kind = fields.Enum(JobKind, by_value=True)
    state = fields.Enum(JobState, by_value=True)
    request = fields.Dict(metadata={"description": "`plan`: what is planned; `what_if`: what would be different"})
    progress = fields.Nested(ProgressSchema, allow_none=True)
    failure = fields.Function(
        lambda job: FailureSchema().dump(refusal) if (refusal := planning_queue.refusal_of(job)) else None,
        metadata={"type": ["object", "null"], "description": "code, sentences and way out of a job that failed"},
    )
    cancel_requested = fields.Boolean()
    itinerary_id = fields.Integer(allow_none=True, metadata={"description": "the draft that was made of the plan"})
    author_id = fields.Integer(allow_none=True)
    created_at = fields.AwareDateTime()
    started_at = fields.AwareDateTime(allow_none=True)
    ended_at = fields.AwareDateTime(allow_none=True)


class ObjectiveSchema(TermsSchema):
    """What a plan is worth, the terms that make it up, and what they are worth."""

    weights = fields.Nested(WeightsSchema)


class StopOfPlanSchema(Schema):
    """A stop of the plan."""

    unit_id = fields.Raw(metadata={"type": ["integer", "string"], "description": "text if the unit was supposed"})
    site_id = fields.Integer()
    days = fields.List(fields.Date())
    women = fields.Integer()


class UnservedSchema(Schema):
    """A site that is left out for a programme, and why."""

    site_id = fields.Integer()
    programme = fields.Enum(Programme, by_value=True, allow_none=True)
    code = fields.String()
    reason_pl = fields.String()
    reason_en = fields.String()


class PlanSchema(Schema):
    """A plan."""

    solver = fields.String(metadata={"description": "`greedy` if the search did not come to an end"})
    seed = fields.Integer()
    seconds = fields.Float()
    iterations = fields.Integer()
    objective = fields.Nested(ObjectiveSchema)
    stops = fields.List(fields.Nested(StopOfPlanSchema))
    unserved = fields.List(fields.Nested(UnservedSchema))


class JobResultSchema(Schema):
    """The plan, and the terms of the current one."""

    plan = fields.Nested(PlanSchema)
    current = fields.Nested(
        ObjectiveSchema,
        allow_none=True,
        metadata={"description": "terms of the current plan, by the same weights"},
    )


class PlanningJobWithResultSchema(PlanningJobSchema):
    """A job with its result."""

    result = fields.Nested(JobResultSchema, allow_none=True)

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """The result is read as the values that it is."""
        return planning_jobs.result_of(obj) if attr == "result" else super().get_attribute(obj, attr, default)


class PlanningJobFilterSchema(FilterSchema):
    """Which jobs are wanted."""

    command = planning_jobs.JobFilter

    kind = fields.Enum(JobKind, by_value=True)
    state = fields.Enum(JobState, by_value=True)


PlanningJobPageSchema = page_schema(PlanningJobSchema)
