"""The peer of the booking benchmark: a Flask route that does three statements and checks nothing."""

import os
from uuid import uuid4

from flask import Flask, request
from flask.typing import ResponseReturnValue
from sqlalchemy import create_engine, text

app = Flask(__name__)
engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1), pool_size=8)

TAKE = text("UPDATE slots SET taken = taken + 1 WHERE id = :slot AND taken < capacity RETURNING id")
STORE = text(
    "INSERT INTO visits"
    " (uuid, provider_id, woman_id, slot_id, programme, path, contract_range_id, status, urgent, version)"
    " VALUES (:uuid, :provider, :woman, :slot, 'breast', 'mammography', :range, 'booked', false, 1) RETURNING id"
)
QUEUE = text(
    "INSERT INTO outbox_messages (uuid, provider_id, kind, subject_id, service_day, state, attempts, uncertain)"
    " VALUES (:uuid, :provider, 'save_visit', :visit, current_date, 'pending', 0, false)"
)


@app.post("/visits")
def book() -> ResponseReturnValue:
    """Takes the place, stores the visit, queues its message."""
    facts = request.get_json()
    with engine.begin() as connection:
        connection.execute(TAKE, {"slot": facts["slot"]}).one()
        row = {"uuid": uuid4(), **facts}
        visit = connection.execute(STORE, row).scalar_one()
        connection.execute(QUEUE, {"uuid": uuid4(), "provider": facts["provider"], "visit": visit})
    return {"id": visit}, 201
