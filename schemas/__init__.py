"""Shapes of the API: each schema loads into the command of a use-case, or dumps what a use-case returns."""
