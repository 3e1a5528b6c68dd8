//! Tensors in a dictionary of PyTorch's, by the calls that would rebuild them
//! (<https://github.com/pytorch/pytorch/blob/v2.5.0/torch/_utils.py>).

use std::collections::BTreeMap;

use super::machine::{Id, Object, Objects};

/// Where a tensor's values are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::networks::checkpoints) struct Stored {
    /// Name of the storage's class, e.g. `FloatStorage`.
    pub class: String,
    /// Name of the storage.
    pub storage: String,
    /// First value in it.
    pub offset: usize,
    /// Values along each axis.
    pub shape: Vec<usize>,
    /// Step from one value to the next along each axis, in values.
    pub strides: Vec<usize>,
}

/// The tensors of the pickle's dictionary, or of the dictionary under `key` in it, by name. What is no tensor is left
/// out; a tensor that makes no sense is an error.
pub(super) fn tensors(
    objects: &Objects,
    key: Option<&str>,
) -> Result<BTreeMap<String, Stored>, String> {
    Ok(in_order(objects, key)?.into_iter().collect())
}

/// The same in the order in which the pickle has them.
pub(super) fn in_order(
    objects: &Objects,
    key: Option<&str>,
) -> Result<Vec<(String, Stored)>, String> {
    let mut dict = items(objects.root());
    if let Some(key) = key {
        let inner = dict
            .iter()
            .find(|(name, _)| objects.text(*name) == Some(key));
        let &(_, inner) = inner.ok_or_else(|| format!("it has no {key}"))?;
        dict = items(objects.at(inner));
    }
    let mut tensors = Vec::new();
    for &(name, value) in dict {
        let Some(name) = objects.text(name) else {
            continue;
        };
        if let Some(args) = rebuild_args(objects, value) {
            let stored = stored(objects, args)
                .ok_or_else(|| format!("its pickle describes the tensor {name} wrongly"))?;
            tensors.push((name.to_owned(), stored));
        }
    }
    Ok(tensors)
}

/// The tensors of the list that is found by keys, each in the dictionary under the one before; `None` where there is no
/// such list, an error where something in it is no tensor.
pub(super) fn list_at(objects: &Objects, keys: &[&str]) -> Result<Option<Vec<Stored>>, String> {
    let mut at = objects.root();
    for key in keys {
        let mut found = items(at).iter();
        let Some(&(_, value)) = found.find(|(name, _)| objects.text(*name) == Some(*key)) else {
            return Ok(None);
        };
        at = objects.at(value);
    }
    let Object::List(list) = at else {
        return Ok(None);
    };
    let tensors = list.iter().enumerate().map(|(index, &value)| {
        rebuild_args(objects, value)
            .and_then(|args| stored(objects, args))
            .ok_or_else(|| format!("entry {index} of its {} is no tensor", keys.join(".")))
    });
    tensors.collect::<Result<_, _>>().map(Some)
}

fn items(object: &Object) -> &[(Id, Id)] {
    match object {
        Object::Dict(items) => items,
        _ => &[],
    }
}

/// The arguments of `_rebuild_tensor_v2`, also behind the calls that make a parameter or a subclass of it.
fn rebuild_args(objects: &Objects, value: Id) -> Option<&[Id]> {
    let (module, name, args) = call(objects, value)?;
    match (module, name) {
        ("torch._utils", "_rebuild_tensor_v2") => Some(args),
        ("torch._utils", "_rebuild_parameter") => {
            let (module, name, args) = call(objects, *args.first()?)?;
            ((module, name) == ("torch._utils", "_rebuild_tensor_v2")).then_some(args)
        }
        ("torch._tensor", "_rebuild_from_type_v2") => {
            let function = objects.at(*args.first()?);
            let args = objects.tuple(*args.get(2)?)?;
            let is_tensor = matches!(function, Object::Class { module, name }
                if module == "torch._utils" && name == "_rebuild_tensor_v2");
            is_tensor.then_some(args)
        }
        _ => None,
    }
}

