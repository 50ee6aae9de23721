#!/usr/bin/env bash
# Installs keyfill for the steps of a job: a wheel in a virtual environment of its own, on the path from then on.
set -euo pipefail
version=${KEYFILL_VERSION:-}
if [ -z "$version" ]; then
  version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$(dirname "$0")/../../Cargo.toml" | head -1)
fi
folder=${RUNNER_TEMP:?}/keyfill-$version
python=$(command -v python3 || command -v python) || { echo "::error::keyfill's action needs Python 3.7 or later"; exit 1; }
"$python" -m venv "$folder"
# Windows has another name for it.
commands=$folder/bin
[ -d "$commands" ] || commands=$folder/Scripts
"$commands/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: "keyfill==${version#v}"
echo "$commands" >> "${GITHUB_PATH:?}"
"$commands/keyfill" version
