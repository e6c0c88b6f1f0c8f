"""The peer of the booking benchmark: a Flask route that sends the statements of a booking and checks nothing.

The statements are those that a booking of ours sent a moment before, with their parameters; only the woman, the slot
and what follows from them are its own. So it reads the same tables, and locks and writes the same rows.
"""

import os
import pickle
from pathlib import Path
from uuid import uuid4

from flask import Flask, request
from flask.typing import ResponseReturnValue
from sqlalchemy import create_engine

from mobile_units.db import OPTIONS

URL = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
STATEMENTS = pickle.loads(Path(os.environ["BENCH_STATEMENTS"]).read_bytes())  # noqa: S301 -- written by the benchmark
TOKEN, WOMAN, FACTS, PLACE, VISIT, MESSAGE = STATEMENTS

app = Flask(__name__)
engine = create_engine(URL, pool_size=8, connect_args={"options": OPTIONS})


@app.post("/visits")
def book() -> ResponseReturnValue:
    """Knows the caller, locks the woman, reads the facts, takes the place, stores the visit, queues its message."""
    asked = request.get_json()
    about = {"woman_id": asked["woman_id"], "slot_id": asked["slot_id"], "audit_subject_id": asked["woman_id"]}
    with engine.begin() as connection:
        for statement, values in (TOKEN, WOMAN, FACTS, PLACE):
            row = connection.exec_driver_sql(statement, values | about).one()
        statement, values = VISIT
        visit = connection.exec_driver_sql(statement, values | about | {"uuid": uuid4()}).one()
        statement, values = MESSAGE
        known = {"uuid": uuid4(), "subject_id": visit.id, "subjects": [row.schedule_id]}
        connection.exec_driver_sql(statement, values | known)
    return {"id": visit.id}, 201
