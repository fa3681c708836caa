"""JSON over HTTP: parse, authenticate, one command or one query, answer."""
