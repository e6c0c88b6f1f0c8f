"""Tables that users bring."""

from mobile_units.errors.refusal import Refusal

REFUSALS: dict[str, Refusal] = {
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
}
