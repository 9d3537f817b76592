#!/bin/sh
# Takes a payment back whose outcome is in doubt (customer-presented codes).
# Usage: reversal.sh OUT_TRADE_NO TXAMT
set -eu
curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}/trade/v1/reversal" \
  --data-urlencode "out_trade_no=${1:?usage: reversal.sh OUT_TRADE_NO TXAMT}" \
  --data-urlencode "txamt=${2:?usage: reversal.sh OUT_TRADE_NO TXAMT}" \
  --data-urlencode "txdtm=$(date '+%Y-%m-%d %H:%M:%S')"
echo
