#!/bin/sh
# Starts Temporal with the password of its database from a file: the server reads it from its environment alone.
set -eu
POSTGRES_PWD=$(cat "${POSTGRES_PWD_FILE:?}")
export POSTGRES_PWD
exec /etc/temporal/entrypoint.sh
