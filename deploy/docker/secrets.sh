#!/bin/sh
# Makes the secrets that docker-compose.yml mounts, each in a file of its own; one that exists stays as it is.
#   sh deploy/docker/secrets.sh [FOLDER]
set -eu
umask 077
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
for name in service_token router_secret postgres_password users_db_password orders_db_password; do
	[ -s "$folder/$name" ] || head -c 48 /dev/urandom | base64 | tr -d '\n=' | tr '+/' '-_' >"$folder/$name"
	# Compose mounts a file as it is, and the containers' users are not its owner; the folder keeps others out.
	chmod 0444 "$folder/$name"
done
