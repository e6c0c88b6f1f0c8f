"""On whose behalf we call: the attributes of the call context header, in the dialect of the service."""

from dataclasses import dataclass, field

from mobile_units.transmission.dialect import Dialect
from mobile_units.transmission.messages import PROVIDER_ROOT, ObjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """The caller: `provider` (podmiot), `user` (its worker or system), `workplace` (MUŚ) and business `role`.

    All are in the words of the service; `version` and `prefix` select the form of the header.
    """

    provider: ObjectId
    user: ObjectId = field(repr=False)
    workplace: ObjectId
    role: str
    version: str
    prefix: str

    @property
    def element(self) -> str:
        """The qualified name of the header."""
        return f"{{http://csioz.gov.pl/p1/kontekst/mt/{self.version}}}kontekstWywolania"

    def attributes(self) -> list[dict[str, str]]:
        """The header's attributes in the order of the documentation."""
        values = {
            "idPodmiotuOidRoot": self.provider.root,
            "idPodmiotuOidExt": self.provider.extension,
            "idUzytkownikaOidRoot": self.user.root,
            "idUzytkownikaOidExt": self.user.extension,
            "idMiejscaPracyOidRoot": self.workplace.root,
            "idMiejscaPracyOidExt": self.workplace.extension,
            "rolaBiznesowa": self.role,
        }
        return [{"nazwa": self.prefix + name, "wartosc": value} for name, value in values.items()]


def context_of(dialect: Dialect, book: str, cell: str) -> CallContext:
    """The context of a provider that calls as itself, from the service place with this cell code.

    Which identifiers the central e-registration wants for a system that calls by itself is not public.
    """
    provider = ObjectId(dialect.outer_root(PROVIDER_ROOT), book)
    return CallContext(
        provider=provider,
        user=provider,
        workplace=dialect.workplace_id(book, cell),
        role=dialect.role,
        version=dialect.context_version,
        prefix=dialect.context_prefix,
    )
