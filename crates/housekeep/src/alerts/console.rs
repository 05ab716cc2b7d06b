//! Pages of the AWS console.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All characters but the unreserved ones of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns the address of a queue's page, which has the button that starts a redrive.
pub(crate) fn queue_page(region: &str, queue_url: &str) -> String {
    // China and GovCloud are partitions of AWS with consoles of their own.
    let domain = if region.starts_with("cn-") {
        "amazonaws.cn"
    } else if region.starts_with("us-gov-") {
        "amazonaws-us-gov.com"
    } else {
        "aws.amazon.com"
    };
    let queue = utf8_percent_encode(queue_url, RESERVED);
    format!("https://{region}.console.{domain}/sqs/v3/home?region={region}#/queues/{queue}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queues_page_is_made_of_its_url_and_region() {
        let page = queue_page("eu-west-1", "https://sqs.eu-west-1.amazonaws.com/123456789012/dev-notify-dead");
        assert_eq!(
            page,
            "https://eu-west-1.console.aws.amazon.com/sqs/v3/home?region=eu-west-1#/queues/\
             https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%2F123456789012%2Fdev-notify-dead"
        );
        assert!(queue_page("cn-north-1", "q").starts_with("https://cn-north-1.console.amazonaws.cn/sqs/"));
        assert!(
            queue_page("us-gov-west-1", "q").starts_with("https://us-gov-west-1.console.amazonaws-us-gov.com/sqs/")
        );
    }
}
