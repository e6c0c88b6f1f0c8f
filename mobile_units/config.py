"""Configuration from environment variables, read once and checked whole.

Every problem is reported at once, each with the variable and the expected form, so that a deployment is mended in one
round. The values of secrets are never part of a message.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import make_url

CONTRACT = Path(__file__).parent / "transmission" / "contract" / "cer.wsdl"
HIGHEST_PORT = 65_535
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
FERNET_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")


class ConfigurationError(Exception):
    """The environment does not describe a working installation; `problems` names every fault."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Form:
    """How the text of a variable is read: `parse` raises ValueError unless it is as `expected` says."""

    expected: str
    parse: Callable[[str], Any]
    secret: bool = False


def _require(condition: object) -> None:
    if not condition:
        raise ValueError


def _secret(text: str) -> str:
    _require(len(text) >= 32)
    return text


def _fernet_keys(text: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in text.split(","))
    _require(all(FERNET_KEY.fullmatch(key) for key in keys))
    return keys


def _database_url(text: str) -> str:
    _require(text.startswith(("postgresql://", "postgresql+psycopg://")))
    _require((make_url(text).port or 1) <= HIGHEST_PORT)
    return text


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    _require(parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0)
    return text


def _mail_url(text: str) -> str:
    parts = urlsplit(text)
    _require(parts.scheme in {"smtp", "smtps"} and parts.hostname and parts.port != 0)
    _require(parts.path in {"", "/"} and not parts.query and (parts.username is None) == (parts.password is None))
    return text


def _gateway_url(text: str) -> str:
    parts = urlsplit(_http_url(text))
    _require(parts.scheme == "https" or parts.hostname in LOOPBACK)
    _require(not (parts.query or parts.fragment or parts.username))
    return text


def _mail_address(text: str) -> str:
    _require(re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text))
    return text


def _sms_sender(text: str) -> str:
    _require(text.isascii() and text.isprintable() and len(text) <= 20)
    return text


def _file(text: str) -> Path:
    _require(Path(text).is_file())
    return Path(text)


def _file_or_url(text: str) -> Path | str:
    return _http_url(text) if text.startswith(("http://", "https://")) else _file(text)


def _file_of_book(text: str) -> str:
    _require("{book}" in text or Path(text).is_file())
    return text


def _folder(text: str) -> Path:
    _require(Path(text).is_dir() or not Path(text).exists())
    return Path(text)


def _seconds(low: float, high: float) -> Form:
    def parse(text: str) -> float:
        _require(low <= float(text) <= high)
        return float(text)

    return Form(f"a number of seconds from {low:g} to {high:g}", parse)


def _seconds_or_off(text: str) -> float:
    _require(float(text) == 0 or 1 <= float(text) <= 3600)
    return float(text)


def _table_size(text: str) -> int:
    _require(text.isdecimal() and 2 <= int(text) <= 10_000)
    return int(text)


def _megabytes(text: str) -> int:
    _require(text.isdecimal() and 512 <= int(text) <= 1_048_576)
    return int(text)


def _whole(text: str, low: int, high: int) -> int:
    _require(text.isdecimal() and low <= int(text) <= high)
    return int(text)


def _agent(text: str) -> str:
    _require(text.isascii() and text.isprintable() and len(text) <= 200)
    return text


def _hour(text: str) -> int | None:
    _require(text == "off" or (text.isdecimal() and int(text) <= 23))
    return None if text == "off" else int(text)


def _one_of(choices: Mapping[str, Any]) -> Form:
    def parse(text: str) -> Any:
        _require(text in choices)
        return choices[text]

    return Form("one of " + ", ".join(choices), parse)


def _hours(text: str) -> float:
    _require(0.5 <= float(text) <= 48)
    return float(text)


def _rate(text: str) -> float:
    _require(float(text) == 0 or 0.01 <= float(text) <= 10_000)
    return float(text)


