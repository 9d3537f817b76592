#!/bin/sh
# The saved cards of a customer of the payment element. Only this path needs to be open, and it only reads.
# Usage: token.sh CUSTOMER_ID
# Start the sidecar with: --set routes.allow=/tool/v1/,/trade/v1/,/token/v1/query
# The sandbox checks the signature only.
set -eu
curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}/token/v1/query" \
  --data-urlencode "customer_id=${1:?usage: token.sh CUSTOMER_ID}"
echo
