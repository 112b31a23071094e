//! What does help say after the options: examples, exit codes, files, environment?

/// Below the verbs: where to start, and what scripts depend on.
pub(super) const AFTER_HELP: &str = "\
Start here:
  countersign dev --once       a platform, a certificate and a sign-in, all on this machine

Examples:
  countersign login https://platform.example
  countersign login https://platform.example --app-id inventory --cert-subject CN=inventory
  countersign token --decode
  countersign token --output header | curl -H @- https://api.example/stock
  countersign cert explain CN=inventory
  countersign pat create --name laptop --lifetime 30d --output-file token
  countersign doctor

Exit codes:
  0    done
  1    failure: a file, a certificate, a server that makes no sense
  2    usage: the command line or a settings file is wrong
  10   denied: signed in, but not permitted; or a person said no
  11   expired: a certificate, a token or a sign-in
  12   policy: the platform's rules say no
  13   network: no connection, no TLS session, no answer in time
  14   the identity was rejected: application, certificate, mapping or person
  15   no refresh is left: a person has to sign in again
  20   not needed: cert renew-needed found nothing to renew
  130  Ctrl-C

Files:
  $XDG_CONFIG_HOME/countersign/config.toml    profiles [~/.config]
  $XDG_STATE_HOME/countersign/                tokens, and keys of sign-ins [~/.local/state]
  $XDG_DATA_HOME/countersign/certificates/    certificates [~/.local/share]

Environment:
  COUNTERSIGN_CERT_STORE       where certificates are looked for
  COUNTERSIGN_KEY_PASSWORD     the password of encrypted keys, or the PIN of a token
  COUNTERSIGN_PKCS11_MODULE    the module of a hardware token
  COUNTERSIGN_CACHE_SEAL       how tokens are sealed: auto, keyring or file
  COUNTERSIGN_STORE_URL        the database of store migrate, with its password
  COUNTERSIGN_TOKEN            a granted token, where --server is given
  KUBERNETES_EXEC_INFO         what kubectl tells a credential plugin
  BROWSER                      what opens an address for a person
  HTTPS_PROXY, NO_PROXY        the proxy, and what goes without it
  SSL_CERT_FILE, SSL_CERT_DIR  certificate authorities in place of the system's
  XDG_RUNTIME_DIR              where the socket of the agent is
  NO_COLOR                     no colours";

pub(super) const AFTER_LOGIN: &str = "\
Without a word about a certificate a person signs in with a browser.

Examples:
  countersign login https://platform.example
  countersign login https://platform.example --as vader --no-browser --qr
  countersign login https://platform.example --scope 'roles:read audit:read' --profile reader
  countersign login https://platform.example --app-id inventory --cert-subject CN=inventory,O=Example
  countersign login https://platform.example --app-id inventory --cert client.pem --key client.key
  countersign login https://platform.example --app-id inventory --cert client.p12 --password-file FILE
  countersign login https://platform.example --as-platform --cert component.pem --profile component
  countersign login https://id.example/realms/acme --provider keycloak --app-id inventory --cert client.pem
  countersign login https://tachyon.example --dialect tachyon --consumer Explorer
  countersign login https://tachyon.example --dialect tachyon --app-id 0c83091d --cert client.pem";

pub(super) const AFTER_TOKEN: &str = "\
Examples:
  countersign token --output header | curl -H @- https://api.example/stock
  eval \"$(countersign token --output env)\"
  countersign token --output exec-credential
  countersign token --output credential-process --role-arn arn:aws:iam::111122223333:role/stock
  countersign token --decode";

pub(super) const AFTER_GIT_CREDENTIAL: &str = "\
Example:
  git config --global credential.https://git.example.helper \\
    '!countersign git-credential --for https://git.example --profile NAME'";

pub(super) const AFTER_AGENT: &str = "\
Examples:
  countersign agent
  curl --unix-socket $XDG_RUNTIME_DIR/countersign/agent.sock http://agent/token
  countersign agent --serve NAME --http 127.0.0.1:9911";
