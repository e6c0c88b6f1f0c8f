"""Pure rules of screening, settlement and time: no database, no web, no clock reads."""
