//! K-Series' businesses: those with a location of the employee.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::account::{Business, Location};
use crate::error::Error;
use crate::oauth::resources::serve;
use crate::web::query::Query;
use crate::web::state::State;

/// `GET /f/data/businesses?page=&size=`: needs `financial-api`.
pub async fn businesses(request: HttpRequest, app: web::Data<State>) -> HttpResponse {
    let requested = paging(request.query_string());
    serve(&app, &request, Some("financial-api"), move |conn, access| {
        let Some((page, size)) = requested else {
            return Err(Error::Invalid("`page` must be 0 or more, and `size` from 1 to 100".into()));
        };
        let own = Location::of_employee(conn, access.employee.id)?;
        let mut all = Vec::new();
        for (business, mut locations) in Business::all(conn)? {
            locations.retain(|location| own.contains(&location.id));
            if !locations.is_empty() {
                all.push((business, locations));
            }
        }
        let total = all.len();
        let list: Vec<Value> = all.iter().skip(page.saturating_mul(size)).take(size).map(business).collect();
        Ok(json!({
            "_embedded": { "businessList": list },
            "page": {
                "size": size,
                "totalElements": total,
                "totalPages": total.div_ceil(size),
                "number": page,
            },
        }))
    })
    .await
}

// The requested page and its size.
fn paging(query: &str) -> Option<(usize, usize)> {
    let query = Query::parse(query).ok()?;
    let number = |name: &str, default: usize| query.get(name).map_or(Some(default), |text| text.parse().ok());
    Some((number("page", 0)?, number("size", 20).filter(|size| (1..=100).contains(size))?))
}

fn business((business, locations): &(Business, Vec<Location>)) -> Value {
    let location = |location: &Location| {
        json!({
            "blID": location.id.0,
            "blName": location.name,
            "country": location.country,
            "timezone": location.time_zone,
        })
    };
    json!({
        "businessId": business.id.0,
        "businessName": business.name,
        "currencyCode": business.currency,
        "businessLocations": locations.iter().map(location).collect::<Vec<Value>>(),
    })
}
