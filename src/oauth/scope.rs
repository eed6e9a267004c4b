//! Scope (RFC 6749 section 3.3): what a token may reach, as R-Series names it, and how a shop manager says it.

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;

/// The scopes there are: R-Series' thirty, then the names K-Series' userinfo shows. Each with its plain words.
const CATALOGUE: &[(&str, &str)] = &[
    ("employee:all", "All of their rights"),
    ("employee:admin", "All settings"),
    ("employee:admin_employees", "Employees"),
    ("employee:admin_inventory", "Vendors and manufacturers"),
    ("employee:admin_purchases", "Payment types, discounts and taxes"),
    ("employee:admin_shops", "Shops"),
    ("employee:admin_void_sale", "Void sales"),
    ("employee:categories", "Categories"),
    ("employee:customers", "Customers"),
    ("employee:customers_read", "Customers (read)"),
    ("employee:customers_view_gift_card_numbers", "Gift card numbers"),
    ("employee:inventory", "Inventory"),
    ("employee:inventory_counts", "Inventory counts"),
    ("employee:inventory_counts_reconcile", "Reconcile inventory counts"),
    ("employee:inventory_read", "Inventory (read)"),
    ("employee:manufacturers", "Manufacturers"),
    ("employee:product_cost", "Product costs"),
    ("employee:product_edit", "Edit products"),
    ("employee:purchase_orders", "Purchase orders"),
    ("employee:register", "Sales"),
    ("employee:register_layaway", "Layaways"),
    ("employee:register_read", "Sales history"),
    ("employee:register_refund", "Refunds"),
    ("employee:reports", "Reports"),
    ("employee:special_orders", "Special orders"),
    ("employee:tags", "Tags"),
    ("employee:transfers", "Transfers"),
    ("employee:vendor_returns", "Vendor returns"),
    ("employee:vendors", "Vendors"),
    ("employee:workbench", "Work orders"),
    ("orders-api", "Restaurant orders"),
    ("financial-api", "Restaurant sales and payments"),
    ("items", "Restaurant items"),
    ("propertymanagement", "Property management"),
    ("staff-api", "Restaurant staff"),
    ("reservations-api", "Reservations"),
    ("id-cards", "ID cards"),
    ("offline_access", "Stay connected"),
];

/// A set of scopes, written with spaces between.
#[derive(Clone, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Text)]
pub struct Scope(String);

impl Scope {
    /// Reads a scope; the words are kept in the order given, each once. Nothing when one of them does not exist.
    pub fn parse(text: &str) -> Option<Scope> {
        let mut words: Vec<&str> = Vec::new();
        for word in text.split_whitespace() {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        let known = |word: &&str| plain_words(word).is_some();
        (!words.is_empty() && words.iter().all(known)).then(|| Scope(words.join(" ")))
    }

    /// The scope as it goes over the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it reaches, in plain words; a word of an older version stands as it is.
    pub fn in_words(&self) -> Vec<String> {
        self.0.split_whitespace().map(|word| plain_words(word).unwrap_or_else(|| word.to_string())).collect()
    }

    /// Name and plain words of each part.
    pub fn parts(&self) -> Vec<(String, String)> {
        self.0.split_whitespace().map(str::to_string).zip(self.in_words()).collect()
    }
}

fn plain_words(word: &str) -> Option<String> {
    if let Some(platform) = word.strip_prefix("reservation-").filter(|platform| !platform.is_empty()) {
        return Some(format!("Reservations for {platform}"));
    }
    CATALOGUE.iter().find(|(name, _)| *name == word).map(|(_, words)| (*words).to_string())
}

impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<diesel::sql_types::Text, DB> for Scope
where
    str: diesel::serialize::ToSql<diesel::sql_types::Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
        self.0.as_str().to_sql(out)
    }
}

impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for Scope
where
    String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
        String::from_sql(bytes).map(Scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_holds_only_what_exists() {
        let scope = Scope::parse("employee:inventory employee:register_read  employee:inventory").expect("known");
        assert_eq!(scope.as_str(), "employee:inventory employee:register_read");
        assert_eq!(scope.in_words(), ["Inventory", "Sales history"]);
        assert!(Scope::parse("employee:everything").is_none());
        assert!(Scope::parse("  ").is_none());
        assert!(Scope::parse("reservation-myplatform").is_some());
        assert_eq!(CATALOGUE.iter().filter(|(name, _)| name.starts_with("employee:")).count(), 30);
    }
}
