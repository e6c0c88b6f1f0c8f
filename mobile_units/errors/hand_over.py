"""The central e-registration: what goes there and what comes from it."""

from mobile_units.errors.refusal import Refusal

REFUSALS: dict[str, Refusal] = {
    # what comes from the central system
    "change_unreadable": Refusal(
        "Zmiany wizyty, którą podała centralna e-rejestracja, nie da się odczytać.",
        "A change of a visit that the central e-registration told cannot be read.",
        "Sprawdź wizytę w centralnej e-rejestracji, wpisz ją tutaj i odłóż tę zmianę. Jeżeli winny jest dialekt, "
        "administrator poprawia go i wczytuje zmiany jeszcze raz (mobile-units cer changes --again).",
        "Look the visit up in the central e-registration, enter it here and set this change aside. If the dialect is "
        "to blame, the administrator corrects it and has the changes read again (mobile-units cer changes --again).",
    ),
    "slot_unknown": Refusal(
        "Centralna e-rejestracja podała termin, którego tutaj nie ma.",
        "The central e-registration named a slot that is not known here.",
        "Sprawdź w centralnej e-rejestracji, czego dotyczy wizyta, i umów pacjentkę na istniejący termin.",
        "Look the visit up in the central e-registration and book the woman into a slot that exists.",
    ),
    "woman_differs": Refusal(
        "Centralna e-rejestracja podała inną pacjentkę tej wizyty.",
        "The central e-registration named another woman for this visit.",
        "Wyjaśnij z centralną e-rejestracją, czyja to wizyta.",
        "Clear up with the central e-registration whose visit it is.",
    ),
    "changed_on_both_sides": Refusal(
        "Wizytę zmieniono równocześnie tutaj i w centralnej e-rejestracji.",
        "The visit was changed here and at the central e-registration at once.",
        "Uzgodnij z pacjentką, która zmiana obowiązuje.",
        "Agree with the woman which change holds.",
    ),
    "not_a_conflict": Refusal(
        "Ta zmiana nie czeka na decyzję (stan: {state}).",
        "This change does not wait for a decision (it is {state}).",
    ),
    # reconciliation
    "reconciliation_running": Refusal(
        "Uzgadnianie już trwa.",
        "A reconciliation is running already.",
        "Poczekaj, aż się skończy.",
        "Wait until it ends.",
    ),
    "difference_settled": Refusal(
        "Ta różnica nie czeka na decyzję (stan: {state}).",
        "This difference does not wait for a decision (it is {state}).",
    ),
    "decision_not_possible": Refusal(
        "Tej różnicy nie da się tak rozstrzygnąć.",
        "This difference cannot be decided that way.",
        "Wybierz inne rozstrzygnięcie.",
        "Choose another decision.",
    ),
    # the hand-over
    "not_rejected": Refusal(
        "Tego komunikatu nie odrzucono (stan: {state}), więc nie trzeba go wysyłać ponownie.",
        "This message was not rejected (it is {state}), so it need not be sent again.",
    ),
    "not_halted": Refusal(
        "Wysyłka nie jest wstrzymana, więc nie ma czego wznawiać.",
        "Sending is not halted, so there is nothing to resume.",
    ),
    "nothing_sent": Refusal(
        "W tej próbie niczego nie wysłano.",
        "This attempt ended before anything was sent.",
        "Przeczytaj opis próby: mówi, co się stało.",
        "Read the description of the attempt: it says what happened.",
    ),
}
