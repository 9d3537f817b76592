#!/bin/sh
# Intents, which the payment element in the customer's browser needs: for a payment, or to keep a card as a token.
# Usage: payment-element.sh payment RETURN_URL [OUT_TRADE_NO]
#        payment-element.sh token CUSTOMER_ID     (from customer.sh create)
# Start the sidecar with: --set routes.allow=/tool/v1/,/trade/v1/,/payment_element/v1/
# The sandbox checks the signature only.
set -eu
call() {
  path=$1
  shift
  curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}$path" "$@"
  echo
}
usage='usage: payment-element.sh payment RETURN_URL [OUT_TRADE_NO] | token CUSTOMER_ID'
case ${1:?$usage} in
payment)
  call /payment_element/v1/create_payment_intent \
    --data-urlencode "pay_type=802801" \
    --data-urlencode "out_trade_no=${3:-curl_$(date +%s)_$$}" \
    --data-urlencode "txamt=1200" \
    --data-urlencode "txcurrcd=HKD" \
    --data-urlencode "return_url=${2:?$usage}" \
    --data-urlencode "failed_url=$2"
  ;;
token)
  call /payment_element/v1/create_token_intent \
    --data-urlencode "customer_id=${2:?$usage}" \
    --data-urlencode "token_reason=Tea & Co 茶, monthly"
  ;;
*)
  echo "$usage" >&2
  exit 2
  ;;
esac
