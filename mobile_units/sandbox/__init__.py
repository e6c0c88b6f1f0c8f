"""A stand-in for the central e-registration: a real SOAP server that shares only the contract with the client."""
