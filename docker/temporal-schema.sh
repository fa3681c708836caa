#!/bin/sh
# Brings Temporal's two databases to the schema of this server version; safe to run at every start:
# setup-schema leaves a newer version alone, update-schema does only what is missing.
set -eu
SQL_PASSWORD=$(cat "${SQL_PASSWORD_FILE:?}")
export SQL_PASSWORD

prepare() {  # database, directory of its schema
    versions=/etc/temporal/schema/postgresql/v12/$2/versioned
    for step in "setup-schema -v 0.0" "update-schema -d $versions"; do
        # shellcheck disable=SC2086  # the words of a step are its arguments
        temporal-sql-tool --plugin postgres12 --ep postgres -p 5432 -u temporal --db "$1" $step
    done
}

prepare temporal temporal
prepare temporal_visibility visibility
