//! Which principal does a certificate stand for?

use std::sync::Arc;

use countersign_proto::management::PrincipalMapping;

use crate::refusal::Refusal;

/// The row that holds for this request (protocol.md, principal mapping).
///
/// `requested` must be among the rows. Without it: the only row, or the default row.
pub(crate) fn choose<'a>(
    rows: &'a [Arc<PrincipalMapping>],
    requested: Option<&str>,
) -> Result<&'a PrincipalMapping, Refusal> {
    match (requested, rows) {
        (Some(name), _) => rows
            .iter()
            .find(|row| row.principal == name)
            .map(Arc::as_ref)
            .ok_or_else(|| Refusal::PrincipalNotMapped {
                permitted: permitted(rows),
            }),
        (None, []) => Err(Refusal::PrincipalNotMapped {
            permitted: Vec::new(),
        }),
        (None, [only]) => Ok(only),
        (None, _) => rows
            .iter()
            .find(|row| row.is_default)
            .map(Arc::as_ref)
            .ok_or_else(|| Refusal::PrincipalAmbiguous {
                permitted: permitted(rows),
            }),
    }
}

fn permitted(rows: &[Arc<PrincipalMapping>]) -> Vec<String> {
    let mut names: Vec<String> = rows.iter().map(|row| row.principal.clone()).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(principal: &str, is_default: Chosen) -> Arc<PrincipalMapping> {
        Arc::new(PrincipalMapping {
            id: principal.to_owned(),
            certificate: "ab".repeat(32),
            client_id: "orders".to_owned(),
            principal: principal.to_owned(),
            is_default: matches!(is_default, Yes),
        })
    }

    #[derive(Clone, Copy)]
    enum Chosen {
        Yes,
        No,
    }
    use Chosen::{No, Yes};

    // checklist T6
    #[test]
    fn one_row_maps_by_itself() {
        assert_eq!(choose(&[row("anna", No)], None).unwrap().principal, "anna");
    }

    // checklist T6
    #[test]
    fn of_several_rows_the_asked_one_or_the_default_is_taken() {
        let rows = [row("anna", No), row("bert", Yes)];
        assert_eq!(choose(&rows, Some("anna")).unwrap().principal, "anna");
        assert_eq!(choose(&rows, None).unwrap().principal, "bert");
    }

    // checklist T6
    #[test]
    fn several_rows_without_a_default_are_ambiguous_and_the_names_are_told() {
        assert_eq!(
            choose(&[row("bert", No), row("anna", No)], None),
            Err(Refusal::PrincipalAmbiguous {
                permitted: vec!["anna".into(), "bert".into()]
            })
        );
    }

    // security.md 42, B8
    #[test]
    fn a_principal_outside_the_rows_is_refused_whatever_its_spelling() {
        for foreign in [
            "admin",
            "ANNA",
            "Anna",
            "anna ",
            "%",
            "_nna",
            "*",
            "ann\u{430}",
            "",
        ] {
            assert_eq!(
                choose(&[row("anna", Yes)], Some(foreign)),
                Err(Refusal::PrincipalNotMapped {
                    permitted: vec!["anna".into()]
                }),
                "{foreign:?}"
            );
        }
    }

    #[test]
    fn a_certificate_without_rows_stands_for_nobody() {
        assert_eq!(
            choose(&[], None),
            Err(Refusal::PrincipalNotMapped {
                permitted: Vec::new()
            })
        );
    }
}
