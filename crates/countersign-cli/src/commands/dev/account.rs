//! With which account does a newcomer try a sign-in with a browser?

use std::path::{Path, PathBuf};

use countersign::{
    admin::Admin,
    proto::management::{NewPassword, Principal},
};
use rustix::rand::{GetRandomFlags, getrandom};
use zeroize::Zeroizing;

use super::registration::exists;
use crate::{
    failure::Failure,
    private_file::{self, Existing},
    typed_secret,
};

/// The person.
pub(crate) const NAME: &str = "dev";
const ROLE: &str = "Reader";

/// Makes the account where there is none; the file with its password.
pub(crate) async fn ensure(admin: &Admin, data: &Path) -> Result<PathBuf, Failure> {
    let file = data.join("account.password");
    let list = |page| async move { admin.principals(&page).await };
    let is_there = exists(list, |principal| principal.name == NAME).await?;
    if is_there && file.exists() {
        return Ok(file);
    }
    if !is_there {
        let principal = Principal {
            name: NAME.to_owned(),
            display_name: "A person at a development platform".to_owned(),
            roles: vec![ROLE.to_owned()],
            enabled: true,
            password_set_at: None,
        };
        admin.create_principal(&principal).await?;
    }
    // A store may be made anew beside a file from before.
    let password = match file.exists() {
        true => typed_secret::from_file(&file)?,
        false => generated()?,
    };
    admin
        .set_password(NAME, &NewPassword::new(&password))
        .await?;
    // Written last: a run that ends before this begins again.
    let line = Zeroizing::new(format!("{}\n", *password));
    private_file::write(&file, line.as_bytes(), Existing::Replace)?;
    Ok(file)
}

/// 100 random bits in letters and digits that are not mistaken for others.
fn generated() -> Result<Zeroizing<String>, Failure> {
    const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let mut random = Zeroizing::new([0_u8; 20]);
    let filled = getrandom(&mut random[..], GetRandomFlags::empty());
    if filled.ok() != Some(random.len()) {
        return Err(Failure::other(
            "the operating system gives no random numbers",
        ));
    }
    let mut password = Zeroizing::new(String::with_capacity(24));
    for (place, byte) in random.iter().enumerate() {
        if place > 0 && place % 5 == 0 {
            password.push('-');
        }
        password.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_password_is_four_groups_of_five_and_another_each_time() {
        let (one, other) = (generated().unwrap(), generated().unwrap());
        assert_ne!(*one, *other);
        let groups: Vec<_> = one.split('-').map(str::len).collect();
        assert_eq!(groups, [5, 5, 5, 5]);
        assert_eq!(
            one.capacity(),
            24,
            "it did not grow and leave a copy behind"
        );
    }
}
