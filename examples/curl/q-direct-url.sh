#!/bin/sh
# The URL of QFPay's pay page inside WeChat, for the `pay_params` of a payment.
# Usage: q-direct-url.sh PAY_PARAMS_JSON REDIRECT_URL
set -eu
curl -sS --fail-with-body -G "${SIDECAR_URL:-http://127.0.0.1:8787}/q/direct" \
  -H 'Accept: application/json' \
  --data-urlencode "pay_params=${1:?usage: q-direct-url.sh PAY_PARAMS_JSON REDIRECT_URL}" \
  --data-urlencode "redirect_url=${2:?usage: q-direct-url.sh PAY_PARAMS_JSON REDIRECT_URL}" \
  --data-urlencode "mchntnm=Tea & Co 茶" \
  --data-urlencode "txamt=1200" \
  --data-urlencode "currency=HKD"
echo
