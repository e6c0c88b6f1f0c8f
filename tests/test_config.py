"""Configuration: read whole, every problem named at once, no secret ever told."""

import base64
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from mobile_units.config import FERNET_KEYS, ConfigurationError, Settings

ROOT = Path(__file__).parents[1]
KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
OLD_KEY = base64.urlsafe_b64encode(b"o" * 32).decode()
ENOUGH = {
    "MOBILE_UNITS_SECRET_KEY": "s" * 32,
    "MOBILE_UNITS_ENCRYPTION_KEYS": KEY,
    "MOBILE_UNITS_HASH_KEY": "h" * 32,
}
"""The variables without a default."""


def problems(changed: Mapping[str, str]) -> list[str]:
    """What is wrong with an environment that differs from a right one as told."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({**ENOUGH, **changed})
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_three_secrets_are_enough() -> None:
    """Everything else has a default that fits one machine with the sandbox."""
    settings = Settings.from_env(ENOUGH)
    assert settings.database_url is None
    assert settings.cer_url.startswith("http://127.0.0.1:")
    assert settings.secure_cookies is True


def test_the_process_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of the process counts; one that is empty or blank counts as unset."""
    for name, value in {**ENOUGH, "MOBILE_UNITS_LOG_LEVEL": " ", "MOBILE_UNITS_SECURE_COOKIES": "0 "}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MOBILE_UNITS_TEST_SERVER", raising=False)
    settings = Settings.from_env()
    assert (settings.log_level, settings.secure_cookies) == ("INFO", False)


def test_encryption_keys_keep_their_order() -> None:
    """The newest comes first."""
    assert Settings.from_env(ENOUGH | {"MOBILE_UNITS_ENCRYPTION_KEYS": f"{KEY}, {OLD_KEY}"}).encryption_keys == (
        KEY,
        OLD_KEY,
    )


