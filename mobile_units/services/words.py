"""Polish names of what the hand-over consists of, for documents and lists that services make."""

from mobile_units.models.transmissions import AttemptOutcome, MessageState
from mobile_units.rules.transmissions import MessageKind

KINDS_PL = {
    MessageKind.SAVE_SERVICE_PLACE: "dane miejsca udzielania świadczeń",
    MessageKind.IMPORT_MOBILE_POINTS: "mobilny punkt obsługi",
    MessageKind.SAVE_SCHEDULE: "harmonogram",
    MessageKind.WITHDRAW_SLOTS: "wycofanie terminów",
    MessageKind.SAVE_SLOTS: "terminy",
    MessageKind.ACTIVATE_SERVICE_PLACE: "aktywacja miejsca",
    MessageKind.SAVE_VISIT: "wizyta",
    MessageKind.CANCEL_VISIT: "odwołanie wizyty",
    MessageKind.LOAD_VISITS: "zasilenie inicjalne",
}
STATES_PL = {
    MessageState.PENDING: "czeka",
    MessageState.IN_PROGRESS: "w drodze",
    MessageState.ACCEPTED: "przyjęty",
    MessageState.REJECTED: "odrzucony",
    MessageState.GIVEN_UP: "odstąpiono od wysyłki",
}
OUTCOMES_PL = {
    AttemptOutcome.DELIVERED: "przyjęto",
    AttemptOutcome.ALREADY_DELIVERED: "przyjęto już wcześniej",
    AttemptOutcome.REJECTED: "odrzucono",
    AttemptOutcome.RETRYABLE: "nie przekazano",
    AttemptOutcome.OUTCOME_UNKNOWN: "wynik nieznany",
    AttemptOutcome.HALTED: "nie wpuszczono, wysyłkę wstrzymano",
}
