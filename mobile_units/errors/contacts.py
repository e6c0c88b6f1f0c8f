"""Messages to women."""

from mobile_units.errors.refusal import Refusal

REFUSALS: dict[str, Refusal] = {
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
    "provider_not_named": Refusal(
        "Nie wiadomo, kto pisze do pacjentek: podmiot nie ma krótkiej nazwy albo telefonu.",
        "It is not known who writes to women: the provider has no short name or no telephone.",
        "Administrator uzupełnia je w danych podmiotu (PATCH /api/v1/provider).",
        "The administrator adds them to the provider (PATCH /api/v1/provider).",
    ),
    # the call list
    "not_to_call": Refusal(
        "Tej wiadomości nie trzeba przekazywać telefonicznie (stan: {state}).",
        "This message need not be told by telephone (it is {state}).",
        "Odśwież listę: pacjentkę mógł już ktoś zawiadomić.",
        "Read the list again: somebody may have told her already.",
    ),
}
