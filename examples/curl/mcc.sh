#!/bin/sh
# The list of merchant categories. Takes no parameters; the sandbox checks the signature only.
# Usage: mcc.sh
set -eu
curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}/tool/v1/mcc"
echo
