//! How does a test read the OpenAPI document?

use std::collections::BTreeMap;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

use super::fetched;
use crate::tests::world::{Answer, World};

const PLACE: &str = "https://platform.example/openapi.json";

/// The document, with its schemas ready to judge.
pub(in crate::tests) struct Described {
    pub(in crate::tests) document: Value,
    schemas: Schemas,
    by_name: BTreeMap<String, SchemaIndex>,
}

/// One operation.
pub(in crate::tests) struct Operation<'a> {
    pub(in crate::tests) path: &'a str,
    pub(in crate::tests) method: &'a str,
    pub(in crate::tests) about: &'a Value,
}

impl Operation<'_> {
    pub(in crate::tests) fn id(&self) -> &str {
        self.about["operationId"].as_str().unwrap()
    }

    pub(in crate::tests) fn permission(&self) -> Option<&str> {
        self.about["x-permission"].as_str()
    }
}

impl Described {
    pub(in crate::tests) async fn by(world: &World) -> Described {
        let document = fetched(world, None).await.json();
        let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
        compiler.add_resource(PLACE, document.clone()).unwrap();
        let names = document["components"]["schemas"].as_object().unwrap();
        let by_name = names.keys().map(|name| {
            let place = format!("{PLACE}#/components/schemas/{name}");
            let schema = compiler.compile(&place, &mut schemas);
            (
                name.clone(),
                schema.unwrap_or_else(|error| panic!("{name}: {error:#}")),
            )
        });
        Described {
            by_name: by_name.collect(),
            schemas,
            document,
        }
    }

    pub(in crate::tests) fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let paths = self.document["paths"].as_object().unwrap();
        paths.iter().flat_map(|(path, operations)| {
            let operations = operations.as_object().unwrap();
            operations.iter().map(move |(method, about)| Operation {
                path,
                method,
                about,
            })
        })
    }

    pub(in crate::tests) fn operation(&self, id: &str) -> Operation<'_> {
        let found = self.operations().find(|it| it.id() == id);
        found.unwrap_or_else(|| panic!("{id} is not documented"))
    }

    /// Whether the body of a request is as documented.
    pub(in crate::tests) fn takes(&self, operation: &Operation<'_>, body: &Value) -> bool {
        let content = &operation.about["requestBody"]["content"]["application/json"];
        self.judge(&content["schema"], body).is_ok()
    }

    /// Checks status, media type and body against what is documented.
    #[track_caller]
    pub(in crate::tests) fn check(&self, operation: &Operation<'_>, answer: &Answer) {
        let (id, status) = (operation.id(), answer.status.as_u16().to_string());
        let shown = String::from_utf8_lossy(&answer.body);
        let mut response = &operation.about["responses"][&status];
        assert!(!response.is_null(), "{id} answers {status}: {shown}");
        if let Some(place) = response["$ref"].as_str() {
            let place = place.trim_start_matches('#');
            response = self.document.pointer(place).unwrap();
        }
        for name in response["headers"].as_object().into_iter().flatten() {
            assert!(answer.headers.contains_key(name.0), "{id} {status}");
        }
        let Some(content) = response["content"].as_object() else {
            assert!(answer.body.is_empty(), "{id} {status}: {shown}");
            return;
        };
        let media_type = answer.headers["content-type"].to_str().unwrap();
        let content = content.get(media_type);
        let content = content.unwrap_or_else(|| panic!("{id} {status}: {media_type}"));
        if let Err(error) = self.judge(&content["schema"], &answer.json()) {
            panic!("{id} {status}: {error}\n{shown}");
        }
    }

    fn judge(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let Some(place) = schema["$ref"].as_str() else {
            assert_eq!(
                schema["type"], "object",
                "a schema without a name: {schema}"
            );
            return Ok(());
        };
        let schema = self.by_name[place.rsplit('/').next().unwrap()];
        let judged = self.schemas.validate(value, schema);
        judged.map_err(|error| format!("{error}"))
    }
}
