"""The dialect: another contract is described in a file, and every fault of the file is named at once."""

import re
from pathlib import Path as FilePath

import pytest

from mobile_units.config import ConfigurationError
from mobile_units.rules.programmes import Path
from mobile_units.rules.transmissions import MessageKind
from mobile_units.transmission.context import context_of
from mobile_units.transmission.dialect import DEFAULT, Dialect, load, names_there
from mobile_units.transmission.gateway import Presence
from mobile_units.transmission.messages import PESEL_ROOT, PROVIDER_ROOT, SERVICE_PLACE_ROOT, ObjectId

README = FilePath(__file__).parents[2] / "README.md"
BOOK, CELL = "000000999999", "001"


@pytest.fixture
def file(tmp_path: FilePath) -> FilePath:
    """Where a dialect is written."""
    return tmp_path / "dialect.toml"


def dialect(file: FilePath, content: str) -> Dialect:
    """The dialect that this text describes."""
    file.write_text(content, encoding="utf-8")
    return load(file)


def problems(file: FilePath, content: str) -> list[str]:
    """What is wrong with this text."""
    with pytest.raises(ConfigurationError) as caught:
        dialect(file, content)
    assert all(problem.startswith(f"{file}: ") for problem in caught.value.problems)
    return [problem.removeprefix(f"{file}: ") for problem in caught.value.problems]


def test_an_empty_file_changes_nothing(file: FilePath) -> None:
    """What is left out stays as in our own contract."""
    assert dialect(file, "") == DEFAULT


def test_the_example_in_the_readme_loads_and_shows_every_key(file: FilePath) -> None:
    """Who copies it and changes it finds all there is to change."""
    (example,) = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    described = dialect(file, example)
    assert described.operations[MessageKind.SAVE_VISIT] == "umowWizyte"
    assert described.changes is None
    for table, keys in {
        "operations": [*MessageKind, "lookup", "changes"],
        "context": ["version", "prefix", "role", "workplace"],
        "identifiers": ["pesel", "provider", "service_place"],
        "answers": ["duplicate"],
    }.items():
        section = example.partition(f"[{table}]")[2].partition("\n[")[0]
        assert re.findall(r"^#? ?(\w+) =", section, re.MULTILINE) == keys, table
    lists = re.findall(r"\[codes\.(\w+)\]", example)
    assert lists == [
        "mobilities",
        "slot_kinds",
        "paths",
        "visit_statuses",
        "cancellers",
        "changed_by",
        "message_states",
    ]


def test_operations_are_renamed_one_by_one(file: FilePath) -> None:
    """The others keep their names."""
    described = dialect(file, '[operations]\nsave_visit = "umowWizyte"\nlookup = false\nchanges = "zmiany"\n')
    expected = {**DEFAULT.operations, MessageKind.SAVE_VISIT: "umowWizyte"}
    assert (described.operations, described.lookup, described.changes) == (expected, None, "zmiany")
    assert "pobierzStanKomunikatu" not in described.operation_names()


def test_the_call_context_follows_the_dialect(file: FilePath) -> None:
    """Version, prefix, role, roots, and the service place by book and cell."""
    content = """
    [context]
    version = "v20170510"
    prefix = "urn:csioz:p1:erecepta:kontekst:"
    role = "PRACOWNIK_ADMINISTRACYJNY"
    workplace = "book-cell"
    [identifiers]
    provider = "1.2.1"
    service_place = "1.2.3"
    """
    context = context_of(dialect(file, content), BOOK, CELL)
    assert context.element == "{http://csioz.gov.pl/p1/kontekst/mt/v20170510}kontekstWywolania"
    assert context.provider == context.user == ObjectId("1.2.1", BOOK)
    assert context.workplace == ObjectId("1.2.3", f"{BOOK}-{CELL}")
    assert context.attributes()[-1] == {
        "nazwa": "urn:csioz:p1:erecepta:kontekst:rolaBiznesowa",
        "wartosc": "PRACOWNIK_ADMINISTRACYJNY",
    }
    assert context_of(DEFAULT, BOOK, CELL).workplace == ObjectId(SERVICE_PLACE_ROOT, CELL)


def test_roots_are_changed_both_ways(file: FilePath) -> None:
    """Those that are not named stay, and so do the nodes of providers."""
    described = dialect(file, '[identifiers]\npesel = "1.2.3"\n')
    assert (described.outer_root(PESEL_ROOT), described.own_root("1.2.3")) == ("1.2.3", PESEL_ROOT)
    for root in (PROVIDER_ROOT, "2.25"):
        assert described.outer_root(root) == described.own_root(root) == root


def test_a_list_of_codes_is_replaced_whole(file: FilePath) -> None:
    """The other lists stay."""
    described = dialect(
        file,
        """
        [codes.paths]
        mammography = "MMG"
        classic_cytology = "CYT"
        hpv_lbc = "HPV"
        [codes.message_states]
        present = "JEST"
        absent = "NIE_MA"
        """,
    )
    assert described.paths == {Path.MAMMOGRAPHY: "MMG", Path.CLASSIC_CYTOLOGY: "CYT", Path.HPV_LBC: "HPV"}
    assert described.message_states == {Presence.PRESENT: "JEST", Presence.ABSENT: "NIE_MA"}
    assert described.mobilities == DEFAULT.mobilities
    assert {type(word) for word in described.paths} == {Path}


def test_every_problem_is_named_at_once(file: FilePath) -> None:
    """Unknown, malformed, missing and doubled: one round is enough."""
    assert problems(
        file,
        """
        colours = 1
        answers = 3
        [operations]
        save_visit = ""
        save_everything = "zapisz"
        lookup = true
        changes = 7
        [context]
        workplace = "street"
        version = " v2"
        [identifiers]
        pesel = "1.02"
        provider = "2.16.840.1.113883.3.4424.2.3.3"
        [codes.colours]
        red = "CZERWONY"
        [codes.paths]
        mammography = "X"
        classic_cytology = "X"
        ultrasound = "USG"
        [codes]
        mobilities = "A"
        """,
    ) == [
        "colours: there is no such key",
        "operations.save_everything: there is no such key",
        "operations.save_visit: expected a text",
        "operations.lookup: expected a text, or false if there is no such operation",
        "operations.changes: expected a text, or false if there is no such operation",
        "context.version: expected a text",
        "context.workplace: expected one of cell, book-cell",
        "identifiers.pesel: expected an OID",
        "answers: expected a table",
        "identifiers.service_place: has the value of identifiers.provider",
        "codes.colours: there is no such key",
        "codes.mobilities: expected a table",
        "codes.paths.ultrasound: there is no such key",
        "codes.paths.hpv_lbc: the code is missing",
        "codes.paths.classic_cytology: has the value of codes.paths.mammography",
    ]


def test_codes_that_are_no_table_are_refused(file: FilePath) -> None:
    """As any other mistake, without a crash."""
    assert problems(file, 'codes = "A"\noperations = 1') == ["operations: expected a table", "codes: expected tables"]


@pytest.mark.parametrize("content", [b"[operations", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_refused(file: FilePath, content: bytes) -> None:
    """With the place of the mistake."""
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match="expected a TOML file in UTF-8"):
        load(file)


def test_operations_are_found_whatever_their_diacritics_and_case() -> None:
    """Contracts of P1 may or may not spell Polish letters."""
    there = ["ImportujMobilnePunktyObslugi", "zapiszSloty"]
    names = ["importujMobilnePunktyObsługi", "zapiszSloty", "aktywujMus"]
    assert names_there(names, there) == dict(zip(names, there, strict=False))
