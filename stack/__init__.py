"""The stand-alone stack: embedded Postgres and Temporal, the api and a worker, and the supervisor that owns them."""
