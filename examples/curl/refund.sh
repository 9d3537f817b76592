#!/bin/sh
# A refund, of all or a part. Never repeat it blindly: after an error, query first.
# Usage: refund.sh SYSSN TXAMT     (syssn of the payment; the refund gets an out_trade_no of its own)
set -eu
curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}/trade/v1/refund" \
  --data-urlencode "syssn=${1:?usage: refund.sh SYSSN TXAMT}" \
  --data-urlencode "out_trade_no=refund_$(date +%s)_$$" \
  --data-urlencode "txamt=${2:?usage: refund.sh SYSSN TXAMT}" \
  --data-urlencode "txdtm=$(date '+%Y-%m-%d %H:%M:%S')"
echo
