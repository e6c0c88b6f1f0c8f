"""A stand-in for the central e-registration: a real SOAP server that knows the contract files and nothing of the client."""
