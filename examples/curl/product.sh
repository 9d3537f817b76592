#!/bin/sh
# Products: what a subscription costs, and how often. `create` answers the product_id.
# Usage: product.sh create NAME TXAMT | update PRODUCT_ID NAME | query PRODUCT_ID | delete PRODUCT_ID
# Start the sidecar with: --set routes.allow=/tool/v1/,/trade/v1/,/product/v1/
# The sandbox checks the signature only.
set -eu
call() {
  path=$1
  shift
  curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}$path" "$@"
  echo
}
usage='usage: product.sh create NAME TXAMT | update PRODUCT_ID NAME | query PRODUCT_ID | delete PRODUCT_ID'
case ${1:?$usage} in
create)
  call /product/v1/create \
    --data-urlencode "name=${2:?$usage}" \
    --data-urlencode "type=recurring" \
    --data-urlencode "txamt=${3:?$usage}" \
    --data-urlencode "txcurrcd=HKD" \
    --data-urlencode "interval=monthly" \
    --data-urlencode "interval_count=1" \
    --data-urlencode "usage_type=licensed"
  ;;
update) call /product/v1/update --data-urlencode "product_id=${2:?$usage}" --data-urlencode "name=${3:?$usage}" ;;
query) call /product/v1/query --data-urlencode "product_id=${2:?$usage}" ;;
delete) call /product/v1/delete --data-urlencode "product_id=${2:?$usage}" ;;
*)
  echo "$usage" >&2
  exit 2
  ;;
esac
