"""The demonstration: the whole job of a provider on real places, against the sandbox, on one machine."""
