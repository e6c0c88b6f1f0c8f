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
    "wrong_credentials": Refusal(
        "Błędny login lub hasło.",
        "The login or the password is wrong.",
        "Po pięciu nieudanych próbach logowanie jest zablokowane na 15 minut, także z poprawnym hasłem.",
        "After five failed attempts signing in is blocked for 15 minutes, even with the right password.",
    ),
    "last_administrator": Refusal(
        "To jedyny czynny administrator świadczeniodawcy.",
        "This is the only active administrator of the provider.",
        "Najpierw nadaj rolę administratora innemu użytkownikowi.",
        "First give another user the role of an administrator.",
    ),
    "form_expired": Refusal(
        "Formularz stracił ważność; nic nie zostało zmienione.",
        "The form is no longer valid; nothing was changed.",
        "Otwórz stronę ponownie i powtórz czynność.",
        "Open the page again and repeat what you did.",
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
        "Popraw dni albo godziny.",
        "Correct the days or the times.",
    ),
    "hours_past_midnight": Refusal(
        "Godziny pracy dnia {day} kończą się po północy.",
        "The working hours of {day} end past midnight.",
        "Zakończ pracę najpóźniej o północy, a resztę wpisz w następnym dniu.",
        "End at midnight at the latest and put the rest on the next day.",
    ),
    "session_too_varied": Refusal(
        "Uprawnienia są zbyt różne, żeby dokładnie policzyć wolne terminy (sal albo osób: {count}).",
        "Who may do what differs too much to count free times exactly (rooms or persons: {count}).",
        "Podziel pracę na osobne sesje albo wpisz mniej sal i osób.",
        "Split the work into separate sessions, or enter fewer rooms and persons.",
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
    # catalogues
    "validity_reversed": Refusal(
        "Ostatni dzień ({last}) jest wcześniejszy niż pierwszy ({first}).",
        "The last day ({last}) is earlier than the first ({first}).",
        "Popraw daty obowiązywania.",
        "Correct the days of validity.",
    ),
    "given_twice": Refusal(
        "Tę samą pozycję podano dwa razy.",
        "The same item was given twice.",
        "Usuń powtórzoną pozycję.",
        "Remove the repeated item.",
    ),
    # sites and units as the planner sees them
    "period_reversed": Refusal(
        "Ostatni dzień ({last}) jest wcześniejszy niż pierwszy ({first}).",
        "The last day ({last}) is earlier than the first ({first}).",
        "Popraw daty.",
        "Correct the days.",
    ),
    "period_incomplete": Refusal(
        "Podano tylko jeden z dni: pierwszy albo ostatni.",
        "Only one of the first and the last day is given.",
        "Podaj oba dni albo żadnego.",
        "Give both days or neither.",
    ),
    "stay_reversed": Refusal(
        "Najkrótszy postój (dni: {days_min}) jest dłuższy niż najdłuższy (dni: {days_max}).",
        "The shortest stay ({days_min} days) is longer than the longest ({days_max} days).",
        "Popraw najmniejszą albo największą liczbę dni.",
        "Correct the smallest or the largest number of days.",
    ),
    "window_reversed": Refusal(
        "Najpóźniejszy dzień postoju ({latest}) wypada przed najwcześniejszym ({earliest}).",
        "The latest day of a stay ({latest}) comes before the earliest ({earliest}).",
        "Popraw jeden z tych dni.",
        "Correct one of these days.",
    ),
    "voivodeship_unknown": Refusal(
        "Nie ma województwa o kodzie {voivodeship}.",
        "There is no voivodeship with the code {voivodeship}.",
        "Podaj dwie pierwsze cyfry TERYT: {known}.",
        "Give the first two digits of TERYT: {known}.",
    ),
    "capacity_without_programme": Refusal(
        "Liczba kobiet dziennie dotyczy programu, którego jednostka nie prowadzi: {programme}.",
        "A number of women per day is about a programme that the unit does not have: {programme}.",
        "Dodaj jednostce program albo usuń tę liczbę.",
        "Give the unit the programme or remove the number.",
    ),
    "capacity_without_case": Refusal(
        "Inna liczba kobiet dziennie musi dotyczyć miejsca postoju albo okresu.",
        "Another number of women per day has to be about a site or a period.",
        "Podaj miejsce albo dni; zwykłą liczbę zmień w programie jednostki.",
        "Give a site or days; change the usual number in the programme of the unit.",
    ),
    "shared_product_code": Refusal(
        "Kod {product_code} należy do wspólnego katalogu i nie można go zmienić.",
        "The code {product_code} belongs to the shared catalogue and cannot be changed.",
        "Dodaj własną pozycję katalogu z innym kodem albo na inne dni.",
        "Add an entry of your own with another code or for other days.",
    ),
    "unknown_product_code": Refusal(
        "W katalogu nie ma kodu {product_code} obowiązującego od {first} do {last}.",
        "The catalogue has no code {product_code} valid between {first} and {last}.",
        "Sprawdź kod z umową; jeżeli jest poprawny, dodaj go do katalogu.",
        "Check the code against the contract; if it is right, add it to the catalogue.",
    ),
    "base_range_missing": Refusal(
        "Zakres {product_code} jest skojarzony z {base_code}, którego nie ma w tej umowie.",
        "The range {product_code} is associated with {base_code}, which is not in this contract.",
        "Dodaj do umowy zakres {base_code}.",
        "Add the range {base_code} to the contract.",
    ),
    "regon_invalid": Refusal(
        "Numer REGON jest niepoprawny.",
        "The REGON is not valid.",
        "Podaj 9 albo 14 cyfr z rejestru REGON.",
        "Give the 9 or 14 digits from the REGON register.",
    ),
    "nip_invalid": Refusal(
        "Numer NIP jest niepoprawny.",
        "The NIP is not valid.",
        "Podaj 10 cyfr numeru.",
        "Give the 10 digits of the number.",
    ),
    "rpwdl_book_invalid": Refusal(
        "Numer księgi rejestrowej RPWDL jest niepoprawny.",
        "The number of the RPWDL book is not valid.",
        "Podaj 12 cyfr z rejestru podmiotów leczniczych.",
        "Give the 12 digits from the register.",
    ),
    "nfz_branch_unknown": Refusal(
        "Nie ma takiego oddziału NFZ.",
        "There is no such NFZ branch.",
        "Podaj kod oddziału od 01 do 16.",
        "Give the code of a branch, 01 to 16.",
    ),
    "oid_root_invalid": Refusal(
        "Węzeł OID jest niepoprawny.",
        "The OID node is not valid.",
        "Podaj liczby rozdzielone kropkami, na przykład 2.16.840.1.113883.3.4424.2.7.1.",
        "Give numbers joined by dots, for example 2.16.840.1.113883.3.4424.2.7.1.",
    ),
    "mobile_place_has_no_hours": Refusal(
        "Miejsce mobilne nie ma godzin otwarcia; godziny mają jego postoje.",
        "A mobile place has no opening hours; its stops have hours.",
        "Usuń godziny albo zarejestruj miejsce jako stacjonarne.",
        "Remove the hours or register the place as stationary.",
    ),
    "opening_hours_overlap": Refusal(
        "Godziny otwarcia nakładają się (dzień tygodnia {weekday}, od {opens}).",
        "The opening hours overlap (weekday {weekday}, from {opens}).",
        "Popraw godziny tego dnia.",
        "Correct the hours of that day.",
    ),
    "template_past_midnight": Refusal(
        "Godziny od {starts} do {ends} nie mieszczą się w jednym dniu.",
        "The hours from {starts} to {ends} do not lie within one day.",
        "Podaj koniec późniejszy niż początek, przed północą.",
        "Give an end that is later than the start and before midnight.",
    ),
    "break_outside_hours": Refusal(
        "Przerwa od {starts} do {ends} wykracza poza godziny pracy.",
        "The break from {starts} to {ends} does not lie within the working hours.",
        "Popraw przerwę albo godziny pracy.",
        "Correct the break or the working hours.",
    ),
    "quotas_above_all": Refusal(
        "Udziały kanałów zapisu wynoszą razem {percent}%.",
        "The quotas of the booking channels add up to {percent}%.",
        "Zmniejsz je do najwyżej 100% razem.",
        "Lower them to 100% together at the most.",
    ),
    "overbooking_without_reason": Refusal(
        "Brak powodu zapisów ponad liczbę miejsc.",
        "Overbooking has no reason.",
        "Podaj powód; zobaczą go osoby, które zapisują.",
        "Give a reason; those who book will see it.",
    ),
    "setting_missing": Refusal(
        "Badania szyjki macicy wymagają podania, czy miejsce działa w POZ, czy w AOS.",
        "Cervical examinations need to know whether the place works in POZ or in AOS.",
        "Uzupełnij rodzaj opieki w miejscu udzielania świadczeń.",
        "Set the kind of care at the service place.",
    ),
    "working_day_too_short": Refusal(
        "Godziny pracy są za krótkie: przygotowanie i jedno badanie trwają {needed} min.",
        "The working hours are too short: setting up and one examination take {needed} min.",
        "Popraw godziny albo czasy.",
        "Correct the hours or the minutes.",
    ),
    "service_place_not_mobile": Refusal(
        "Miejsce udzielania świadczeń dla programu {programme} nie jest mobilne.",
        "The service place of the programme {programme} is not mobile.",
        "Wybierz miejsce zarejestrowane jako mobilne.",
        "Choose a place registered as mobile.",
    ),
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
    # tables that users bring
    "import_refused": Refusal(
        "Niczego nie zapisano: liczba problemów w pliku to {count}.",
        "Nothing was stored: the file has {count} problems.",
        "Popraw wskazane wiersze i wczytaj plik ponownie.",
        "Correct the named rows and import the file again.",
    ),
    "table_unreadable": Refusal(
        "Nie można odczytać pliku.",
        "The file cannot be read.",
        "Zapisz go jako XLSX albo CSV w kodowaniu UTF-8, bez hasła.",
        "Save it as XLSX, or as CSV in UTF-8, without a password.",
    ),
    "table_empty": Refusal(
        "Plik nie ma żadnego wiersza pod nagłówkiem.",
        "The file has no row under its heading.",
    ),
    "table_too_large": Refusal(
        "Plik jest za duży; granica to {limit_pl}.",
        "The file is too large; the limit is {limit_en}.",
        "Podziel plik na mniejsze.",
        "Split the file.",
    ),
    "column_unknown": Refusal(
        "Nieznana kolumna; znane to: {known}.",
        "Unknown column; the known ones are: {known}.",
    ),
    "column_missing": Refusal(
        "Brak kolumny: {headings}.",
        "The column is missing: {headings}.",
    ),
    "column_repeated": Refusal(
        "Kolumna występuje więcej niż raz.",
        "The column occurs more than once.",
    ),
    "too_many_cells": Refusal(
        "Wiersz ma więcej komórek niż nagłówek ({width}); liczbę z przecinkiem należy ująć w cudzysłów.",
        "The row has more cells than the heading ({width}); a number with a comma has to be quoted.",
    ),
    "row_repeated": Refusal(
        "To samo podano już w wierszu {first}.",
        "The same was given in row {first}.",
    ),
    "value_missing": Refusal(
        "Brak wartości.",
        "The value is missing.",
    ),
    "value_too_long": Refusal(
        "Tekst jest dłuższy niż {longest} znaków.",
        "The text is longer than {longest} characters.",
    ),
    "value_not_printable": Refusal(
        "Tekst zawiera znaki sterujące.",
        "The text holds control characters.",
    ),
    "value_not_number": Refusal(
        "To nie jest liczba.",
        "This is not a number.",
    ),
    "value_not_whole_number": Refusal(
        "To nie jest liczba całkowita.",
        "This is not a whole number.",
    ),
    "value_out_of_range": Refusal(
        "Wartość musi być od {lowest} do {highest}.",
        "The value must be from {lowest} to {highest}.",
    ),
    "value_not_known": Refusal(
        "Dozwolone wartości to: {known}.",
        "The allowed values are: {known}.",
    ),
    "value_not_day": Refusal(
        "To nie jest dzień w postaci 2026-09-07 albo 07.09.2026.",
        "This is not a day written as 2026-09-07 or 07.09.2026.",
    ),
    "value_not_time": Refusal(
        "To nie jest godzina w postaci 08:00.",
        "This is not a time written as 08:00.",
    ),
    "value_not_teryt": Refusal(
        "To nie jest 7-cyfrowy kod gminy w TERYT.",
        "This is not the 7-digit code of a gmina in TERYT.",
    ),
    "value_not_programme": Refusal(
        "Program trzeba zapisać jako: program:kod komórki:kobiet dziennie:minut:gabinetów.",
        "A programme is written as programme:cell code:women a day:minutes:rooms.",
    ),
    "value_not_period": Refusal(
        "Okres trzeba zapisać jako 2026-09-07/2026-09-11 albo jako jeden dzień.",
        "A period is written as 2026-09-07/2026-09-11, or as a single day.",
    ),
    "value_not_capacity": Refusal(
        "Inną liczbę kobiet trzeba zapisać jako: program:kobiet dziennie:kod miejsca:okres:zespół (miejsce, okres i "
        "zespół można pominąć).",
        "Another number of women is written as programme:women a day:site code:period:crew (site, period and crew may "
        "be left out).",
    ),
    "outside_poland": Refusal(
        "Współrzędne leżą poza Polską; sprawdź, czy nie zamieniono szerokości z długością.",
        "The coordinates lie outside Poland; check that latitude and longitude are not swapped.",
    ),
    "unknown_cell_code": Refusal(
        "Nie ma miejsca udzielania świadczeń o kodzie komórki {cell_code}.",
        "There is no service place with the cell code {cell_code}.",
    ),
    "unknown_site_code": Refusal(
        "Nie ma miejsca postoju o takim kodzie.",
        "There is no site with this code.",
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
    # itineraries
    "itinerary_not_draft": Refusal(
        "Trasę można już tylko oglądać (stan: {status}).",
        "An itinerary that is {status} can only be read.",
        "Zatwierdzoną otwórz ponownie; opublikowaną zmień, tworząc jej nową wersję.",
        "Reopen an approved one; of a published one, make a new version.",
    ),
    "itinerary_not_published": Refusal(
        "Trasa nie jest opublikowana (stan: {status}).",
        "The itinerary is not published (it is {status}).",
        "Szkic zmień wprost; z wersji zastąpionej przejdź do tej, która obowiązuje.",
        "Change a draft as it is; from a superseded version turn to the one in force.",
    ),
    "itinerary_not_approved": Refusal(
        "Trasa nie jest zatwierdzona (stan: {status}).",
        "The itinerary is not approved (it is {status}).",
        "Najpierw zatwierdź szkic.",
        "Approve the draft first.",
    ),
    "itinerary_has_violations": Refusal(
        "Trasa narusza zasady: {count}.",
        "The itinerary has violations: {count}.",
        "Popraw trasę albo podaj powód, dla którego mimo to ma obowiązywać.",
        "Mend the itinerary, or give the reason why it is to be carried out nevertheless.",
    ),
    "base_superseded": Refusal(
        "Trasa {name}, którą zmienia ta wersja, została już zastąpiona inną.",
        "The itinerary {name}, which this version revises, was superseded by another one.",
        "Utwórz nową wersję trasy, która teraz obowiązuje.",
        "Make a new version of the itinerary that is in force now.",
    ),
    "base_changed": Refusal(
        "Trasa {name}, którą zmienia ta wersja, sama zmieniła się w międzyczasie.",
        "The itinerary {name}, which this version revises, was changed meanwhile.",
        "Porównaj obie i zatwierdź szkic (zatwierdzony najpierw otwórz ponownie), podając base_version {base_version}.",
        "Compare the two and approve the draft (reopen it first if need be) with base_version {base_version}.",
    ),
    "day_over": Refusal(
        "Dzień {day} minął i nie można go zmienić.",
        "The day {day} is over and cannot be changed.",
        "Zmień tylko dni, które nadejdą.",
        "Change only days to come.",
    ),
    "day_without_schedule": Refusal(
        "W dniu {day} nie ma harmonogramu, który można by zmienić.",
        "There is no schedule on {day} that could be changed.",
        "Najpierw otwórz to miejsce na ten dzień.",
        "Open the place for that day first.",
    ),
    "contract_has_schedules": Refusal(
        "Harmonogramy tej umowy wykraczałyby poza jej okres: {count}.",
        "Schedules under this contract would lie outside its time: {count}.",
        "Najpierw wycofaj albo skróć te harmonogramy.",
        "Withdraw or shorten these schedules first.",
    ),
    "itinerary_empty": Refusal(
        "Trasa nie ma żadnego postoju.",
        "The itinerary has no stops.",
        "Dodaj postoje albo zaplanuj trasę.",
        "Add stops or plan the itinerary.",
    ),
    "files_refused": Refusal(
        "Nie można użyć plików: liczba problemów to {count}.",
        "The files cannot be used: they have {count} problems.",
        "Popraw wskazane komórki i spróbuj ponownie.",
        "Correct the named cells and try again.",
    ),
    "text_not_utf8": Refusal(
        "Tekst nie jest zapisany w UTF-8; zapisz plik jako „CSV UTF-8”.",
        "The text is not UTF-8; save the file as “CSV UTF-8”.",
    ),
    "row_unreadable": Refusal(
        "Wiersza nie można odczytać; sprawdź, czy każdy cudzysłów jest zamknięty.",
        "The row cannot be read; check that every quotation mark is closed.",
    ),
    "separator_not_comma": Refusal(
        "Kolumny muszą być oddzielone przecinkami; średniki oddzielają pozycje list.",
        "Columns have to be separated by commas; semicolons separate the items of lists.",
    ),
    "value_has_decimal_comma": Refusal(
        "Część ułamkową oddziela kropka, nie przecinek: {number}.",
        "Decimals are separated by a point, not by a comma: {number}.",
    ),
    "value_not_iso_day": Refusal(
        "To nie jest dzień w postaci 2026-09-07 (zakres dni: 2026-09-07/2026-09-11).",
        "This is not a day written as 2026-09-07 (a range of days: 2026-09-07/2026-09-11).",
    ),
    "value_not_weekdays": Refusal(
        "Dni tygodnia to cyfry od 1 (poniedziałek) do 7 (niedziela), oddzielone średnikami: 1;2;3, albo zakres: 1-5.",
        "Weekdays are digits from 1 (Monday) to 7 (Sunday), separated by semicolons: 1;2;3, or a range: 1-5.",
    ),
    "matrix_rows": Refusal(
        "Macierz musi mieć {places} wierszy bez nagłówka (bazy jednostek, potem miejsca); ma ich {found}.",
        "The matrix has to have {places} rows without a heading (bases of units, then sites); it has {found}.",
    ),
    "matrix_columns": Refusal(
        "Wiersz macierzy musi mieć {places} komórek (bazy jednostek, potem miejsca); ma ich {found}.",
        "A row of the matrix has to have {places} cells (bases of units, then sites); it has {found}.",
    ),
    "distance_to_itself": Refusal(
        "Odległość miejsca od niego samego musi wynosić 0.",
        "The distance of a place from itself has to be 0.",
    ),
    "plan_unreadable": Refusal(
        "Nie można odczytać planu: {problem_pl}.",
        "The plan cannot be read: {problem_en}.",
        "Podaj plik wypisany przez `mobile-units plan --json`.",
        "Give a file as `mobile-units plan --json` prints it.",
    ),
    "planner_failed": Refusal(
        "Nie udało się ułożyć planu w wyznaczonym czasie i pamięci.",
        "No plan could be made within the limits of time and memory.",
        "Zaplanuj mniej jednostek lub krótszy okres albo zwolnij pamięć komputera.",
        "Plan fewer units or a shorter period, or free memory of the computer.",
    ),
    "planning_failed": Refusal(
        "Planowanie przerwał nieoczekiwany błąd.",
        "Something unexpected went wrong while it was planned.",
        "Zaplanuj ponownie; jeśli to się powtórzy, podaj administratorowi numer zadania {job_id}.",
        "Plan again; if it happens again, tell an administrator the number of the job, {job_id}.",
    ),
    "planning_interrupted": Refusal(
        "Planowanie przerywano {attempts} razy: za każdym razem przepadł proces, który je wykonywał.",
        "Planning was interrupted {attempts} times: each time the process that did it was lost.",
        "Sprawdź dziennik `mobile-units worker` i wolną pamięć, a potem zaplanuj ponownie.",
        "See the log of `mobile-units worker` and its free memory, then plan again.",
    ),
    "planning_job_over": Refusal(
        "Planowanie jest już zakończone (stan: {state}).",
        "The planning is over already (it is {state}).",
    ),
    "planning_job_not_done": Refusal(
        "Nie ma jeszcze planu do przyjęcia (stan: {state}).",
        "There is no plan yet that could be accepted (it is {state}).",
        "Poczekaj na koniec planowania albo zaplanuj ponownie.",
        "Wait for the end of the planning, or plan again.",
    ),
    "planning_job_accepted": Refusal(
        "Ten plan został już przyjęty jako trasa {itinerary_id}.",
        "This plan was accepted already, as itinerary {itinerary_id}.",
        "Otwórz tę trasę albo zaplanuj ponownie.",
        "Open that itinerary, or plan again.",
    ),
    "unit_does_not_exist": Refusal(
        "Plan używa jednostki, której nie ma: {unit}.",
        "The plan uses a unit that does not exist: {unit}.",
        "Dodaj tę jednostkę i zaplanuj ponownie.",
        "Add the unit and plan again.",
    ),
    "nothing_hit": Refusal(
        "W dniach od {first_day} do {last_day} jednostka {unit} nie ma żadnego opublikowanego postoju w tej trasie.",
        "{unit} has no published stop in this itinerary from {first_day} to {last_day}.",
        "Sprawdź jednostkę i dni.",
        "Check the unit and the days.",
    ),
    "repair_outdated": Refusal(
        "Tej propozycji już nie ma: postoje lub miejsca zmieniły się od czasu, gdy ją przygotowano.",
        "This proposal is no longer there: stops or sites have changed since it was made.",
        "Wczytaj propozycje jeszcze raz.",
        "Read the proposals again.",
    ),
    "nothing_to_plan": Refusal(
        "Nie ma czego planować: {missing_pl}.",
        "There is nothing to plan: {missing_en}.",
        "Uzupełnij jednostki, miejsca i liczby kobiet.",
        "Add units, sites and women due.",
    ),
    "period_too_long": Refusal(
        "Okres jest za długi: najwyżej {days} dni.",
        "The period is too long: {days} days at the most.",
        "Podziel go na krótsze.",
        "Split it into shorter ones.",
    ),
    "out_of_use": Refusal(
        "{what}: wycofano z użytku.",
        "{what} was taken out of use.",
        "Wybierz inną jednostkę albo inne miejsce postoju.",
        "Choose another unit or another site.",
    ),
    "stop_outside_itinerary": Refusal(
        "Dzień {day} jest poza trasą.",
        "The day {day} is outside the itinerary.",
        "Wybierz dni od {first_day} do {last_day}.",
        "Choose days from {first_day} to {last_day}.",
    ),
    "stop_in_the_past": Refusal(
        "Postój {site} zaczyna się w dniu, który minął: {day}.",
        "The stop {site} begins on a day that is over: {day}.",
        "Usuń postój albo wybierz późniejsze dni.",
        "Remove the stop or choose later days.",
    ),
    "unit_without_programme": Refusal(
        "Jednostka {unit} nie ma przypisanego programu i miejsca udzielania świadczeń.",
        "The unit {unit} has no programme with a service place.",
        "Przypisz jednostce program.",
        "Give the unit a programme.",
    ),
    "schedule_without_slots": Refusal(
        "W godzinach pracy {place} w dniu {day} nie mieści się ani jedno badanie.",
        "Not one examination fits the working hours of {place} on {day}.",
        "Wydłuż godziny pracy.",
        "Make the working hours longer.",
    ),
    "place_without_hours": Refusal(
        "{place} nie ma w tych dniach godzin otwarcia.",
        "{place} has no opening hours on these days.",
        "Uzupełnij godziny otwarcia pracowni stacjonarnej; miejsce mobilne otwierają jego postoje.",
        "Give the stationary place opening hours; a mobile place is opened by its stops.",
    ),
    "idempotency_key_reused": Refusal(
        "Tego klucza powtórzenia użyto już do innego żądania.",
        "This idempotency key was used for another request.",
        "Użyj nowego klucza.",
        "Use a new key.",
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
    # initial load
    "file_loaded_before": Refusal(
        "Ten plik już wczytano.",
        "This file was loaded before.",
        "Wczytaj plik z pozostałymi wizytami.",
        "Load a file with the visits that remain.",
    ),
    "no_slot_there": Refusal(
        "W tym miejscu i czasie nie ma terminu na to badanie.",
        "There is no slot for this examination at that place and time.",
    ),
    "slot_ambiguous": Refusal(
        "W tym czasie są tam terminy w kilku miejscach postoju; podaj kod jednego z nich w kolumnie site_code.",
        "There are slots at several sites at that time; name one by its code in the column site_code.",
    ),
    "visit_known": Refusal(
        "Ta wizyta już jest w bazie.",
        "This visit is known already.",
    ),
    "row_not_refused": Refusal(
        "Tego wiersza nie odrzucono (stan: {state}).",
        "This row was not refused (it is {state}).",
    ),
    # distances and addresses
    "road_service_unreachable": Refusal(
        "Serwer odległości drogowych (OSRM) nie odpowiada: {reason}.",
        "The service of road distances (OSRM) does not answer: {reason}.",
        "Sprawdź MOBILE_UNITS_OSRM_URL i działanie serwera; bez tej zmiennej odległości są szacowane ze współrzędnych.",
        "Check MOBILE_UNITS_OSRM_URL and the server; without the variable distances are estimated from coordinates.",
    ),
    "road_service_answer": Refusal(
        "Odpowiedzi serwera odległości drogowych (OSRM) nie można użyć: {reason}.",
        "The answer of the service of road distances (OSRM) cannot be used: {reason}.",
        "Sprawdź, czy MOBILE_UNITS_OSRM_URL wskazuje OSRM; przy TooBig zmniejsz MOBILE_UNITS_OSRM_TABLE_SIZE.",
        "Check that MOBILE_UNITS_OSRM_URL is that of OSRM; at TooBig make MOBILE_UNITS_OSRM_TABLE_SIZE smaller.",
    ),
    "road_service_slow": Refusal(
        "Serwer odległości drogowych (OSRM) nie podał wszystkich odległości w ciągu {seconds} s.",
        "The service of road distances (OSRM) did not tell all distances within {seconds} s.",
        "Zwiększ MOBILE_UNITS_OSRM_TABLE_SIZE razem z limitem serwera albo zaplanuj mniej miejsc.",
        "Raise MOBILE_UNITS_OSRM_TABLE_SIZE together with the limit of the server, or plan fewer sites.",
    ),
    "geocoder_off": Refusal(
        "Wyszukiwanie adresów jest wyłączone.",
        "Looking up addresses is switched off.",
        "Ustaw MOBILE_UNITS_GEOCODER na uug albo nominatim, albo podaj współrzędne.",
        "Set MOBILE_UNITS_GEOCODER to uug or nominatim, or give coordinates.",
    ),
    "geocoder_busy": Refusal(
        "Adresy są właśnie wyszukiwane; serwer można pytać tylko powoli.",
        "Addresses are being looked up just now; the service may be asked only slowly.",
        "Spróbuj ponownie za minutę.",
        "Try again in a minute.",
    ),
    "geocoder_failed": Refusal(
        "Serwer adresów nie odpowiada jak należy: {reason}.",
        "The service of addresses does not answer as it should: {reason}.",
        "Spróbuj później; jeśli to się powtarza, sprawdź jego adres w konfiguracji.",
        "Try later; if it happens again, check its address in the configuration.",
    ),
    "address_not_found": Refusal(
        "Nie znaleziono takiego adresu.",
        "The address was not found.",
        "Sprawdź pisownię albo podaj współrzędne z mapy.",
        "Check the spelling, or give coordinates from a map.",
    ),
    "address_missing": Refusal(
        "Brak adresu: podaj address albo locality, w ostateczności name.",
        "There is no address: give address or locality, at least a name.",
    ),
    "coordinates_incomplete": Refusal(
        "Podano tylko jedną ze współrzędnych.",
        "Only one of the coordinates is given.",
        "Podaj obie albo żadną.",
        "Give both or neither.",
    ),
    # messages to women
    "telephone_invalid": Refusal(
        "To nie jest numer telefonu, pod który można zadzwonić.",
        "This is not a telephone number that can be called.",
        "Podaj polski numer (9 cyfr) albo zagraniczny z prefiksem kraju, np. +49, bez numeru wewnętrznego.",
        "Give a Polish number (9 digits) or a foreign one with its country, such as +49, without an extension.",
    ),
    "email_invalid": Refusal(
        "To nie jest adres e-mail, na który można napisać.",
        "This is not an e-mail address that can be written to.",
        "Podaj jeden adres w postaci nazwa@domena, bez polskich liter.",
        "Give one address in the form name@domain, in plain letters.",
    ),
    "message_empty": Refusal("Wiadomość nie ma treści.", "The message has no text."),
    "message_incomplete": Refusal(
        "Wiadomość ({kind}) jest niekompletna: brakuje {missing}.",
        "The message ({kind}) is incomplete: {missing} is missing.",
    ),
    "message_field_invalid": Refusal(
        "W wiadomości pole {field} musi być jednym wierszem tekstu, do {most} znaków.",
        "In a message the field {field} has to be one line of text of up to {most} characters.",
        "Skróć lub popraw nazwę, pod którą miejsce albo podmiot występuje w wiadomościach.",
        "Shorten or correct the name by which the place or the provider is known in messages.",
    ),
    "message_link_invalid": Refusal(
        "Odnośnik w wiadomości może zawierać tylko adres https strony i losowy znacznik.",
        "A link in a message may hold only the https address of a page and a random token.",
    ),
    "message_too_long": Refusal(
        "SMS miałby {segments} części, a może mieć najwyżej {most}.",
        "The text message would take {segments} segments, and may take {most} at most.",
        "Skróć nazwę miejsca albo zadzwoń.",
        "Shorten the name of the place, or call.",
    ),
    "message_tells_examination": Refusal(
        "Treść zdradza, jakie to badanie, a wiadomość może przeczytać ktoś inny.",
        "The text tells what is examined, and somebody else may read the message.",
        "Zmień nazwę miejsca lub podmiotu używaną w wiadomościach albo zadzwoń.",
        "Change the name of the place or provider that is used in messages, or call.",
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


class DomainError(Exception):
    """A refused request or a broken rule; `code` is one of `REFUSALS`, `facts` fill its sentences."""

    def __init__(self, code: str, **facts: Any) -> None:
        self.code = code
        self.facts = facts
        self.refusal = REFUSALS[code]
        super().__init__(code)

    def sentence(self, language: str = "en") -> str:
        """The sentence of the refusal, `language` being `pl` or `en`."""
        return (self.refusal.pl if language == "pl" else self.refusal.en).format(**self._words(language))

    def way_out(self, language: str = "en") -> str:
        """What to do next, or an empty string."""
        template = self.refusal.way_out_pl if language == "pl" else self.refusal.way_out_en
        return template.format(**self._words(language))

    @property
    def lists(self) -> dict[str, list[dict[str, Any]]]:
        """The facts that are lists of objects: the sentences only count them, so they are told beside these."""
        return {
            name: value
            for name, value in self.facts.items()
            if isinstance(value, list) and all(isinstance(each, dict) for each in value)
        }

    def _words(self, language: str) -> dict[str, Any]:
        """The facts as they are read: a value of a vocabulary by its name in the language, if it has one."""
        return {fact: getattr(value, f"name_{language}", value) for fact, value in self.facts.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        """Lets the error cross a process boundary with its facts."""
        return (self._rebuild, (self.code, self.facts))

    @classmethod
    def _rebuild(cls, code: str, facts: dict[str, Any]) -> Self:
        return cls(code, **facts)
