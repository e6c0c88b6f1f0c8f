"""The refusals of the domain: one stable code each, a Polish and an English sentence, and the way out.

A refusal is raised as `DomainError(code, **facts)`. The facts fill the sentences and are returned to the caller, so
they never hold personal data. HTTP statuses are given to the codes in `routes.errors`.
"""

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is said with one code: `str.format` templates over the facts of the error.

    `way_out_pl` and `way_out_en` say what the user can do next; empty where nothing can be done.
    """

    pl: str
    en: str
    way_out_pl: str = ""
    way_out_en: str = ""


REFUSALS: dict[str, Refusal] = {
    # requests
    "invalid_input": Refusal(
        "Dane są niepoprawne: {problem}.",
        "The input is invalid: {problem}.",
        "Popraw wskazane pola i wyślij ponownie.",
        "Correct the named fields and send again.",
    ),
    "not_found": Refusal("Nie ma takiego obiektu: {what}.", "There is no such object: {what}."),
    "stale_version": Refusal(
        "Ktoś zmienił te dane w międzyczasie.",
        "Somebody changed this in the meantime.",
        "Wczytaj dane ponownie i powtórz zmianę.",
        "Read it again and repeat the change.",
    ),
    "already_exists": Refusal("Taki obiekt już istnieje: {what}.", "Such an object already exists: {what}."),
    "still_in_use": Refusal(
        "Nie można usunąć: {what} jest w użyciu.",
        "It cannot be removed: {what} is in use.",
    ),
    "bad_request": Refusal("Nie można odczytać żądania.", "The request cannot be read."),
    "method_not_allowed": Refusal("Ten adres nie obsługuje takiej metody.", "This address does not take that method."),
    "too_large": Refusal(
        "Żądanie jest za duże.",
        "The request is too large.",
        "Podziel dane na mniejsze części.",
        "Split the data.",
    ),
    "unsupported_media_type": Refusal(
        "Nieobsługiwany rodzaj treści.",
        "The media type is not supported.",
        "Wyślij application/json.",
        "Send application/json.",
    ),
    "busy": Refusal(
        "Baza danych chwilowo nie odpowiada; nic nie zostało zmienione.",
        "The database does not answer for the moment; nothing was changed.",
        "Ponów żądanie za chwilę.",
        "Repeat the request in a moment.",
    ),
    "internal": Refusal(
        "Wystąpił nieoczekiwany błąd; nic nie zostało zmienione.",
        "Something unexpected went wrong; nothing was changed.",
        "Zgłoś administratorowi numer żądania {request_id}.",
        "Report the request id {request_id} to an administrator.",
    ),
    # users
    "not_signed_in": Refusal(
        "Wymagane jest zalogowanie.",
        "You are not signed in.",
        "Zaloguj się albo podaj ważny token.",
        "Sign in or give a valid token.",
    ),
    "not_allowed": Refusal(
        "Twoja rola na to nie pozwala.",
        "Your role does not allow this.",
        "Poproś administratora o rolę: {roles}.",
        "Ask an administrator for one of the roles: {roles}.",
    ),
    "wrong_credentials": Refusal("Błędny login lub hasło.", "The login or the password is wrong."),
    "locked_out": Refusal(
        "Zbyt wiele nieudanych prób logowania.",
        "Too many failed attempts to sign in.",
        "Spróbuj ponownie za {minutes} min.",
        "Try again in {minutes} min.",
    ),
    # rules of time and identity
    "no_such_local_time": Refusal(
        "Godzina {at} w dniu {day} nie istnieje: zegary są wtedy przestawiane.",
        "There is no {at} on {day}: the clocks are moved then.",
        "Wybierz inną godzinę.",
        "Choose another time.",
    ),
    "ends_before_start": Refusal(
        "Koniec musi być późniejszy niż początek.",
        "The end must be later than the start.",
        "Popraw godziny.",
        "Correct the times.",
    ),
    "pesel_invalid": Refusal(
        "Numer PESEL jest niepoprawny.",
        "The PESEL number is not valid.",
        "Sprawdź numer z dokumentem.",
        "Check the number against the document.",
    ),
    "pesel_not_a_woman": Refusal(
        "Program jest dla kobiet, a ten numer PESEL należy do mężczyzny.",
        "The programme is for women and this PESEL belongs to a man.",
        "Sprawdź, czy numer przepisano poprawnie.",
        "Check that the number was copied correctly.",
    ),
    "document_invalid": Refusal(
        "Kraj lub numer dokumentu jest niepoprawny.",
        "The country or the number of the document is not valid.",
        "Podaj dwuliterowy kod kraju i numer dokumentu.",
        "Give the two-letter country code and the document number.",
    ),
    # guards of the database
    "slot_full": Refusal(
        "Termin jest już zajęty.",
        "The slot is full.",
        "Wybierz inny termin.",
        "Choose another slot.",
    ),
    "parallel_visit": Refusal(
        "Pacjentka ma już umówioną wizytę w tym programie.",
        "The woman already has a visit in this programme.",
        "Odwołaj albo przenieś tamtą wizytę.",
        "Cancel or move that visit.",
    ),
    "unit_in_two_places": Refusal(
        "Jednostka byłaby w dwóch miejscach jednocześnie.",
        "The unit would be in two places at once.",
        "Zmień dni lub godziny jednego z postojów.",
        "Change the days or hours of one of the stops.",
    ),
    "mobile_flag_needs_point": Refusal(
        "Harmonogram ma mieć punkt mobilny dokładnie wtedy, gdy zaznaczono Mobilny Punkt Obsługi.",
        "A schedule has a mobile point exactly when its mobile-point flag is set.",
    ),
    "stationary_place_has_no_point": Refusal(
        "Miejsce stacjonarne nie może mieć harmonogramu z punktem mobilnym.",
        "A stationary place cannot have a schedule with a mobile point.",
    ),
    "stationary_slot_on_mobile_schedule": Refusal(
        "Termin pracowni stacjonarnej wymaga harmonogramu bez punktu mobilnego.",
        "A slot of a stationary place needs a schedule without a mobile point.",
    ),
    "idempotency_key_reused": Refusal(
        "Tego klucza powtórzenia użyto już do innego żądania.",
        "This idempotency key was used for another request.",
        "Użyj nowego klucza.",
        "Use a new key.",
    ),
    # rules of visits
    "no_contracted_range": Refusal(
        "Brak umowy z NFZ na zakres dla ścieżki {path} w dniu {day}.",
        "No NFZ contract range covers the path {path} on {day}.",
        "Dodaj zakres do umowy albo wybierz inną ścieżkę.",
        "Add the range to a contract or choose another path.",
    ),
    "not_eligible": Refusal(
        "Nie spełnia warunków programu: {reason_pl}",
        "Not eligible for the programme: {reason_en}",
        "Najbliższy możliwy termin: {next_eligible_pl}. Uprawniona osoba może odstąpić od reguły z podaniem powodu.",
        "Next eligible day: {next_eligible_en}. An authorised user may override the rule and give a reason.",
    ),
    "transition_not_allowed": Refusal(
        "Wizyta o statusie {from_status} nie może przejść w status {to_status}.",
        "A visit that is {from_status} cannot become {to_status}.",
    ),
}


class DomainError(Exception):
    """A refused request or a broken rule; `code` is one of `REFUSALS`, `facts` fill its sentences."""

    def __init__(self, code: str, **facts: Any) -> None:
        self.code = code
        self.facts = facts
        self.refusal = REFUSALS[code]
        super().__init__(code)

    def sentence(self, language: str = "en") -> str:
        """The sentence of the refusal, `language` being `pl` or `en`."""
        return (self.refusal.pl if language == "pl" else self.refusal.en).format(**self.facts)

    def way_out(self, language: str = "en") -> str:
        """What to do next, or an empty string."""
        return (self.refusal.way_out_pl if language == "pl" else self.refusal.way_out_en).format(**self.facts)

    def __reduce__(self) -> tuple[Any, ...]:
        """Lets the error cross a process boundary with its facts."""
        return (self._rebuild, (self.code, self.facts))

    @classmethod
    def _rebuild(cls, code: str, facts: dict[str, Any]) -> Self:
        return cls(code, **facts)
