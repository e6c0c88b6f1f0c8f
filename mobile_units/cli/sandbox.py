"""The commands of the sandbox that stands in for the central system."""

from pathlib import Path
from shlex import quote

import click

from mobile_units import logs
from mobile_units.cli.common import PORT

USUAL_PORT = 8010
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option("--port", default=USUAL_PORT, show_default=True, type=PORT, help="Where it listens.")
@click.option("--state", type=click.Path(path_type=Path), required=True, help="File that keeps what was handed over.")
@click.option("--certificates", "folder", type=_FOLDER, help="Speak TLS and want signatures; made there if need be.")
@click.option("--page-port", type=PORT, help="Where the page is; default: none.")
def sandbox(port: int, state: Path, folder: Path | None, page_port: int | None) -> None:
    """Stand in for the central system, on this machine.

    It listens on the loopback address only. Without certificates it authenticates nobody; with them it lets in whom
    `sandbox-certificates` gave some. The page shows what it holds, books as women do, and makes things go wrong.
    """
    from mobile_units.sandbox import certificates
    from mobile_units.sandbox.server import serve

    logs.configure()
    serve("127.0.0.1", port, state, certificates.make(folder) if folder else None, page_port)


@click.command("sandbox-certificates")
@click.argument("folder", type=_FOLDER, help="Where they are kept.")
def sandbox_certificates(folder: Path) -> None:
    """Make certificates for the sandbox and its client.

    Those that are there and still good stay. What is printed can be sourced by a shell.
    """
    from mobile_units.sandbox import certificates

    address = {"MOBILE_UNITS_CER_URL": f"https://127.0.0.1:{USUAL_PORT}/services"}
    for name, value in (certificates.make(folder).variables() | address).items():
        click.echo(f"export {name}={quote(value)}")
