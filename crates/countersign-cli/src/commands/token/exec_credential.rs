//! How is a token given to kubectl, as a credential plugin of Kubernetes does it?

use std::ffi::OsStr;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    session::{Held, Questions},
};

const GROUP: &str = "client.authentication.k8s.io";
/// Those that kubectl still speaks, the newest first.
const VERSIONS: [&str; 2] = ["v1", "v1beta1"];

/// What kubectl asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    version: &'static str,
    pub(super) questions: Questions,
}

#[derive(Deserialize)]
struct ExecInfo {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
struct Spec {
    /// Old versions do not say it.
    interactive: Option<bool>,
}

impl Asked {
    /// Reads `KUBERNETES_EXEC_INFO`; without it the newest version is meant.
    pub(super) fn read(info: Option<&OsStr>) -> Result<Asked, Failure> {
        let wrong = |problem: String| {
            Failure::usage(format!("KUBERNETES_EXEC_INFO {problem}"))
                .hint("kubectl sets it; take it away where another program calls")
        };
        let Some(info) = info.filter(|info| !info.is_empty()) else {
            return Ok(Asked {
                version: VERSIONS[0],
                questions: Questions::Asked,
            });
        };
        let info = info
            .to_str()
            .ok_or_else(|| wrong("is not text".to_owned()))?;
        let info: ExecInfo = serde_json::from_str(info)
            .map_err(|error| wrong(format!("cannot be read: {error}")))?;
        if info.kind != "ExecCredential" {
            return Err(wrong(format!("is of kind {:?}", info.kind)));
        }
        let version = info
            .api_version
            .split_once('/')
            .and_then(|(group, version)| {
                let known = VERSIONS.into_iter().find(|known| *known == version);
                known.filter(|_| group == GROUP)
            });
        let version = version.ok_or_else(|| {
            Failure::usage(format!(
                "KUBERNETES_EXEC_INFO asks for {:?}, which is not spoken here",
                info.api_version
            ))
            .hint("set apiVersion: client.authentication.k8s.io/v1 in the exec of kubeconfig")
        })?;
        let questions = match info.spec.interactive {
            Some(false) => Questions::Refused,
            _ => Questions::Asked,
        };
        Ok(Asked { version, questions })
    }

    /// What kubectl reads.
    pub(super) fn answer(&self, held: &Held) -> Value {
        json!({
            "apiVersion": format!("{GROUP}/{}", self.version),
            "kind": "ExecCredential",
            "status": {
                "expirationTimestamp": held.token.expires_at.to_string(),
                "token": held.token.access_token.expose(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(info: &str) -> Result<Asked, Failure> {
        Asked::read(Some(OsStr::new(info)))
    }

    // The texts are what kubectl 1.32 puts there.
    #[test]
    fn the_version_and_whether_somebody_may_be_asked_are_what_kubectl_says() {
        let table = [
            (
                r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}"#,
                "v1",
                Questions::Refused,
            ),
            (
                r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","spec":{"cluster":{"server":"https://c","config":null},"interactive":true}}"#,
                "v1beta1",
                Questions::Asked,
            ),
            (
                r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1"}"#,
                "v1beta1",
                Questions::Asked,
            ),
            ("", "v1", Questions::Asked),
        ];
        for (info, version, questions) in table {
            assert_eq!(read(info), Ok(Asked { version, questions }), "{info}");
        }
        assert_eq!(Asked::read(None), read(""));
    }

    #[test]
    fn what_is_not_kubectls_question_is_refused() {
        for info in [
            "null",
            "{}",
            r#"{"kind":"Pod","apiVersion":"client.authentication.k8s.io/v1"}"#,
            r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1alpha1"}"#,
            r#"{"kind":"ExecCredential","apiVersion":"other/v1"}"#,
            r#"{"kind":"ExecCredential","apiVersion":"v1"}"#,
            r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":"no"}}"#,
        ] {
            assert_eq!(read(info).unwrap_err().code(), 2, "{info}");
        }
    }
}
