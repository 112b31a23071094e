//! Which addresses are meant by these networks?

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;

/// Some networks of IP addresses. An IPv4 address that is written as IPv6 is the IPv4 address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// Why a text names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Neither an address nor a network.
    #[error("is neither an IP address nor a network, as in 10.1.0.0/16 or 2001:db8::/32")]
    Form,
    /// Bits are set behind the prefix: another network was meant.
    #[error("names an address in a network, and not the network {0}")]
    HostBits(IpNet),
    /// Every address there is.
    #[error("is everybody")]
    Everybody,
}

impl Networks {
    /// Reads addresses and networks in CIDR notation (RFC 4632 §3.1).
    ///
    /// # Errors
    /// [`NetworkError`], with the text that it is about.
    pub fn parse<'t>(
        texts: impl IntoIterator<Item = &'t str>,
    ) -> Result<Networks, (&'t str, NetworkError)> {
        texts
            .into_iter()
            .map(|text| network(text).map_err(|error| (text, error)))
            .collect::<Result<_, _>>()
            .map(Networks)
    }

    /// Whether the address is in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether there is none.
    pub fn are_none(&self) -> bool {
        self.0.is_empty()
    }
}

/// Separated by commas.
impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(IpNet::to_string).collect();
        f.write_str(&texts.join(", "))
    }
}

fn network(text: &str) -> Result<IpNet, NetworkError> {
    if let Ok(address) = IpAddr::from_str(text) {
        return Ok(IpNet::from(address.to_canonical()));
    }
    let network = IpNet::from_str(text).map_err(|_| NetworkError::Form)?;
    if network.trunc() != network {
        return Err(NetworkError::HostBits(network.trunc()));
    }
    if network.prefix_len() == 0 {
        return Err(NetworkError::Everybody);
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contain(networks: &[&str], address: &str) -> bool {
        let networks = Networks::parse(networks.iter().copied()).unwrap();
        networks.contain(address.parse().unwrap())
    }

    #[test]
    fn a_network_has_the_addresses_of_its_prefix() {
        let networks = ["10.1.0.0/16", "2001:db8::/32", "192.0.2.7"];
        for inside in [
            "10.1.0.0",
            "10.1.255.255",
            "::ffff:10.1.2.3",
            "2001:db8:ffff::1",
            "192.0.2.7",
        ] {
            assert!(contain(&networks, inside), "{inside}");
        }
        for outside in ["10.2.0.0", "10.0.255.255", "2001:db9::", "192.0.2.8", "::1"] {
            assert!(!contain(&networks, outside), "{outside}");
        }
        assert!(!contain(&[], "127.0.0.1"));
    }

    #[test]
    fn what_is_no_network_or_is_everybody_is_refused() {
        let error = |text| Networks::parse([text]).unwrap_err().1;
        for text in ["", "localhost", "10.1", "10.1.0.0/33", "10.1.0.0/", "*"] {
            assert_eq!(error(text), NetworkError::Form, "{text}");
        }
        let meant = NetworkError::HostBits("10.1.0.0/16".parse().unwrap());
        assert_eq!(error("10.1.2.3/16"), meant);
        for text in ["0.0.0.0/0", "::/0"] {
            assert_eq!(error(text), NetworkError::Everybody);
        }
    }
}
