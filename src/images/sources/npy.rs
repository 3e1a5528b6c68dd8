//! NumPy's `.npy` files: an array of unsigned bytes as images.
//!
//! Magic, version, the length of the header, the header as a Python dictionary, the values
//! (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>).

use std::io::Read;
use std::path::Path;

use super::Source;
use super::stack::{self, Place, Reason, Shape, Stack, Stacks};
use crate::images::input;

pub(super) static SOURCE: Source = Source {
    name: "NumPy array",
    has_roles: false,
    is_one,
    list: |path, wanted, traits, progress| stack::list(path, open, wanted, traits, progress),
    read_inside: Some(|path, name, limit| stack::read(path, name, limit, open)),
};

const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// Arrays of plain numbers have headers of a few hundred bytes.
const LONGEST_HEADER: usize = 1 << 16;

/// By its start, or by its name: one that is named so and is not so is to be told what is wrong with it.
fn is_one(path: &Path) -> bool {
    let is_named = path.extension().is_some_and(|extension| extension == "npy") && path.is_file();
    is_named || stack::first_bytes(path, MAGIC.len()) == MAGIC
}

fn open(path: &Path) -> Result<Stacks, Reason> {
    let (mut file, num_bytes) = input::open(path).map_err(|error| error.to_string())?;
    let array = Array::read(&mut file)?;
    let shape = array.images()?;
    shape.check_len(num_bytes.saturating_sub(array.start))?;
    let stack = Stack {
        name: stack::name_by_file(path, &[".npy"]),
        shape,
        place: Place::File(file, array.start),
    };
    Ok(Stacks {
        stacks: vec![stack],
        refused: Vec::new(),
    })
}

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Array {
    /// Python text: a type of plain numbers in quotes, or a list of fields.
    descr: String,
    is_fortran: bool,
    pub(super) dimensions: Vec<usize>,
    /// Bytes before the values.
    pub(super) start: u64,
}

impl Array {
    /// Read the part of a file that is before the values.
    pub(super) fn read(from: &mut impl Read) -> Result<Self, Reason> {
        let mut start = [0; 8];
        (from.read_exact(&mut start))
            .map_err(|error| format!("its magic string can't be read: {error}"))?;
        if start[..6] != MAGIC {
            return Err("it does not begin as a NumPy array does".to_owned());
        }
        let cut_short = |error| format!("its header is cut short: {error}");
        let (header_len, start) = match start[6] {
            1 => {
                let mut len = [0; 2];
                from.read_exact(&mut len).map_err(cut_short)?;
                (usize::from(u16::from_le_bytes(len)), 10)
            }
            2 | 3 => {
                let mut len = [0; 4];
                from.read_exact(&mut len).map_err(cut_short)?;
                (u32::from_le_bytes(len) as usize, 12)
            }
            version => return Err(format!("its version is {version}, expected 1, 2 or 3")),
        };
        if header_len > LONGEST_HEADER {
            return Err(format!(
                "its header has {header_len} bytes, more than the limit of {LONGEST_HEADER}"
            ));
        }
        let mut header = vec![0; header_len];
        from.read_exact(&mut header).map_err(cut_short)?;
        let start = start + header_len as u64;
        std::str::from_utf8(&header)
            .ok()
            .and_then(|text| Self::parse(text, start))
            .ok_or_else(|| "its header is not that of a NumPy array".to_owned())
    }

    /// The dictionary, which has its three keys in any order.
    fn parse(text: &str, start: u64) -> Option<Self> {
        let mut rest = Python(text.trim()).after("{")?;
        let (mut descr, mut is_fortran, mut dimensions) = (None, None, None);
        while rest.after("}").is_none() {
            let (key, value) = rest.quoted()?;
            let value = value.after(":")?;
            rest = match key {
                "descr" if descr.is_none() => {
                    let (text, after) = value.quoted().or_else(|| value.bracketed('[', ']'))?;
                    descr = Some(text.to_owned());
                    after
                }
                "fortran_order" if is_fortran.is_none() => {
                    let (flag, after) = (value.after("False").map(|after| (false, after)))
                        .or_else(|| value.after("True").map(|after| (true, after)))?;
                    is_fortran = Some(flag);
                    after
                }
                "shape" if dimensions.is_none() => {
                    let (sizes, after) = value.bracketed('(', ')')?;
                    dimensions = Some(tuple(sizes)?);
                    after
                }
                _ => return None,
            };
            rest = rest.after(",").unwrap_or(rest);
        }
        let is_all = rest.after("}")?.0.is_empty();
        is_all.then_some(Self {
            descr: descr?,
            is_fortran: is_fortran?,
            dimensions: dimensions?,
            start,
        })
    }

    /// The images that the array holds; why it holds none.
    pub(super) fn images(&self) -> Result<Shape, Reason> {
        if !["|u1", "u1", "<u1", ">u1", "=u1"].contains(&&*self.descr) {
            return Err(format!(
                "its values are of type {}, expected unsigned bytes (uint8, |u1)",
                self.descr
            ));
        }
        if self.is_fortran {
            return Err(
                "its values are in Fortran's order; save it again by np.ascontiguousarray"
                    .to_owned(),
            );
        }
        Shape::of(&self.dimensions)
    }
}

