#!/bin/sh
# What became of an order: `respcd` of its row in `data` is 0000 once it is paid.
# Usage: query.sh OUT_TRADE_NO
set -eu
curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}/trade/v1/query" \
  --data-urlencode "out_trade_no=${1:?usage: query.sh OUT_TRADE_NO}"
echo
