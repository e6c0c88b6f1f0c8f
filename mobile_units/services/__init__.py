"""Use-cases: each takes a session, the actor and a command, flushes and never commits."""
