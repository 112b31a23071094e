#!/bin/sh
# Makes the tokens anew with tools that are not ours: openssl, Python (joserfc, jwcrypto), node (jose).
# The other files are made by make_keys.py; *-rfc.json are copied from the RFCs by hand and are left alone.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
./venv/bin/pip -q install joserfc==1.8.0 jwcrypto==1.6.1
cp "$here/make_tokens.mjs" .
npm init -y >/dev/null
npm install --silent jose@6
./venv/bin/python "$here/make_tokens.py" "$work"
node make_tokens.mjs "$work"
cp identities.json assertions-*.json proofs-*.json access-tokens-*.json login-*.json opaque-*.json "$here/"
