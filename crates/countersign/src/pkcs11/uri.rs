//! How is a token, or an object in it, named by a URI (RFC 7512)?

use std::{fmt, path::PathBuf, str::FromStr};

/// A PKCS#11 URI, taken apart. What is absent matches everything, what is there must be equal.
///
/// An attribute of the path that is not of RFC 7512 is refused, since nothing could match it (§2.4),
/// and one of the query is passed over and not written again. `pin-value` is refused: the URI stands
/// in arguments and settings, where no secret may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pkcs11Uri {
    /// The label of the token.
    pub token: Option<String>,
    /// Who made the token.
    pub manufacturer: Option<String>,
    /// The serial number of the token.
    pub serial: Option<String>,
    /// The model of the token.
    pub model: Option<String>,
    /// Who made the module.
    pub library_manufacturer: Option<String>,
    /// What the module says of itself.
    pub library_description: Option<String>,
    /// The version of the module, major and minor.
    pub library_version: Option<(u8, u8)>,
    /// Who made the slot.
    pub slot_manufacturer: Option<String>,
    /// What the slot says of itself.
    pub slot_description: Option<String>,
    /// The number of the slot, which changes when a token is put in again.
    pub slot_id: Option<u64>,
    /// The label of the object (`CKA_LABEL`).
    pub object: Option<String>,
    /// The kind of the object.
    pub object_type: Option<ObjectType>,
    /// The identifier that a key and its certificate share (`CKA_ID`).
    pub id: Option<Vec<u8>>,
    /// Where the PIN is: a `file:` URI or an absolute path.
    pub pin_source: Option<String>,
    /// The name of the module, without folder, `lib` and ending.
    pub module_name: Option<String>,
    /// The file of the module, or the folder that it is in.
    pub module_path: Option<PathBuf>,
}

/// The kinds of objects of RFC 7512.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectType {
    /// A public key.
    Public,
    /// A private key.
    Private,
    /// A certificate.
    Cert,
    /// A symmetric key.
    SecretKey,
    /// Anything.
    Data,
}

const OBJECT_TYPES: [(ObjectType, &str); 5] = [
    (ObjectType::Public, "public"),
    (ObjectType::Private, "private"),
    (ObjectType::Cert, "cert"),
    (ObjectType::SecretKey, "secret-key"),
    (ObjectType::Data, "data"),
];

/// Why a text is no PKCS#11 URI that is taken here. Shows names of attributes and no values.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pkcs11UriError {
    /// Does not begin with `pkcs11:`.
    Scheme,
    /// A part without a name, a value, or a permitted character; says which.
    Malformed(String),
    /// An attribute that may stand once only.
    Twice(String),
    /// An attribute of the path that RFC 7512 has not.
    Unknown(String),
    /// An attribute whose value is not one of its kind; says what is wanted.
    Value(&'static str, &'static str),
    /// `pin-value`, a secret.
    PinValue,
}

/// So long may a URI be, in bytes.
const MAX_BYTES: usize = 4096;

impl Pkcs11Uri {
    /// Whether a text is meant to be one.
    pub fn is_meant_by(text: &str) -> bool {
        let scheme = text.get(..SCHEME.len());
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
    }

    fn take_path(&mut self, name: &str, value: Vec<u8>) -> Result<(), Pkcs11UriError> {
        let text = |value| text(name, value);
        match name {
            "token" => once(&mut self.token, name, text(value)?),
            "manufacturer" => once(&mut self.manufacturer, name, text(value)?),
            "serial" => once(&mut self.serial, name, text(value)?),
            "model" => once(&mut self.model, name, text(value)?),
            "library-manufacturer" => once(&mut self.library_manufacturer, name, text(value)?),
            "library-description" => once(&mut self.library_description, name, text(value)?),
            "library-version" => {
                let version = version(&text(value)?).ok_or(Pkcs11UriError::Value(
                    "library-version",
                    "a number, or two with a dot between",
                ))?;
                once(&mut self.library_version, name, version)
            }
            "slot-manufacturer" => once(&mut self.slot_manufacturer, name, text(value)?),
            "slot-description" => once(&mut self.slot_description, name, text(value)?),
            "slot-id" => {
                let id =
                    digits(&text(value)?).ok_or(Pkcs11UriError::Value("slot-id", "a number"))?;
                once(&mut self.slot_id, name, id)
            }
            "object" => once(&mut self.object, name, text(value)?),
            "type" => {
                let value = text(value)?;
                let kind = OBJECT_TYPES.iter().find(|(_, name)| *name == value);
                let (kind, _) = kind.ok_or(Pkcs11UriError::Value(
                    "type",
                    "cert, private, public, secret-key or data",
                ))?;
                once(&mut self.object_type, name, *kind)
            }
            "id" => once(&mut self.id, name, value),
            unknown => Err(Pkcs11UriError::Unknown(unknown.to_owned())),
        }
    }

