//! A pickle machine that builds data only: a class is a name and a call is kept as data, nothing is looked up or run.
//!
//! Objects lie in one list and name each other by position. So a value that is used a million times is stored once,
//! an object that holds itself does no harm, and nothing recurses: memory and time are bounded by the pickle's length.

use std::collections::HashMap;

/// Position of an object in the list.
pub(super) type Id = usize;

/// What a pickle describes.
#[derive(Debug)]
pub(super) enum Object {
    /// A class or function, by name only.
    Class {
        module: String,
        name: String,
    },
    /// A whole number.
    Int(i64),
    Text(String),
    /// Values in a fixed order.
    Tuple(Vec<Id>),
    List(Vec<Id>),
    /// Keys and values.
    Dict(Vec<(Id, Id)>),
    /// What calling `callable` with `args` would give.
    Call {
        callable: Id,
        args: Id,
    },
    /// A reference to something outside, e.g. a storage of the zip.
    Persistent(Id),
    /// None, a truth value or a floating-point number: of no use here.
    Other,
}

/// More objects than any checkpoint has; each takes about 50 bytes.
const MOST_OBJECTS: usize = 1 << 22;

/// All objects of a pickle.
pub(super) struct Objects {
    list: Vec<Object>,
    root: Id,
}

impl Objects {
    /// Interpret a pickle up to its end; the error says what is wrong with it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut machine = Machine {
            rest: bytes,
            list: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        };
        while machine.step()? {}
        let root = machine.pop()?;
        Ok(Self {
            list: machine.list,
            root,
        })
    }

    /// What the whole pickle is.
    pub(super) fn root(&self) -> &Object {
        self.at(self.root)
    }

    /// An object by its position, which comes from another object.
    pub(super) fn at(&self, id: Id) -> &Object {
        &self.list[id]
    }

    /// The text at a position.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.at(id) {
            Object::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number at a position, if it is none below 0.
    pub(super) fn count(&self, id: Id) -> Option<usize> {
        match self.at(id) {
            Object::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The tuple at a position.
    pub(super) fn tuple(&self, id: Id) -> Option<&[Id]> {
        match self.at(id) {
            Object::Tuple(items) => Some(items),
            _ => None,
        }
    }
}

struct Machine<'a> {
    rest: &'a [u8],
    list: Vec<Object>,
    stack: Vec<Id>,
    /// Heights of the stack at its marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl Machine<'_> {
    /// Do one operation (<https://github.com/python/cpython/blob/v3.13.0/Lib/pickletools.py>), those that
    /// `torch.save` writes; false at the end.
    fn step(&mut self) -> Result<bool, String> {
        match self.byte()? {
            0x80 => self.byte().map(drop)?, // The protocol's number.
            b'.' => return Ok(false),
            b'(' => self.marks.push(self.stack.len()),
            b'N' | 0x88 | 0x89 => self.push(Object::Other)?,
            b'G' => {
                self.take(8)?;
                self.push(Object::Other)?;
            }
            b'K' => self.int::<1>()?,
            b'M' => self.int::<2>()?,
            b'J' => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Object::Int(value.into()))?;
            }
            0x8a => self.long()?,
            b'X' => self.text()?,
            b'c' => self.class()?,
            b'}' => self.push(Object::Dict(Vec::new()))?,
            b']' => self.push(Object::List(Vec::new()))?,
            b')' => self.push(Object::Tuple(Vec::new()))?,
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Object::Tuple(items))?;
            }
            b'l' => {
                let items = self.pop_to_mark()?;
                self.push(Object::List(items))?;
            }
            b'd' => {
                let items = self.pop_to_mark()?;
                self.push(Object::Dict(Vec::new()))?;
                self.set_items(&items)?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append(&items)?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set_items(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)?;
            }
            b'Q' => {
                let id = self.pop()?;
                self.push(Object::Persistent(id))?;
            }
            b'R' | 0x81 => self.call()?,
            // The state of an object: attributes such as a dictionary's `_metadata`, no items.
            b'b' => self.pop().map(drop)?,
            b'q' => {
                let name = u32::from(self.byte()?);
                self.memoize(name)?;
            }
            b'r' => {
                let name = u32::from_le_bytes(self.array()?);
                self.memoize(name)?;
            }
            b'h' => {
                let name = u32::from(self.byte()?);
                self.recall(name)?;
            }
            b'j' => {
                let name = u32::from_le_bytes(self.array()?);
                self.recall(name)?;
            }
            other => return Err(format!("its pickle has the unknown operation {other:#04x}")),
        }
        Ok(true)
    }

    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or_else(|| "its pickle is cut short".to_owned())?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let taken = self.take(N)?;
        Ok(std::array::from_fn(|index| taken[index]))
    }

    fn push(&mut self, object: Object) -> Result<(), String> {
        if self.list.len() >= MOST_OBJECTS {
            return Err(format!("its pickle has more than {MOST_OBJECTS} objects"));
        }
        self.stack.push(self.list.len());
        self.list.push(object);
        Ok(())
    }

    fn last(&self) -> Result<Id, String> {
        let above = self.marks.last().copied().unwrap_or(0);
        match self.stack.last() {
            Some(&id) if self.stack.len() > above => Ok(id),
            _ => Err("its pickle takes what is not there".to_owned()),
        }
    }

    fn pop(&mut self) -> Result<Id, String> {
        let id = self.last()?;
        self.stack.pop();
        Ok(id)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, String> {
        match self.marks.pop() {
            Some(height) if height <= self.stack.len() => Ok(self.stack.split_off(height)),
            _ => Err("its pickle takes what is not there".to_owned()),
        }
    }

    fn int<const N: usize>(&mut self) -> Result<(), String> {
        let value = self
            .array::<N>()?
            .iter()
            .rev()
            .fold(0, |value, &byte| value << 8 | i64::from(byte));
        self.push(Object::Int(value))
    }

    /// A whole number of any length; one that is too large for 64 bits is of no use here.
    fn long(&mut self) -> Result<(), String> {
        let count = usize::from(self.byte()?);
        let bytes = self.take(count)?;
        let sign = match bytes.last() {
            Some(last) if last & 0x80 != 0 => 0xff,
            _ => 0,
        };
        let object = if bytes.iter().skip(8).all(|&byte| byte == sign) {
            let byte = |index: usize| bytes.get(index).copied().unwrap_or(sign);
            Object::Int(i64::from_le_bytes(std::array::from_fn(byte)))
        } else {
            Object::Other
        };
        self.push(object)
    }

    fn text(&mut self) -> Result<(), String> {
        let length = u32::from_le_bytes(self.array()?);
        let bytes = self.take(length as usize)?;
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.push(Object::Text(text))
    }

    fn class(&mut self) -> Result<(), String> {
        let module = self.line()?;
        let name = self.line()?;
        self.push(Object::Class { module, name })
    }

    fn line(&mut self) -> Result<String, String> {
        let end = self.rest.iter().position(|&byte| byte == b'\n');
        let line = self.take(end.map_or(usize::MAX, |end| end + 1))?;
        Ok(String::from_utf8_lossy(line).trim_end().to_owned())
    }

    fn tuple(&mut self, count: usize) -> Result<(), String> {
        let mut items = (0..count)
            .map(|_| self.pop())
            .collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        self.push(Object::Tuple(items))
    }

    fn append(&mut self, items: &[Id]) -> Result<(), String> {
        let list = self.last()?;
        // The items of a class that is a kind of list are of no use here.
        if let Object::List(list) = &mut self.list[list] {
            list.extend(items);
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), String> {
        let dict = self.last()?;
        if let Object::Dict(dict) = &mut self.list[dict] {
            let (pairs, rest) = items.as_chunks::<2>();
            if !rest.is_empty() {
                return Err("its pickle has a key without a value".to_owned());
            }
            dict.extend(pairs.iter().map(|&[key, value]| (key, value)));
        }
        Ok(())
    }

    /// The dictionaries of the standard library begin empty; all other calls stay calls.
    fn call(&mut self) -> Result<(), String> {
        let args = self.pop()?;
        let callable = self.pop()?;
        let object = match &self.list[callable] {
            Object::Class { module, name }
                if module == "collections"
                    && matches!(name.as_str(), "OrderedDict" | "defaultdict") =>
            {
                Object::Dict(Vec::new())
            }
            _ => Object::Call { callable, args },
        };
        self.push(object)
    }

    fn memoize(&mut self, name: u32) -> Result<(), String> {
        let id = self.last()?;
        self.memo.insert(name, id);
        Ok(())
    }

    fn recall(&mut self, name: u32) -> Result<(), String> {
        let id = self.memo.get(&name).copied();
        let id = id.ok_or_else(|| format!("its pickle has no object {name}"))?;
        self.stack.push(id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_python() {
        // pickle.dumps(value, 2) of 1, 300, -2, 2**40, -2**40, 2**63 and 2**64 - 1, without header and end.
        for (bytes, expected) in [
            (&b"K\x01"[..], Some(1)),
            (b"M\x2c\x01", Some(300)),
            (b"J\xfe\xff\xff\xff", Some(-2)),
            (b"\x8a\x06\0\0\0\0\0\x01", Some(1 << 40)),
            (b"\x8a\x06\0\0\0\0\0\xff", Some(-(1 << 40))),
            (b"\x8a\x00", Some(0)),
            (b"\x8a\x09\0\0\0\0\0\0\0\x80\0", None),
            (b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\0", None),
        ] {
            let objects = Objects::read(&[bytes, b"."].concat()).unwrap();
            match (objects.root(), expected) {
                (Object::Int(value), Some(expected)) => assert_eq!(*value, expected),
                (Object::Int(value), None) => assert!(*value < 0, "{bytes:?}: {value}"),
                (Object::Other, None) => {}
                (other, _) => panic!("{bytes:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_takes_too_much_is_refused() {
        for bytes in [
            &b""[..],
            b".",
            b"(.",
            b"K\x01(R.",
            b"t.",
            b"h\x07.",
            b"}K\x01s.",
            b"}(K\x01u.",
            b"X\xff\xff\xff\xffa.",
            b"cos\nsystem",
            b"\x8a\xff.",
            b"\0.",
        ] {
            assert!(Objects::read(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn values_used_again_are_stored_once() {
        // Tuples of two copies of the one before, 200 times over: 2^200 values if they were copied.
        let mut bytes = b")q\0".to_vec();
        for _ in 0..200 {
            bytes.extend(b"h\0h\0\x86q\0");
        }
        bytes.push(b'.');
        let objects = Objects::read(&bytes).unwrap();
        assert_eq!(objects.list.len(), 201);
        // And a list in a list in a list, more than a stack of calls would take.
        let mut deep = vec![b']'; 1 << 20];
        deep.extend(vec![b'a'; (1 << 20) - 1]);
        deep.push(b'.');
        drop(Objects::read(&deep).unwrap());
        // And one that holds itself.
        drop(Objects::read(b"]q\0h\0a.").unwrap());
    }
}
