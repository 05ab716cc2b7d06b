//! Short texts that stand in prompts.

/// Accepts one line, without control characters or space at its ends.
pub(crate) fn is_label(text: &str, max_chars: usize) -> bool {
    let length = text.chars().count();
    (1..=max_chars).contains(&length) && text.trim() == text && !text.chars().any(char::is_control)
}
