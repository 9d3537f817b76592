#!/bin/sh
# Releases the money that a paid pre-authorisation (pay types 8018xx) holds. Possible once.
# Usage: unfreeze.sh SYSSN TXAMT     (syssn of the pre-authorisation; the release gets an out_trade_no of its own)
set -eu
curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}/trade/v1/unfreeze" \
  --data-urlencode "syssn=${1:?usage: unfreeze.sh SYSSN TXAMT}" \
  --data-urlencode "out_trade_no=unfreeze_$(date +%s)_$$" \
  --data-urlencode "txamt=${2:?usage: unfreeze.sh SYSSN TXAMT}" \
  --data-urlencode "txdtm=$(date '+%Y-%m-%d %H:%M:%S')"
echo
