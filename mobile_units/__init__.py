"""Mobile Units: planning, booking and hand-over for Polish mobile cancer screening."""
