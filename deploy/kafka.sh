#!/bin/sh
# Fetches the jars of a Kafka broker into build/kafka/lib, once; needs Maven and Java 17 or later.
# The copy of pom.xml beside the jars says which version they are.
set -eu
cd "$(dirname "$0")/.."

pom=deploy/kafka/pom.xml
lib=build/kafka/lib
complete() { cmp -s "$pom" "$lib/pom.xml"; }
complete && exit 0

if ! command -v mvn >/dev/null 2>&1; then
    echo "error: Maven (mvn) is needed to fetch Kafka" >&2
    exit 2
fi
mkdir -p build/kafka
if command -v flock >/dev/null 2>&1; then
    exec 9>build/kafka/lock
    flock 9
    complete && exit 0
fi

new=$(mktemp -d build/kafka/new.XXXXXX)
trap 'rm -rf "$new"' EXIT
chmod 755 "$new"
if ! mvn -B -q -f "$pom" dependency:copy-dependencies \
    -DoutputDirectory="$PWD/$new" >"$new/maven.log" 2>&1; then
    cat "$new/maven.log" >&2
    exit 1
fi
cp "$pom" "$new/pom.xml"
rm -rf "$lib"
mv "$new" "$lib"  # renamed into place: nobody sees half of it
