"""The WSGI entry point: `gunicorn wsgi:app`."""

from mobile_units.config import Settings
from routes.app import create_app

app = create_app(Settings.from_env())
