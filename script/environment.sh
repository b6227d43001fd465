# Sourced by the scripts of this folder: makes a virtual environment with the pinned dependencies, on a machine with only
# python3. Sets PYTHON. If it may not install a missing package, it prints the command to type.

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

# Python keeps what it compiles: each process of the tests loads all of them, and tests start Python a thousand times.
unset PYTHONDONTWRITEBYTECODE

say() { printf '%s\n' "$*" >&2; }

# print_time_at_exit: at the end of this script, however it ends, print its time and its conditions: cores, and whether
# mypy and ruff had a cache. The time to make .venv is apart, for only the first run and a change of pins have it.
print_time_at_exit() {
    began=$(date +%s)
    installing=0
    caches=warm
    [ -d .mypy_cache ] && [ -d .ruff_cache ] || caches=cold
    trap print_time EXIT
}

print_time() {
    say "$0: $(($(date +%s) - began - installing)) s ($(getconf _NPROCESSORS_ONLN) cores, caches $caches;" \
        "making .venv: $installing s)"
}

# check_without_tests: format, lint, style and import contracts, the quickest first. The types take as long as all of
# these together and one core only, so they are checked meanwhile and told at the end.
check_without_tests() {
    begin_types
    check_text || { stop_types; return 1; }
    end_types
}

begin_types() {
    types=$(mktemp)
    "$PYTHON" -m mypy >"$types" 2>&1 &
    typing=$!
}

stop_types() {
    kill "$typing"
    wait "$typing" 2>/dev/null || true
    rm -f "$types"
}

# end_types: wait for the types, and tell what was found; 1 if that is an error.
end_types() {
    status=0
    wait "$typing" || status=$?
    cat "$types"
    rm -f "$types"
    [ "$status" -eq 0 ] && check_platforms || status=1
    return "$status"
}

# check_platforms: the types of the product as its other platforms see it. Each has a cache of its own, since mypy
# forgets one of another platform: 11 s each without it, half a second with it (measured).
check_platforms() {
    for platform in win32 darwin; do
        "$PYTHON" -m mypy --platform "$platform" --cache-dir ".mypy_cache/$platform" verifiers ||
            { say "types: on $platform"; return 1; }
    done
}

check_text() {
    "$PYTHON" -m ruff format --check . &&
        "$PYTHON" -m ruff check . &&
        "$PYTHON" script/style_check.py &&
        "$root/.venv/bin/lint-imports"
}

# The options of pytest for several processes. Each file in one of them, since each starts the servers it asks for; in
# the order of tests/conftest.py, the longest files first.
in_processes() { echo "-n $1 --dist loadfile --no-loadscope-reorder"; }

# The tests of what only developers use, for script/test-tools: tools, benchmarks, and the servers of the tests.
TOOLS='tests/tools tests/examples tests/recipes/tools tests/emulators
    tests/benchmarks/test_compare.py tests/benchmarks/test_farm.py tests/benchmarks/test_starts.py
    tests/lab/test_lab_databases.py tests/lab/test_lab_itself.py tests/lab/test_lab_logins.py tests/lab/test_lab_nfs.py
    tests/lab/test_lab_samba.py tests/lab/test_lab_web.py'
# The tests of who means harm, for script/test-hostile.
HOSTILE='tests/hostile'
# The tests of servers that need more packages, and of the reports in a browser, for script/test-peers.
PEERS='tests/peers tests/report/test_html_browser.py tests/report/test_large_page.py
    tests/report/estate_view/test_matrix_browser.py'
# The tests that need a message broker, or several agents or processes that are killed, for script/test-fleet.
FLEET='tests/fleet/real tests/fleet/lab tests/lab/test_jobs.py tests/lab/test_lockout_across_runs.py
    tests/store/test_killed.py'

# without PATHS: the options of pytest that leave them out.
without() { for path in $1; do echo "--ignore=$path"; done; }

