#!/bin/sh
# Writes a note of up to 200 characters on an order; only for merchants without mchid.
# Usage: [APP_CODE=...] add-note.sh SYSSN NOTE     (QFPay wants the app_code as `code` too; default: the sandbox's)
set -eu
curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}/trade/v1/add_note" \
  --data-urlencode "code=${APP_CODE:-5A4DB0C55A4DB0C55A4DB0C55A4DB0C5}" \
  --data-urlencode "syssn=${1:?usage: add-note.sh SYSSN NOTE}" \
  --data-urlencode "note=${2:?usage: add-note.sh SYSSN NOTE}"
echo
