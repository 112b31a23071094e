//! How do git and a credential helper speak? (git-credential(1), "INPUT/OUTPUT FORMAT")

use countersign::proto::time::UnixTime;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// What git says, as far as it matters here.
#[derive(Debug, Default)]
pub(super) struct Question {
    pub(super) protocol: String,
    pub(super) host: String,
    pub(super) path: Option<String>,
    pub(super) username: Option<String>,
    /// The password, or the credential of another scheme, that git had before.
    pub(super) secret: Option<Zeroizing<String>>,
    /// Git understands schemes besides Basic (2.46 and later).
    pub(super) can_authtype: bool,
    /// The schemes that the server asked for, in lower case (2.41 and later).
    asked_for: Vec<String>,
}

/// How a token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Bearer,
    Basic,
}

/// What git gets.
pub(super) struct Credential<'a> {
    pub(super) scheme: Scheme,
    pub(super) username: &'a str,
    pub(super) token: &'a str,
    pub(super) expires_at: UnixTime,
}

impl Question {
    /// Reads lines `name=value` up to an empty one. Of a name that comes again the last counts, but
    /// of those that end with `[]`, which are lists.
    pub(super) fn read(text: &[u8]) -> Result<Question, Failure> {
        let wrong = || Failure::usage("git asks by lines that are not name=value");
        let text = std::str::from_utf8(text).map_err(|_| wrong())?;
        let mut question = Question::default();
        for line in text.lines().take_while(|line| !line.is_empty()) {
            let (name, value) = line.split_once('=').ok_or_else(wrong)?;
            if value.contains(['\0', '\r']) {
                return Err(wrong());
            }
            let owned = || value.to_owned();
            match name {
                "protocol" => question.protocol = owned(),
                "host" => question.host = owned(),
                "path" => question.path = Some(owned()),
                "username" => question.username = Some(owned()).filter(|name| !name.is_empty()),
                "password" | "credential" => question.secret = Some(Zeroizing::new(owned())),
                "capability[]" => question.can_authtype |= value == "authtype",
                // An empty one begins the list anew.
                "wwwauth[]" if value.is_empty() => question.asked_for.clear(),
                "wwwauth[]" => {
                    let scheme = value.split_ascii_whitespace().next().unwrap_or_default();
                    question.asked_for.push(scheme.to_ascii_lowercase());
                }
                _ => {} // git wants what is not known to be passed over
            }
        }
        Ok(question)
    }

    /// Whether the server takes a scheme; nobody knows before it was asked.
    pub(super) fn takes(&self, scheme: &str) -> bool {
        self.asked_for.is_empty() || self.asked_for.iter().any(|asked| asked == scheme)
    }
}

impl Credential<'_> {
    /// The lines that git reads. Neither a token nor a checked user name has a line end.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        let (name, token) = (self.username, self.token);
        let expiry = self.expires_at.as_secs();
        // Ephemeral: no helper beside us keeps a token that ends soon.
        Zeroizing::new(match self.scheme {
            Scheme::Bearer => format!(
                "capability[]=authtype\nauthtype=Bearer\ncredential={token}\nephemeral=1\n\
                 password_expiry_utc={expiry}\n"
            ),
            Scheme::Basic => {
                format!("username={name}\npassword={token}\npassword_expiry_utc={expiry}\n")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_is_read_up_to_the_empty_line() {
        let question = Question::read(
            b"capability[]=state\ncapability[]=authtype\nprotocol=https\nhost=h:1\npath=a=b.git\n\
              username=u\npassword=p=w\nwwwauth[]=Digest\nwwwauth[]=\nwwwauth[]=Bearer realm=x\n\
              something=new\n\nhost=evil\n",
        )
        .unwrap();
        assert_eq!(question.protocol, "https");
        assert_eq!(question.host, "h:1");
        assert_eq!(question.path.as_deref(), Some("a=b.git"));
        assert_eq!(question.username.as_deref(), Some("u"));
        assert_eq!(question.secret.unwrap().as_str(), "p=w");
        assert!(question.can_authtype);
        assert_eq!(question.asked_for, ["bearer"]);
    }

    #[test]
    fn what_is_no_line_of_git_is_refused_without_repeating_it() {
        for wrong in [
            &b"canary\n"[..],
            b"password=canary\0\n",
            b"host=a\rcanary\n",
            b"host=\xff\n",
        ] {
            let failure = Question::read(wrong).unwrap_err();
            assert!(!failure.message().contains("canary"), "{failure:?}");
        }
    }

    // The forms are those of git-credential(1) of git 2.47.
    #[test]
    fn a_token_is_a_credential_of_its_scheme_or_a_password_and_says_when_it_ends() {
        let credential = |scheme| Credential {
            scheme,
            username: "oauth2",
            token: "t0ken",
            expires_at: UnixTime::from_secs(1_700_000_000),
        };
        assert_eq!(
            credential(Scheme::Bearer).to_text().as_str(),
            "capability[]=authtype\nauthtype=Bearer\ncredential=t0ken\nephemeral=1\n\
             password_expiry_utc=1700000000\n"
        );
        assert_eq!(
            credential(Scheme::Basic).to_text().as_str(),
            "username=oauth2\npassword=t0ken\npassword_expiry_utc=1700000000\n"
        );
    }
}
