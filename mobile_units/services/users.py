"""Users: signing in, sessions, and tokens for the API."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import any_, bindparam, literal, select, update
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.users import ApiToken, User
from mobile_units.rules.roles import Role
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import Page, Paging, get_owned, page_of, require_version

PASSWORD_LENGTH = 12
"""Characters that a password has at least."""
FAILURES_ALLOWED = 5
LOCKED_FOR = timedelta(minutes=15)
TOKEN_PREFIX = "mu_"  # noqa: S105 -- not a secret: it makes a leaked token recognisable

_hasher = PasswordHasher()
log = structlog.get_logger()


@cache
def _nobody() -> str:
    """A hash that no password has; made once, because making it takes as long as it should."""
    return _hasher.hash(secrets.token_hex())


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A user to be added; the login is kept in lower case and is unique in the installation."""

    login: str
    password: str
    roles: Sequence[Role]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """A change of a user; None leaves a field as it is."""

    version: int
    password: str | None = None
    roles: Sequence[Role] | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Which users are wanted."""

    paging: Paging = Paging()
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class TokenFilter:
    """Which tokens are wanted."""

    paging: Paging = Paging()


def create(session: Session, actor: Actor, command: NewUser) -> User:
    """Adds a user to the actor's provider.

    Raises:
        DomainError: `already_exists` (at flush), the login is taken.
    """
    user = User(
        provider_id=actor.provider_id,
        login=command.login.lower(),
        password_hash=_hasher.hash(command.password),
        roles=[str(role) for role in command.roles],
    )
    session.add(user)
    session.flush()
    audit(session, actor, "create", "user", user.id)
    return user


def find(session: Session, actor: Actor, criteria: UserFilter) -> Page[User]:
    """Users of the provider, by login."""
    query = select(User).where(User.provider_id == actor.provider_id)
    if criteria.active is not None:
        query = query.where(User.active == criteria.active)
    return page_of(session, query.order_by(User.login), criteria.paging)


def get(session: Session, actor: Actor, user_id: int) -> User:
    """One user."""
    return get_owned(session, actor, User, user_id)


def change(session: Session, actor: Actor, user_id: int, command: UserChange, now: datetime) -> User:
    """Changes a user; any change ends the user's sessions, a new password or letting her go also her tokens.

    Raises:
        DomainError: `not_found`, `stale_version`; `last_administrator`, nobody else could administer the provider.
    """
    user = get(session, actor, user_id)
    require_version(user, command.version)
    if command.active is False or (command.roles is not None and Role.ADMINISTRATOR not in command.roles):
        _require_other_administrator(session, user)
    if command.password is not None:
        _set_password(user, command.password)
    if command.roles is not None:
        user.roles = [str(role) for role in command.roles]
    if command.active is not None:
        user.active = command.active
    if command.password is not None or command.active is False:
        _revoke_all(session, actor, user, now)
    user.session_epoch += 1
    audit(session, actor, "change", "user", user.id)
    session.flush()
    return user


def change_own_password(session: Session, actor: Actor, password: str, now: datetime) -> None:
    """Gives the acting user, who has just proved her old one, a new password; ends all her sessions and tokens."""
    user = get(session, actor, actor.user_id or 0)
    _set_password(user, password)
    _revoke_all(session, actor, user, now)
    user.session_epoch += 1
    audit(session, actor, "change", "user", user.id)
    session.flush()


def _set_password(user: User, password: str) -> None:
    user.password_hash = _hasher.hash(password)
    user.failed_logins, user.locked_until = 0, None


def _require_other_administrator(session: Session, user: User) -> None:
    """Locks the provider's administrators, so that two of them cannot end each other at the same time."""
    administrators = (
        select(User.id)
        .where(User.provider_id == user.provider_id, User.active, literal(Role.ADMINISTRATOR.value) == any_(User.roles))
        .order_by(User.id)
        .with_for_update(key_share=True)
    )
    if session.scalars(administrators).all() == [user.id]:
        raise DomainError("last_administrator")


def hash_to_check(session: Session, login: str) -> str | None:
    """The hash of the password of the active user with this login."""
    return session.scalar(select(User.password_hash).where(User.login == login.lower(), User.active))


def is_password(password_hash: str | None, password: str) -> bool:
    """Whether the password has this hash; takes its time on purpose, so no transaction may be open.

    It takes as long where there is no user, and so no hash.
    """
    try:
        return _hasher.verify(password_hash or _nobody(), password)
    except VerifyMismatchError:
        return False


