"""The web: the JSON API, the pages, who may use them, and how refusals are told."""
