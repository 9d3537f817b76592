//! The sections of which there may be several, and where what all of them share stands.

/// The section that gives every app what its own section leaves out.
pub(super) const APP_DEFAULTS: &str = "app_defaults";

/// The `[[notifications.routes]]` sections; their numbers stand where apps have names.
pub(super) const ROUTES: &str = "notifications.routes";

/// The section that gives every route what its own section leaves out.
pub(super) const ROUTE_DEFAULTS: &str = "notifications.route_defaults";

/// The section that gives every caller what its own section leaves out.
pub(super) const CALLER_DEFAULTS: &str = "caller_defaults";

/// Whether a key is a currency of `max_amount`, whose names are the operator's.
pub(super) fn is_currency(key: &str) -> bool {
    matches!(
        key.split('.').collect::<Vec<_>>()[..],
        ["callers", _, "max_amount", _] | [CALLER_DEFAULTS, "max_amount", _]
    )
}

/// For a section of which there may be several, the one that holds its defaults.
pub(super) fn defaults_of(section: &str) -> Option<&'static str> {
    match section.split('.').collect::<Vec<_>>()[..] {
        ["apps", _] => Some(APP_DEFAULTS),
        ["callers", _] => Some(CALLER_DEFAULTS),
        ["notifications", "routes", number] if number.parse::<u16>().is_ok() => Some(ROUTE_DEFAULTS),
        _ => None,
    }
}
