#!/bin/sh
# Makes the namespace, or brings its retention to what it should be; retries while the server starts, and
# while a namespace just made is not yet known to all of it.
set -eu

namespace=${TEMPORAL_NAMESPACE:?}
retention=30d
attempt=1
until temporal operator namespace update --namespace "$namespace" --retention "$retention" 2>/dev/null; do
    if [ "$attempt" -ge 60 ]; then
        echo "the namespace could not be made in $attempt attempts:" >&2
        temporal operator namespace describe --namespace "$namespace" >&2
        exit 1
    fi
    attempt=$((attempt + 1))
    temporal operator namespace create --namespace "$namespace" --retention "$retention" 2>/dev/null || sleep 2
done
