//! How are values of the protocol kept in a login?

use std::borrow::Cow;

use countersign_proto::{login::LoopbackTarget, token::Binding};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A binding, by its name on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BindingName(pub(crate) Binding);

impl From<Binding> for BindingName {
    fn from(binding: Binding) -> BindingName {
        BindingName(binding)
    }
}

impl Serialize for BindingName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for BindingName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<BindingName, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        let binding = Binding::from_name(&name).ok_or_else(|| D::Error::custom("no binding"))?;
        Ok(BindingName(binding))
    }
}

/// Where the terminal listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target(pub(crate) LoopbackTarget);

#[derive(Serialize, Deserialize)]
struct Parts {
    port: u16,
    path: String,
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = Parts {
            port: self.0.port(),
            path: self.0.path().to_owned(),
        };
        parts.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Target, D::Error> {
        let Parts { port, path } = Parts::deserialize(deserializer)?;
        LoopbackTarget::new(port, &path)
            .map(Target)
            .map_err(|_| D::Error::custom("no loopback target"))
    }
}
