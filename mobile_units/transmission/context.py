"""On whose behalf we call: the attributes of the call context header, in the dialect of the service."""

from dataclasses import dataclass, field

from mobile_units.transmission.messages import ObjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """The caller: `provider` (podmiot), `user` (its worker or system), `workplace` (MUŚ) and business `role`.

    `version` and `prefix` select the dialect. The workplace may be named by its short cell code or by book and cell,
    as the service wants it.
    """

    provider: ObjectId
    user: ObjectId = field(repr=False)
    workplace: ObjectId
    role: str
    version: str = "v20180509"
    prefix: str = "urn:csioz:p1:kontekst:"

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
