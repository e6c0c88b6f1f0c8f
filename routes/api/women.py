"""Women and whether they may be screened. No address ever holds personal data: a woman is found by a request's body."""

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.models.women import Woman
from mobile_units.rules.eligibility import Assessment
from mobile_units.rules.roles import Role
from mobile_units.services import merging, women
from routes.auth import roles
from routes.database import actor, transaction
from schemas.women import (
    AssessmentSchema,
    ConsentWithdrawalSchema,
    EligibilityQuerySchema,
    IdentitySchema,
    MergePreviewSchema,
    MergeQuerySchema,
    NewMergeSchema,
    NewWomanSchema,
    WomanChangeSchema,
    WomanSchema,
)

blueprint = Blueprint("women", __name__, description="Women in the provider's care; every access is audited")


@blueprint.route("/women")
class Women(MethodView):
    """All women of the provider; they are never listed."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(NewWomanSchema)
    @blueprint.response(201, WomanSchema)
    def post(self, command: women.NewWoman) -> Woman:
        """Register a woman; that she is known is told as the answer to a search is, and audited as one."""
        try:
            with transaction() as session:
                return women.register(session, actor(), command, clock.today())
        except DomainError as error:
            _audit_known(error, command.identity)
            raise


def _audit_known(error: DomainError, identity: women.Identity) -> None:
    if error.code == "woman_known":
        with transaction() as session:
            women.find_by_identity(session, actor(), identity)


@blueprint.route("/women/search")
class WomenByIdentity(MethodView):
    """Finding a woman."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(IdentitySchema)
    @blueprint.response(200, WomanSchema)
    def post(self, identity: women.Identity) -> Woman:
        """Find a woman by her PESEL or document."""
        with transaction() as session:
            woman = women.find_by_identity(session, actor(), identity)
        if woman is None:
            raise DomainError("not_found", what="woman")
        return woman


@blueprint.route("/women/<key:woman_id>")
class OneWoman(MethodView):
    """One woman."""

    @roles(Role.MIDWIFE)
    @blueprint.response(200, WomanSchema)
    def get(self, woman_id: int) -> Woman:
        """Read a woman."""
        with transaction() as session:
            return women.get(session, actor(), woman_id)

    @roles(Role.MIDWIFE)
    @blueprint.arguments(WomanChangeSchema)
    @blueprint.response(200, WomanSchema)
    def patch(self, change: dict[str, Any], woman_id: int) -> Woman:
        """Change names, contact, consents or declaration, or correct her identity.

        Her visits are handed over again with what is new.
        """
        try:
            with transaction() as session:
                return women.change(session, actor(), woman_id, **change, today=clock.today())
        except DomainError as error:
            _audit_known(error, change["values"].get("identity"))
            raise


@blueprint.route("/women/<key:woman_id>/consents/withdraw")
class ConsentWithdrawal(MethodView):
    """Withdrawing consents."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(ConsentWithdrawalSchema)
    @blueprint.response(200, WomanSchema)
    def post(self, withdrawn: dict[str, Any], woman_id: int) -> Woman:
        """Withdraw consents at her word, whatever else is being changed about her."""
        with transaction() as session:
            return women.withdraw_consents(session, actor(), woman_id, withdrawn["channels"])


@blueprint.route("/women/<key:woman_id>/merge")
class MergeOfWomen(MethodView):
    """Merging a woman who was kept twice into this one."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(MergeQuerySchema, location="query")
    @blueprint.response(200, MergePreviewSchema)
    def get(self, query: dict[str, Any], woman_id: int) -> merging.MergePreview:
        """See what a merge would do; for a midwife who is an administrator too."""
        with transaction() as session:
            return merging.preview(session, actor(), woman_id, query["merged_id"])

    @roles(Role.MIDWIFE)
    @blueprint.arguments(NewMergeSchema)
    @blueprint.response(200, WomanSchema)
    def post(self, wanted: dict[str, Any], woman_id: int) -> Woman:
        """Merge another woman into this one; for a midwife who is an administrator too."""
        with transaction() as session:
            return merging.merge(session, actor(), woman_id, wanted.pop("merged_id"), merging.Merge(**wanted))


@blueprint.route("/women/<key:woman_id>/eligibility")
class EligibilityOfWoman(MethodView):
    """Whether a woman may be screened."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(EligibilityQuerySchema, location="query")
    @blueprint.response(200, AssessmentSchema)
    def get(self, query: dict[str, Any], woman_id: int) -> Assessment:
        """Ask whether a woman may be screened on a day, and if not, why and from when."""
        with transaction() as session:
            return women.eligibility(session, actor(), woman_id, query["path"], query.get("on") or clock.today())