def sign_in(
    session: Session, login: str, proved: str | None, now: datetime, request_id: str | None = None
) -> User | DomainError:
    """The user with this login if her password still has the hash that was `proved`, or the refusal.

    The refusal is returned, not raised, because the failed attempt has to be committed with it. An unknown login, a
    wrong password and a login blocked after too many failures are told in the same words, so that nobody learns which
    logins exist.
    """
    query = select(User).where(User.login == login.lower(), User.active).with_for_update(key_share=True)
    user = session.scalars(query).one_or_none()
    if user is None:
        log.info("sign_in_refused")
        return DomainError("wrong_credentials")
    if not _is_locked(user, now):
        if user.password_hash == proved:
            user.failed_logins, user.locked_until = 0, None
            return user
        _count_failure(user, now)
    audit(session, Actor(user.provider_id, user.id, request_id=request_id), "fail_sign_in", "user", user.id)
    return DomainError("wrong_credentials")


def _is_locked(user: User, now: datetime) -> bool:
    return user.locked_until is not None and user.locked_until > now


def _count_failure(user: User, now: datetime) -> None:
    user.failed_logins += 1
    if user.failed_logins >= FAILURES_ALLOWED:
        user.failed_logins, user.locked_until = 0, now + LOCKED_FOR


def by_login(session: Session, login: str) -> User:
    """The user with this login, of any provider; for the command line.

    Raises:
        DomainError: `not_found`.
    """
    user = session.scalars(select(User).where(User.login == login.lower())).one_or_none()
    if user is None:
        raise DomainError("not_found", what=f"user {login}")
    return user


def user_of_session(session: Session, user_id: int, epoch: int) -> User | None:
    """The active user of a page session that has not been ended."""
    query = select(User).where(User.id == user_id, User.session_epoch == epoch, User.active)
    return session.scalars(query).one_or_none()


def end_sessions(session: Session, actor: Actor) -> None:
    """Ends all page sessions of the acting user."""
    if actor.user_id is not None:
        get(session, actor, actor.user_id).session_epoch += 1


def issue_token(session: Session, user: User, name: str, expires_at: datetime, *, request_id: str | None = None) -> str:
    """A new token of the user; this is the only time that it can be seen."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    kept = ApiToken(user_id=user.id, name=name, token_hash=_token_hash(token), expires_at=expires_at)
    session.add(kept)
    session.flush()
    audit(session, Actor(user.provider_id, user.id, request_id=request_id), "issue", "token", kept.id)
    return token


_USER_OF_TOKEN = (
    select(User)
    .join(ApiToken, ApiToken.user_id == User.id)
    .where(
        ApiToken.token_hash == bindparam("token_hash"),
        ApiToken.expires_at > bindparam("now"),
        ApiToken.revoked_at.is_(None),
        User.active,
    )
)


def user_of_token(session: Session, token: str, now: datetime) -> User | None:
    """The active user whose unexpired, unrevoked token this is."""
    return session.scalars(_USER_OF_TOKEN, {"token_hash": _token_hash(token), "now": now}).one_or_none()


def _token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def tokens_of(session: Session, actor: Actor, user_id: int | None, criteria: TokenFilter) -> Page[ApiToken]:
    """The tokens of a user of the provider, newest first.

    Raises:
        DomainError: `not_found`.
    """
    user = get(session, actor, user_id or 0)
    query = select(ApiToken).where(ApiToken.user_id == user.id).order_by(ApiToken.id.desc())
    return page_of(session, query, criteria.paging)


def revoke_token(session: Session, actor: Actor, user_id: int | None, token_id: int, now: datetime) -> None:
    """Ends a token of a user of the provider.

    Raises:
        DomainError: `not_found`.
    """
    user = get(session, actor, user_id or 0)
    token = session.get(ApiToken, token_id)
    if token is None or token.user_id != user.id:
        raise DomainError("not_found", what=f"token {token_id}")
    token.revoked_at = token.revoked_at or now
    audit(session, actor, "revoke", "token", token.id)


def _revoke_all(session: Session, actor: Actor, user: User, now: datetime) -> None:
    held = update(ApiToken).where(ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None))
    for token_id in session.scalars(held.values(revoked_at=now).returning(ApiToken.id)).all():
        audit(session, actor, "revoke", "token", token_id)
