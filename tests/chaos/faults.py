"""How calls are disturbed: in every way that the sandbox knows, in shares that add up."""

import math
from typing import Any

RETRYABLE = ("bladWewnetrzny", "bladZapisu", "przekroczonyCzas", "bladNieznanyNikomu")
AUTHENTICATION = (
    "bladPodpisuKomunikatu",
    "bladUwierzytelnienia",
    "kontoZablokowane",
    "certyfikatNiewazny",
    "brakCertyfikatu",
)
REFUSALS = (
    "bladAutoryzacji",
    "brakUprawnienPodmiotu",
    "brakUprawnienPracownikaMedycznego",
    "niepoprawnyKomunikat",
    "bladKontekstu",
)
OF_ALL_DISTURBED: dict[str, float] = {
    "delay": 0.14,
    "too_late": 0.02,
    "refuse": 0.004,
    "reset_before": 0.15,
    "reset_after": 0.15,
    "http_500": 0.10,
    "fault": 0.14,
    "malformed": 0.09,
    "truncated": 0.09,
    "duplicate": 0.07,
    "clock_skew": 0.03,
    "refused": 0.012,
    "not_let_in": 0.004,
}
"""What part each way has of the disturbed calls."""


def faults(share: float, read_seconds: float) -> list[dict[str, Any]]:
    """The faults that together disturb this share of all calls, though they strike independently of each other."""
    whole = -math.log(1 - share) / sum(OF_ALL_DISTURBED.values())
    part = {name: weight * whole for name, weight in OF_ALL_DISTURBED.items()}
    plain = ("reset_before", "reset_after", "http_500", "malformed", "truncated", "duplicate")
    return [
        {"kind": "delay", "share": part["delay"], "seconds": 0.3},
        {"kind": "delay", "share": part["too_late"], "seconds": read_seconds + 0.5},
        {"kind": "refuse", "share": part["refuse"], "seconds": 0.5},
        {"kind": "clock_skew", "share": part["clock_skew"], "seconds": 900},
        *({"kind": kind, "share": part[kind]} for kind in plain),
        *_codes(part["fault"], RETRYABLE),
        *_codes(part["refused"], REFUSALS),
        *_codes(part["not_let_in"], AUTHENTICATION),
    ]


def _codes(share: float, codes: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"kind": "fault", "share": share / len(codes), "code": code} for code in codes]
