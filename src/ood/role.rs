//! What a folder of images is there for.

use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

/// The part an image plays in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Like the images the model was trained on: the negative class.
    InDomain,
    /// Known not to belong: the positive class of every figure.
    OutOfDomain,
    /// To be judged; joins no figure.
    Unknown,
}

impl Role {
    /// All roles, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::InDomain, Self::OutOfDomain, Self::Unknown];

    /// The name in files and options, e.g. `in-domain`.
    pub fn name(self) -> &'static str {
        match self {
            Self::InDomain => "in-domain",
            Self::OutOfDomain => "out-of-domain",
            Self::Unknown => "unknown",
        }
    }

    /// The name for people, e.g. `In-domain`.
    pub fn label(self) -> &'static str {
        match self {
            Self::InDomain => "In-domain",
            Self::OutOfDomain => "Out-of-domain",
            Self::Unknown => "Unknown",
        }
    }
}

/// One value per role: a further role changes no reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PerRole<T>([T; Role::ALL.len()]);

impl<T> PerRole<T> {
    /// The value that `make` gives for each role.
    pub fn new(make: impl FnMut(Role) -> T) -> Self {
        Self(Role::ALL.map(make))
    }

    /// Each role with its value, in the order of [`Role::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Role, &T)> {
        Role::ALL.into_iter().zip(&self.0)
    }

    /// The values, in the order of [`Role::ALL`].
    pub fn values(&self) -> &[T] {
        &self.0
    }
}

impl<T> Index<Role> for PerRole<T> {
    type Output = T;

    fn index(&self, role: Role) -> &T {
        // The discriminants are the positions in `Role::ALL`, which a test holds.
        &self.0[role as usize]
    }
}

impl<T> IndexMut<Role> for PerRole<T> {
    fn index_mut(&mut self, role: Role) -> &mut T {
        &mut self.0[role as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_under_the_role_it_was_made_for() {
        let mut names = PerRole::new(Role::name);
        for (role, name) in names.iter() {
            assert_eq!(*name, role.name());
        }
        for role in Role::ALL {
            assert_eq!(names[role], role.name());
        }
        names[Role::OutOfDomain] = "changed";
        assert_eq!(names.values(), ["in-domain", "changed", "unknown"]);
    }
}
