//! The keys that ask for commands.

/// A key that the shortcuts use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    ArrowLeft,
    ArrowRight,
    Escape,
    F1,
    F2,
    F5,
    O,
    R,
    Plus,
    Equals,
    Minus,
    Comma,
    Period,
    Questionmark,
    ArrowUp,
    ArrowDown,
    PageUp,
    PageDown,
    Home,
    End,
    F11,
    Num0,
    Num1,
    A,
    B,
    C,
    E,
    F,
    H,
    P,
    S,
    T,
    V,
    W,
    Y,
    Z,
    F6,
    D,
    G,
    I,
    L,
    M,
    N,
}

impl Key {
    /// Whether it means something with Ctrl where text is typed: marking, copying and pasting it, taking changes back.
    pub fn edits_text(self) -> bool {
        matches!(self, Self::A | Self::C | Self::V | Self::Y | Self::Z)
    }

    /// Whether it means nothing to any field that text is typed into.
    pub fn is_function(self) -> bool {
        matches!(self, Self::F1 | Self::F2 | Self::F5 | Self::F6 | Self::F11)
    }
}

/// A key, alone or with Ctrl (Command on a Mac) and Shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shortcut {
    pub key: Key,
    /// Whether Ctrl is held.
    pub with_ctrl: bool,
    /// Whether Shift is held; where it is not, it does not matter.
    pub with_shift: bool,
}

impl Shortcut {
    pub(super) const fn plain(key: Key) -> Self {
        Self {
            key,
            with_ctrl: false,
            with_shift: false,
        }
    }

    /// With Ctrl and Shift.
    pub(super) const fn shifted(key: Key) -> Self {
        Self {
            with_shift: true,
            ..Self::ctrl(key)
        }
    }

    /// With Shift alone.
    pub(super) const fn shift(key: Key) -> Self {
        Self {
            with_shift: true,
            ..Self::plain(key)
        }
    }

    pub(super) const fn ctrl(key: Key) -> Self {
        Self {
            key,
            with_ctrl: true,
            with_shift: false,
        }
    }

    /// How it is written in tooltips.
    pub fn label(self) -> String {
        let key = match self.key {
            Key::ArrowLeft => "Left",
            Key::ArrowRight => "Right",
            Key::Escape => "Esc",
            Key::F1 => "F1",
            Key::F2 => "F2",
            Key::F5 => "F5",
            Key::O => "O",
            Key::R => "R",
            Key::Plus => "+",
            Key::Equals => "=",
            Key::Minus => "-",
            Key::Comma => ",",
            Key::Period => ".",
            Key::Questionmark => "?",
            Key::ArrowUp => "Up",
            Key::ArrowDown => "Down",
            Key::PageUp => "Page up",
            Key::PageDown => "Page down",
            Key::Home => "Home",
            Key::End => "End",
            Key::F11 => "F11",
            Key::Num0 => "0",
            Key::Num1 => "1",
            Key::A => "A",
            Key::B => "B",
            Key::C => "C",
            Key::E => "E",
            Key::F => "F",
            Key::H => "H",
            Key::P => "P",
            Key::S => "S",
            Key::T => "T",
            Key::V => "V",
            Key::W => "W",
            Key::Y => "Y",
            Key::F6 => "F6",
            Key::Z => "Z",
            Key::D => "D",
            Key::G => "G",
            Key::I => "I",
            Key::L => "L",
            Key::M => "M",
            Key::N => "N",
        };
        let ctrl = if self.with_ctrl { "Ctrl+" } else { "" };
        let shift = if self.with_shift { "Shift+" } else { "" };
        format!("{ctrl}{shift}{key}")
    }
}
