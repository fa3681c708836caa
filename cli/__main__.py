"""``python -m cli``: what the ``amanat`` script hands over to."""

from __future__ import annotations

from cli.main import main

if __name__ == "__main__":
    main()
