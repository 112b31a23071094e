//! How do tokens of another platform go on working here?

use countersign::{
    admin::Admin,
    proto::{
        management::{GrantedKind, GrantedToken, ImportedToken},
        time::UnixTime,
    },
};
use serde_json::json;

use super::{
    record, table,
    terms::{self, Form},
};
use crate::{
    args::GrantedImport,
    failure::Failure,
    output::{Block, Shown},
    token_source,
};

/// What is imported.
pub(super) enum Import {
    One(Box<ImportedToken>),
    Table(Lines),
}

/// The lines of a table, all understood.
pub(super) struct Lines {
    file: String,
    lines: Vec<(usize, ImportedToken)>,
}

impl Import {
    /// Reads the token, or the whole table: a mistake in its last line is found before the first is
    /// sent.
    pub(super) fn of(
        kind: GrantedKind,
        args: &GrantedImport,
        now: UnixTime,
    ) -> Result<Import, Failure> {
        let Some(file) = &args.table else {
            let terms = terms::new_token(kind, Form::Imported, &args.terms, now)?;
            let token = token_source::read(&args.token)?;
            let mut imported = ImportedToken::new(&token, terms);
            imported.revoked = args.invalidate_all;
            return Ok(Import::One(Box::new(imported)));
        };
        let mut lines = table::read(kind, file, now)?;
        lines.retain(|(line, _)| *line >= args.from_line);
        for (_, imported) in &mut lines {
            imported.revoked = args.invalidate_all;
        }
        let file = file.display().to_string();
        if lines.is_empty() {
            return Err(Failure::usage(format!("{file} has no line to import"))
                .hint("a CSV table begins with a line of headings"));
        }
        Ok(Import::Table(Lines { file, lines }))
    }

    /// Imports one token after the other, and stops at the first that is refused.
    pub(super) async fn run(&self, admin: &Admin) -> Result<Shown, Failure> {
        match self {
            Import::One(token) => Ok(record(&admin.import_token(token).await?)),
            Import::Table(lines) => lines.run(admin).await,
        }
    }
}

impl Lines {
    async fn run(&self, admin: &Admin) -> Result<Shown, Failure> {
        let mut imported = Vec::new();
        for (line, token) in &self.lines {
            match admin.import_token(token).await {
                Ok(token) => imported.push((*line, token)),
                Err(error) => {
                    return Err(self.stopped_at(*line, imported.len(), &Failure::from(error)));
                }
            }
        }
        Ok(shown(&imported))
    }

    fn stopped_at(&self, line: usize, imported: usize, failure: &Failure) -> Failure {
        let before = match imported {
            0 => "nothing was imported".to_owned(),
            1 => "the line before it was imported".to_owned(),
            _ => format!("the {imported} lines before it were imported"),
        };
        let message = format!("{}:{line}: {}; {before}", self.file, failure.message());
        Failure::new(failure.exit(), message).hint(format!(
            "correct the line and go on there with --from-line {line}"
        ))
    }
}

fn shown(imported: &[(usize, GrantedToken)]) -> Shown {
    let rows = imported.iter().map(|(line, token)| {
        let state = json!(token.state);
        let state = state.as_str().unwrap_or_default().to_owned();
        vec![
            line.to_string(),
            token.id.clone(),
            token.name.clone(),
            state,
        ]
    });
    let items: Vec<_> = imported
        .iter()
        .map(|(line, token)| json!({"line": line, "granted": record(token).json}))
        .collect();
    Shown {
        text: vec![Block::Table(
            vec!["line", "id", "name", "state"],
            rows.collect(),
        )],
        json: json!({"imported": imported.len(), "items": items}),
    }
}
