"""The composition root: everything that makes the web application is put together here."""

from datetime import date, timedelta

from flask import Flask, Response
from flask_wtf import CSRFProtect
from werkzeug.routing import BaseConverter, IntegerConverter, Map, ValidationError

from mobile_units import db, logs
from mobile_units.config import Settings
from routes import auth, errors, observability
from routes.api import api
from routes.pages import pages

REQUEST_BYTES = 16 * 1024 * 1024
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class KeyConverter(IntegerConverter):
    """A key in a path; a number too large for the database's keys is simply not found."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=2**63 - 1)


class DayConverter(BaseConverter):
    """A day in a path, as in 2027-03-10; what is no day of this or the neighbouring centuries is not found."""

    regex = "(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}"

    def to_python(self, value: str) -> date:
        """The day."""
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValidationError from None

    def to_url(self, value: date) -> str:
        """As it is written in a path."""
        return value.isoformat()


def create_app(settings: Settings) -> Flask:
    """The application for one installation."""
    logs.configure(settings.log_level)
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
        MAX_CONTENT_LENGTH=REQUEST_BYTES,
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default JSON provider has it
    app.url_map.converters.update(key=KeyConverter, day=DayConverter)
    app.extensions["settings"] = settings
    app.extensions["engine"] = db.engine_of(settings, pool_size=8)
    observability.install(app)
    auth.install(app)
    csrf = CSRFProtect(app)
    for blueprint in api.install(app):
        csrf.exempt(blueprint)
    errors.install(app)
    pages.install(app)
    app.after_request(_harden)
    return app


def _harden(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
