//! The "products" subgraph that the suite wants to see: its types, its keys and its rows.
//!
//! The names and the rows are the suite's; every directive of Federation 2.3 has a place in it.

use async_graphql::{ComplexObject, ID, InputObject, Object, SimpleObject, TypeDirective};

const SUPPORT: &str = "support@apollographql.com";

/// A directive of its own, which has to survive composition.
#[TypeDirective(
    location = "Object",
    composable = "https://myspecs.dev/myCustomDirective/v1.0"
)]
fn custom() {}

#[derive(Clone, SimpleObject)]
#[graphql(directive = custom::apply())]
pub(crate) struct Product {
    id: ID,
    sku: Option<String>,
    package: Option<String>,
    variation: Option<ProductVariation>,
    dimensions: Option<ProductDimension>,
    #[graphql(provides = "totalProductsCreated")]
    created_by: Option<User>,
    #[graphql(tag = "internal")]
    notes: Option<String>,
    research: Vec<ProductResearch>,
}

#[derive(Clone, SimpleObject)]
pub(crate) struct DeprecatedProduct {
    sku: String,
    package: String,
    reason: Option<String>,
    created_by: Option<User>,
}

#[derive(Clone, SimpleObject)]
struct ProductVariation {
    id: ID,
}

#[derive(Clone, SimpleObject)]
pub(crate) struct ProductResearch {
    study: CaseStudy,
    outcome: Option<String>,
}

#[derive(Clone, SimpleObject)]
struct CaseStudy {
    case_number: ID,
    description: Option<String>,
}

#[derive(Clone, SimpleObject)]
#[graphql(shareable)]
struct ProductDimension {
    size: Option<String>,
    weight: Option<f64>,
    #[graphql(inaccessible)]
    unit: Option<String>,
}

/// A person of the suite's "users" subgraph, extended.
#[derive(Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct User {
    email: ID,
    #[graphql(override_from = "users")]
    name: Option<String>,
    #[graphql(external)]
    total_products_created: Option<i32>,
    #[graphql(external)]
    years_of_employment: i32,
}

#[ComplexObject]
impl User {
    #[graphql(requires = "totalProductsCreated yearsOfEmployment")]
    async fn average_products_created_per_year(&self) -> Option<i32> {
        self.total_products_created?
            .checked_div(self.years_of_employment)
    }
}

/// An interface of the suite's "inventory" subgraph, seen as an object.
#[derive(SimpleObject)]
#[graphql(interface_object)]
pub(crate) struct Inventory {
    id: ID,
    deprecated_products: Vec<DeprecatedProduct>,
}

#[derive(InputObject)]
pub(crate) struct VariationKey {
    id: ID,
}

#[derive(InputObject)]
pub(crate) struct StudyKey {
    case_number: ID,
}

fn support() -> User {
    User {
        email: SUPPORT.into(),
        name: Some("Jane Smith".to_owned()),
        total_products_created: Some(1337),
        years_of_employment: 10,
    }
}

fn research() -> [ProductResearch; 2] {
    [("1234", "Federation Study"), ("1235", "Studio Study")].map(|(number, description)| {
        ProductResearch {
            study: CaseStudy {
                case_number: number.into(),
                description: Some(description.to_owned()),
            },
            outcome: None,
        }
    })
}

fn products() -> [Product; 2] {
    let [federation, studio] = research();
    [
        (
            "apollo-federation",
            "federation",
            "@apollo/federation",
            "OSS",
            federation,
        ),
        ("apollo-studio", "studio", "", "platform", studio),
    ]
    .map(|(id, sku, package, variation, research)| Product {
        id: id.into(),
        sku: Some(sku.to_owned()),
        package: Some(package.to_owned()),
        variation: Some(ProductVariation {
            id: variation.into(),
        }),
        dimensions: Some(ProductDimension {
            size: Some("small".to_owned()),
            weight: Some(1.0),
            unit: Some("kg".to_owned()),
        }),
        created_by: Some(support()),
        notes: None,
        research: vec![research],
    })
}

fn deprecated() -> DeprecatedProduct {
    DeprecatedProduct {
        sku: "apollo-federation-v1".to_owned(),
        package: "@apollo/federation-v1".to_owned(),
        reason: Some("Migrate to Federation V2".to_owned()),
        created_by: Some(support()),
    }
}

fn find(matches: impl Fn(&Product) -> bool) -> Option<Product> {
    products().into_iter().find(|product| matches(product))
}

pub(crate) struct Query;

#[Object]
impl Query {
    async fn product(&self, id: ID) -> Option<Product> {
        find(|product| product.id == id)
    }

    #[graphql(deprecation = "Use product query instead")]
    async fn deprecated_product(&self, sku: String, package: String) -> Option<DeprecatedProduct> {
        Some(deprecated()).filter(|found| found.sku == sku && found.package == package)
    }

    #[graphql(entity)]
    async fn product_by_id(&self, id: ID) -> Option<Product> {
        find(|product| product.id == id)
    }

    #[graphql(entity)]
    async fn product_by_package(&self, sku: String, package: String) -> Option<Product> {
        find(|product| {
            product.sku.as_deref() == Some(&sku) && product.package.as_deref() == Some(&package)
        })
    }

    #[graphql(entity)]
    async fn product_by_variation(&self, sku: String, variation: VariationKey) -> Option<Product> {
        find(|product| {
            let found = product.variation.as_ref().map(|found| &found.id);
            product.sku.as_deref() == Some(&sku) && found == Some(&variation.id)
        })
    }

    #[graphql(entity)]
    async fn deprecated_by_package(
        &self,
        sku: String,
        package: String,
    ) -> Option<DeprecatedProduct> {
        Some(deprecated()).filter(|found| found.sku == sku && found.package == package)
    }

    #[graphql(entity)]
    async fn research_by_study(&self, study: StudyKey) -> Option<ProductResearch> {
        let mut all = research().into_iter();
        all.find(|research| research.study.case_number == study.case_number)
    }

    /// What `users` knows comes along where a field requires it.
    #[graphql(entity)]
    async fn user_by_email(
        &self,
        #[graphql(key)] email: ID,
        total_products_created: Option<i32>,
        years_of_employment: Option<i32>,
    ) -> Option<User> {
        let known = support();
        (email == known.email).then(|| User {
            total_products_created: total_products_created.or(known.total_products_created),
            years_of_employment: years_of_employment.unwrap_or(known.years_of_employment),
            ..known
        })
    }

    #[graphql(entity)]
    async fn inventory_by_id(&self, id: ID) -> Inventory {
        Inventory {
            id,
            deprecated_products: vec![deprecated()],
        }
    }
}
