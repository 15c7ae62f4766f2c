#!/bin/sh
# Makes .venv with the locked packages, on a machine with Python >= 3.11 or uv, and nothing else.
#   bootstrap.sh run       what runs the system
#   bootstrap.sh develop   that, and what tests, checks and generates
# Run from the checkout by `make`. Nothing is done where it was done since uv.lock or pyproject.toml changed, and what
# the other one installed stays.
set -eu

NEED=$1

UV_VERSION=0.13.9
LEAST="3.11"
LEAST_NODE=20

say() { printf '%s\n' "$*"; }
fail() {
	printf '\nsupergraph: %s\n' "$*" >&2
	exit 1
}

new_enough() {
	"$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# The first Python that is new enough; the one called python3 may be older than another beside it.
find_python() {
	for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
		if command -v "$name" >/dev/null 2>&1 && new_enough "$name"; then
			command -v "$name"
			return
		fi
	done
	found=$(command -v "${PYTHON:-python3}" 2>/dev/null || true)
	if [ -n "$found" ]; then
		fail "$found is $("$found" --version 2>&1), and Python >= $LEAST is needed. Install one, or name one that is
  there already: make up PYTHON=/path/to/python3.12"
	fi
	fail "No Python was found. Install Python >= $LEAST (Debian, Ubuntu: apt install python3 python3-venv), or name one:
  make up PYTHON=/path/to/python3.12"
}

# Debian and Ubuntu ship Python without ensurepip, so that `python3 -m venv` fails half-way.
make_venv() {
	if "$1" -c 'import ensurepip, venv' 2>/dev/null; then
		say "Making .venv with $("$1" --version)"
		"$1" -m venv --clear .venv || fail "$1 -m venv failed; what it said stands above."
		return
	fi
	package="python$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
	fail "$1 cannot make a virtual environment: its modules venv and ensurepip are not installed.
  Debian, Ubuntu:  apt install $package
  or install uv (https://docs.astral.sh/uv), which needs neither; then run make again."
}

# The router needs Node.js; 206 MB of packages are spared where this machine has it (as deploy/local/node.py decides).
node_serves() {
	command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || return 1
	version=$(node --version 2>/dev/null) || return 1
	version=${version#v}
	[ "${version%%.*}" -ge "$LEAST_NODE" ] 2>/dev/null
}

# Each stamp holds what was left out then: a node that is gone makes it stale, too.
installed() {
	stamp=.venv/.installed-to-$1
	[ -f "$stamp" ] && ! [ uv.lock -nt "$stamp" ] && ! [ pyproject.toml -nt "$stamp" ] || return 1
	read -r without <"$stamp" || without=
	[ "$without" = "$LEFT_OUT" ]
}

LEFT_OUT=
node_serves && LEFT_OUT=node
if installed develop || installed "$NEED"; then
	exit
fi

if command -v uv >/dev/null 2>&1; then
	uv=uv
elif [ -x .venv/bin/uv ]; then
	uv=.venv/bin/uv
else
	python=$(find_python)
	[ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1 || make_venv "$python"
	say "Installing uv $UV_VERSION"
	.venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" ||
		fail "uv could not be installed. Behind a proxy or a mirror of the registry, set HTTPS_PROXY or PIP_INDEX_URL, or
  install uv some other way (https://docs.astral.sh/uv); then run make again."
	uv=.venv/bin/uv
fi

set -- --locked --compile-bytecode
if [ -n "$LEFT_OUT" ]; then
	set -- "$@" --no-group "$LEFT_OUT"
fi
if [ "$NEED" = run ]; then
	set -- "$@" --no-group dev --inexact # inexact: the test tools stay where they are installed
fi
say "Installing the locked Python packages"
# Compiled now, once and on all cores, so that the first start is not four processes compiling the same.
"$uv" sync "$@" ||
	fail "The packages could not be installed; what uv said stands above. A lock file that does not fit is brought up to
  date by: $uv lock. Behind a proxy or a mirror of the registry, set HTTPS_PROXY or UV_DEFAULT_INDEX."
printf '%s\n' "$LEFT_OUT" >".venv/.installed-to-$NEED"