def test_every_problem_is_named_at_once() -> None:
    """One round is enough: missing, malformed, unknown, and the lease that is too short for a call."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env(
            {
                "MOBILE_UNITS_HASH_KEY": "short",
                "MOBILE_UNITS_LOG_LEVEL": "LOUD",
                "MOBILE_UNITS_LEASE_SECONDS": "65",
                "MOBILE_UNITS_COLOUR": "red",
            }
        )
    assert caught.value.problems == [
        "MOBILE_UNITS_COLOUR: there is no such variable",
        "MOBILE_UNITS_SECRET_KEY: signs the session cookies; expected at least 32 random characters",
        f"MOBILE_UNITS_ENCRYPTION_KEYS: encrypt personal data; expected {FERNET_KEYS.expected}",
        "MOBILE_UNITS_HASH_KEY: keys the hash by which a woman is found; expected at least 32 random characters",
        "MOBILE_UNITS_LOG_LEVEL: least severe line that is logged; expected one of DEBUG, INFO, WARNING, ERROR",
        "MOBILE_UNITS_LEASE_SECONDS: how long a worker owns a message; expected more than the longest call, 65 seconds",
    ]


@pytest.mark.parametrize(
    ("variable", "values"),
    [
        ("MOBILE_UNITS_SECRET_KEY", ["", "   ", "s" * 31]),
        ("MOBILE_UNITS_ENCRYPTION_KEYS", ["", "no key", KEY[:-4], f"{KEY},", f"{KEY};{OLD_KEY}", "klucz-ż"]),
        ("MOBILE_UNITS_SECURE_COOKIES", ["yes", "true", "2"]),
        ("MOBILE_UNITS_CER_URL", ["cer.example", "ftp://cer.example", "https://", "http://cer:port", "http://cer:0"]),
        ("MOBILE_UNITS_CER_WSDL", ["/nowhere/cer.wsdl", "/", "https://"]),
        ("MOBILE_UNITS_CER_DIALECT", ["/nowhere/dialect.toml", "/", "https://cer.example/dialect.toml"]),
        ("MOBILE_UNITS_CER_TLS_PASSWORD_FILE", ["/nowhere/password", "/"]),
        ("MOBILE_UNITS_CER_CA", ["/nowhere/ca.pem", "/"]),
        ("MOBILE_UNITS_CER_RESPONSE_CA", ["/nowhere/ca.pem", "/"]),
        ("MOBILE_UNITS_CER_READ_SECONDS", ["soon", "0", "301", "nan", "inf"]),
        ("MOBILE_UNITS_CER_CALLS_PER_SECOND", ["many", "-1", "0.001", "10001", "nan", "inf"]),
        ("MOBILE_UNITS_DATA_DIR", [__file__]),
        ("MOBILE_UNITS_OSRM_URL", ["osrm:5000", "ftp://osrm"]),
        ("MOBILE_UNITS_OSRM_TABLE_SIZE", ["1", "10001", "many", "-5", "2.5"]),
        ("MOBILE_UNITS_GEOCODER", ["google", "on", "UUG"]),
        ("MOBILE_UNITS_GEOCODER_USER_AGENT", ["żółw", "a\nb", "x" * 201]),
        ("MOBILE_UNITS_MESSAGES", ["on", "yes", "2"]),
        ("MOBILE_UNITS_SMTP_URL", ["mail.example", "http://h", "smtp://", "smtp://u@h", "smtps://h:0", "smtp://h/x"]),
        ("MOBILE_UNITS_SMTP_FROM", ["wizyty", "wizyty@example", "a b@example.org"]),
        ("MOBILE_UNITS_SMS_URL", ["http://sms.example", "sms.example", "https://u:p@h", "https://sms.example?k=1"]),
        ("MOBILE_UNITS_SMS_API", ["/nowhere/gateway.toml", "/"]),
        ("MOBILE_UNITS_SMS_SENDER", ["x" * 21, "Zażółć"]),
        ("DATABASE_URL", ["sqlite://", "postgres://h/d", "postgresql://h:port/d", "postgresql://h:65536/d", "h"]),
    ],
)
def test_a_malformed_value_is_refused_under_its_name(variable: str, values: list[str]) -> None:
    """Each is the only problem of its environment."""
    for value in values:
        found = problems({variable: value})
        assert [problem.partition(":")[0] for problem in found] == [variable], value


@pytest.mark.parametrize("variable", ["MOBILE_UNITS_SECRET_KEY", "MOBILE_UNITS_ENCRYPTION_KEYS", "DATABASE_URL"])
def test_a_malformed_secret_is_not_repeated(variable: str) -> None:
    """Messages go to terminals and logs."""
    assert "hunter2" not in "".join(problems({variable: "postgresql://u:hunter2@host:hunter2/d"[:31]}))


def test_settings_do_not_show_their_secrets() -> None:
    """A repr may land in a traceback."""
    secrets = {
        "MOBILE_UNITS_SECRET_KEY": "x-signing" * 4,
        "MOBILE_UNITS_HASH_KEY": "x-hashing" * 4,
        "MOBILE_UNITS_CER_TLS_PASSWORD": "x-password-tls",
        "MOBILE_UNITS_CER_WSS_PASSWORD": "x-password-wss",
        "MOBILE_UNITS_SMTP_URL": "smtps://user:x-password-mail@mail.example",
        "MOBILE_UNITS_SMTP_FROM": "wizyty@example.org",
    }
    url = "postgresql://u:x-password@host/d"
    shown = repr(Settings.from_env(ENOUGH | secrets | {"DATABASE_URL": url}))
    assert "log_level='INFO'" in shown
    for secret in ("x-signing", "x-hashing", "x-password", KEY):
        assert secret not in shown


@pytest.mark.parametrize(("lease", "fits"), [("7", False), ("7.1", True)])
def test_a_lease_outlasts_the_longest_call(lease: str, fits: bool) -> None:
    """One second to connect, three to wait, three to read: otherwise two workers would send one message."""
    given = {
        "MOBILE_UNITS_CER_CONNECT_SECONDS": "1",
        "MOBILE_UNITS_CER_READ_SECONDS": "3",
        "MOBILE_UNITS_LEASE_SECONDS": lease,
    }
    if fits:
        assert Settings.from_env(ENOUGH | given).lease_seconds == 7.1
    else:
        assert "more than the longest call, 7 seconds" in problems(given)[0]


@pytest.mark.parametrize("use", ["TLS", "WSS"])
def test_a_certificate_comes_with_one_password(use: str) -> None:
    """In a variable or in a file; a certificate of each provider is found by its book later."""
    password, file = f"MOBILE_UNITS_CER_{use}_PASSWORD", f"MOBILE_UNITS_CER_{use}_PASSWORD_FILE"
    p12 = {f"MOBILE_UNITS_CER_{use}_P12": "/certificates/{book}.p12"}
    assert problems(p12) == [f"{password}: password of a certificate; expected this or {file}"]
    both = p12 | {password: "hunter2", file: __file__}
    assert problems(both) == [f"{password}: password of a certificate; expected either this or {file}"]
    assert Settings.from_env(ENOUGH | p12 | {password: "hunter2"})
    assert Settings.from_env(ENOUGH | p12 | {file: "/certificates/{book}.password"})


def test_a_certificate_that_all_providers_share_has_to_be_there() -> None:
    """Its password as well; each is told by itself."""
    found = problems({"MOBILE_UNITS_CER_WSS_P12": "/nowhere/wss.p12", "MOBILE_UNITS_CER_WSS_PASSWORD_FILE": "/nowhere"})
    assert [problem.partition(":")[0] for problem in found] == [
        "MOBILE_UNITS_CER_WSS_P12",
        "MOBILE_UNITS_CER_WSS_PASSWORD_FILE",
    ]


def test_nothing_is_asked_of_a_network_by_default() -> None:
    """Distances are estimated and places have coordinates."""
    settings = Settings.from_env(ENOUGH)
    assert (settings.osrm_url, settings.geocoder) == (None, "off")


def test_the_address_of_the_chosen_geocoder_is_known() -> None:
    """Each of them has its own variable."""
    given = ENOUGH | {
        "MOBILE_UNITS_UUG_URL": "https://uug.example",
        "MOBILE_UNITS_NOMINATIM_URL": "https://nominatim.example",
        "MOBILE_UNITS_GEOCODER_USER_AGENT": "units/1.0 (it@example.pl)",
    }
    assert Settings.from_env(given | {"MOBILE_UNITS_GEOCODER": "uug"}).geocoder_url == "https://uug.example"
    nominatim = Settings.from_env(given | {"MOBILE_UNITS_GEOCODER": "nominatim"})
    assert (nominatim.geocoder_url, nominatim.geocoder_user_agent) == (
        "https://nominatim.example",
        "units/1.0 (it@example.pl)",
    )


def test_nominatim_has_to_be_told_who_asks() -> None:
    """Its public service refuses programs without a name; UUG does not ask for one."""
    (problem,) = problems({"MOBILE_UNITS_GEOCODER": "nominatim"})
    assert problem.startswith("MOBILE_UNITS_GEOCODER_USER_AGENT: who asks Nominatim; expected a name")
    assert Settings.from_env(ENOUGH | {"MOBILE_UNITS_GEOCODER": "uug"}).geocoder_user_agent is None


@pytest.mark.parametrize(("text", "hour"), [("0", 0), ("23", 23), ("off", None)])
def test_the_daily_comparison_has_an_hour_or_is_off(text: str, hour: int | None) -> None:
    """Anything else is told; how often changes are read may be never, but not all the time."""
    assert Settings.from_env(ENOUGH | {"MOBILE_UNITS_CER_RECONCILE_HOUR": text}).cer_reconcile_hour == hour
    assert Settings.from_env(ENOUGH | {"MOBILE_UNITS_CER_CHANGES_SECONDS": "0"}).cer_changes_seconds == 0
    assert "a full hour" in problems({"MOBILE_UNITS_CER_RECONCILE_HOUR": "24"})[0]
    assert "1 to 3600" in problems({"MOBILE_UNITS_CER_CHANGES_SECONDS": "0.5"})[0]


WAYS = {
    "MOBILE_UNITS_SMTP_URL": "smtp://mail.example",
    "MOBILE_UNITS_SMTP_FROM": "wizyty@example.org",
    "MOBILE_UNITS_SMS_URL": "https://sms.example/v1",
    "MOBILE_UNITS_SMS_API": __file__,
    "MOBILE_UNITS_SMS_SECRET": "x-secret",
    "MOBILE_UNITS_SMS_SENDER": "Proba",
}


def test_a_way_to_women_is_set_up_whole() -> None:
    """Each lack is told by its variable; nobody is written to without a way."""
    for left_out in WAYS:
        given = {name: value for name, value in WAYS.items() if name != left_out}
        assert [problem.partition(":")[0] for problem in problems(given)] == [left_out]
    assert problems({"MOBILE_UNITS_MESSAGES": "1"})[0].startswith("MOBILE_UNITS_MESSAGES: women are written to")
    assert Settings.from_env(ENOUGH | WAYS | {"MOBILE_UNITS_MESSAGES": "1"}).messages
    assert Settings.from_env(ENOUGH | WAYS).messages is False
    assert "x-secret" not in repr(Settings.from_env(ENOUGH | WAYS))


def test_the_readme_lists_every_variable() -> None:
    """The configuration table has one row for each variable, in the order of the settings, and no other."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\|\s*`((?:MOBILE_UNITS_|DATABASE_)[A-Z0-9_]+)`\s*\|", readme, re.MULTILINE)
    assert listed == [each.metadata["variable"] for each in fields(Settings)]
