"""Itinerary planning: where the mobile units stand on which day, and whether an itinerary can be carried out."""
