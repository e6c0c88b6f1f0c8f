"""Passwords as they are kept outside of tests, where a quick hasher stands in."""

from importlib import util

import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.models.users import User
from mobile_units.services import users
from mobile_units.services.actors import Actor
from tests import factories


def hasher() -> PasswordHasher:
    """The one with which the module begins, read anew."""
    spec = util.find_spec(users.__name__)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: PasswordHasher = module._hasher
    return found


def test_a_password_is_hashed_as_slowly_as_is_recommended(
    session: Session, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Argon2id, at least as the second choice of RFC 9106 asks: 64 MiB, three passes."""
    monkeypatch.setattr(users, "_hasher", hasher())
    login = factories.user(session, actor.provider_id).login
    kept = session.scalars(select(User.password_hash).where(User.login == login)).one()
    used = extract_parameters(kept)
    assert used.type is Type.ID
    assert (used.memory_cost, used.time_cost) >= (64 * 1024, 3)
    assert used.time_cost >= 3
    assert users.is_password(kept, "correct horse battery")
    assert not users.is_password(kept, "correct horse batterie")
