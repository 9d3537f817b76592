#!/bin/sh
# Ends a card payment of the old card flow, once the customer is back from the bank's 3DS page.
# Usage: payment-verify.sh SYSSN OUT_TRADE_NO SESSION_ID SET_COOKIE
#   SESSION_ID as in the payment, SET_COOKIE from its answer, such as 'machine=0a854015;path=/'; neither has quotes in it
# The sandbox checks the signature only.
set -eu
usage='usage: payment-verify.sh SYSSN OUT_TRADE_NO SESSION_ID SET_COOKIE'
curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}/trade/v1/payment_verify" \
  --data-urlencode "syssn=${1:?$usage}" \
  --data-urlencode "out_trade_no=${2:?$usage}" \
  --data-urlencode "txdtm=$(date '+%Y-%m-%d %H:%M:%S')" \
  --data-urlencode "chnl_ext={\"session_id\": \"${3:?$usage}\", \"set_cookie\": \"${4:?$usage}\"}"
echo
