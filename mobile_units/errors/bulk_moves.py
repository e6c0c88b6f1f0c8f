"""Bulk moves."""

from mobile_units.errors.refusal import Refusal

REFUSALS: dict[str, Refusal] = {
    "bulk_move_scope": Refusal(
        "Nie wiadomo, które wizyty przenieść.",
        "It is not clear which visits to move.",
        "Podaj postój, osierocone terminy, jednostkę z dniami od–do albo listę wizyt: jedno z nich.",
        "Give a stop, orphaned slots, a unit with its first and last day, or a list of visits: one of these.",
    ),
    "bulk_move_empty": Refusal(
        "Nie ma wizyt, które można przenieść.",
        "There are no visits that can be moved.",
        "Przenieść można wizyty umówione i potwierdzone, które się nie zaczęły, do terminów z wolnymi miejscami.",
        "Visits that are booked or confirmed and have not begun can be moved, to slots with free places.",
    ),
    "bulk_move_too_large": Refusal(
        "Wizyt do przeniesienia jest więcej niż {most}.",
        "There are more than {most} visits to move.",
        "Przenieś je w kilku częściach, na przykład po kilka dni.",
        "Move them in several parts, a few days at a time.",
    ),
    "bulk_move_settled": Refusal(
        "Przeniesienie ma status „{status}”: na tę zmianę jest za późno.",
        "The bulk move is {status}: it is too late for this change.",
        "Przygotuj nową propozycję.",
        "Propose a new one.",
    ),
    "bulk_move_unassigned": Refusal(
        "Bez innego terminu zostają wizyty: {count}.",
        "Visits without another time: {count}.",
        "Wybierz dla nich terminy ręcznie, rozszerz wybór postojów albo potwierdź, że zostają na liście.",
        "Choose slots for them by hand, let more stops take part, or confirm that they stay on the list.",
    ),
    "bulk_move_outdated": Refusal(
        "Propozycja jest nieaktualna dla wizyt: {count}. Zmieniły się one albo ich nowe terminy.",
        "The proposal is out of date for {count} visit(s): they changed, or their new slots did.",
        "Przelicz propozycję; wybory dokonane ręcznie zostaną.",
        "Have the proposal recomputed; what was chosen by hand stays.",
    ),
    "bulk_move_changed": Refusal(
        "Przeniesienia nie można już cofnąć. Przeszkodą są wizyty: {count}.",
        "The bulk move cannot be undone any more. Visits in the way: {count}.",
        "Przenieś wizyty pojedynczo albo przygotuj nową propozycję.",
        "Move visits one by one, or propose a new bulk move.",
    ),
    "not_on_this_day": Refusal(
        "W dniu {day} ta kobieta nie może być badana.",
        "The woman may not be examined on {day}.",
        "Wybierz termin w dniach podanych przy jej wizycie albo poproś położną o decyzję.",
        "Choose a slot on the days that are told beside her visit, or ask a midwife to decide.",
    ),
}
