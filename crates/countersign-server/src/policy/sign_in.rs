//! By which way does a value come from the browser to the terminal?

use countersign_proto::{login::LoopbackTarget, token::Binding};

use crate::{config::BindingPolicy, login::Ways};

/// The terminal offers no way that the platform permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoWay;

/// What is left of the ways that a terminal offers.
///
/// # Errors
/// [`NoWay`] when nothing is.
pub(crate) fn ways(
    policy: BindingPolicy,
    offered: &[Binding],
    target: Option<&LoopbackTarget>,
) -> Result<Ways, NoWay> {
    let code = policy == BindingPolicy::Code && offered.contains(&Binding::Code);
    match target.filter(|_| offered.contains(&Binding::Loopback)) {
        Some(target) => {
            let second = code.then_some(Binding::Code);
            Ok(Ways::loopback(target.clone(), second))
        }
        None if code => Ok(Ways::code()),
        None => Err(NoWay),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> LoopbackTarget {
        LoopbackTarget::new(43_210, "AAAAAAAAAAAAAAAAAAAAAA").unwrap()
    }

    // login.md R6
    #[test]
    fn on_the_same_device_a_code_is_never_among_the_ways() {
        use Binding::{Code, Loopback};
        use BindingPolicy as P;
        let over = |second| Ok(Ways::loopback(target(), second));
        type Row<'a> = (P, &'a [Binding], bool, Result<Ways, NoWay>);
        let table: [Row<'_>; 9] = [
            (P::SameDevice, &[Loopback], true, over(None)),
            (P::SameDevice, &[Loopback, Code], true, over(None)),
            (P::SameDevice, &[Code, Loopback], true, over(None)),
            (P::SameDevice, &[Code], false, Err(NoWay)),
            (P::SameDevice, &[Loopback], false, Err(NoWay)),
            (P::Code, &[Loopback], true, over(None)),
            (P::Code, &[Loopback, Code], true, over(Some(Code))),
            (P::Code, &[Code], false, Ok(Ways::code())),
            (P::Code, &[Code], true, Ok(Ways::code())),
        ];
        for (policy, offered, listens, expected) in table {
            let target = listens.then(target);
            let found = ways(policy, offered, target.as_ref());
            assert_eq!(found, expected, "{policy:?}, {offered:?}, {listens}");
        }
    }
}
