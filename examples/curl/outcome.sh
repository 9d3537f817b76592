#!/bin/sh
# What became of an order, as the sidecar knows it: `state` is paid, failed, pending, unknown and so on (docs/orders.md).
# Usage: outcome.sh OUT_TRADE_NO [WAIT in milliseconds for a final state]
set -eu
curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}/sidecar/v1/outcome" \
  --data-urlencode "out_trade_no=${1:?usage: outcome.sh OUT_TRADE_NO [WAIT_MS]}" \
  --data-urlencode "wait_ms=${2:-20000}"
echo
