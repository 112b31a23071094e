//! What does a token say, whether or not anybody should believe it?
//!
//! Nothing here verifies anything, and nothing is hidden: what a strict reader refuses is shown too,
//! and a member that comes twice is shown twice.

use std::{collections::BTreeMap, fmt};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::Algorithm;
use crate::{
    json::{Map, Value},
    jws::{JwsError, Parts},
    time::UnixTime,
};

/// A token that was taken apart and **not verified**: anybody may have written it.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspected {
    header: Vec<(String, Node)>,
    claims: Vec<(String, Node)>,
    repeated: Vec<Repeated>,
    refusal: Option<JwsError>,
}

/// JSON that keeps its order and every repeated member.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A string, a number, `true`, `false` or `null`.
    Scalar(Value),
    /// An array.
    List(Vec<Node>),
    /// An object, its members in their order.
    Object(Vec<(String, Node)>),
}

/// A member that one object has more than once. Readers differ in which one they take.
#[derive(Clone, Debug, PartialEq)]
pub struct Repeated {
    /// `header` or `claims`, and where in it: `claims.address.street`.
    pub path: String,
    /// All its values, in their order.
    pub values: Vec<Node>,
}

/// Why a text cannot be taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InspectError {
    /// More than 1 MiB.
    TooLarge,
    /// Five segments: it is encrypted (RFC 7516), and only its receiver can look into it.
    Encrypted,
    /// So many segments; a signed token has three. An opaque token has one.
    Segments(usize),
    /// This part is not base64url.
    Base64(&'static str),
    /// This part is not a JSON object.
    NotAnObject(&'static str),
}

const MAX_BYTES: usize = 1024 * 1024;
const MAX_DEPTH: usize = 64;

/// Takes a token apart without believing it, however odd it is.
///
/// # Errors
///
/// When there is nothing to be seen: the text is too large, encrypted, or no token.
pub fn inspect(text: &str) -> Result<Inspected, InspectError> {
    if text.len() > MAX_BYTES {
        return Err(InspectError::TooLarge);
    }
    let dots = text.bytes().filter(|byte| *byte == b'.').count();
    let mut segments = text.split('.');
    let (header, claims) = match (dots, segments.next(), segments.next()) {
        (2, Some(header), Some(claims)) => (header, claims),
        (4, ..) => return Err(InspectError::Encrypted),
        _ => return Err(InspectError::Segments(dots + 1)),
    };
    let (header, claims) = (object(header, "header")?, object(claims, "claims")?);
    let mut repeated = Vec::new();
    find_repeated("header", &header, &mut repeated);
    find_repeated("claims", &claims, &mut repeated);
    Ok(Inspected {
        header,
        claims,
        repeated,
        refusal: Parts::read(text, Algorithm::from_name).err(),
    })
}

impl Inspected {
    /// The members of the header, in their order, with those that come twice.
    pub fn header(&self) -> &[(String, Node)] {
        &self.header
    }

    /// The claims, in their order, with those that come twice.
    pub fn claims(&self) -> &[(String, Node)] {
        &self.claims
    }

    /// Members that come more than once, at any depth.
    pub fn repeated(&self) -> &[Repeated] {
        &self.repeated
    }

    /// Why a strict reader refuses the token before it looks at the signature; `None` when it does
    /// not. That it does not says nothing about the signature.
    pub fn refusal(&self) -> Option<&JwsError> {
        self.refusal.as_ref()
    }

    /// `alg`
    pub fn algorithm(&self) -> Option<&str> {
        last(&self.header, "alg")?.as_str()
    }

    /// `kid`
    pub fn key_id(&self) -> Option<&str> {
        last(&self.header, "kid")?.as_str()
    }

    /// `typ`
    pub fn typ(&self) -> Option<&str> {
        last(&self.header, "typ")?.as_str()
    }

    /// `iss`
    pub fn issuer(&self) -> Option<&str> {
        last(&self.claims, "iss")?.as_str()
    }

    /// `sub`
    pub fn subject(&self) -> Option<&str> {
        last(&self.claims, "sub")?.as_str()
    }

    /// Every text in every `aud`.
    pub fn audiences(&self) -> Vec<&str> {
        let of_name = self.claims.iter().filter(|(name, _)| name == "aud");
        of_name
            .flat_map(|(_, value)| match value {
                Node::List(items) => items.iter().filter_map(Node::as_str).collect(),
                single => single.as_str().into_iter().collect::<Vec<_>>(),
            })
            .collect()
    }

    /// `iat`
    pub fn issued_at(&self) -> Option<UnixTime> {
        last(&self.claims, "iat")?.as_time()
    }

    /// `nbf`
    pub fn not_before(&self) -> Option<UnixTime> {
        last(&self.claims, "nbf")?.as_time()
    }

    /// `exp`
    pub fn expires_at(&self) -> Option<UnixTime> {
        last(&self.claims, "exp")?.as_time()
    }
}

impl Node {
    /// The text, when it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Node::Scalar(value) => value.as_str(),
            _ => None,
        }
    }

    /// The moment, when it is a number from 0 to 2^53, a fraction cut off.
    pub fn as_time(&self) -> Option<UnixTime> {
        const MAX: f64 = (1_u64 << 53) as f64;
        match self {
            Node::Scalar(Value::Number(number)) => number
                .as_f64()
                .filter(|secs| (0.0..=MAX).contains(secs))
                .map(|secs| UnixTime::from_secs(secs as u64)),
            _ => None,
        }
    }

    /// As plain JSON, where the last of several members of a name stands for all.
    pub fn to_value(&self) -> Value {
        match self {
            Node::Scalar(value) => value.clone(),
            Node::List(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            Node::Object(members) => {
                let plain = members
                    .iter()
                    .map(|(name, value)| (name.clone(), value.to_value()));
                Value::Object(plain.collect::<Map<String, Value>>())
            }
        }
    }
}

