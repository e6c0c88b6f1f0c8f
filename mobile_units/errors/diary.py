"""Schedules, slots, women and their visits."""

from mobile_units.errors.refusal import Refusal

REFUSALS: dict[str, Refusal] = {
    # women
    "woman_known": Refusal(
        "Osoba z takim numerem jest już w bazie.",
        "A woman with this identity is known already.",
        "Wyszukaj ją po numerze (POST /api/v1/women/search).",
        "Find her by her identity (POST /api/v1/women/search).",
    ),
    "woman_merged": Refusal(
        "Te dane połączono z danymi tej samej pacjentki pod numerem {kept_id}.",
        "This woman was merged: she is kept as woman {kept_id}.",
        "Użyj pacjentki o numerze {kept_id}.",
        "Use woman {kept_id}.",
    ),
    "merge_with_itself": Refusal(
        "Nie można połączyć danych pacjentki z nimi samymi.",
        "A woman cannot be merged with herself.",
        "Podaj dwie różne pacjentki.",
        "Name two different women.",
    ),
    "already_merged": Refusal(
        "Dane pacjentki {woman_id} są już połączone z danymi pacjentki {kept_id}.",
        "Woman {woman_id} is already merged into woman {kept_id}.",
        "Użyj pacjentki o numerze {kept_id}.",
        "Use woman {kept_id}.",
    ),
    "parallel_visits": Refusal(
        "Obie mają umówioną wizytę w jednym programie; wizyt: {count}.",
        "Both have an active visit in one programme; visits: {count}.",
        "Odwołaj jedną z tych wizyt, a potem połącz dane.",
        "Cancel one of these visits, then merge.",
    ),
    # waiting list
    "waiting_already": Refusal(
        "Pacjentka czeka już na termin w tym programie.",
        "The woman is on the waiting list of this programme already.",
        "Zmień tamten wpis albo go wycofaj.",
        "Change or withdraw that entry.",
    ),
    "waiting_for_nothing": Refusal(
        "Na tym postoju nie będzie miejsc: minął, został wycofany, nie jest opublikowany albo nie stoi w podane dni.",
        "This stop offers nothing: it is over, withdrawn, not published, or not there on the days given.",
        "Wybierz inny postój albo obszar.",
        "Choose another stop or an area.",
    ),
    "waiting_where": Refusal(
        "Trzeba podać albo postój, albo obszar (TERYT), a godzinę „od” wcześniejszą niż „do”.",
        "Give either a stop or an area (TERYT), and an earlier hour first.",
        "Popraw wpis.",
        "Correct the entry.",
    ),
    "waiting_days_over": Refusal(
        "Wszystkie podane dni już minęły.",
        "All the days asked for are over.",
        "Podaj dni, które dopiero będą.",
        "Give days to come.",
    ),
    "places_free": Refusal(
        "Nie trzeba czekać: są wolne terminy ({count}).",
        "There is no need to wait: {count} slot(s) can be booked.",
        "Umów jeden z nich. Jeśli żaden jej nie pasuje, zawęź dni lub godziny, na które czeka.",
        "Book one of them. If none suits her, narrow the days or hours that she waits for.",
    ),
    "waiting_status": Refusal(
        "Wpis na liście ma status „{status}”: nie można go teraz tak zmienić.",
        "The entry is {status}: it cannot be changed like that now.",
    ),
    "offer_over": Refusal(
        "Czas na odpowiedź minął.",
        "The time to answer is over.",
        "Przywróć pacjentkę na listę albo umów inny termin.",
        "Put her back on the list or book another slot.",
    ),
    "birth_date_invalid": Refusal(
        "Data urodzenia jest niepoprawna albo jej brakuje.",
        "The birth date is not valid or missing.",
        "Podaj datę urodzenia z dokumentu, nie późniejszą niż dzisiejsza.",
        "Give the birth date in the document, today at the latest.",
    ),
    "declaration_unknown": Refusal(
        "W oświadczeniu są nieznane kody: {fields}.",
        "The declaration has unknown codes: {fields}.",
        "Użyj kodów: {known}.",
        "Use the codes: {known}.",
    ),
    "declaration_date_invalid": Refusal(
        "Data zgłoszonego badania jest sprzed urodzenia albo z przyszłości.",
        "A declared examination is dated before the birth or in the future.",
        "Popraw datę badania.",
        "Correct the date of the examination.",
    ),
    # slots
    "preview_outdated": Refusal(
        "Od podglądu coś się zmieniło, więc niczego nie zrobiono.",
        "Something has changed since the preview, so nothing was done.",
        "Obejrzyj nowy podgląd i dopiero potem wykonaj zmianę.",
        "Look at a new preview before you carry it out.",
    ),
    "page_too_deep": Refusal(
        "Po numerach stron można obejrzeć pierwsze {slots} terminów.",
        "The first {slots} slots can be turned over by page number.",
        "Zawęź wyszukiwanie albo idź dalej od ostatniego terminu (parametr after z pola next).",
        "Narrow the search, or go on behind the last slot (parameter after, from the field next).",
    ),
    "slot_not_open": Refusal(
        "Termin jest zablokowany.",
        "The slot is blocked.",
        "Wybierz inny termin albo poproś koordynatora o odblokowanie.",
        "Choose another slot or ask a coordinator to unblock it.",
    ),
    "slot_orphaned": Refusal(
        "Termin ma zniknąć z grafiku: zostają w nim tylko wizyty już umówione.",
        "The slot is to leave the schedule: only the visits that it has already remain.",
        "Wybierz inny termin. Osierocony wraca, gdy jego pora znów wejdzie w godziny pracy.",
        "Choose another slot. An orphaned one returns when its time becomes part of the working hours again.",
    ),
    "slot_reserved": Refusal(
        "Termin jest zarezerwowany: {reserved_for}.",
        "The slot is reserved: {reserved_for}.",
        "Wybierz inny termin albo umów wizytę tym kanałem; przypadek pilny oznacz jako pilny.",
        "Choose another slot or book by that channel; mark an urgent case as urgent.",
    ),
    "slot_kept_for_waiting": Refusal(
        "Zwolnione miejsce jest najpierw proponowane osobom z listy oczekujących.",
        "The place that became free is offered to the waiting list first.",
        "Wybierz inny termin albo zapisz pacjentkę na listę oczekujących.",
        "Choose another slot or put the woman on the waiting list.",
    ),
    "session_full": Refusal(
        "O tej porze nie ma wolnej pracowni albo osoby do badania: {path}.",
        "No room or no person is free at that time for: {path}.",
        "Wybierz inny termin.",
        "Choose another slot.",
    ),
    "path_not_in_session": Refusal(
        "W tej pracowni tego dnia nie wykonuje się badania: {path}.",
        "The rooms of this slot are not used on that day for: {path}.",
        "Zostaw badanie, które tu się wykonuje, albo wybierz termin w innym miejscu.",
        "Keep to an examination that is made there, or choose a slot at another place.",
    ),
    "overbooking_exhausted": Refusal(
        "Zajęte są wszystkie miejsca ({capacity}) i wszystkie dodatkowe ({extra}). Powód nadliczbowych: {reason}",
        "All places ({capacity}) and all extra ones ({extra}) are taken. Why there are extra ones: {reason}",
        "Wybierz inny termin.",
        "Choose another slot.",
    ),
    "slot_withdrawn": Refusal(
        "Termin wycofano.",
        "The slot was withdrawn.",
        "Wybierz inny termin. Termin wraca tylko wtedy, gdy jego pora znów wejdzie w godziny pracy.",
        "Choose another slot. It returns only when its time becomes part of the working hours again.",
    ),
    "slots_have_visits": Refusal(
        "W terminach, które miałyby zniknąć albo się zmniejszyć, są wizyty: {count}.",
        "There are visits in slots that would be withdrawn or take fewer women: {count}.",
        "Przenieś albo odwołaj te wizyty, a potem powtórz zmianę; albo osieroć terminy z wizytami: trafią na listę.",
        "Move or cancel these visits, then repeat the change; or orphan their slots, which puts them on a list.",
    ),
    "slot_in_the_past": Refusal(
        "Termin już minął.",
        "The slot has passed.",
        "Wybierz inny termin.",
        "Choose another slot.",
    ),
    "slot_has_visits": Refusal(
        "Nie można zablokować terminu: umówione wizyty w tym terminie: {visits}.",
        "The slot cannot be blocked: it has {visits} visit(s).",
        "Najpierw przenieś albo odwołaj te wizyty.",
        "Move or cancel them first.",
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
    "schedule_overlaps": Refusal(
        "Dla części tych dni istnieje już harmonogram tego miejsca i zakresu.",
        "The place already has a schedule in this range for some of the days.",
        "Wybierz dni, dla których harmonogramu jeszcze nie ma.",
        "Choose days that have no schedule yet.",
    ),
    # rules of visits
    "hold_expired": Refusal(
        "Czas wstępnej rezerwacji minął.",
        "The time of the hold is over.",
        "Zarezerwuj albo umów termin od nowa, jeśli jest jeszcze wolny.",
        "Hold or book the slot anew if it is still free.",
    ),
    "no_contracted_range": Refusal(
        "Żadna umowa z NFZ nie obejmuje w dniu {day} świadczenia: {path}.",
        "No NFZ contract covers on {day}: {path}.",
        "Dodaj zakres do umowy albo wybierz inną ścieżkę.",
        "Add the range to a contract or choose another path.",
    ),
    "not_eligible": Refusal(
        "Nie spełnia warunków programu: {reason_pl}",
        "Not eligible for the programme: {reason_en}",
        "Najbliższy możliwy termin: {next_eligible_pl}. Uprawniona osoba może odstąpić od reguły z podaniem powodu.",
        "Next eligible day: {next_eligible_en}. An authorised user may override the rule and give a reason.",
    ),
    "path_not_of_programme": Refusal(
        "Badanie „{path}” nie należy do programu, na który jest ten termin: {programme}.",
        "The examination {path} does not belong to the programme of this slot: {programme}.",
        "Wybierz termin programu, do którego należy ścieżka.",
        "Choose a slot of the programme that the path belongs to.",
    ),
    "too_early": Refusal(
        "Obecność można odnotować najwcześniej w dniu wizyty ({day}).",
        "Attendance can be recorded on the day of the visit at the earliest ({day}).",
        "Poczekaj do dnia wizyty albo przenieś ją na wcześniejszy termin.",
        "Wait for the day of the visit or move it to an earlier slot.",
    ),
    "visit_over": Refusal(
        "Wizyta ma status {status}: na tę zmianę jest za późno.",
        "The visit is {status}: it is too late for this change.",
    ),
    "same_slot": Refusal(
        "Wizyta jest już w tym terminie.",
        "The visit is in this slot already.",
        "Wybierz inny termin.",
        "Choose another slot.",
    ),
    "transition_not_allowed": Refusal(
        "Wizyta o statusie „{from_status}” nie może przejść w status „{to_status}”.",
        "A visit that is {from_status} cannot become {to_status}.",
    ),
}
