//! JSON of which this program knows a part: another version has written it, or a hand.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Take from JSON what can be understood, the rest from the defaults that `usual` makes for it. Returns the names of known
/// fields that could not be understood, e.g. `run.grid`.
pub(super) fn read<T>(
    json: &[u8],
    usual: impl FnOnce(&Map<String, Value>) -> T,
) -> serde_json::Result<(T, Vec<String>)>
where
    T: Serialize + DeserializeOwned,
{
    if let Ok(whole) = serde_json::from_slice(json) {
        return Ok((whole, Vec::new()));
    }
    let found: Map<String, Value> = serde_json::from_slice(json)?;
    let mut taken = serde_json::to_value(usual(&found))?;
    let mut lost = Vec::new();
    let fits = |value: &Value| T::deserialize(value).is_ok();
    take(&mut taken, "", &found, &fits, &mut lost);
    let names = lost
        .iter()
        .map(|place: &String| place[1..].replace('/', "."))
        .collect();
    Ok((serde_json::from_value(taken)?, names))
}

/// Put each field of `found` into the object at `place`, a JSON pointer, where the whole still fits its type.
fn take(
    whole: &mut Value,
    place: &str,
    found: &Map<String, Value>,
    fits: &dyn Fn(&Value) -> bool,
    lost: &mut Vec<String>,
) {
    for (name, value) in found {
        let place = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
        let Some(slot) = whole.pointer_mut(&place) else {
            continue; // Not known here.
        };
        let before = std::mem::replace(slot, value.clone());
        if fits(whole) {
            continue;
        }
        let is_struct = before.is_object();
        if let Some(slot) = whole.pointer_mut(&place) {
            *slot = before;
        }
        match value.as_object().filter(|_| is_struct) {
            Some(fields) => take(whole, &place, fields, fits, lost),
            None => lost.push(place),
        }
    }
}

/// Add to `json` the fields of an earlier file that are not in `known`.
pub(super) fn keep_unknown(earlier: &[u8], known: &Value, json: &mut Value) {
    // What can't be read is replaced, as it was when the program started.
    if let Ok(earlier) = serde_json::from_slice(earlier) {
        add_unknown(&earlier, known, json);
    }
}

/// `known` has the fields of the structs, which enums never show: their defaults are words.
fn add_unknown(earlier: &Value, known: &Value, json: &mut Value) {
    let (Some(earlier), Some(known), Some(json)) =
        (earlier.as_object(), known.as_object(), json.as_object_mut())
    else {
        return;
    };
    for (name, value) in earlier {
        match (known.get(name), json.get_mut(name)) {
            (Some(known), Some(json)) => add_unknown(value, known, json),
            (None, None) => {
                json.insert(name.clone(), value.clone());
            }
            _ => {}
        }
    }
}
