"""Answers of the central system are named by what to do next."""

import pytest

from mobile_units.transmission.gateway import (
    AUTHENTICATION,
    AUTHORIZATION,
    TEMPORARY,
    VALIDATION,
    AlreadyDelivered,
    Answer,
    Delivered,
    Halted,
    Outcome,
    Rejected,
    Retryable,
    classify,
)

DIALECTS = ["urn:csioz:p1:kod:major:", "urn:csioz:p1:erecepta:kod:minor:", ""]
CLASSES: list[tuple[frozenset[str], type[Outcome]]] = [
    (AUTHENTICATION, Halted),
    (AUTHORIZATION, Rejected),
    (VALIDATION, Rejected),
    (TEMPORARY, Retryable),
]


@pytest.mark.parametrize("prefix", DIALECTS)
@pytest.mark.parametrize(("code", "expected"), [(code, kind) for codes, kind in CLASSES for code in sorted(codes)])
def test_every_known_fault_has_its_class_in_every_dialect(prefix: str, code: str, expected: type[Outcome]) -> None:
    """The last segment decides; what stands before it does not."""
    assert type(classify(Answer(codes=(prefix + code,), fault=True))) is expected


def test_the_case_of_a_code_does_not_matter() -> None:
    """Faults are written small, results with a capital."""
    assert isinstance(classify(Answer(codes=("x:BladUwierzytelnienia",), fault=True)), Halted)


def test_the_major_code_decides_when_the_minor_is_unknown() -> None:
    """Minor codes are an open list."""
    outcome = classify(Answer(codes=("x:cosNowego", "x:bladAutoryzacji"), text="nie", event_uuid="e", fault=True))
    assert outcome == Rejected(code="cosNowego", rule=None, description="nie", event_uuid="e")


def test_authentication_outweighs_everything() -> None:
    """A call that is not let in stops all, even if another code would allow a retry."""
    assert isinstance(classify(Answer(codes=("x:bladWewnetrzny", "x:kontoZablokowane"), fault=True)), Halted)


def test_an_unknown_fault_is_tried_again() -> None:
    """Nobody has to act on a fault that nobody knows."""
    expected = Retryable(reason="?", code="cosNowego", event_uuid="e")
    assert classify(Answer(codes=("x:cosNowego",), text="?", event_uuid="e", fault=True)) == expected


def test_an_unknown_result_goes_to_a_person() -> None:
    """A business refusal will not go away by itself."""
    expected = Rejected(code="BladNieznany", rule=None, description="?")
    assert classify(Answer(codes=("x:BladNieznany",), text="?")) == expected


def test_a_temporary_code_in_a_result_is_tried_again() -> None:
    """Some services report their own troubles as a result."""
    assert isinstance(classify(Answer(codes=("x:BladZapisu",))), Retryable)


def test_success_may_come_with_a_note() -> None:
    """A warning is kept beside the success."""
    assert classify(Answer(codes=("x:Ostrzezenie", "x:Sukces"), text="uwaga")) == Delivered(note="uwaga")
    assert classify(Answer(codes=("x:Sukces",))) == Delivered(note=None)


def test_a_fault_never_means_success() -> None:
    """Not even one that carries the word."""
    assert isinstance(classify(Answer(codes=("x:Sukces",), fault=True)), Retryable)


@pytest.mark.parametrize("fault", [True, False])
def test_a_duplicate_counts_as_success(fault: bool) -> None:
    """What was accepted before need not be sent again."""
    codes = ("x:DuplikatKomunikatu", "x:BladWeryfikacjiDokumentu")
    assert classify(Answer(codes=codes, fault=fault)) == AlreadyDelivered()
