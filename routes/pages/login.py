"""Signing in and out."""

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from mobile_units.errors import DomainError
from mobile_units.services import users
from routes.auth import roles, sign_in
from routes.database import actor, transaction
from routes.errors import STATUS

blueprint = Blueprint("login", __name__)


@blueprint.get("/login")
def form() -> ResponseReturnValue:
    """The form for login and password."""
    return render_template("login.html")


@blueprint.post("/login")
def submit() -> ResponseReturnValue:
    """Opens a session, or says why not."""
    login = request.form.get("login", "")[:100]
    try:
        user = sign_in(login.replace("\x00", ""), request.form.get("password", "")[:200])
    except DomainError as error:
        return render_template("login.html", error=error, login=login), STATUS[error.code]
    session.clear()
    session.permanent = True
    session["user"], session["epoch"] = user.id, user.session_epoch
    return redirect(url_for("overview.show"))


@blueprint.post("/logout")
@roles()
def logout() -> ResponseReturnValue:
    """Ends all sessions of the user."""
    with transaction() as writing:
        users.end_sessions(writing, actor())
    session.clear()
    g.pop("user", None)
    return redirect(url_for("login.form"))
