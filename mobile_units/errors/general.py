"""What any request may meet: its form, who asks, and the calendar."""

from mobile_units.errors.refusal import Refusal

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
}
