#!/bin/sh
# Makes sure of the servers that tests meet: Redis from Debian, Java and Kafka's jars by Maven; and,
# where it may install it, of a C compiler, without which torture leaves out jumps of the clock.
# Where it may not install anything it says what is missing.
set -eu
cd "$(dirname "$0")/.."

install() {
    echo "installing $1" >&2
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get install -y -qq --no-install-recommends "$1" >/dev/null 2>&1 ||
            { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$1" >/dev/null; }
    else
        echo "error: $2 is needed: install the package $1" >&2
        exit 2
    fi
}

command -v redis-server >/dev/null 2>&1 || install redis-server "a Redis server"
command -v java >/dev/null 2>&1 || install openjdk-17-jre-headless "Java 17"
command -v mvn >/dev/null 2>&1 || install maven "Maven"
if ! command -v cc >/dev/null 2>&1 && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    install gcc "a C compiler"
    install libc6-dev "the C library's headers"
fi
sh deploy/kafka.sh
