//! By what is the string of a token known again, when the string itself is kept nowhere?
//!
//! By HMAC-SHA-256 under a pepper that is not in the store: whoever reads the store cannot try
//! strings against it.

use aws_lc_rs::{constant_time, hmac};

use crate::{refusal::Fault, secrets::Secrets, store::TokenRow};

/// What the store keeps of a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// A digest of the whole string without its label.
    pub(crate) digest: Vec<u8>,
    /// Which pepper it is under.
    pub(crate) pepper_version: u32,
}

/// What the store is to keep of a string that is new: its digest under the newest pepper.
pub(crate) fn of(secrets: &Secrets, text: &str) -> Result<Kept, Fault> {
    let (pepper_version, pepper) = secrets
        .pepper()
        .ok_or_else(|| Fault::new("the secrets hold no pepper"))?;
    Ok(Kept {
        digest: hash(pepper, text),
        pepper_version,
    })
}

/// The digest of a string under the pepper of this version.
pub(crate) fn under(secrets: &Secrets, pepper_version: u32, text: &str) -> Result<Vec<u8>, Fault> {
    let pepper = secrets.pepper_of(pepper_version).ok_or_else(|| {
        Fault::new(format!(
            "the secrets file does not hold pepper {pepper_version}"
        ))
    })?;
    Ok(hash(pepper, text))
}

/// The digests of a string under every pepper, the newest first: for whoever looks for its row.
pub(crate) fn under_every_pepper(secrets: &Secrets, text: &str) -> Vec<Vec<u8>> {
    secrets.peppers().map(|pepper| hash(pepper, text)).collect()
}

/// Whether this string is the one that the row was made for. Takes as long for every string of
/// one length.
pub(crate) fn matches(secrets: &Secrets, row: &TokenRow, text: &str) -> Result<bool, Fault> {
    let digest = under(secrets, row.pepper_version, text)?;
    Ok(constant_time::verify_slices_are_equal(&digest, &row.digest).is_ok())
}

fn hash(pepper: &[u8; 32], text: &str) -> Vec<u8> {
    #[cfg(test)]
    MADE.with(|count| count.set(count.get() + 1));
    let key = hmac::Key::new(hmac::HMAC_SHA256, pepper);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
thread_local! {
    static MADE: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// How many digests this thread made: a string of an unknown id must cost as many as one of a known.
#[cfg(test)]
pub(crate) fn made() -> u32 {
    MADE.with(std::cell::Cell::get)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{secrets::fixtures, tokens::fixtures::row};

    const TEXT: &str =
        "csn_rt_02wq5mOzTzPWGCpJqKQcwjj7HwfYr75nnrVBQZywhozc3nYt2bmKMFumbyICHGPU03Qki4o";
    /// Python's hmac: HMAC-SHA-256 of that string under 32 times 0x22.
    const DIGEST: &str = "a9dcfb9a0038bc9b232cb9158025b48d997c667b057691f5ca8b59806f393a52";

    #[test]
    fn a_digest_is_the_one_that_another_implementation_makes() {
        let secrets = fixtures::secrets(&[(1, [0; 32])], &[(1, [0x22; 32])]);
        let kept = of(&secrets, TEXT).unwrap();
        let hexadecimal: String = kept.digest.iter().map(|it| format!("{it:02x}")).collect();
        assert_eq!(hexadecimal, DIGEST);
        assert_eq!(kept.pepper_version, 1);
    }

    #[test]
    fn a_string_matches_under_the_pepper_of_its_time_and_no_other() {
        let before = fixtures::secrets(&[(1, [0; 32])], &[(1, [0x22; 32])]);
        let after = fixtures::secrets(&[(1, [0; 32])], &[(1, [0x22; 32]), (2, [0x23; 32])]);
        let old = of(&before, TEXT).unwrap();
        let mut kept = row("a");
        (kept.digest, kept.pepper_version) = (old.digest.clone(), old.pepper_version);
        assert!(matches(&after, &kept, TEXT).unwrap());
        for other in ["", &TEXT[1..], &TEXT.to_uppercase()] {
            assert!(!matches(&after, &kept, other).unwrap(), "{other}");
        }
        let new = of(&after, TEXT).unwrap();
        assert_eq!(new.pepper_version, 2);
        assert_eq!(
            under_every_pepper(&after, TEXT),
            [new.digest.clone(), old.digest]
        );
        kept.digest = new.digest;
        assert!(!matches(&after, &kept, TEXT).unwrap());
        kept.pepper_version = 3;
        let fault = matches(&after, &kept, TEXT).unwrap_err();
        assert!(fault.to_string().contains("pepper 3"), "{fault}");
    }
}
