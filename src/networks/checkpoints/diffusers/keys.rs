//! Names that diffusers has used for the same tensor over time.

/// Path components of before 2023 (left) and their present-day names.
///
/// `op` and `Conv2d_0` are older names of a resampling convolution, often stored beside `conv`.
const RENAMED: [(&str, &str); 6] = [
    (".query.", ".to_q."),
    (".key.", ".to_k."),
    (".value.", ".to_v."),
    (".proj_attn.", ".to_out.0."),
    (".op.", ".conv."),
    (".Conv2d_0.", ".conv."),
];

/// The present-day name of a tensor.
pub(super) fn present_day(name: &str) -> String {
    RENAMED
        .iter()
        .find(|(old, _)| name.contains(old))
        .map_or_else(|| name.to_owned(), |(old, new)| name.replace(old, new))
}

#[cfg(test)]
mod tests {
    use super::present_day;

    #[test]
    fn old_names_become_present_day_ones() {
        for (old, new) in [
            (
                "mid_block.attentions.0.query.weight",
                "mid_block.attentions.0.to_q.weight",
            ),
            (
                "mid_block.attentions.0.proj_attn.bias",
                "mid_block.attentions.0.to_out.0.bias",
            ),
            (
                "down_blocks.0.downsamplers.0.op.weight",
                "down_blocks.0.downsamplers.0.conv.weight",
            ),
            ("conv_in.weight", "conv_in.weight"),
        ] {
            assert_eq!(present_day(old), new, "{old}");
        }
    }
}