# run_quick_tests COMMAND...: run COMMAND, which is pytest, with the tests that script/check-tests lists. They compute
# more than they wait: one process for each core.
run_quick_tests() {
    # shellcheck disable=SC2046  # options, one a word
    set -- "$@" -q $(in_processes "${SCANREADY_TEST_PROCESSES:-auto}")
    while read -r path; do
        case $path in '' | '#'*) continue ;; esac
        file=${path#-}
        [ -e "${file%%::*}" ] || { say "script/check-tests names ${file%%::*}, which does not exist"; exit 2; }
        case $path in
            -*::*) set -- "$@" "--deselect=$file" ;;
            -*) set -- "$@" "--ignore=$file" ;;
            *) set -- "$@" "$path" ;;
        esac
    done <script/check-tests
    "$@"
}

# as_root COMMAND...: run it as root if that needs no question; 1 if it cannot be.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo -n "$@"
    else return 1
    fi
}

# install_packages PACKAGE...: install Debian packages, without starting the servers among them.
install_packages() {
    command -v apt-get >/dev/null 2>&1 || return 1
    as_root true || return 1
    barred=
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root sh -c 'cat >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d'
        barred=yes
    fi
    status=0
    as_root apt-get update -qq >&2 || status=$?
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Options::=--force-confold "$@" >&2 || status=$?
    [ -z "$barred" ] || as_root rm -f /usr/sbin/policy-rc.d
    return $status
}

# install_lab: install the lab's packages where that needs no question, else say the line to type.
install_lab() { install_listed script/lab-packages "the lab"; }

# install_listed FILE PURPOSE: the same for the packages that a file lists.
install_listed() {
    missing=
    for package in $(cat "$1"); do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
    done
    if [ -n "$missing" ]; then
        say "installing for $2:$missing"
        # shellcheck disable=SC2086  # one argument a package
        install_packages $missing || say "could not install them; to run $2, type: sudo apt-get install$missing"
    fi
}

# install_peers: install the servers that only script/test-peers runs; those of npm in .peers, as their lock pins them.
install_peers() {
    install_listed script/peer-packages "the peers"
    command -v npm >/dev/null 2>&1 || install_packages nodejs npm || say "could not install npm"
    wanted=$(cat script/peers/package-lock.json | cksum)
    if [ "$(cat .peers/installed 2>/dev/null)" != "$wanted" ]; then
        say "installing the packages of npm into .peers ..."
        mkdir -p .peers
        rm -rf .peers/node_modules .peers/installed
        cp script/peers/package.json script/peers/package-lock.json .peers
        # Their scripts would compile what is optional.
        if (cd .peers && npm ci --silent --ignore-scripts --omit=optional --no-audit --no-fund >&2); then
            printf '%s' "$wanted" >.peers/installed
        else
            say "they cannot be installed here"
        fi
    fi
    wanted=$(cat script/peers/python.txt | cksum)
    if [ "$(cat .peers/python/installed 2>/dev/null)" != "$wanted" ]; then
        say "installing the packages of Python into .peers/python ..."
        rm -rf .peers/python
        if "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes \
            --target .peers/python -r script/peers/python.txt >&2; then
            printf '%s' "$wanted" >.peers/python/installed
        else
            say "they cannot be installed here"
        fi
    fi
    while read -r name suite packages; do
        case $name in '' | '#'*) continue ;; esac
        # shellcheck disable=SC2086  # one argument a package
        install_root "$name" "$suite" $packages </dev/null || say "the root $name cannot be made here"
    done <script/peer-roots
}

# install_recipe_tools: install the programs that verify the recipes into .peers/recipes, as script/recipe-constraints.txt
# pins them, and keep the wheels of the default install in .peers/recipes/wheels: the recipes install it without an index.
install_recipe_tools() {
    wanted="$(cat script/recipe-constraints.txt constraints.txt | cksum) $("$PYTHON" --version)"
    if [ "$(cat .peers/recipes/installed 2>/dev/null)" = "$wanted" ]; then return; fi
    say "installing the programs that verify the recipes into .peers/recipes ..."
    rm -rf .peers/recipes
    if "$PYTHON" -m venv .peers/recipes && .peers/recipes/bin/python -m pip install --quiet --disable-pip-version-check \
        --no-input --no-deps --require-hashes -r script/recipe-constraints.txt >&2 &&
        "$PYTHON" -m pip download --quiet --disable-pip-version-check --no-input --no-deps --require-hashes \
            --dest .peers/recipes/wheels -r constraints.txt >&2; then
        printf '%s' "$wanted" >.peers/recipes/installed
    else
        say "they cannot be installed here"
    fi
}

