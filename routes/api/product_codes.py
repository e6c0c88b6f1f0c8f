"""The catalogue of NFZ product codes."""

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units.models.product_codes import ProductCode
from mobile_units.rules.roles import Role
from mobile_units.services import product_codes
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.product_codes import (
    NewProductCodeSchema,
    ProductCodeChangeSchema,
    ProductCodeFilterSchema,
    ProductCodePageSchema,
    ProductCodeSchema,
)

blueprint = Blueprint("product_codes", __name__, description="NFZ product codes (kody produktów)")


@blueprint.route("/product-codes")
class ProductCodes(MethodView):
    """The shared catalogue with the entries of the provider."""

    @roles()
    @blueprint.arguments(ProductCodeFilterSchema, location="query")
    @blueprint.response(200, ProductCodePageSchema)
    def get(self, criteria: product_codes.ProductCodeFilter) -> Page[ProductCode]:
        """List product codes."""
        with transaction() as session:
            return product_codes.find(session, actor(), criteria)

    @roles(Role.SETTLEMENT)
    @blueprint.arguments(NewProductCodeSchema)
    @blueprint.response(201, ProductCodeSchema)
    def post(self, command: product_codes.NewProductCode) -> ProductCode:
        """Add an entry of your own."""
        with transaction() as session:
            return product_codes.create(session, actor(), command)


@blueprint.route("/product-codes/<key:product_code_id>")
class OneProductCode(MethodView):
    """One entry of the catalogue."""

    @roles()
    @blueprint.response(200, ProductCodeSchema)
    def get(self, product_code_id: int) -> ProductCode:
        """Read a product code."""
        with transaction() as session:
            return product_codes.get(session, actor(), product_code_id)

    @roles(Role.SETTLEMENT)
    @blueprint.arguments(ProductCodeChangeSchema)
    @blueprint.response(200, ProductCodeSchema)
    def patch(self, change: dict[str, Any], product_code_id: int) -> ProductCode:
        """Change an entry of your own, or end its validity."""
        with transaction() as session:
            return product_codes.change(session, actor(), product_code_id, **change)
