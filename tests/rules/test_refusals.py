"""What the codes of the central system mean."""

import pytest

from mobile_units.rules.refusals import MEANINGS, meaning_of, rule_in
from mobile_units.sandbox.rules import Rule
from mobile_units.transmission.gateway import AUTHENTICATION, AUTHORIZATION, TEMPORARY, VALIDATION
from mobile_units.transmission.soap import CONTRACT_MISMATCH
from mobile_units.transmission.transport import TLS_REFUSED, TLS_UNTRUSTED


@pytest.mark.parametrize("code", [*Rule, *sorted(AUTHENTICATION | AUTHORIZATION | TEMPORARY | VALIDATION)])
def test_every_known_code_has_a_meaning(code: str) -> None:
    """The rules of the sandbox and the codes of P1."""
    assert meaning_of(code).code.casefold() == code.casefold()
    assert code.casefold() in MEANINGS


@pytest.mark.parametrize(
    "code",
    [
        CONTRACT_MISMATCH,
        TLS_REFUSED,
        TLS_UNTRUSTED,
        "certificate_unusable",
        "contract_unusable",
        "http_401",
        "http_403",
    ],
)
def test_what_stops_a_message_before_the_central_system_has_a_meaning_too(code: str) -> None:
    """These codes are ours, so they are certain."""
    assert meaning_of(code).code == code
    assert not meaning_of(code).provisional


@pytest.mark.parametrize("rule", Rule)
def test_the_rules_of_the_sandbox_are_provisional(rule: Rule) -> None:
    """The central system's own list is not public."""
    assert meaning_of("bladWeryfikacjiRegul", rule.value).provisional


def test_a_rule_says_more_than_the_code_that_it_came_with() -> None:
    """The code alone is used if the rule is not known either."""
    assert meaning_of("urn:csioz:p1:kod:BladWeryfikacjiRegul", "REG.WER.13").code == "REG.WER.13"
    assert meaning_of("urn:csioz:p1:kod:BladWeryfikacjiRegul", "REG.WER.9999").code == "bladWeryfikacjiRegul"


@pytest.mark.parametrize("code", ["zupelnieNowyKod", None])
def test_an_unknown_code_is_admitted(code: str | None) -> None:
    """With the code, if there is one, and what can be done all the same."""
    meaning = meaning_of(code)
    assert (code or "bez kodu") in meaning.pl
    assert (code or "without a code") in meaning.en
    assert meaning.provisional
    assert meaning.correct_pl


@pytest.mark.parametrize("meaning", MEANINGS.values(), ids=lambda meaning: meaning.code)
def test_every_meaning_is_whole_sentences_in_both_languages(meaning: object) -> None:
    """What it means and what to correct."""
    for name in ("pl", "en", "correct_pl", "correct_en"):
        sentence = getattr(meaning, name)
        assert sentence.endswith((".", ").")), sentence
        assert sentence[0].isupper()


@pytest.mark.parametrize(
    ("text", "rule"), [("REG.WER.13: brak", "REG.WER.13"), ("brak", None), (None, None), ("XREG.WER.1", None)]
)
def test_a_rule_is_found_in_a_description(text: str | None, rule: str | None) -> None:
    """Wherever it stands as a word."""
    assert rule_in(text) == rule
