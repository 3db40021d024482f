#!/bin/sh
# Makes .venv and node_modules ready, once for each state of the lock files:
#
#     local/install.sh demo     what `make demo` and `make smoke` need
#     local/install.sh dev      what `make test` and `make check` need besides
#
# Copies of the lock files, kept in .venv and node_modules, tell what was installed.
set -eu
cd "$(dirname "$0")/.."
wanted=$1

stop() {
    echo "$1" >&2
    exit 1
}

# Print the newest Python that will do, or the one that PYTHON names if that will do.
find_python() {
    without_venv=
    for candidate in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        if "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
            echo "$candidate"
            return
        fi
        without_venv=${without_venv:-$candidate}
    done
    [ -z "$without_venv" ] ||
        stop "$without_venv comes without its venv module: install it (Debian, Ubuntu: apt install python3-venv) and try again."
    found=$("${PYTHON:-python3}" -c 'import platform; print(platform.python_version())' 2>/dev/null) ||
        stop "${PYTHON:-python3} was not found: install Python 3.11 or newer (Debian, Ubuntu: apt install python3 python3-venv)."
    stop "Boomerang needs Python 3.11 or newer, and ${PYTHON:-python3} is $found: install a newer one, or name one with PYTHON=…, such as \`make demo PYTHON=/opt/python3.12/bin/python3\`."
}

make_venv() {
    .venv/bin/python -c 'import pip' 2>/dev/null && return
    python=$(find_python)
    rm -rf .venv
    "$python" -m venv .venv
}

install_python_packages() {
    make_venv
    cmp -s "requirements/$wanted.txt" ".venv/installed-$wanted.txt" && return
    echo "Installing $(grep -c '^[a-z].*==' "requirements/$wanted.txt") Python packages into .venv (once, about a minute) …"
    said=$(.venv/bin/python -m pip install -qq --disable-pip-version-check --no-input --no-deps \
        --require-hashes -r "requirements/$wanted.txt" 2>&1) || explain_pip "$said"
    cp "requirements/$wanted.txt" ".venv/installed-$wanted.txt"
    # The packages of demo.txt are in dev.txt too, in the same versions: a house test holds that.
    if [ "$wanted" = dev ]; then cp requirements/demo.txt .venv/installed-demo.txt; fi
}

# Without a network, pip ends its warnings with "no matching distribution", which sends people looking in the wrong place.
explain_pip() {
    case $1 in
    *"Retrying ("*) stop "pip could not reach its package index: try again when this machine is online, or name a mirror with PIP_INDEX_URL." ;;
    *) stop "pip could not install what requirements/$wanted.txt names: $(echo "$1" | grep -v '^WARNING' | tail -n 5)" ;;
    esac
}

# Shopify's official schema, against which the tests hold our documents and the sandbox.
install_schema() {
    cmp -s package-lock.json node_modules/installed.json && return
    if ! command -v npm >/dev/null; then
        echo "npm was not found: the tests that need Shopify's own schema are skipped (Debian, Ubuntu: apt install npm)."
        return
    fi
    echo "Installing Shopify's schema into node_modules (once) …"
    if ! said=$(npm ci --ignore-scripts --loglevel=error 2>&1); then
        failed="npm could not install Shopify's schema: $(echo "$said" | grep -v 'complete log' | tail -n 3)"
        [ -z "${CI:-}" ] || stop "$failed"
        echo "$failed"
        echo "The tests that need it are skipped."
        return
    fi
    cp package-lock.json node_modules/installed.json
}

install_python_packages
if [ "$wanted" = dev ]; then install_schema; fi
