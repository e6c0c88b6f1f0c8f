"""Pages for people, in Polish."""
