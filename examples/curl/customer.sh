#!/bin/sh
# Customers, who have tokens and subscriptions. `create` answers the customer_id.
# Usage: customer.sh create NAME EMAIL | update CUSTOMER_ID EMAIL | query CUSTOMER_ID | delete CUSTOMER_ID
# Start the sidecar with: --set routes.allow=/tool/v1/,/trade/v1/,/customer/v1/
# The sandbox checks the signature only.
set -eu
call() {
  path=$1
  shift
  curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}$path" "$@"
  echo
}
usage='usage: customer.sh create NAME EMAIL | update CUSTOMER_ID EMAIL | query CUSTOMER_ID | delete CUSTOMER_ID'
case ${1:?$usage} in
create) call /customer/v1/create --data-urlencode "name=${2:?$usage}" --data-urlencode "email=${3:?$usage}" ;;
update) call /customer/v1/update --data-urlencode "customer_id=${2:?$usage}" --data-urlencode "email=${3:?$usage}" ;;
query) call /customer/v1/query --data-urlencode "customer_id=${2:?$usage}" ;;
delete) call /customer/v1/delete --data-urlencode "customer_id=${2:?$usage}" ;;
*)
  echo "$usage" >&2
  exit 2
  ;;
esac