/// Module, name and arguments of a call.
fn call(objects: &Objects, id: Id) -> Option<(&str, &str, &[Id])> {
    let Object::Call { callable, args } = objects.at(id) else {
        return None;
    };
    let Object::Class { module, name } = objects.at(*callable) else {
        return None;
    };
    Some((module, name, objects.tuple(*args)?))
}

/// `(storage, storage_offset, size, stride, …)` with the storage `("storage", class, key, location, size)`.
fn stored(objects: &Objects, args: &[Id]) -> Option<Stored> {
    let &[storage, offset, size, stride, ..] = args else {
        return None;
    };
    let Object::Persistent(storage) = objects.at(storage) else {
        return None;
    };
    let &[_, class, key, ..] = objects.tuple(*storage)? else {
        return None;
    };
    let Object::Class { name: class, .. } = objects.at(class) else {
        return None;
    };
    let counts = |id: Id| -> Option<Vec<usize>> {
        let ids = objects.tuple(id)?.iter();
        ids.map(|&id| objects.count(id)).collect()
    };
    let (shape, strides) = (counts(size)?, counts(stride)?);
    (shape.len() == strides.len()).then_some(Stored {
        class: class.clone(),
        storage: objects.text(key)?.to_owned(),
        offset: objects.count(offset)?,
        shape,
        strides,
    })
}

impl Stored {
    /// The tensor's values in order, `size` bytes each, out of its storage; `None` where it asks for more than there is.
    pub(super) fn gather(&self, storage: &[u8], size: usize) -> Option<Vec<u8>> {
        let num_stored = storage.len() / size;
        let count = (self.shape.iter()).try_fold(1_usize, |count, &n| count.checked_mul(n))?;
        if count == 0 {
            return Some(Vec::new());
        }
        let last = (self.shape.iter().zip(&self.strides))
            .try_fold(self.offset, |last, (&n, &stride)| {
                last.checked_add((n - 1).checked_mul(stride)?)
            })?;
        // A stride of 0 would make any number of values out of one.
        if last >= num_stored || count > num_stored {
            return None;
        }
        let mut values = Vec::with_capacity(count * size);
        let mut index = vec![0; self.shape.len()];
        let mut at = self.offset;
        for _ in 0..count {
            values.extend(&storage[at * size..(at + 1) * size]);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                // An axis of one value may have any stride.
                at = at.wrapping_add(self.strides[axis]);
                if index[axis] < self.shape[axis] {
                    break;
                }
                at = at.wrapping_sub(self.shape[axis].wrapping_mul(self.strides[axis]));
                index[axis] = 0;
            }
        }
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(offset: usize, shape: &[usize], strides: &[usize]) -> Stored {
        Stored {
            class: "FloatStorage".to_owned(),
            storage: "0".to_owned(),
            offset,
            shape: shape.to_vec(),
            strides: strides.to_vec(),
        }
    }

    #[test]
    fn values_come_in_the_order_of_their_strides_and_never_from_outside() {
        let storage: Vec<u8> = (0..12).collect();
        let gather = |offset, shape: &[usize], strides: &[usize]| {
            stored(offset, shape, strides).gather(&storage, 2)
        };
        assert_eq!(gather(1, &[2, 2], &[2, 1]), Some((2..10).collect()));
        assert_eq!(
            gather(0, &[2, 3], &[1, 2]),
            Some(vec![0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11])
        );
        assert_eq!(gather(5, &[], &[]), Some(vec![10, 11]));
        assert_eq!(gather(9, &[0, 7], &[7, 1]), Some(Vec::new()));
        assert_eq!(gather(6, &[], &[]), None);
        assert_eq!(gather(1, &[6], &[1]), None);
        assert_eq!(gather(0, &[1 << 20, 1 << 20], &[0, 0]), None);
        assert_eq!(gather(0, &[usize::MAX, 2], &[1, 1]), None);
        assert_eq!(gather(1, &[2], &[usize::MAX]), None);
    }
}
