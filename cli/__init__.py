"""``./amanat``: the command line and the stand-alone stack (embedded Postgres, Temporal, api, worker)."""
