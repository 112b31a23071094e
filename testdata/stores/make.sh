#!/usr/bin/env bash
# Remakes the unusual key and PKCS#12 files of this folder from ../clients. Needs: openssl 3 with its legacy provider, python3.
#
# For tests only: the private keys are public. The password is fixture-password unless the name
# says otherwise.
set -euo pipefail
cd "$(dirname "$0")"
umask 022

key=../clients/p256/p256.key
certificate=../clients/p256/p256.pem
rsa=../clients/rsa2048/rsa2048.key
pass=pass:fixture-password
legacy="-provider legacy -provider default"
rm -f ./*.key ./*.p12 ./*.pem

# PKCS#8 by PBES2: other ciphers and pseudo-random functions than the default.
openssl pkcs8 -topk8 -in $key -v2 aes-128-cbc -passout $pass -out aes128.key
openssl pkcs8 -topk8 -in $key -v2 aes-192-cbc -passout $pass -out aes192.key
openssl pkcs8 -topk8 -in $key -v2 des3 -passout $pass -out des3.key
openssl pkcs8 -topk8 -in $key -v2 aes-256-cbc -v2prf hmacWithSHA1 -passout $pass -out sha1.key
openssl pkcs8 -topk8 -in $key -v2 aes-256-cbc -v2prf hmacWithSHA512 -passout $pass -out sha512.key
openssl pkcs8 -topk8 -in $key -v2 aes-256-cbc -passout "pass:pässwörd€" -out not-ascii.key

# What is refused with the line that converts it.
openssl pkcs8 $legacy -topk8 -in $key -v1 PBE-SHA1-DES -passout $pass -out pbes1.key
openssl pkcs8 $legacy -topk8 -in $key -v1 PBE-SHA1-3DES -passout $pass -out pbes1-3des.key
openssl ec -in $key -aes128 -passout $pass -out traditional-ec.key 2>/dev/null
openssl rsa -in $rsa -aes256 -traditional -passout $pass -out traditional-rsa.key 2>/dev/null

# One iteration more than is done.
openssl pkcs8 -topk8 -in $key -v2 aes-256-cbc -iter 1000001 -passout $pass -out iterations.key
p12() { openssl pkcs12 -export -inkey $key -in $certificate -passout "$1" -out "$2" "${@:3}"; }
p12 $pass iterations.p12 -iter 1000001 -nomaciter
p12 $pass iterations-legacy.p12 -legacy -iter 1000001 -nomaciter
# Each within the limit, all together not.
p12 $pass iterations-in-all.p12 -legacy -iter 1000000

p12 $pass des3.p12 -legacy -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1
p12 $pass plain-certificate.p12 -certpbe NONE
p12 $pass no-mac.p12 -nomac
p12 "pass:pässwörd€" not-ascii.p12
openssl pkcs12 -export -nokeys -in $certificate -passout $pass -out no-key.p12

# The MAC of the PKCS#12 file asks for 2^31-1 iterations; nothing else is changed.
python3 - <<'PY'
data = bytearray(open("../clients/p256/p256.modern.p12", "rb").read())
assert data[:2] == b"\x30\x82" and data[-4:] == b"\x02\x02\x08\x00"
mac = data.rindex(b"\x30\x41\x30\x31")  # MacData, DigestInfo of SHA-256
data[-4:] = b"\x02\x04\x7f\xff\xff\xff"
data[mac + 1] += 2
data[2:4] = (int.from_bytes(data[2:4], "big") + 2).to_bytes(2, "big")
open("bomb.p12", "wb").write(data)
PY
