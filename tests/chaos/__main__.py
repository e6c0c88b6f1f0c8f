"""`make chaos`: the whole run, its figures, and what the judge found."""

import argparse
import json
import secrets
import sys
import tempfile
from pathlib import Path

from tests.chaos.judge import judge
from tests.chaos.run import Plan, played
from tests.chaos.stage import remove


def main() -> None:
    """Exit code 1 if the judge found anything; then the folder with both stores and all logs stays."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000, help="messages to be stored (default 10000)")
    parser.add_argument("--share", type=float, default=0.3, help="part of the calls that are disturbed (default 0.3)")
    parser.add_argument("--seed", type=int, default=None, help="repeats the choices of a run (default: a new one)")
    parser.add_argument("--seconds", type=float, default=3600, help="how long it may take (default 3600)")
    parser.add_argument(
        "--kill-every", type=float, nargs=2, default=(3, 8), help="seconds, least and most (default 3 8)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the folder in any case")
    options = parser.parse_args()
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    folder = Path(tempfile.mkdtemp(prefix="mobile-units-chaos-"))
    print(f"seed {seed}, folder {folder}", flush=True)
    days = max(2, options.messages // 400)
    plan = Plan(
        seed,
        messages=options.messages,
        days=days,
        share=options.share,
        kill_every=tuple(options.kill_every),
        seconds=options.seconds,
    )
    with played(plan, folder) as (case, figures):
        findings = judge(case)
    print(json.dumps(figures, ensure_ascii=False, indent=2))
    print("\n".join(findings) or "everything fits", flush=True)
    if findings:
        sys.exit(1)
    if not options.keep:
        remove(folder)


if __name__ == "__main__":
    main()