    fn take_query(&mut self, name: &str, value: Vec<u8>) -> Result<(), Pkcs11UriError> {
        match name {
            "pin-value" => Err(Pkcs11UriError::PinValue),
            "pin-source" => once(&mut self.pin_source, name, text(name, value)?),
            "module-name" => once(&mut self.module_name, name, text(name, value)?),
            "module-path" => once(&mut self.module_path, name, text(name, value)?.into()),
            _ => Ok(()),
        }
    }
}

const SCHEME: &str = "pkcs11:";

impl FromStr for Pkcs11Uri {
    type Err = Pkcs11UriError;

    fn from_str(text: &str) -> Result<Pkcs11Uri, Pkcs11UriError> {
        if !Pkcs11Uri::is_meant_by(text) {
            return Err(Pkcs11UriError::Scheme);
        }
        if text.len() > MAX_BYTES {
            let problem = format!("it is longer than {MAX_BYTES} bytes");
            return Err(Pkcs11UriError::Malformed(problem));
        }
        let rest = &text[SCHEME.len()..];
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let mut uri = Pkcs11Uri::default();
        for (name, value) in attributes(path, ';', PATH)? {
            uri.take_path(name, value)?;
        }
        for (name, value) in attributes(query.unwrap_or_default(), '&', QUERY)? {
            uri.take_query(name, value)?;
        }
        Ok(uri)
    }
}

/// What may stand for itself besides letters, digits and `-._~` (RFC 7512 §2.3).
const PATH: &[u8] = b":[]@!$'()*+,=&";
const QUERY: &[u8] = b":[]@!$'()*+,=/?|";

type Attributes<'a> = Vec<(&'a str, Vec<u8>)>;

fn attributes<'a>(
    part: &'a str,
    separator: char,
    permitted: &[u8],
) -> Result<Attributes<'a>, Pkcs11UriError> {
    if part.is_empty() {
        return Ok(Vec::new());
    }
    part.split(separator)
        .map(|attribute| {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            if name.is_empty() || name.len() == attribute.len() || !name.bytes().all(is_name) {
                let problem = format!("a part between {separator:?} is not NAME=VALUE");
                return Err(Pkcs11UriError::Malformed(problem));
            }
            let value = decoded(value, permitted).ok_or_else(|| {
                Pkcs11UriError::Malformed(format!(
                    "the value of {name} has a character that must be written as % and two hexadecimal digits"
                ))
            })?;
            Ok((name, value))
        })
        .collect()
}

fn decoded(value: &str, permitted: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = value.bytes();
    let mut decoded = Vec::with_capacity(value.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            decoded.push(u8::try_from(high << 4 | low).ok()?);
        } else if stands_for_itself(byte, permitted) {
            decoded.push(byte);
        } else {
            return None;
        }
    }
    Some(decoded)
}

fn stands_for_itself(byte: u8, permitted: &[u8]) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || permitted.contains(&byte)
}

fn text(name: &str, value: Vec<u8>) -> Result<String, Pkcs11UriError> {
    let problem = || Pkcs11UriError::Malformed(format!("the value of {name} is not UTF-8"));
    String::from_utf8(value).map_err(|_| problem())
}

fn once<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), Pkcs11UriError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Pkcs11UriError::Twice(name.to_owned())),
    }
}

