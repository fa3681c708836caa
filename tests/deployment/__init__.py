"""The files that put Amanat on other machines."""
