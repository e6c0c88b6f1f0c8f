"""`make storm`: 10,000 attempts of many processes on the last places, their figures, and what the judge found."""

import argparse
import json
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

import psycopg
from cryptography.fernet import Fernet

from mobile_units import db, embedded, migrations
from mobile_units.config import Settings
from tests.storm.judge import judge
from tests.storm.run import rage


def main() -> None:
    """Exit code 1 if the judge found anything; then the folder with the database stays."""
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    parser.add_argument("--attempts", type=int, default=10_000, help="attempts of all processes (default 10000)")
    parser.add_argument("--processes", type=int, default=6, help="processes at once (default 6)")
    parser.add_argument("--seed", type=int, default=None, help="repeats the choices of a run (default: a new one)")
    options = parser.parse_args()
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    folder = Path(tempfile.mkdtemp(prefix="mobile-units-storm-"))
    print(f"seed {seed}, folder {folder}", flush=True)
    try:
        findings = storm(folder, options.attempts, options.processes, seed)
    finally:
        embedded.stop(folder)
    if findings:
        sys.exit(1)
    shutil.rmtree(folder)


def storm(folder: Path, attempts: int, processes: int, seed: int) -> list[str]:
    """Runs the storm on a database of its own in a folder, prints its figures, and returns what the judge found."""
    url = embedded.ensure_running(folder)
    settings = Settings(
        secret_key=secrets.token_hex(),
        encryption_keys=(Fernet.generate_key().decode(),),
        hash_key=secrets.token_hex(),
        database_url=url,
        data_dir=folder,
    )
    engine = db.engine_of(settings)
    migrations.upgrade(engine)
    engine.dispose()
    raged = rage(settings, attempts, processes, seed)
    with psycopg.connect(url) as connection:
        findings = judge(connection, raged)
    print(json.dumps({"seed": seed, "processes": processes} | raged.figures(), ensure_ascii=False, indent=2))
    print("\n".join(findings) or "everything fits", flush=True)
    return findings


if __name__ == "__main__":
    main()
