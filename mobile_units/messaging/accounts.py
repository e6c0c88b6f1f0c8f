"""The mail server and the SMS gateway as they are configured."""

from urllib.parse import unquote, urlsplit

from mobile_units.config import Settings
from mobile_units.messaging.mail import LOOPBACK, MailServer, Security
from mobile_units.messaging.sms import SmsAccount
from mobile_units.messaging.sms_api import load

PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.NONE: 25}


def mail_server_of(settings: Settings) -> MailServer | None:
    """The mail server; None if none is configured. On this machine `smtp` is not secured.

    Raises:
        DomainError: `email_invalid`, the address that e-mail comes from.
    """
    if settings.smtp_url is None or settings.smtp_from is None:
        return None
    parts = urlsplit(settings.smtp_url)
    host = parts.hostname or ""
    unsecured = Security.NONE if host in LOOPBACK else Security.STARTTLS
    security = Security.TLS if parts.scheme == "smtps" else unsecured
    return MailServer(
        host=host,
        port=parts.port or PORTS[security],
        sender=settings.smtp_from,
        security=security,
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


def sms_account_of(settings: Settings) -> SmsAccount | None:
    """The account at the SMS gateway; None if none is configured.

    Raises:
        ValueError: the file does not describe a gateway; it says what is missing.
    """
    if settings.sms_url is None or settings.sms_api is None:
        return None
    return SmsAccount(
        url=settings.sms_url,
        api=load(settings.sms_api.read_text(encoding="utf-8")),
        secret=settings.sms_secret or "",
        sender=settings.sms_sender or "",
    )
