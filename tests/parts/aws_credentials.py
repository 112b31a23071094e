"""Which credentials does botocore, the SDK of AWS, find by its own settings? Prints them as a JSON object."""

import json

import botocore.session

session = botocore.session.Session()
credentials = session.get_credentials()
frozen = credentials.get_frozen_credentials()
print(json.dumps({
    "method": credentials.method,
    "access_key": frozen.access_key,
    "secret_key": frozen.secret_key,
    "token": frozen.token,
    "expires": credentials._expiry_time.isoformat(),
}))