SECRET = Form("at least 32 random characters", _secret, secret=True)
FERNET_KEYS = Form(
    "Fernet keys (32 bytes in URL-safe Base64), newest first, separated by commas", _fernet_keys, secret=True
)
DATABASE_URL = Form("postgresql://user:password@host:port/database", _database_url, secret=True)
HTTP_URL = Form("an http:// or https:// address", _http_url)
MAIL_URL = Form(
    "smtps://user:password@host:port, or smtp:// for STARTTLS; the login may be missing", _mail_url, secret=True
)
GATEWAY_URL = Form("an https:// address without query and user; http:// only on this machine", _gateway_url)
MAIL_ADDRESS = Form("an e-mail address", _mail_address)
SMS_SENDER = Form("a name or number of up to 20 plain characters", _sms_sender)
FILE = Form("the path of an existing file", _file)
FILE_OR_URL = Form("the path of an existing file or an http:// or https:// address", _file_or_url)
FILE_OF_BOOK = Form("the path of an existing file; {book} in it stands for the provider's RPWDL book", _file_of_book)
PASSWORD = Form("text", str, secret=True)
FOLDER = Form("the path of a folder", _folder)
PERIOD = Form("a number of seconds from 1 to 3600, or 0 for never", _seconds_or_off)
HOUR = Form("a full hour from 0 to 23, or off", _hour)
LEVEL = _one_of({level: level for level in ("DEBUG", "INFO", "WARNING", "ERROR")})
GEOCODER = _one_of({name: name for name in ("off", "uug", "nominatim")})
AGENT = Form("a name of this installation with an address for complaints, such as name/1.0 (it@example.pl)", _agent)
MEGABYTES = Form("a whole number of megabytes from 512 to 1048576", _megabytes)
TABLE_SIZE = Form("a whole number from 2 to 10000", _table_size)
HOURS = Form("a number of hours from 0.5 to 48", _hours)
HOLD_MINUTES = Form("a whole number of minutes from 1 to 1440", lambda text: _whole(text, 1, 1440))
RATE = Form("a number from 0.01 to 10000, or 0 for no limit", _rate)
FLAG = _one_of({"0": False, "1": True})


