"""The commands about the central e-registration."""

import sys
from pathlib import Path

import click

from mobile_units.cli.common import FILE
from mobile_units.config import ConfigurationError


@click.group()
def cer() -> None:
    """Deal with the central e-registration."""


@cer.command("check-contract")
@click.option("--wsdl", required=True, metavar="FILE", help="Path or address of the WSDL.")
@click.option(
    "--dialect",
    "dialect_file",
    type=FILE,
    envvar="MOBILE_UNITS_CER_DIALECT",
    show_envvar=True,
    help="Names and codes of that contract (TOML); default: those of our own.",
)
def check_contract(wsdl: str, dialect_file: Path | None) -> None:
    """Say where our messages do not fit a contract.

    Nothing is sent. The exit code is 1 if anything differs, 2 if the WSDL or the dialect cannot be read.
    """
    from mobile_units.transmission.contract_check import UnreadableContractError, check
    from mobile_units.transmission.dialect import DEFAULT, load

    try:
        report = check(wsdl, load(dialect_file) if dialect_file else DEFAULT)
    except (UnreadableContractError, ConfigurationError) as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    click.echo("\n".join(report.lines()))
    sys.exit(1 if report.differences else 0)
