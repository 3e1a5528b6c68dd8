//! A digest in a JSON file that shows whether it was edited by hand.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::images::ContentHash;

/// The digest's place in its file.
pub const FIELD: &str = "digest";

/// SHA-256, in hex, over all of a file but the digest and the fields at these paths, e.g. `model.source`.
///
/// It is taken of the file's own fields, sorted by name, so that it holds for fields that later versions add.
pub fn of(file: &Value, apart: &[&str]) -> String {
    let mut sha = Sha256::new();
    add(&mut sha, file, &mut Vec::new(), apart);
    let digest: [u8; 32] = sha.finalize().into();
    ContentHash(digest).to_string()
}

fn add(sha: &mut Sha256, value: &Value, path: &mut Vec<String>, apart: &[&str]) {
    match value {
        Value::Object(fields) => {
            sha.update(b"{");
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort_unstable();
            for name in names {
                path.push(name.clone());
                let place = path.join(".");
                if place != FIELD && !apart.contains(&&*place) {
                    sha.update(Value::from(name.as_str()).to_string());
                    sha.update(b":");
                    add(sha, &fields[name], path, apart);
                }
                path.pop();
            }
            sha.update(b"}");
        }
        Value::Array(items) => {
            sha.update(b"[");
            for item in items {
                add(sha, item, path, apart);
                sha.update(b",");
            }
            sha.update(b"]");
        }
        plain => sha.update(plain.to_string()),
    }
}
