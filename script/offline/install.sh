#!/bin/sh
# Check the wheels beside this file and install them; see README.txt. Arguments are passed to install.py.
set -eu
here=$(cd -- "$(dirname -- "$0")" && pwd)
wanted=$(sed -n 's/.*"python": "\([0-9.]*\)".*/\1/p' "$here/bundle.json")
for python in "python$wanted" python3; do
    if command -v "$python" >/dev/null 2>&1; then
        exec "$python" "$here/install.py" "$@"
    fi
done
echo "install: Python $wanted was not found; nothing was installed" >&2
exit 2
