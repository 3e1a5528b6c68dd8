//! The section on what else than the pictures' content could make the scores differ.

use super::super::confounding::Confounding;
use super::text::{add, escaped, number};

pub(super) fn section(html: &mut String, confounding: &Confounding) {
    html.push_str("<h2 id=\"confounds\">What else could explain the scores</h2>");
    let warnings = confounding.warnings();
    if warnings.is_empty() {
        html.push_str(
            "<p>Nothing stands out: the files are alike in size, shape, format, color and JPEG quality, and the score \
             follows none of the properties below.</p>",
        );
    } else {
        html.push_str(
            "<p>Where the roles differ in more than what they show, a good figure may be theirs and not the \
             method's.</p>",
        );
    }
    for warning in &warnings {
        add(
            html,
            format_args!("<p class=\"warning\">{}</p>", escaped(warning)),
        );
    }
    html.push_str(
        "<div class=\"wide\"><table class=\"numbers\"><thead><tr><th scope=\"col\">Property</th>\
         <th scope=\"col\">Correlation<small>with the score, in-domain</small></th>\
         <th scope=\"col\">AUROC alone<small>without any model</small></th></tr></thead><tbody>",
    );
    for confound in &confounding.confounds {
        add(
            html,
            format_args!(
                "<tr><th scope=\"row\">{}<small>{}</small></th><td>{}</td><td>{}</td></tr>",
                escaped(confound.simple.label()),
                escaped(confound.simple.meaning()),
                number(confound.correlation, 2),
                number(confound.auroc, 2)
            ),
        );
    }
    html.push_str("</tbody></table></div>");
    html.push_str(
        "<p class=\"faint\">Spearman's rank correlation; an AUROC near 0 separates as well as one near 1. Warnings are \
         given from 0.5 and from 0.8 (or 0.2), and only where that is more than chance.</p>",
    );
}
