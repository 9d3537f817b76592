#!/bin/sh
# The signed URL that begins a WeChat sign-in; the customer opens it in WeChat and comes back with `code`.
# Usage: oauth-url.sh REDIRECT_URI
set -eu
curl -sS --fail-with-body -G "${SIDECAR_URL:-http://127.0.0.1:8787}/tool/v1/get_weixin_oauth_code" \
  -H 'Accept: application/json' \
  --data-urlencode "redirect_uri=${1:?usage: oauth-url.sh REDIRECT_URI}"
echo
