#!/bin/sh
# What QFPay settled with a merchant of an agent, by days (YYYYMMDD). An old endpoint.
# Usage: settlement.sh MCHID DATE_START DATE_END
# Start the sidecar with: --set routes.allow=/tool/v1/,/trade/v1/,/settlement/v1/
# The sandbox checks the signature only.
set -eu
usage='usage: settlement.sh MCHID DATE_START DATE_END'
curl -sS --fail-with-body -G "${SIDECAR_URL:-http://127.0.0.1:8787}/settlement/v1/query" \
  --data-urlencode "mchid=${1:?$usage}" \
  --data-urlencode "date_start=${2:?$usage}" \
  --data-urlencode "date_end=${3:?$usage}"
echo