/// JSON text, every member where it was, also when its name is there twice.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Scalar(value) => value.fmt(f),
            Node::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "," };
                    write!(f, "{separator}{item}")?;
                }
                f.write_str("]")
            }
            Node::Object(members) => {
                f.write_str("{")?;
                for (index, (name, value)) in members.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "," };
                    write!(f, "{separator}{}:{value}", Value::from(name.as_str()))?;
                }
                f.write_str("}")
            }
        }
    }
}

/// Takes either alphabet, with padding or without.
fn object(segment: &str, part: &'static str) -> Result<Vec<(String, Node)>, InspectError> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let segment = segment.replace('+', "-").replace('/', "_");
    let json = LENIENT
        .decode(segment)
        .map_err(|_| InspectError::Base64(part))?;
    match serde_json::from_slice(&json) {
        Ok(Node::Object(members)) => Ok(members),
        _ => Err(InspectError::NotAnObject(part)),
    }
}

/// What lenient readers take of several.
fn last<'a>(members: &'a [(String, Node)], name: &str) -> Option<&'a Node> {
    let of_name = members.iter().rev().find(|(known, _)| known == name);
    of_name.map(|(_, value)| value)
}

fn find_repeated(path: &str, members: &[(String, Node)], found: &mut Vec<Repeated>) {
    let mut by_name: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
    for (name, value) in members {
        by_name.entry(name).or_default().push(value);
        find_inside(&format!("{path}.{name}"), value, found);
    }
    for (name, values) in by_name.into_iter().filter(|(_, values)| values.len() > 1) {
        found.push(Repeated {
            path: format!("{path}.{name}"),
            values: values.into_iter().cloned().collect(),
        });
    }
}

fn find_inside(path: &str, node: &Node, found: &mut Vec<Repeated>) {
    match node {
        Node::Scalar(_) => {}
        Node::List(items) => {
            for (index, item) in items.iter().enumerate() {
                find_inside(&format!("{path}[{index}]"), item, found);
            }
        }
        Node::Object(members) => find_repeated(path, members, found),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Node, D::Error> {
        source.deserialize_any(NodeAt(0))
    }
}

/// A node with so many containers around it.
#[derive(Clone, Copy)]
struct NodeAt(usize);

impl NodeAt {
    fn inside<E: serde::de::Error>(self) -> Result<NodeAt, E> {
        if self.0 == MAX_DEPTH {
            return Err(E::custom("nested too deeply"));
        }
        Ok(NodeAt(self.0 + 1))
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for NodeAt {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Node, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeAt {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Scalar(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let inner = self.inside()?;
        let mut nodes = Vec::new();
        while let Some(node) = items.next_element_seed(inner)? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let inner = self.inside()?;
        let mut members = Vec::new();
        while let Some(name) = entries.next_key::<String>()? {
            if members.len() == MAX_MEMBERS {
                return Err(A::Error::custom("too many members"));
            }
            members.push((name, entries.next_value_seed(inner)?));
        }
        Ok(Node::Object(members))
    }
}

/// Members of one object.
const MAX_MEMBERS: usize = 4096;

impl fmt::Display for InspectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InspectError::TooLarge => f.write_str("the token is larger than 1 MiB"),
            InspectError::Encrypted => {
                f.write_str("the token is encrypted; only its receiver can look into it")
            }
            InspectError::Segments(1) => {
                f.write_str("the token is opaque: only its issuer knows what it means")
            }
            InspectError::Segments(found) => {
                write!(f, "this is no token: it has {found} segments instead of 3")
            }
            InspectError::Base64(part) => write!(f, "the token's {part} is not base64url"),
            InspectError::NotAnObject(part) => {
                write!(f, "the token's {part} is not a JSON object")
            }
        }
    }
}

impl std::error::Error for InspectError {}
