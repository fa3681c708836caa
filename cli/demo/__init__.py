"""``./amanat demo``: the whole story, from a personnel file to usable credit, played through the API."""

from cli.demo.story import app

__all__ = ["app"]
