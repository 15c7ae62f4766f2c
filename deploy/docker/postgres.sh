#!/bin/sh
# A role and a database of its own for each service that keeps its data in PostgreSQL. The image runs it once, on an
# empty data folder.
set -eu
for service in users orders; do
	psql --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres \
		--set=service="$service" --set=password="$(cat "/run/secrets/${service}_db_password")" <<-'SQL'
		CREATE ROLE :"service" LOGIN PASSWORD :'password';
		CREATE DATABASE :"service" OWNER :"service";
		REVOKE CONNECT ON DATABASE :"service" FROM PUBLIC;
	SQL
done
