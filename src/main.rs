//! LMD Inspector: the window, and the same engine headless.

fn main() {}
