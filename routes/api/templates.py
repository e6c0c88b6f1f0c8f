"""Schedule templates, days on which places work otherwise, and applying a template to stops and places."""

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.rules.roles import Role
from mobile_units.services import dated_exceptions, template_use, templates
from mobile_units.services.dated_exceptions import KeptException
from mobile_units.services.queries import Page
from mobile_units.services.template_use import PlaceUse, StopsUse, TemplateUsed
from mobile_units.services.templates import KeptTemplate
from routes.auth import roles
from routes.database import actor, transaction
from schemas.templates import (
    DatedExceptionChangeSchema,
    DatedExceptionFilterSchema,
    DatedExceptionPageSchema,
    DatedExceptionSchema,
    NewDatedExceptionSchema,
    NewTemplateSchema,
    TemplateChangeSchema,
    TemplateFilterSchema,
    TemplatePageSchema,
    TemplateSchema,
    TemplateUsedSchema,
    TemplateUseSchema,
)

blueprint = Blueprint("templates", __name__, description="Schedule templates (szablony grafików)")


@blueprint.route("/templates")
class Templates(MethodView):
    """All templates of the provider."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(TemplateFilterSchema, location="query")
    @blueprint.response(200, TemplatePageSchema)
    def get(self, criteria: templates.TemplateFilter) -> Page[KeptTemplate]:
        """List templates."""
        with transaction() as session:
            return templates.find(session, actor(), criteria)

    @roles(Role.COORDINATOR)
    @blueprint.arguments(NewTemplateSchema)
    @blueprint.response(201, TemplateSchema)
    def post(self, command: templates.NewTemplate) -> KeptTemplate:
        """Keep a new template."""
        with transaction() as session:
            return templates.create(session, actor(), command)


@blueprint.route("/templates/<key:template_id>")
class OneTemplate(MethodView):
    """One template."""

    @roles(Role.COORDINATOR)
    @blueprint.response(200, TemplateSchema)
    def get(self, template_id: int) -> KeptTemplate:
        """Read a template."""
        with transaction() as session:
            return templates.get(session, actor(), template_id)

    @roles(Role.COORDINATOR)
    @blueprint.arguments(TemplateChangeSchema)
    @blueprint.response(200, TemplateSchema)
    def patch(self, change: dict[str, Any], template_id: int) -> KeptTemplate:
        """Change a template; what it was applied to stays until it is applied again."""
        with transaction() as session:
            return templates.change(session, actor(), template_id, **change)

    @roles(Role.COORDINATOR)
    @blueprint.response(204)
    def delete(self, template_id: int) -> None:
        """Take a template out of use; what it was applied to stays."""
        with transaction() as session:
            templates.retire(session, actor(), template_id)


@blueprint.route("/templates/<key:template_id>/preview")
class TemplatePreview(MethodView):
    """What applying a template would do."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(TemplateUseSchema)
    @blueprint.response(200, TemplateUsedSchema)
    def post(self, use: StopsUse | PlaceUse, template_id: int) -> TemplateUsed:
        """Tell what applying a template would do; nothing is changed."""
        with transaction() as session:
            return template_use.preview(session, actor(), template_id, use, clock.now())


@blueprint.route("/templates/<key:template_id>/apply")
class TemplateApplication(MethodView):
    """Applying a template."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(TemplateUseSchema)
    @blueprint.response(200, TemplateUsedSchema)
    def post(self, use: StopsUse | PlaceUse, template_id: int) -> TemplateUsed:
        """Apply a template to stops, all or none, or to days of a place, and queue the difference for the hand-over."""
        with transaction() as session:
            return template_use.apply(session, actor(), template_id, use, clock.now())


@blueprint.route("/dated-exceptions")
class DatedExceptions(MethodView):
    """Days on which places work otherwise."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(DatedExceptionFilterSchema, location="query")
    @blueprint.response(200, DatedExceptionPageSchema)
    def get(self, criteria: dated_exceptions.ExceptionFilter) -> Page[KeptException]:
        """List dated exceptions."""
        with transaction() as session:
            return dated_exceptions.find(session, actor(), criteria)


@blueprint.route("/service-places/<key:service_place_id>/dated-exceptions")
class DatedExceptionsOfPlace(MethodView):
    """Days on which one place works otherwise."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(NewDatedExceptionSchema)
    @blueprint.response(201, DatedExceptionSchema)
    def post(self, command: dated_exceptions.NewException, service_place_id: int) -> KeptException:
        """Keep other hours of a place on a day; slots follow when a template is applied to it."""
        with transaction() as session:
            return dated_exceptions.create(session, actor(), service_place_id, command)


@blueprint.route("/dated-exceptions/<key:exception_id>")
class OneDatedException(MethodView):
    """One dated exception."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(DatedExceptionChangeSchema)
    @blueprint.response(200, DatedExceptionSchema)
    def patch(self, change: dict[str, Any], exception_id: int) -> KeptException:
        """Change the hours or the reason of an exception."""
        with transaction() as session:
            return dated_exceptions.change(session, actor(), exception_id, **change)

    @roles(Role.COORDINATOR)
    @blueprint.response(204)
    def delete(self, exception_id: int) -> None:
        """Forget an exception."""
        with transaction() as session:
            dated_exceptions.delete(session, actor(), exception_id)
