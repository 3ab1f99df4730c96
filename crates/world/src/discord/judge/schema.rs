//! Discord's OpenAPI document, one validator an operation, compiled when first needed.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::{Draft, Registry, Validator};
use serde_json::{Value, json};

use crate::discord::{rest::Operation, start::StartError};

const NAME: &str = "urn:discord";

/// Documents already prepared, by path: preparing one takes a while and it never changes.
static PREPARED: LazyLock<Mutex<HashMap<PathBuf, Arc<Document>>>> = LazyLock::new(Mutex::default);

/// The document, ready to judge.
pub(super) struct Document {
    spec: Value,
    registry: Registry<'static>,
    validators: Mutex<HashMap<String, Option<Arc<Validator>>>>,
}

/// Reads and prepares the document, once a process and path.
///
/// # Errors
///
/// Unreadable, not JSON, or without paths.
pub(super) fn load(path: &Path) -> Result<Arc<Document>, StartError> {
    let mut prepared = PREPARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(document) = prepared.get(path) {
        return Ok(Arc::clone(document));
    }
    let fault = |why: String| StartError::OpenApi { path: path.to_owned(), why };
    let text = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
    let spec: Value = serde_json::from_slice(&text).map_err(|error| fault(error.to_string()))?;
    if !spec["paths"].is_object() {
        return Err(fault("it has no paths".to_owned()));
    }
    let registry = Registry::new()
        .add(NAME, spec.clone())
        .and_then(jsonschema::RegistryBuilder::prepare)
        .map_err(|error| fault(error.to_string()))?;
    let document = Arc::new(Document { spec, registry, validators: Mutex::default() });
    prepared.insert(path.to_owned(), Arc::clone(&document));
    Ok(document)
}

impl Document {
    /// The validator of an operation's JSON body, if it has one.
    pub(super) fn request(&self, operation: Operation) -> Option<Arc<Validator>> {
        self.validator(&format!("{}/requestBody", pointer(operation)))
    }

    /// The validator of an operation's JSON answer, if it has one.
    pub(super) fn response(&self, operation: Operation, status: u16) -> Option<Arc<Validator>> {
        self.validator(&format!("{}/responses/{status}", pointer(operation)))
    }

    fn validator(&self, holder: &str) -> Option<Arc<Validator>> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = validators.get(holder) {
            return known.clone();
        }
        let built = self.build(&format!("{holder}/content/application~1json/schema"));
        validators.insert(holder.to_owned(), built.clone());
        built
    }

    fn build(&self, pointer: &str) -> Option<Arc<Validator>> {
        self.spec.pointer(pointer)?;
        // A reference is a URI: the braces of a path template are percent-encoded.
        let reference = pointer.replace('{', "%7B").replace('}', "%7D");
        let built = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_registry(&self.registry)
            .build(&json!({ "$ref": format!("{NAME}#{reference}") }));
        match built {
            Ok(validator) => Some(Arc::new(validator)),
            Err(error) => {
                tracing::error!(pointer, %error, "an operation of the OpenAPI document does not compile");
                None
            }
        }
    }
}

fn pointer(operation: Operation) -> String {
    let escaped = operation.path().replace('~', "~0").replace('/', "~1");
    format!("/paths/{escaped}/{}", operation.method())
}

/// The body with what Discord takes but its document does not: permissions as a string of digits.
pub(super) fn lenient(body: &Value) -> Value {
    fn number(command: &mut Value) {
        let Some(permissions) = command.get_mut("default_member_permissions") else { return };
        if let Some(digits) = permissions.as_str().and_then(|digits| digits.parse::<u64>().ok()) {
            *permissions = Value::from(digits);
        }
    }
    let mut body = body.clone();
    match &mut body {
        Value::Array(commands) => commands.iter_mut().for_each(number),
        Value::Object(_) => number(&mut body),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_as_a_string_of_digits_are_let_through() {
        let judged = lenient(&json!([{"name": "a", "default_member_permissions": "8192"}, {"name": "b"}]));
        assert_eq!(judged[0]["default_member_permissions"], 8192);
        assert_eq!(judged[1], json!({"name": "b"}));
        assert_eq!(lenient(&json!({"default_member_permissions": "x"}))["default_member_permissions"], "x");
    }
}