/// One version number is the major one, and its minor is 0.
fn version(text: &str) -> Option<(u8, u8)> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let number = |text| u8::try_from(digits(text)?).ok();
    Some((number(major)?, number(minor)?))
}

fn digits(text: &str) -> Option<u64> {
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

/// In one order, with the fewest encoded characters; the bytes of `id` are encoded all.
impl fmt::Display for Pkcs11Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.library_version.map(|(a, b)| format!("{a}.{b}"));
        let slot_id = self.slot_id.map(|id| id.to_string());
        let path = [
            ("token", &self.token),
            ("manufacturer", &self.manufacturer),
            ("serial", &self.serial),
            ("model", &self.model),
            ("library-manufacturer", &self.library_manufacturer),
            ("library-description", &self.library_description),
            ("library-version", &version),
            ("slot-manufacturer", &self.slot_manufacturer),
            ("slot-description", &self.slot_description),
            ("slot-id", &slot_id),
            ("object", &self.object),
        ];
        let encoded = |value: &str, permitted| encoded(value.as_bytes(), permitted);
        let mut parts: Vec<String> = path
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_ref()?, PATH))))
            .collect();
        let kind = |wanted| OBJECT_TYPES.iter().find(|(kind, _)| *kind == wanted);
        if let Some((_, name)) = self.object_type.and_then(kind) {
            parts.push(format!("type={name}"));
        }
        if let Some(id) = &self.id {
            let id: String = id.iter().map(|byte| format!("%{byte:02X}")).collect();
            parts.push(format!("id={id}"));
        }
        let module_path = self
            .module_path
            .as_ref()
            .map(|path| path.to_string_lossy().into_owned());
        let query: Vec<String> = [
            ("pin-source", &self.pin_source),
            ("module-name", &self.module_name),
            ("module-path", &module_path),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_ref()?, QUERY))))
        .collect();
        write!(f, "{SCHEME}{}", parts.join(";"))?;
        match query.is_empty() {
            true => Ok(()),
            false => write!(f, "?{}", query.join("&")),
        }
    }
}

fn encoded(value: &[u8], permitted: &[u8]) -> String {
    value
        .iter()
        .map(|&byte| match stands_for_itself(byte, permitted) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

impl fmt::Display for Pkcs11UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a PKCS#11 URI that can be used: ")?;
        match self {
            Pkcs11UriError::Scheme => f.write_str("it does not begin with pkcs11:"),
            Pkcs11UriError::Malformed(problem) => f.write_str(problem),
            Pkcs11UriError::Twice(name) => write!(f, "{name} is given twice"),
            Pkcs11UriError::Unknown(name) => write!(
                f,
                "{name} is no attribute of RFC 7512, so nothing can match it"
            ),
            Pkcs11UriError::Value(name, wanted) => write!(f, "{name} must be {wanted}"),
            Pkcs11UriError::PinValue => f.write_str(
                "pin-value would put the PIN where others can read it; \
                 use pin-source=file:/PATH, a password file, or a prompt",
            ),
        }
    }
}