/// The rest of a Python text.
#[derive(Clone, Copy)]
struct Python<'a>(&'a str);

impl<'a> Python<'a> {
    fn after(self, token: &str) -> Option<Self> {
        let rest = self.0.strip_prefix(token)?;
        Some(Self(rest.trim_start()))
    }

    /// A string without escapes.
    fn quoted(self) -> Option<(&'a str, Self)> {
        let quote = self.0.chars().next().filter(|c| ['\'', '"'].contains(c))?;
        let (text, rest) = self.0[1..].split_once(quote)?;
        (!text.contains('\\')).then_some((text, Self(rest.trim_start())))
    }

    /// What is between brackets, which may be nested.
    fn bracketed(self, open: char, close: char) -> Option<(&'a str, Self)> {
        let inside = self.0.strip_prefix(open)?;
        let mut depth = 1;
        for (at, c) in inside.char_indices() {
            if c == open {
                depth += 1;
            } else if c == close {
                depth -= 1;
            }
            if depth == 0 {
                let rest = &inside[at + close.len_utf8()..];
                return Some((&inside[..at], Self(rest.trim_start())));
            }
        }
        None
    }
}

fn tuple(text: &str) -> Option<Vec<usize>> {
    let text = text.trim();
    let text = text.strip_suffix(',').unwrap_or(text);
    if text.is_empty() {
        return Some(Vec::new());
    }
    let sizes = text.split(',');
    sizes.map(|size| size.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As NumPy 2 wrote it.
    const WRITTEN: &[u8; 128] = b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order': False, 'shape': (32, 32), }                                                        \n";

    fn array(header: &str) -> Result<Array, Reason> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        Array::read(&mut &*bytes)
    }

    #[test]
    fn a_header_is_read_as_numpy_writes_it() {
        let written = Array {
            descr: "|u1".to_owned(),
            is_fortran: false,
            dimensions: vec![32, 32],
            start: 128,
        };
        assert_eq!(Array::read(&mut &WRITTEN[..]), Ok(written));
        let mut second = b"\x93NUMPY\x02\x00".to_vec();
        second.extend(118_u32.to_le_bytes());
        second.extend(&WRITTEN[10..]);
        assert_eq!(Array::read(&mut &*second).unwrap().start, 130);
        for (shape, dimensions) in [
            ("()", vec![]),
            ("(7,)", vec![7]),
            ("(2, 3,4)", vec![2, 3, 4]),
        ] {
            let header = format!(r#"{{"shape": {shape}, 'fortran_order':True, 'descr': '<f4'}}"#);
            let read = array(&header).unwrap();
            assert_eq!(read.dimensions, dimensions);
            assert!(read.is_fortran);
        }
    }

    #[test]
    fn arrays_of_other_values_are_refused_by_their_type() {
        let refusal = |descr: &str, is_fortran: &str| {
            let header = format!(
                "{{'descr': {descr}, 'fortran_order': {is_fortran}, 'shape': (2, 4, 4), }}"
            );
            array(&header).unwrap().images().unwrap_err()
        };
        for descr in ["'<f4'", "'|b1'", "'|i1'", "'<u2'", "'|O'"] {
            let reason = refusal(descr, "False");
            assert!(reason.contains(descr.trim_matches('\'')), "{reason}");
            assert!(reason.contains("uint8"), "{reason}");
        }
        let fields = refusal("[('a', '|u1'), ('b', '|u1', (2,))]", "False");
        assert!(fields.contains("('b', '|u1', (2,))"), "{fields}");
        let order = refusal("'|u1'", "True");
        assert!(order.contains("Fortran"), "{order}");
    }

    #[test]
    fn a_header_that_is_not_numpys_is_refused() {
        for header in [
            "",
            "{",
            "{}",
            "{'descr': '|u1', 'fortran_order': False}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (2, -4)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 99999999999999999999)}",
            "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (2,)}",
            "{'descr': '|u1', 'fortran_order': 0, 'shape': (2,)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (2,)} + 1",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), 'é': 1}",
            "{'descr': 'a\\'b', 'fortran_order': False, 'shape': (2,)}",
        ] {
            let reason = array(header).unwrap_err();
            assert!(reason.contains("header"), "{header}: {reason}");
        }
        let longer_than_its_file = Array::read(&mut &WRITTEN[..100]).unwrap_err();
        assert!(
            longer_than_its_file.contains("cut short"),
            "{longer_than_its_file}"
        );
        let huge = Array::read(&mut &b"\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF{}"[..]).unwrap_err();
        assert!(huge.contains("more than the limit"), "{huge}");
        let version = Array::read(&mut &b"\x93NUMPY\x09\x00\x02\x00{}"[..]).unwrap_err();
        assert!(version.contains("version is 9"), "{version}");
    }
}
