//! Is there a request by which a reader changes anything?

use super::holders::Matrix;
use crate::tests::openapi::{described::Described, steps, walk};

// security.md 74
#[tokio::test]
async fn a_reader_changes_nothing_that_an_administrator_changes_by_the_same_request() {
    let matrix = Matrix::new().await;
    let world = &matrix.world;
    let described = Described::by(world).await;
    let mut readers = matrix.holders('R').await;
    let (mut made, mut changes) = (String::new(), 0);
    for step in steps::all(world).await {
        let operation = described.operation(step.operation);
        if operation.method == "get" {
            continue;
        }
        let path = walk::path(&operation, &step, &made);
        let method = operation.method.to_ascii_uppercase();
        let body = step.body.as_ref();
        let before = matrix.state().await;
        for reader in &mut readers {
            let answer = matrix.ask(reader, &method, &path, body).await;
            let status = answer.status.as_u16();
            let refused = matches!(status, 403 | 404);
            assert!(refused, "{method} {path} by {}: {status}", reader.kind);
            assert_eq!(before, matrix.state().await, "{path} by {}", reader.kind);
        }
        let method = method.parse().unwrap();
        let done = world.api(method, &path, &matrix.admin, body.cloned()).await;
        assert!(done.status.is_success(), "{path}: {}", done.json());
        if before != matrix.state().await {
            changes += 1;
        }
        if let Some(id) = walk::id_made(&operation, &done) {
            made = id;
        }
    }
    assert!(changes > 25, "an administrator changes things: {changes}");
}
