#!/bin/sh
# A merchant of an agent: its data, or how far its application is. Old endpoints; QFPay's pages do not describe apply_info,
# whose parameters here are those of a published client.
# Usage: mch.sh query MCHID | apply_info USERNAME SALESMAN_MOBILE
# Start the sidecar with: --set routes.allow=/tool/v1/,/trade/v1/,/mch/v1/
# The sandbox checks the signature only.
set -eu
call() {
  path=$1
  shift
  curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}$path" "$@"
  echo
}
usage='usage: mch.sh query MCHID | apply_info USERNAME SALESMAN_MOBILE'
case ${1:?$usage} in
query) call /mch/v1/query --data-urlencode "mchid=${2:?$usage}" ;;
apply_info)
  call /mch/v1/apply_info --data-urlencode "username=${2:?$usage}" --data-urlencode "salesman_mobile=${3:?$usage}"
  ;;
*)
  echo "$usage" >&2
  exit 2
  ;;
esac
