//! What the clients of the demo shop are for, and which scopes and API keys such clients have.

/// What a client is for; decides which scopes it requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Bookkeeping and taxes.
    Books,
    /// Stock, labels, counts.
    Stock,
    /// Buying from vendors.
    Buying,
    /// Selling online.
    Webshop,
    /// Sending parcels.
    Parcels,
    /// Loyalty, mailings, reviews.
    Customers,
    /// Gift cards and payments.
    Payments,
    /// Tables, appointments, kitchens.
    Bookings,
    /// Repairs.
    Repairs,
    /// Pay and rotas.
    Staff,
    /// Figures on a screen.
    Reports,
    /// The shop's own scripts.
    House,
}

impl Category {
    /// The scopes such a client requests; the first is the most common.
    pub fn scopes(self) -> &'static [&'static str] {
        match self {
            Category::Books => &[
                "employee:register_read employee:reports",
                "employee:register_read employee:admin_purchases employee:product_cost",
                "employee:register_read",
            ],
            Category::Stock => &[
                "employee:inventory employee:register_read",
                "employee:inventory_read",
                "employee:inventory employee:inventory_counts employee:product_cost",
                "employee:inventory_counts employee:inventory_counts_reconcile",
            ],
            Category::Buying => &[
                "employee:purchase_orders employee:vendors employee:inventory_read",
                "employee:purchase_orders employee:vendors employee:vendor_returns employee:manufacturers",
            ],
            Category::Webshop => &[
                "employee:inventory employee:product_edit employee:categories employee:register",
                "employee:inventory_read employee:register employee:customers",
                "employee:inventory_read employee:special_orders",
            ],
            Category::Parcels => &["employee:register_read employee:customers_read", "employee:transfers"],
            Category::Customers => &[
                "employee:customers employee:register_read",
                "employee:customers_read",
                "employee:customers employee:tags",
            ],
            Category::Payments => &[
                "employee:customers_view_gift_card_numbers employee:register",
                "employee:register employee:register_refund",
                "financial-api offline_access",
            ],
            Category::Bookings => &[
                "reservations-api employee:customers offline_access",
                "orders-api items offline_access",
                "employee:customers_read employee:workbench",
            ],
            Category::Repairs => {
                &["employee:workbench employee:customers", "employee:workbench employee:inventory_read"]
            }
            Category::Staff => &["employee:admin_employees employee:reports", "staff-api offline_access"],
            Category::Reports => &["employee:reports employee:register_read", "employee:reports"],
            Category::House => {
                &["employee:all", "employee:inventory_read employee:register_read", "employee:admin_shops"]
            }
        }
    }

    /// Labels of its API keys.
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Category::Books => &["Monthly bookkeeping", "Auditors, read only", "VAT return", "Year end 2025"],
            Category::Stock => {
                &["Nightly stock export", "Warehouse scanner 2", "Shelf labels, Södermalm", "Stocktake, Uppsala"]
            }
            Category::Buying => &["Supplier catalogue", "Returns to vendors", "Reorder suggestions"],
            Category::Webshop => &["Price list for the website", "Old webshop feed", "Stock on the product page"],
            Category::Parcels => &["Parcel labels, Haga", "Parcel labels, warehouse", "Delivery notices"],
            Category::Customers => &["Spring campaign mailing", "Loyalty import 2024", "Customer merge script"],
            Category::Payments => &["Gift card balance check", "Card terminal 3", "Refund desk"],
            Category::Bookings => &["Kitchen display", "Opening hours screen", "Table plan, Malmö"],
            Category::Repairs => &["Workshop tablet", "Ready-for-pickup messages"],
            Category::Staff => &["Staff rota sync", "Payroll run"],
            Category::Reports => &["Sales wallboard", "Weekly margin report", "Trial, ask Marta"],
            Category::House => &["Backup to the archive", "Spare handheld", "Till 3 receipt printer"],
        }
    }

    /// The categories of generated clients, each with the last words of their names.
    pub const ALL: [(Category, &str); 11] = [
        (Category::Books, "Accounting"),
        (Category::Stock, "Inventory"),
        (Category::Buying, "Purchasing"),
        (Category::Webshop, "Webshop"),
        (Category::Parcels, "Shipping"),
        (Category::Customers, "Loyalty"),
        (Category::Payments, "Gift Cards"),
        (Category::Bookings, "Bookings"),
        (Category::Repairs, "Workshop"),
        (Category::Staff, "Payroll"),
        (Category::Reports, "Insights"),
    ];
}
