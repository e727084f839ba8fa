//! nginx's `stub_status` (ngx_http_stub_status_module).

/// Clients that wait between two segments are viewers as well, so waiting connections count; the one that asks does not.
pub(super) fn connections(page: &str) -> Option<f64> {
    let active = page.lines().find_map(|line| line.trim().strip_prefix("Active connections:"))?;
    let active: u64 = active.trim().parse().ok()?;
    Some(active.saturating_sub(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_connections_count_but_the_one_that_asks() {
        let page = "Active connections: 291 \nserver accepts handled requests\n 16630948 16630948 31070465 \nReading: 6 Writing: 179 Waiting: 106 \n";
        assert_eq!(connections(page), Some(290.0));
        assert_eq!(connections("Active connections: 0\n"), Some(0.0));
    }

    #[test]
    fn other_pages_are_none() {
        for page in ["", "<html>404</html>", "Active connections: many", "Active connections: -1", "Active connections:", "active 7"] {
            assert_eq!(connections(page), None, "{page}");
        }
    }
}