# debian_mirror: print the address of the Debian archive that this machine's own apt takes its packages from.
debian_mirror() {
    apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
        awk -F'|' '$1 == "Debian" && $2 == "Debian" && $3 == "main" { print $4; exit }'
}

# install_root NAME SUITE PACKAGE...: unpack packages of a release of Debian, with all that they need, into
# .peers/roots/NAME: for those that conflict with the machine's own, or are newer. Nothing of them is configured or run.
install_root() {
    root_name=$1
    shift
    [ "$(cat ".peers/roots/$root_name.installed" 2>/dev/null)" = "$*" ] && return
    suite=$1
    shift
    command -v apt-get >/dev/null 2>&1 || return 1
    as_root true || return 1
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || return 1
    say "unpacking into .peers/roots/$root_name: $*"
    state=$root/.peers/apt-$suite # apt's own lists and its own idea of what is installed: nothing
    into=$root/.peers/roots/$root_name
    as_root rm -rf "$into" "$state/cache"
    mkdir -p "$into" "$state/lists/partial" "$state/cache/archives/partial"
    printf 'deb [signed-by=%s] %s %s main\n' /usr/share/keyrings/debian-archive-keyring.gpg "$mirror" "$suite" \
        >"$state/sources.list"
    : >"$state/status"
    with_state() {
        as_root apt-get -qq -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
            -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
            -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root "$@" >&2
    }
    with_state update || return 1
    with_state install -y --download-only --no-install-recommends "$@" || return 1
    # As Debian's base-files has them; the archive of a package goes through them.
    mkdir -p "$into/usr/bin" "$into/usr/sbin" "$into/usr/lib" "$into/usr/lib64"
    for name in bin sbin lib lib64; do ln -s "usr/$name" "$into/$name"; done
    for package in "$state"/cache/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | as_root tar -x --keep-directory-symlink -C "$into" || return 1
    done
    as_root rm -rf "$state/cache"
    printf '%s' "$suite $*" >".peers/roots/$root_name.installed"
}

find_python() {
    for candidate in ${PYTHON3:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    say "scanready needs Python 3.11 or newer. Debian and Ubuntu: apt-get install python3"
    exit 2
}

# A virtual environment needs ensurepip, which Debian and Ubuntu keep in a package of its own.
can_make_environments() { "$1" -c 'import venv, ensurepip' 2>/dev/null; }

# prepare FILE...: make .venv hold the project and what these files pin; nothing is done if it already does.
# script/install-windows installs what constraints-windows.txt pins.
prepare() {
    base=$(find_python)
    PYTHON=$root/.venv/bin/python
    wanted="$* $(cat pyproject.toml "$@" script/install-windows | cksum) $("$base" --version)"
    if [ "$(cat .venv/scanready-environment 2>/dev/null)" = "$wanted" ]; then return; fi
    if ! can_make_environments "$base"; then
        package=$("$base" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        say "installing $package ..."
        if ! install_packages "$package" || ! can_make_environments "$base"; then
            say "Python cannot make virtual environments here. Type:"
            say "    sudo apt-get install -y $package"
            exit 2
        fi
    fi
    say "installing scanready and its dependencies into .venv ..."
    preparing=$(date +%s)
    "$base" -m venv .venv
    quietly="--quiet --disable-pip-version-check --no-input --no-deps"
    pins=
    for file in "$@"; do [ "$file" = constraints-windows.txt ] || pins="$pins -r $file"; done
    # shellcheck disable=SC2086  # options, one a word
    "$PYTHON" -m pip install $quietly --require-hashes $pins
    case " $* " in *' constraints-windows.txt '*) "$PYTHON" script/install-windows >&2 ;; esac
    # shellcheck disable=SC2086
    "$PYTHON" -m pip install $quietly --no-build-isolation -e .
    printf '%s' "$wanted" >.venv/scanready-environment
    installing=$(($(date +%s) - preparing))
}
