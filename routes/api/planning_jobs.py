"""Planning jobs: a plan is asked for, followed while it is computed, and accepted as a draft."""

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.models.itineraries import Itinerary
from mobile_units.models.planning import PlanningJob
from mobile_units.rules.roles import Role
from mobile_units.services import itineraries, planning_jobs
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.itineraries import ItineraryWithStopsSchema
from schemas.planning_jobs import (
    NewPlanningJobSchema,
    PlanningJobFilterSchema,
    PlanningJobPageSchema,
    PlanningJobSchema,
    PlanningJobWithResultSchema,
)

blueprint = Blueprint("planning_jobs", __name__, description="Plans that a worker computes (planowanie)")


@blueprint.route("/planning-jobs")
class PlanningJobs(MethodView):
    """All planning jobs of the provider; they are kept for 90 days."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(PlanningJobFilterSchema, location="query")
    @blueprint.response(200, PlanningJobPageSchema)
    def get(self, criteria: planning_jobs.JobFilter) -> Page[PlanningJob]:
        """List jobs, the latest first, without their results."""
        with transaction() as session:
            return planning_jobs.find(session, actor(), criteria)

    @roles(Role.COORDINATOR)
    @blueprint.arguments(NewPlanningJobSchema)
    @blueprint.response(202, PlanningJobSchema)
    def post(self, command: planning_jobs.NewJob) -> PlanningJob:
        """Have a plan computed; it waits for the next worker that is free."""
        with transaction() as session:
            return planning_jobs.queue(session, actor(), command)


@blueprint.route("/planning-jobs/<key:job_id>")
class OnePlanningJob(MethodView):
    """One planning job."""

    @roles(Role.COORDINATOR)
    @blueprint.etag
    @blueprint.response(200, PlanningJobWithResultSchema)
    def get(self, job_id: int) -> PlanningJob:
        """Read a job with its progress and its result; with the ETag of the last answer, 304 if nothing changed."""
        with transaction() as session:
            return planning_jobs.get(session, actor(), job_id)


@blueprint.route("/planning-jobs/<key:job_id>/cancel")
class PlanningJobCancellation(MethodView):
    """Ending a job."""

    @roles(Role.COORDINATOR)
    @blueprint.response(200, PlanningJobSchema)
    def post(self, job_id: int) -> PlanningJob:
        """Cancel a job; one that is being computed ends within a second or two."""
        with transaction() as session:
            return planning_jobs.cancel(session, actor(), job_id, clock.now())


@blueprint.route("/planning-jobs/<key:job_id>/accept")
class PlanningJobAcceptance(MethodView):
    """Making the plan a draft."""

    @roles(Role.COORDINATOR)
    @blueprint.response(201, ItineraryWithStopsSchema)
    def post(self, job_id: int) -> Itinerary:
        """Make the plan a draft, once."""
        with transaction() as session:
            made = planning_jobs.accept(session, actor(), job_id)
            session.expire(made)
            return itineraries.get(session, actor(), made.id)
