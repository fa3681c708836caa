#!/bin/sh
# Makes what is missing of the files in secrets/ that docker-compose hands to its containers, and changes none:
# random passwords and keys, the addresses that contain them, and the certificates by which Temporal and its clients
# prove themselves to each other. The carrier's key (secrets/amanat_sms_api_key), the mail server's password
# (secrets/amanat_mail_password), the token of the registry of mobiles (secrets/amanat_mobile_registry_token), the
# secret of the registry of bank accounts (secrets/amanat_account_registry_secret) and what the payment gateways gave
# (secrets/amanat_zarinpal_*, secrets/amanat_zibal_merchant; empty where not used) are written by hand.
#
# The directory is its owner's alone. The files in it are readable, for containers run as users that this machine does
# not know. The authority's key is thrown away: to renew the certificates, delete secrets/temporal_ca.crt and run this.
set -eu
umask 077
cd "${1:-$(dirname "$0")/..}"
mkdir -p secrets
cd secrets

keep() {  # name: what comes in is kept, unless the file is there
    if [ -e "$1" ]; then cat >/dev/null; else cat >"$1.new" && chmod 444 "$1.new" && mv "$1.new" "$1"; fi
}

address() {  # role, its password's file
    printf 'postgresql+psycopg://%s:%s@postgres:5432/amanat' "$1" "$(cat "$2")"
}

ring() {
    printf '{"current":"k1","keys":{"k1":"%s"}}' "$(openssl rand -base64 32)"
}

for password in postgres_password owner_password app_password vault_password temporal_database_password; do
    openssl rand -hex 24 | tr -d '\n' | keep "$password"
done
address amanat_owner owner_password | keep owner_database_url
address amanat_app_login app_password | keep database_url
address amanat_vault_login vault_password | keep vault_database_url
for ring in amanat_field_keys amanat_codec_keys amanat_vault_keys; do
    ring | keep "$ring"
done
for key in amanat_blind_index_key amanat_code_pepper; do
    openssl rand -base64 32 | tr -d '\n' | keep "$key"
done

certificate() {  # name, purpose, alternative name
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/CN=amanat $1" \
        -keyout "$authority/$1.key" -out "$authority/$1.csr" 2>/dev/null
    printf 'extendedKeyUsage=%s\nsubjectAltName=DNS:%s\n' "$2" "$3" >"$authority/$1.ext"
    openssl x509 -req -in "$authority/$1.csr" -CA "$authority/ca.crt" -CAkey "$authority/ca.key" -days 825 \
        -extfile "$authority/$1.ext" -out "$authority/$1.crt" 2>/dev/null
    keep "temporal_$1.key" <"$authority/$1.key"
    keep "temporal_$1.crt" <"$authority/$1.crt"
}

if [ ! -e temporal_ca.crt ]; then
    rm -f temporal_server.* temporal_client.*
    authority=$(mktemp -d)
    trap 'rm -rf "$authority"' EXIT
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 825 -subj "/CN=amanat temporal" \
        -keyout "$authority/ca.key" -out "$authority/ca.crt" 2>/dev/null
    # Temporal's own parts call each other too: its certificate serves for both.
    certificate server serverAuth,clientAuth temporal
    certificate client clientAuth client
    keep temporal_ca.crt <"$authority/ca.crt"
fi
