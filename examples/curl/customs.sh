#!/bin/sh
# Declares a WeChat payment to customs in mainland China, asks what became of it, or declares it again.
# Usage: customs.sh declare SYSSN MCH_CUSTOMS_NO | query SYSSN | redeclare SYSSN MCH_CUSTOMS_NO
# Start the sidecar with: --set routes.allow=/tool/v1/,/trade/v1/,/custom/v1/
# The sandbox checks the signature only.
set -eu
call() {
  path=$1
  shift
  curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}$path" \
    --data-urlencode "trade_type=weixin" --data-urlencode "customs=GUANGZHOU_ZS" "$@"
  echo
}
usage='usage: customs.sh declare SYSSN MCH_CUSTOMS_NO | query SYSSN | redeclare SYSSN MCH_CUSTOMS_NO'
case ${1:?$usage} in
declare)
  call /custom/v1/declare \
    --data-urlencode "syssn=${2:?$usage}" \
    --data-urlencode "mch_customs_no=${3:?$usage}" \
    --data-urlencode "action_type=ADD"
  ;;
query) call /custom/v1/query --data-urlencode "syssn=${2:?$usage}" ;;
redeclare)
  call /custom/v1/redeclare --data-urlencode "syssn=${2:?$usage}" --data-urlencode "mch_customs_no=${3:?$usage}"
  ;;
*)
  echo "$usage" >&2
  exit 2
  ;;
esac
