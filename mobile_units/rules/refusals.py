"""What the codes of the central system mean, and what a person corrects: the table behind the list of work.

The rules `REG.WER.n` are those of our sandbox and provisional, because the central system's own list is not public; the
codes of P1 are those of its sister services. An unknown code gets an entry that says so.
"""

import re
from dataclasses import dataclass

_RULE = re.compile(r"\bREG\.WER\.\d+\b")


@dataclass(frozen=True, slots=True)
class Meaning:
    """One code in words; `mends` is the feature of the API in which the correction is made, empty if it is not here.

    `provisional` means that the central system may use the code for something else.
    """

    code: str
    pl: str
    en: str
    correct_pl: str
    correct_en: str
    mends: str = ""
    provisional: bool = True


_TABLE = (
    Meaning(
        "REG.WER.1",
        "Miejsce udzielania świadczeń (MUŚ) nie zostało zarejestrowane.",
        "The service place is not registered.",
        "Sprawdź, czy dane miejsca zostały przyjęte; popraw je i wyślij ponownie komunikat o miejscu, a potem ten.",
        "See whether the data of the place were accepted; correct and resend the message about the place, then this.",
        "service-places",
    ),
    Meaning(
        "REG.WER.2",
        "Harmonogram mobilny wymaga mobilnego punktu obsługi, a stacjonarny go nie dopuszcza.",
        "A mobile schedule needs a mobile point, a stationary one must have none.",
        "Sprawdź, czy miejsce jest zapisane jako mobilne, czy stacjonarne, i otwórz harmonogram od nowa.",
        "See whether the place is kept as mobile or stationary, and open the schedule anew.",
        "schedules",
    ),
    Meaning(
        "REG.WER.3",
        "Mobilny punkt obsługi nie został zarejestrowany.",
        "The mobile point is not registered.",
        "Wyślij ponownie komunikat o punkcie mobilnym, a po jego przyjęciu ten komunikat.",
        "Resend the message about the mobile point and, once it is accepted, this message.",
        "mobile-points",
    ),
    Meaning(
        "REG.WER.4",
        "Mobilny punkt obsługi należy do innego MUŚ.",
        "The mobile point belongs to another service place.",
        "Sprawdź, do którego miejsca przypisano jednostkę na tym postoju, i popraw przypisanie.",
        "See which place the unit belongs to at this stop, and correct that.",
        "units",
    ),
    Meaning(
        "REG.WER.5",
        "Harmonogram nie istnieje w systemie centralnym.",
        "The central system knows no such schedule.",
        "Wyślij ponownie komunikat o harmonogramie, a po jego przyjęciu ten komunikat.",
        "Resend the message about the schedule and, once it is accepted, this message.",
        "schedules",
    ),
    Meaning(
        "REG.WER.6",
        "Terminy pracowni stacjonarnej wymagają harmonogramu utworzonego bez punktu mobilnego.",
        "Slots of a stationary place need a schedule that was created without a mobile point.",
        "Otwórz dla pracowni stacjonarnej harmonogram bez punktu mobilnego.",
        "Open a schedule without a mobile point for the stationary place.",
        "schedules",
    ),
    Meaning(
        "REG.WER.7",
        "Termin wykracza poza czas pracy harmonogramu.",
        "A slot lies outside the working time of its schedule.",
        "Sprawdź, czy przyjęto ostatnią zmianę godzin harmonogramu; wyślij ją ponownie albo wycofaj termin.",
        "See whether the last change of the schedule's hours was accepted; resend it or withdraw the slot.",
        "schedules",
    ),
    Meaning(
        "REG.WER.8",
        "Koniec nie jest późniejszy niż początek.",
        "The end is not later than the start.",
        "Popraw godziny albo dni w harmonogramie.",
        "Correct the hours or the days of the schedule.",
        "schedules",
    ),
    Meaning(
        "REG.WER.9",
        "Termin o tym identyfikatorze należy do innego harmonogramu.",
        "The slot of this identifier belongs to another schedule.",
        "Zgłoś to administratorowi: identyfikatory nadaje program i nie powinny się powtarzać.",
        "Tell an administrator: the program gives the identifiers and they should never recur.",
    ),
    Meaning(
        "REG.WER.10",
        "MUŚ nie udostępniło żadnego terminu, więc nie można go aktywować.",
        "The service place offers no slot, so it cannot be activated.",
        "Najpierw doprowadź do przyjęcia terminów tego miejsca, potem wyślij aktywację ponownie.",
        "First have slots of this place accepted, then resend the activation.",
        "slots",
    ),
    Meaning(
        "REG.WER.11",
        "MUŚ nie jest aktywne.",
        "The service place is not active.",
        "Doprowadź do przyjęcia aktywacji miejsca, potem wyślij ten komunikat ponownie.",
        "Have the activation of the place accepted, then resend this message.",
        "service-places",
    ),
    Meaning(
        "REG.WER.12",
        "Termin nie istnieje w systemie centralnym.",
        "The central system knows no such slot.",
        "Wyślij ponownie komunikat o terminach tego harmonogramu, a po jego przyjęciu wizytę.",
        "Resend the message about the slots of this schedule and, once it is accepted, the visit.",
        "slots",
    ),
    Meaning(
        "REG.WER.13",
        "W terminie nie ma wolnego miejsca.",
        "The slot has no free place.",
        "Sprawdź, kto zajmuje termin (np. wizyta umówiona w IKP), i przenieś wizytę na inny termin.",
        "See who holds the slot (such as a visit booked in IKP), and move the visit to another one.",
        "visits",
    ),
    Meaning(
        "REG.WER.14",
        "Pacjentka ma już umówioną wizytę w tym programie.",
        "The woman already has a visit in this programme.",
        "Ustal z pacjentką, która wizyta jest aktualna; drugą odwołaj u świadczeniodawcy, który ją umówił, albo w IKP.",
        "Settle with the woman which visit holds; cancel the other one where it was booked, or in IKP.",
        "visits",
    ),
    Meaning(
        "REG.WER.15",
        "Wizyta nie istnieje w systemie centralnym.",
        "The central system knows no such visit.",
        "Sprawdź, czy wizyta została wcześniej przyjęta; jeśli nie, nie ma czego odwoływać: odstąp od wysyłki.",
        "See whether the visit was ever accepted; if not, there is nothing to cancel and the message can be given up.",
        "visits",
    ),
    Meaning(
        "REG.WER.16",
        "Badanie nie należy do programu, którego dotyczy harmonogram.",
        "The examination does not belong to the programme of the schedule.",
        "Zmień ścieżkę wizyty albo przenieś ją na termin właściwego zakresu.",
        "Change the path of the visit or move it to a slot of the right range.",
        "visits",
    ),
    Meaning(
        "REG.WER.17",
        "Wizyta nie jest już umówiona w systemie centralnym: została zakończona albo odwołana.",
        "The visit is no longer booked at the central system: it is over or cancelled.",
        "Porównaj stan obu stron (uzgodnienie) i rozstrzygnij różnicę; jeśli wizyta ma się odbyć, umów ją od nowa.",
        "Compare both sides (reconciliation) and settle the difference; if it is to take place, book it anew.",
        "visits",
    ),
    Meaning(
        "bladWeryfikacjiRegul",
        "Treść komunikatu łamie regułę systemu centralnego, której nie nazwano.",
        "The content breaks a rule of the central system that was not named.",
        "Przeczytaj opis odpowiedzi, popraw dane, których dotyczy, i wyślij ponownie.",
        "Read the description in the answer, correct the data that it is about, and resend.",
    ),
    Meaning(
        "bladWeryfikacjiDokumentu",
        "Komunikat nie przeszedł weryfikacji.",
        "The message did not pass verification.",
        "Przeczytaj opis odpowiedzi, popraw dane, których dotyczy, i wyślij ponownie.",
        "Read the description in the answer, correct the data that it is about, and resend.",
    ),
    Meaning(
        "niepoprawnyKomunikat",
        "Komunikat ma budowę, której system centralny nie rozumie.",
        "The message is built in a way that the central system does not understand.",
        "Zgłoś to administratorowi: kontrakt usługi mógł się zmienić (`mobile-units cer check-contract`).",
        "Tell an administrator: the contract may have changed (`mobile-units cer check-contract`).",
        provisional=False,
    ),
    Meaning(
        "bladKontekstu",
        "System centralny nie przyjął danych o podmiocie, użytkowniku lub miejscu w nagłówku wywołania.",
        "The central system did not accept the provider, user or workplace in the call's header.",
        "Sprawdź numer księgi RPWDL, kod komórki i rolę w ustawieniach; potem wyślij ponownie.",
        "Check the RPWDL book, the cell code and the role in the settings; then resend.",
        "service-places",
        provisional=False,
    ),
    Meaning(
        "bladAutoryzacji",
        "Podmiot nie ma uprawnienia do tej operacji.",
        "The provider is not authorised for this operation.",
        "Wyjaśnij uprawnienia podmiotu w Centrum e-Zdrowia; po ich nadaniu wyślij ponownie.",
        "Settle the provider's rights with the e-Health Centre; resend once they are granted.",
        provisional=False,
    ),
    Meaning(
        "brakUprawnienPodmiotu",
        "Podmiot nie ma uprawnienia do tej operacji.",
        "The provider is not authorised for this operation.",
        "Wyjaśnij uprawnienia podmiotu w Centrum e-Zdrowia; po ich nadaniu wyślij ponownie.",
        "Settle the provider's rights with the e-Health Centre; resend once they are granted.",
        provisional=False,
    ),
    Meaning(
        "brakUprawnienPracownikaMedycznego",
        "Pracownik medyczny nie ma uprawnienia do tej operacji.",
        "The medical professional is not authorised for this operation.",
        "Sprawdź rolę w ustawieniach wywołania i uprawnienia w Centrum e-Zdrowia; potem wyślij ponownie.",
        "Check the role in the settings and the rights at the e-Health Centre; then resend.",
        provisional=False,
    ),
    Meaning(
        "bladPodpisuKomunikatu",
        "System centralny nie uznał podpisu komunikatu.",
        "The central system did not accept the signature.",
        "Administrator sprawdza certyfikat podpisu (WSS) i zegar serwera, a potem wznawia wysyłkę.",
        "An administrator checks the signing certificate (WSS) and the server's clock, then resumes.",
        provisional=False,
    ),
    Meaning(
        "bladUwierzytelnienia",
        "System centralny nie rozpoznał nadawcy.",
        "The central system did not recognise the sender.",
        "Administrator sprawdza oba certyfikaty i ich zgodność z podmiotem, a potem wznawia wysyłkę.",
        "An administrator checks both certificates and whose they are, then resumes.",
        provisional=False,
    ),
    Meaning(
        "kontoZablokowane",
        "Konto podmiotu w systemie centralnym jest zablokowane.",
        "The provider's account is blocked.",
        "Wyjaśnij blokadę w Centrum e-Zdrowia, potem wznów wysyłkę.",
        "Settle the block with the e-Health Centre, then resume.",
        provisional=False,
    ),
    Meaning(
        "certyfikatNiewazny",
        "Certyfikat jest nieważny.",
        "The certificate is not valid.",
        "Administrator wgrywa ważny certyfikat i wznawia wysyłkę.",
        "An administrator installs a valid certificate and resumes.",
        provisional=False,
    ),
    Meaning(
        "brakCertyfikatu",
        "Brak certyfikatu w komunikacie albo połączeniu.",
        "The message or the connection carries no certificate.",
        "Administrator sprawdza ustawienia certyfikatów i wznawia wysyłkę.",
        "An administrator checks the settings of certificates and resumes.",
        provisional=False,
    ),
    Meaning(
        "bladWewnetrzny",
        "Błąd wewnętrzny systemu centralnego.",
        "The central system failed inside.",
        "Nic: program ponawia sam. Próby są dowodem awarii.",
        "Nothing: the program tries again by itself. The attempts are evidence of the fault.",
        provisional=False,
    ),
    Meaning(
        "bladZapisu",
        "System centralny nie zapisał danych.",
        "The central system could not store the data.",
        "Nic: program ponawia sam. Próby są dowodem awarii.",
        "Nothing: the program tries again by itself. The attempts are evidence of the fault.",
        provisional=False,
    ),
    Meaning(
        "przekroczonyCzas",
        "Przekroczono czas przetwarzania po stronie systemu centralnego.",
        "The central system ran out of time.",
        "Nic: program ponawia sam. Jeśli się powtarza, sprawdź zegar serwera: ważność podpisu trwa 300 s.",
        "Nothing: the program tries again. If it goes on, check the server's clock: a signature is valid for 300 s.",
        provisional=False,
    ),
    Meaning(
        "contract_mismatch",
        "Komunikatu nie dało się zbudować zgodnie z kontraktem usługi; niczego nie wysłano.",
        "The message could not be built to the contract; nothing was sent.",
        "Przeczytaj opis: brakuje danej albo jest zła. Popraw ją i wyślij ponownie; jeśli to nie dane, zgłoś "
        "administratorowi.",
        "Read the description: a value is missing or wrong. Correct it and resend; otherwise tell an administrator.",
        provisional=False,
    ),
    Meaning(
        "tls_untrusted",
        "Serwer przedstawił certyfikat, któremu nie ufamy; niczego nie wysłano.",
        "The server showed a certificate that we do not trust; nothing was sent.",
        "Administrator sprawdza adres usługi i MOBILE_UNITS_CER_CA, a potem wznawia wysyłkę.",
        "An administrator checks the address of the service and MOBILE_UNITS_CER_CA, and then resumes.",
        provisional=False,
    ),
    Meaning(
        "certificate_unusable",
        "Naszego certyfikatu nie da się użyć; niczego nie wysłano.",
        "Our certificate cannot be used; nothing was sent.",
        "Administrator sprawdza pliki .p12 i hasła (`mobile-units doctor`), uruchamia ponownie wysyłkę i wznawia ją.",
        "An administrator checks the .p12 files and passwords (`mobile-units doctor`), restarts the workers, resumes.",
        provisional=False,
    ),
    Meaning(
        "contract_unusable",
        "Kontraktu (WSDL) nie da się użyć; niczego nie wysłano.",
        "The contract (WSDL) cannot be used; nothing was sent.",
        "Administrator sprawdza kontrakt i dialekt (`mobile-units cer check-contract`), potem wznawia wysyłkę.",
        "An administrator checks contract and dialect (`mobile-units cer check-contract`), and then resumes.",
        provisional=False,
    ),
    Meaning(
        "tls_refused",
        "Serwer nie przyjął naszego certyfikatu TLS; komunikatu nie przetworzono.",
        "The server did not accept our TLS certificate; the message was not processed.",
        "Administrator sprawdza certyfikat TLS (`mobile-units doctor`), uruchamia ponownie wysyłkę i wznawia ją.",
        "An administrator checks the TLS certificate (`mobile-units doctor`), starts the workers again and resumes.",
        provisional=False,
    ),
    *(
        Meaning(
            code,
            "Serwer nie wpuścił nas, zanim komunikat dotarł do usługi.",
            "The server did not let us in before the message reached the service.",
            "Administrator sprawdza certyfikaty i uprawnienia systemu, a potem wznawia wysyłkę.",
            "An administrator checks the certificates and rights of the system, and then resumes.",
            provisional=False,
        )
        for code in ("http_401", "http_403")
    ),
)

MEANINGS = {meaning.code.casefold(): meaning for meaning in _TABLE}
"""Every known code, in lower case."""


def rule_in(description: str | None) -> str | None:
    """The broken rule that a description names, None if it names none."""
    found = _RULE.search(description or "")
    return found.group() if found else None


def meaning_of(code: str | None, rule: str | None = None) -> Meaning:
    """What a refusal means: by its rule if that is known, else by the last segment of its code."""
    for each in (rule, (code or "").strip().rpartition(":")[2]):
        known = MEANINGS.get((each or "").casefold())
        if known:
            return known
    return _unknown(rule or code or "")


def _unknown(code: str) -> Meaning:
    named_pl, named_en = (f"z kodem {code}", f"with the code {code}") if code else ("bez kodu", "without a code")
    return Meaning(
        code,
        f"System centralny odmówił {named_pl}; znaczenia tej odmowy program nie zna.",
        f"The central system refused {named_en}; what that means, this program does not know.",
        "Przeczytaj opis odpowiedzi; o znaczenie zapytaj Centrum e-Zdrowia, podając numer zdarzenia, jeśli go nadano.",
        "Read the description in the answer; ask the e-Health Centre, naming the event if one was given.",
    )
