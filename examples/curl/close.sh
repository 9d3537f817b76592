#!/bin/sh
# Closes an order that was not paid, so that it cannot be paid any more.
# Usage: close.sh OUT_TRADE_NO TXAMT
set -eu
curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}/trade/v1/close" \
  --data-urlencode "out_trade_no=${1:?usage: close.sh OUT_TRADE_NO TXAMT}" \
  --data-urlencode "txamt=${2:?usage: close.sh OUT_TRADE_NO TXAMT}" \
  --data-urlencode "txdtm=$(date '+%Y-%m-%d %H:%M:%S')"
echo