impl std::error::Error for Pkcs11UriError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Pkcs11Uri {
        text.parse().expect(text)
    }

    fn refusal(text: &str) -> Pkcs11UriError {
        text.parse::<Pkcs11Uri>().expect_err(text)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    // RFC 7512 §3, in its order.
    #[test]
    fn the_examples_of_the_rfc_are_read_as_it_explains_them() {
        assert_eq!(parsed("pkcs11:"), Pkcs11Uri::default());
        let public = parsed("pkcs11:object=my-pubkey;type=public");
        assert_eq!(public.object, some("my-pubkey"));
        assert_eq!(public.object_type, Some(ObjectType::Public));
        let private = parsed("pkcs11:object=my-key;type=private?pin-source=file:/etc/token");
        assert_eq!(private.object_type, Some(ObjectType::Private));
        assert_eq!(private.pin_source, some("file:/etc/token"));
        let certificate = parsed(
            "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;\
             model=1.0;object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD%EC%91;serial=\
             ?pin-source=file:/etc/token_pin",
        );
        assert_eq!(
            certificate,
            Pkcs11Uri {
                token: some("The Software PKCS#11 Softtoken"),
                manufacturer: some("Snake Oil, Inc."),
                model: some("1.0"),
                serial: some(""),
                object: some("my-certificate"),
                object_type: Some(ObjectType::Cert),
                id: Some(vec![0x69, 0x95, 0x3e, 0x5c, 0xf4, 0xbd, 0xec, 0x91]),
                pin_source: some("file:/etc/token_pin"),
                ..Pkcs11Uri::default()
            }
        );
        let named = parsed("pkcs11:object=my-sign-key;type=private?module-name=mypkcs11");
        assert_eq!(named.module_name, some("mypkcs11"));
        let path =
            parsed("pkcs11:object=my-sign-key;type=private?module-path=/mnt/libmypkcs11.so.1");
        assert_eq!(path.module_path, Some("/mnt/libmypkcs11.so.1".into()));
        let slot = parsed("pkcs11:slot-description=Sun%20Metaslot");
        assert_eq!(slot.slot_description, some("Sun Metaslot"));
        let library = parsed(
            "pkcs11:library-manufacturer=Snake%20Oil,%20Inc.;\
             library-description=Soft%20Token%20Library;library-version=1.23",
        );
        assert_eq!(library.library_manufacturer, some("Snake Oil, Inc."));
        assert_eq!(library.library_description, some("Soft Token Library"));
        assert_eq!(library.library_version, Some((1, 23)));
        let joe = parsed(
            "pkcs11:token=My%20token%25%20created%20by%20Joe;library-version=3;\
             id=%01%02%03%Ba%dd%Ca%fe%04%05%06",
        );
        assert_eq!(joe.token, some("My token% created by Joe"));
        assert_eq!(joe.library_version, Some((3, 0)));
        let id = [1, 2, 3, 0xba, 0xdd, 0xca, 0xfe, 4, 5, 6];
        assert_eq!(joe.id.as_deref(), Some(&id[..]));
        let substring = parsed(
            "pkcs11:token=A%20name%20with%20a%20substring%20%25%3B;object=my-certificate;type=cert",
        );
        assert_eq!(substring.token, some("A name with a substring %;"));
        let acute = parsed(
            "pkcs11:token=Name%20with%20a%20small%20A%20with%20acute:%20%C3%A1;\
             object=my-certificate;type=cert",
        );
        assert_eq!(acute.token, some("Name with a small A with acute: á"));
    }

    // RFC 7512 §3: the example with pin-value, and the one with attributes of a vendor.
    // security.md 112
    #[test]
    fn the_example_with_a_pin_in_it_is_refused_and_the_pin_is_not_shown() {
        let error = refusal(
            "pkcs11:token=Software%20PKCS%2311%20softtoken;manufacturer=Snake%20Oil,%20Inc.?pin-value=the-pin",
        );
        assert_eq!(error, Pkcs11UriError::PinValue);
        assert!(!format!("{error}{error:?}").contains("the-pin"));
        assert!(error.to_string().contains("pin-source=file:/PATH"));
    }

    #[test]
    fn an_unknown_attribute_is_refused_in_the_path_and_passed_over_in_the_query() {
        let example = "pkcs11:token=my-token;object=my-certificate;type=cert;vendor-aaa=value-a\
                       ?pin-source=file:/etc/token_pin&vendor-bbb=value-b";
        assert_eq!(
            refusal(example),
            Pkcs11UriError::Unknown("vendor-aaa".to_owned())
        );
        let without = example.replace(";vendor-aaa=value-a", "");
        let written = parsed(&without).to_string();
        assert_eq!(
            written,
            "pkcs11:token=my-token;object=my-certificate;type=cert?pin-source=file:/etc/token_pin"
        );
        parsed("pkcs11:?vendor-b=1&vendor-b=2");
    }

    #[test]
    fn an_attribute_that_is_given_twice_is_refused_wherever_it_stands() {
        for (text, name) in [
            ("pkcs11:token=a;token=a", "token"),
            ("pkcs11:id=%01;object=a;id=%01", "id"),
            ("pkcs11:serial=;serial=", "serial"),
            ("pkcs11:slot-id=1;slot-id=2", "slot-id"),
            ("pkcs11:type=cert;type=cert", "type"),
            (
                "pkcs11:library-version=1;library-version=1",
                "library-version",
            ),
            ("pkcs11:?pin-source=/a&pin-source=/b", "pin-source"),
            (
                "pkcs11:?module-path=/a&module-name=b&module-path=/a",
                "module-path",
            ),
        ] {
            assert_eq!(
                refusal(text),
                Pkcs11UriError::Twice(name.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_the_grammar_does_not_permit_is_refused() {
        assert_eq!(refusal(""), Pkcs11UriError::Scheme);
        assert_eq!(refusal("pkcs11"), Pkcs11UriError::Scheme);
        assert_eq!(refusal("file:/a"), Pkcs11UriError::Scheme);
        for text in [
            "pkcs11:;",
            "pkcs11:token",
            "pkcs11:=a",
            "pkcs11:token=a;",
            "pkcs11:;token=a",
            "pkcs11:token=a b",
            "pkcs11:token=a/b",
            "pkcs11:token=a%",
            "pkcs11:token=a%4",
            "pkcs11:token=a%4g",
            "pkcs11:token=a%+1",
            "pkcs11:token=á",
            "pkcs11:token=%ff",
            "pkcs11:to%6ben=a",
            "pkcs11:token=a#b",
            "pkcs11:token=a?pin-source",
            "pkcs11:?&",
            "pkcs11:?module-path=/a;b",
        ] {
            assert!(
                matches!(refusal(text), Pkcs11UriError::Malformed(_)),
                "{text}"
            );
        }
        for text in [
            "pkcs11:type=Cert",
            "pkcs11:type=",
            "pkcs11:slot-id=",
            "pkcs11:slot-id=-1",
            "pkcs11:slot-id=+1",
            "pkcs11:slot-id=0x1",
            "pkcs11:slot-id=18446744073709551616",
            "pkcs11:library-version=",
            "pkcs11:library-version=1.",
            "pkcs11:library-version=1.2.3",
            "pkcs11:library-version=256",
        ] {
            assert!(matches!(refusal(text), Pkcs11UriError::Value(..)), "{text}");
        }
        let long = format!("pkcs11:token={}", "a".repeat(MAX_BYTES));
        assert!(matches!(refusal(&long), Pkcs11UriError::Malformed(_)));
    }

    #[test]
    fn what_stands_for_itself_in_one_part_may_not_in_the_other() {
        assert_eq!(parsed("pkcs11:token=a&b=c").token, some("a&b=c"));
        assert_eq!(
            parsed("PKCS11:token=a:[]@!$'()*+,=").token,
            some("a:[]@!$'()*+,=")
        );
        assert_eq!(
            parsed("pkcs11:?pin-source=|/a?b/c").pin_source,
            some("|/a?b/c")
        );
    }

    #[test]
    fn whatever_is_written_is_read_back_as_it_was() {
        let every = Pkcs11Uri {
            token: some("a;b?c&d/e%f#g h=á|"),
            manufacturer: some("SoftHSM project"),
            serial: some(""),
            model: some("v2"),
            library_manufacturer: some("x"),
            library_description: some("y;"),
            library_version: Some((2, 40)),
            slot_manufacturer: some("z"),
            slot_description: some("Slot 0 (left)"),
            slot_id: Some(u64::MAX),
            object: some("key=1"),
            object_type: Some(ObjectType::SecretKey),
            id: Some((0..=255).collect()),
            pin_source: some("file:/run/pin of a&b"),
            module_name: some("softhsm2"),
            module_path: Some("/usr/lib/a b;c.so".into()),
        };
        assert_eq!(parsed(&every.to_string()), every);
        let simple = parsed("pkcs11:token=one;object=service;id=%01%61");
        assert_eq!(
            simple.to_string(),
            "pkcs11:token=one;object=service;id=%01%61"
        );
        assert_eq!(Pkcs11Uri::default().to_string(), "pkcs11:");
    }
}
