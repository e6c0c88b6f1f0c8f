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
    "slot_not_open": Refusal(
        "Termin jest zablokowany.",
        "The slot is blocked.",
        "Wybierz inny termin albo poproś koordynatora o odblokowanie.",
        "Choose another slot or ask a coordinator to unblock it.",
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
        "Przenieś albo odwołaj te wizyty, a potem powtórz zmianę.",
        "Move or cancel these visits, then repeat the change.",
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
        "Badanie {path} nie należy do programu, na który jest ten termin: {programme}.",
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