def variable(name: str, form: Form, meaning: str, default: object = MISSING) -> Any:
    """A dataclass field read from the environment variable `name`; without a default it is required."""
    return field(default=default, repr=not form.secret, metadata={"variable": name, "form": form, "meaning": meaning})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of one installation; each field names its environment variable and meaning."""

    secret_key: str = variable("MOBILE_UNITS_SECRET_KEY", SECRET, "signs the session cookies")
    encryption_keys: tuple[str, ...] = variable("MOBILE_UNITS_ENCRYPTION_KEYS", FERNET_KEYS, "encrypt personal data")
    hash_key: str = variable("MOBILE_UNITS_HASH_KEY", SECRET, "keys the hash by which a woman is found")
    database_url: str | None = variable(
        "DATABASE_URL", DATABASE_URL, "PostgreSQL 15 or newer; unset: the embedded server", None
    )
    data_dir: Path = variable(
        "MOBILE_UNITS_DATA_DIR",
        FOLDER,
        "folder of the embedded server, of the sandbox and of distances",
        Path(".mobile-units"),
    )
    log_level: str = variable("MOBILE_UNITS_LOG_LEVEL", LEVEL, "least severe line that is logged", "INFO")
    secure_cookies: bool = variable(
        "MOBILE_UNITS_SECURE_COOKIES", FLAG, "1: cookies are sent over HTTPS only", default=True
    )
    cer_wsdl: Path | str = variable(
        "MOBILE_UNITS_CER_WSDL", FILE_OR_URL, "contract of the central system (WSDL)", CONTRACT
    )
    cer_url: str = variable(
        "MOBILE_UNITS_CER_URL", HTTP_URL, "service address of the central system", "http://127.0.0.1:8010/services"
    )
    cer_dialect: Path | None = variable(
        "MOBILE_UNITS_CER_DIALECT", FILE, "names and codes of that contract (TOML); unset: those of ours", None
    )
    cer_tls_p12: str | None = variable(
        "MOBILE_UNITS_CER_TLS_P12", FILE_OF_BOOK, "our certificate for TLS (p12); unset: none is shown", None
    )
    cer_tls_password: str | None = variable(
        "MOBILE_UNITS_CER_TLS_PASSWORD", PASSWORD, "password of the TLS certificate", None
    )
    cer_tls_password_file: str | None = variable(
        "MOBILE_UNITS_CER_TLS_PASSWORD_FILE", FILE_OF_BOOK, "file that holds that password", None
    )
    cer_wss_p12: str | None = variable(
        "MOBILE_UNITS_CER_WSS_P12", FILE_OF_BOOK, "our certificate for signatures (p12); unset: nothing is signed", None
    )
    cer_wss_password: str | None = variable(
        "MOBILE_UNITS_CER_WSS_PASSWORD", PASSWORD, "password of the signing certificate", None
    )
    cer_wss_password_file: str | None = variable(
        "MOBILE_UNITS_CER_WSS_PASSWORD_FILE", FILE_OF_BOOK, "file that holds that password", None
    )
    cer_ca: Path | None = variable(
        "MOBILE_UNITS_CER_CA", FILE, "who may certify the server (PEM); unset: the authorities of the system", None
    )
    cer_response_ca: Path | None = variable(
        "MOBILE_UNITS_CER_RESPONSE_CA", FILE, "who signs answers, or certifies it (PEM); unset: not verified", None
    )
    cer_connect_seconds: float = variable(
        "MOBILE_UNITS_CER_CONNECT_SECONDS", _seconds(0.1, 60), "longest wait for a connection", 5.0
    )
    cer_read_seconds: float = variable(
        "MOBILE_UNITS_CER_READ_SECONDS", _seconds(0.1, 300), "longest wait for an answer", 30.0
    )
    cer_calls_per_second: float = variable(
        "MOBILE_UNITS_CER_CALLS_PER_SECOND", RATE, "most calls per second in the name of a provider", 50.0
    )
    cer_changes_seconds: float = variable(
        "MOBILE_UNITS_CER_CHANGES_SECONDS", PERIOD, "how often the worker reads what women change in IKP", 30.0
    )
    cer_reconcile_hour: int | None = variable(
        "MOBILE_UNITS_CER_RECONCILE_HOUR", HOUR, "Polish hour after which the worker compares all visits once a day", 3
    )
    lease_seconds: float = variable(
        "MOBILE_UNITS_LEASE_SECONDS", _seconds(1, 3600), "how long a worker owns a claimed message", 120.0
    )
    hold_minutes: int = variable(
        "MOBILE_UNITS_HOLD_MINUTES", HOLD_MINUTES, "how long a place is held for a woman before she is booked", 10
    )
    planning_memory_mb: int = variable(
        "MOBILE_UNITS_PLANNING_MEMORY_MB", MEGABYTES, "most memory that the computation of a plan may take", 2048
    )
    offer_hours: float = variable(
        "MOBILE_UNITS_OFFER_HOURS", HOURS, "how long by day a woman on the waiting list may think an offer over", 4.0
    )
    osrm_url: str | None = variable(
        "MOBILE_UNITS_OSRM_URL", HTTP_URL, "OSRM service of road distances; unset: they are estimated", None
    )
    osrm_table_size: int = variable(
        "MOBILE_UNITS_OSRM_TABLE_SIZE", TABLE_SIZE, "the --max-table-size of that service", 100
    )
    geocoder: str = variable("MOBILE_UNITS_GEOCODER", GEOCODER, "who is asked where addresses are", "off")
    uug_url: str = variable(
        "MOBILE_UNITS_UUG_URL", HTTP_URL, "GUGiK's service of addresses (UUG)", "https://services.gugik.gov.pl/uug/"
    )
    nominatim_url: str = variable(
        "MOBILE_UNITS_NOMINATIM_URL", HTTP_URL, "Nominatim service", "https://nominatim.openstreetmap.org"
    )
    geocoder_user_agent: str | None = variable(
        "MOBILE_UNITS_GEOCODER_USER_AGENT", AGENT, "how services of addresses know us; Nominatim demands it", None
    )
    messages: bool = variable(
        "MOBILE_UNITS_MESSAGES", FLAG, "1: women are written to; 0: all go to the call list", default=False
    )
    smtp_url: str | None = variable(
        "MOBILE_UNITS_SMTP_URL", MAIL_URL, "mail server; unset: no e-mail is sent to women", None
    )
    smtp_from: str | None = variable("MOBILE_UNITS_SMTP_FROM", MAIL_ADDRESS, "address that e-mail comes from", None)
    sms_url: str | None = variable(
        "MOBILE_UNITS_SMS_URL", GATEWAY_URL, "SMS gateway; unset: no SMS is sent to women", None
    )
    sms_api: Path | None = variable("MOBILE_UNITS_SMS_API", FILE, "how that gateway is spoken to (TOML)", None)
    sms_secret: str | None = variable("MOBILE_UNITS_SMS_SECRET", PASSWORD, "what lets us in at the gateway", None)
    sms_sender: str | None = variable(
        "MOBILE_UNITS_SMS_SENDER", SMS_SENDER, "sender that the gateway agreed to show", None
    )

    @property
    def planning_memory_bytes(self) -> int:
        """The most memory that the computation of a plan may take."""
        return self.planning_memory_mb * 1024**2

    @property
    def distances_folder(self) -> Path:
        """Where distances are kept that were worked out once."""
        return self.data_dir / "distances"

    @property
    def geocoder_url(self) -> str:
        """Where the chosen service of addresses is."""
        return self.nominatim_url if self.geocoder == "nominatim" else self.uug_url

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Reads and checks every variable.

        Raises:
            ConfigurationError: with one sentence for each variable that is missing, malformed or unknown.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        problems = _unknown_variables(environ)
        for each in fields(cls):
            try:
                values[each.name] = _read(each, environ)
            except ValueError:
                problems.append("{variable}: {meaning}; expected {form.expected}".format(**each.metadata))
        problems += [*_problems_of_lease(values), *_problems_of_passwords(values), *_problems_of_geocoder(values)]
        problems += _problems_of_messages(values)
        if problems:
            raise ConfigurationError(problems)
        return cls(**values)


def _read(each: "Field[Any]", environ: Mapping[str, str]) -> Any:
    text = environ.get(each.metadata["variable"], "").strip()
    return each.metadata["form"].parse(text) if text or each.default is MISSING else each.default


def _problems_of_lease(values: Mapping[str, Any]) -> list[str]:
    """A lease has to outlast one call: the connection, the wait for the answer, and reading it."""
    try:
        longest = values["cer_connect_seconds"] + 2 * values["cer_read_seconds"]
        outlasts = values["lease_seconds"] > longest
    except KeyError:
        return []
    expected = f"more than the longest call, {longest:g} seconds"
    return [] if outlasts else [f"MOBILE_UNITS_LEASE_SECONDS: how long a worker owns a message; expected {expected}"]


def _problems_of_passwords(values: Mapping[str, Any]) -> list[str]:
    """A certificate comes with one password, told in one way."""
    problems = []
    for name in ("tls", "wss"):
        p12, password, file = (values.get(f"cer_{name}_{what}") for what in ("p12", "password", "password_file"))
        variable_name = f"MOBILE_UNITS_CER_{name.upper()}_PASSWORD"
        if password and file:
            problems.append(f"{variable_name}: password of a certificate; expected either this or {variable_name}_FILE")
        if p12 and not password and not file and f"cer_{name}_password_file" in values:
            problems.append(f"{variable_name}: password of a certificate; expected this or {variable_name}_FILE")
    return problems


def _problems_of_geocoder(values: Mapping[str, Any]) -> list[str]:
    """Nominatim refuses those who do not say who they are."""
    if values.get("geocoder") != "nominatim" or values.get("geocoder_user_agent", "known"):
        return []
    return [f"MOBILE_UNITS_GEOCODER_USER_AGENT: who asks Nominatim; expected {AGENT.expected}"]


WAYS_TO_WOMEN = (("smtp_url", "smtp_from"), ("sms_url", "sms_api", "sms_secret", "sms_sender"))
"""What has to be set together for each way of writing to women."""


def _problems_of_messages(values: Mapping[str, Any]) -> list[str]:
    """A way is set up whole or not at all, and who writes to women has one."""
    forms = {each.name: each.metadata for each in fields(Settings)}
    known = [way for way in WAYS_TO_WOMEN if all(name in values for name in way)]
    problems = []
    for way in known:
        missing = [name for name in way if values[name] is None]
        if missing and len(missing) < len(way):
            problems += ["{variable}: {meaning}; expected {form.expected}".format(**forms[name]) for name in missing]
    if values.get("messages") and len(known) == len(WAYS_TO_WOMEN) and not any(values[way[0]] for way in known):
        problems.append("MOBILE_UNITS_MESSAGES: women are written to; expected a mail server or an SMS gateway with 1")
    return problems


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    known = {each.metadata["variable"] for each in fields(Settings)}
    strangers = sorted(name for name in environ if name.startswith("MOBILE_UNITS_") and name not in known)
    return [f"{name}: there is no such variable" for name in strangers]
