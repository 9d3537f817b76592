#!/bin/sh
# Subscriptions: QFPay charges the customer's token for the product again and again. `create` answers the subscription_id.
# Usage: subscription.sh create CUSTOMER_ID TOKEN_ID PRODUCT_ID
#        subscription.sh update SUBSCRIPTION_ID TOTAL_BILLING_CYCLES
#        subscription.sh query SUBSCRIPTION_ID
#        subscription.sh cancel SUBSCRIPTION_ID
#        subscription.sh charge SUBSCRIPTION_ID     (one that is UNPAID, INCOMPLETE or PAST_DUE; never repeat it blindly)
#        subscription.sh orders SUBSCRIPTION_ID     (what was charged)
# Start the sidecar with: --set routes.allow=/tool/v1/,/trade/v1/,/subscription/
# The sandbox checks the signature only.
set -eu
call() {
  path=$1
  shift
  curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}$path" "$@"
  echo
}
usage='usage: subscription.sh create CUSTOMER_ID TOKEN_ID PRODUCT_ID | update SUBSCRIPTION_ID TOTAL_BILLING_CYCLES |
  query SUBSCRIPTION_ID | cancel SUBSCRIPTION_ID | charge SUBSCRIPTION_ID | orders SUBSCRIPTION_ID'
case ${1:?$usage} in
create)
  # A list travels as JSON text in one parameter, and is signed as that text.
  call /subscription/v1/create \
    --data-urlencode "customer_id=${2:?$usage}" \
    --data-urlencode "token_id=${3:?$usage}" \
    --data-urlencode "products=[{\"product_id\": \"${4:?$usage}\", \"quantity\": 1}]" \
    --data-urlencode "total_billing_cycles=12"
  ;;
update)
  call /subscription/v1/update \
    --data-urlencode "subscription_id=${2:?$usage}" \
    --data-urlencode "total_billing_cycles=${3:?$usage}"
  ;;
query) call /subscription/v1/query --data-urlencode "subscription_id=${2:?$usage}" ;;
cancel) call /subscription/v1/cancel --data-urlencode "subscription_id=${2:?$usage}" ;;
charge) call /subscription/v1/charge --data-urlencode "subscription_id=${2:?$usage}" ;;
orders)
  call /subscription/billing_order/v1/list \
    --data-urlencode "subscription_id=${2:?$usage}" \
    --data-urlencode "page=1" \
    --data-urlencode "page_size=100"
  ;;
*)
  echo "$usage" >&2
  exit 2
  ;;
esac
