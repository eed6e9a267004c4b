//! Every scope, with its names for people and the right it requires.

/// One scope: its name in requests, a short name, what it lets somebody do, its group on pages, and the R-Series right it
/// requires.
pub(super) struct Entry {
    pub name: &'static str,
    pub description: &'static str,
    pub words: &'static str,
    pub group: &'static str,
    pub right: &'static str,
}

const fn entry(
    name: &'static str,
    description: &'static str,
    words: &'static str,
    group: &'static str,
    right: &'static str,
) -> Entry {
    Entry { name, description, words, group, right }
}

/// All scopes: the thirty of the R-Series API, then those that the userinfo of the K-Series API names.
pub(super) const CATALOGUE: &[Entry] = &[
    entry(
        "employee:all",
        "Full access",
        "View and edit everything that the employee’s role includes",
        "Everything",
        "allow_login",
    ),
    entry("employee:admin", "All settings", "View and edit all settings", "Settings and people", "admin"),
    entry("employee:admin_employees", "Employees", "View and edit employees", "Settings and people", "admin_employees"),
    entry(
        "employee:admin_inventory",
        "Vendors and manufacturers",
        "View and edit vendors and manufacturers",
        "Buying",
        "admin_inventory",
    ),
    entry(
        "employee:admin_purchases",
        "Payment types, discounts and taxes",
        "View and edit payment types, discounts and taxes",
        "Settings and people",
        "admin_purchases",
    ),
    entry("employee:admin_shops", "Shops", "View and edit shops", "Settings and people", "admin_shops"),
    entry("employee:admin_void_sale", "Void sales", "Void sales", "Sales", "admin_void_sale"),
    entry("employee:categories", "Categories", "View and edit categories", "Stock", "categories"),
    entry("employee:customers", "Customers", "View and edit customers", "Customers", "customers"),
    entry("employee:customers_read", "Customers (read)", "View customers", "Customers", "customers_read"),
    entry(
        "employee:customers_view_gift_card_numbers",
        "Gift card numbers",
        "View gift card numbers",
        "Customers",
        "customers",
    ),
    entry("employee:inventory", "Inventory", "View and edit inventory", "Stock", "inventory_base"),
    entry(
        "employee:inventory_counts",
        "Inventory counts",
        "View and edit inventory counts",
        "Stock",
        "inventory_counts",
    ),
    entry(
        "employee:inventory_counts_reconcile",
        "Reconcile inventory counts",
        "Reconcile inventory counts",
        "Stock",
        "inventory_import",
    ),
    entry("employee:inventory_read", "Inventory (read)", "View inventory", "Stock", "inventory_read"),
    entry("employee:manufacturers", "Manufacturers", "View and edit manufacturers", "Buying", "manufacturers"),
    entry("employee:product_cost", "Product costs", "View product costs", "Stock", "product_cost"),
    entry("employee:product_edit", "Edit products", "Edit products", "Stock", "product_edit"),
    entry("employee:purchase_orders", "Purchase orders", "View and edit purchase orders", "Buying", "purchase_orders"),
    entry("employee:register", "Sales", "View and make sales", "Sales", "register"),
    entry("employee:register_layaway", "Layaways", "View and edit layaways", "Sales", "register_layaway"),
    entry("employee:register_read", "Sales history", "View the sales history", "Sales", "register_read"),
    entry("employee:register_refund", "Refunds", "Refund sales", "Sales", "register_refund"),
    entry("employee:reports", "Reports", "View reports", "Sales", "reports"),
    entry("employee:special_orders", "Special orders", "View and edit special orders", "Buying", "special_orders"),
    entry("employee:tags", "Tags", "View and edit tags", "Stock", "tags"),
    entry("employee:transfers", "Transfers", "View and edit transfers", "Stock", "transfers"),
    entry("employee:vendor_returns", "Vendor returns", "View and edit vendor returns", "Buying", "vendor_returns"),
    entry("employee:vendors", "Vendors", "View and edit vendors", "Buying", "vendors"),
    entry("employee:workbench", "Work orders", "View and edit work orders", "Customers", "workbench"),
    entry("orders-api", "Restaurant orders", "View and edit restaurant orders", "Restaurant", "register"),
    entry(
        "financial-api",
        "Restaurant sales and payments",
        "View restaurant sales and payments",
        "Restaurant",
        "reports",
    ),
    entry("items", "Restaurant items", "View restaurant items", "Restaurant", "inventory_base"),
    entry(
        "propertymanagement",
        "Property management",
        "View and edit property management data",
        "Restaurant",
        "register",
    ),
    entry("staff-api", "Restaurant staff", "View and edit restaurant staff", "Restaurant", "admin_employees"),
    entry("reservations-api", "Reservations", "View and edit reservations", "Restaurant", "customers"),
    entry("id-cards", "ID cards", "View and edit ID cards", "Restaurant", "customers"),
    entry("offline_access", "Stay connected", "Stay connected when you are not signed in", "Restaurant", "allow_login"),
];

/// The groups, in the order pages list them.
pub(super) const GROUPS: [&str; 7] =
    ["Everything", "Sales", "Customers", "Stock", "Buying", "Settings and people", "Restaurant"];

/// Scopes that include another scope. `employee:all` also includes every other `employee:` scope.
pub(super) const INCLUDES: [(&str, &str); 3] = [
    ("employee:inventory", "employee:inventory_read"),
    ("employee:customers", "employee:customers_read"),
    ("employee:register", "employee:register_read"),
];

/// Scopes that change nothing. Every other scope counts as one that writes.
pub(super) const READ_ONLY: [&str; 9] = [
    "employee:customers_read",
    "employee:customers_view_gift_card_numbers",
    "employee:inventory_read",
    "employee:product_cost",
    "employee:register_read",
    "employee:reports",
    "financial-api",
    "items",
    "offline_access",
];

/// The entry of a scope.
pub(super) fn find(word: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.name == word)
}

// The platform in `reservation-{platform}`. Pages show it, so only a short name without special characters is accepted.
fn platform(word: &str) -> Option<&str> {
    let platform = word.strip_prefix("reservation-")?;
    let plain = platform.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (plain && (1..=40).contains(&platform.len())).then_some(platform)
}

/// The short name of a scope; `None` when it is unknown.
pub(super) fn description_of(word: &str) -> Option<String> {
    match platform(word) {
        Some(platform) => Some(format!("Reservations for {platform}")),
        None => find(word).map(|entry| entry.description.to_string()),
    }
}

/// What a scope lets somebody do: `View and edit customers`. A scope of an older version is named as it is.
pub(super) fn words_of(word: &str) -> String {
    match platform(word) {
        Some(platform) => format!("View and edit reservations for {platform}"),
        None => find(word).map_or_else(|| word.to_string(), |entry| entry.words.to_string()),
    }
}

/// The group of a scope.
pub(super) fn group_of(word: &str) -> &'static str {
    find(word).map_or("Restaurant", |entry| entry.group)
}

/// The R-Series right that a scope requires.
pub(super) fn right(word: &str) -> &'static str {
    find(word).map_or("customers", |entry| entry.right)
}
