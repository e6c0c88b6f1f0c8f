"""`python -m mobile_units` is the command `mobile-units`."""

from mobile_units.cli import main

main()
