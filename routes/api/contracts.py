"""Contracts with the NFZ."""

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units.models.contracts import Contract
from mobile_units.rules.roles import Role
from mobile_units.services import contracts
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.contracts import (
    ContractChangeSchema,
    ContractFilterSchema,
    ContractPageSchema,
    ContractSchema,
    NewContractSchema,
)

blueprint = Blueprint("contracts", __name__, description="Contracts with the NFZ and their ranges (umowy, zakresy)")


@blueprint.route("/contracts")
class Contracts(MethodView):
    """All contracts of the provider."""

    @roles(Role.SETTLEMENT, Role.COORDINATOR, Role.ADMINISTRATOR)
    @blueprint.arguments(ContractFilterSchema, location="query")
    @blueprint.response(200, ContractPageSchema)
    def get(self, criteria: contracts.ContractFilter) -> Page[Contract]:
        """List contracts."""
        with transaction() as session:
            return contracts.find(session, actor(), criteria)

    @roles(Role.SETTLEMENT)
    @blueprint.arguments(NewContractSchema)
    @blueprint.response(201, ContractSchema)
    def post(self, command: contracts.NewContract) -> Contract:
        """Keep a new contract."""
        with transaction() as session:
            return contracts.create(session, actor(), command)


@blueprint.route("/contracts/<key:contract_id>")
class OneContract(MethodView):
    """One contract."""

    @roles(Role.SETTLEMENT, Role.COORDINATOR, Role.ADMINISTRATOR)
    @blueprint.response(200, ContractSchema)
    def get(self, contract_id: int) -> Contract:
        """Read a contract."""
        with transaction() as session:
            return contracts.get(session, actor(), contract_id)

    @roles(Role.SETTLEMENT)
    @blueprint.arguments(ContractChangeSchema)
    @blueprint.response(200, ContractSchema)
    def patch(self, change: dict[str, Any], contract_id: int) -> Contract:
        """Change a contract; ranges, if given, are all that it has from now on."""
        with transaction() as session:
            return contracts.change(session, actor(), contract_id, **change)
