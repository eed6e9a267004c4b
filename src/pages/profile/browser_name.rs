//! The name of a browser, from its `User-Agent`.

/// The browser and system in a `User-Agent`, as people call them.
pub fn browser_name(agent: &str) -> String {
    let name =
        [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
    let system = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let found =
        |list: &[(&str, &'static str)]| list.iter().find(|(product, _)| agent.contains(product)).map(|(_, name)| *name);
    match (found(&name), found(&system)) {
        (Some(name), Some(system)) => format!("{name} on {system}"),
        (Some(name), None) => name.into(),
        _ if agent.is_empty() => "Unknown browser".into(),
        _ => agent.chars().take(40).collect(),
    }
}
