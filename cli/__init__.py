"""``./amanat``: the commands of the command line."""
