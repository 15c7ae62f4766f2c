#!/bin/sh
# Prints the Secrets that deploy/kubernetes/base mounts, with random values:
#   sh deploy/kubernetes/secrets.sh | kubectl create -f -
# Once for a cluster: what is there already stays. Passwords that a store has of its own take the place of these.
set -eu
random() {
	head -c 48 /dev/urandom | base64 | tr -d '\n=' | tr '+/' '-_'
}
secret() {
	printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: supergraph}\nstringData:\n' "$1"
	shift
	for key in "$@"; do
		printf '  %s: "%s"\n' "$key" "$(random)"
	done
}
secret services service_token router_secret
secret users-database db_password
secret orders-database db_password
secret products-database db_password
secret postgres postgres_password # of the local overlay's own server
secret redis redis_password
secret mail mail_password
printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: {name: signing-keys, namespace: supergraph}\nstringData:\n'
printf '  %s-%s.pem: |\n' "$(date -u +%Y%m%dT%H%M%SZ)" "$(head -c 4 /dev/urandom | od -An -tx1 | tr -d ' \n')"
openssl genpkey -algorithm ed25519 | sed 's/^/    /'
