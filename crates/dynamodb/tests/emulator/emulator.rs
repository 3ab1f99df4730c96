//! A table of its own for each test.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, KeySchemaElement, KeyType, ProvisionedThroughput, ScalarAttributeType,
};
use relais_dynamodb::{Dynamo, table};

/// Far longer than an emulator on a busy machine takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Where the emulator is, `http://127.0.0.1:5001`.
pub(crate) fn endpoint() -> String {
    std::env::var("RELAIS_AWS_ENDPOINT").unwrap_or_else(|_| panic!("RELAIS_AWS_ENDPOINT is not set"))
}

pub(crate) fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("test", "test", None, None, "a test"))
        .region(Region::new("eu-west-3"))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

/// Makes an empty table; its name.
pub(crate) async fn make_table() -> String {
    let name = format!("relais-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let throughput = ProvisionedThroughput::builder().read_capacity_units(5).write_capacity_units(5).build().unwrap();
    let mut create = client(&endpoint()).create_table().table_name(&name).provisioned_throughput(throughput);
    for (attribute, kind) in [(table::PK, KeyType::Hash), (table::SK, KeyType::Range)] {
        let defined = AttributeDefinition::builder().attribute_name(attribute);
        create = create.attribute_definitions(defined.attribute_type(ScalarAttributeType::S).build().unwrap());
        create =
            create.key_schema(KeySchemaElement::builder().attribute_name(attribute).key_type(kind).build().unwrap());
    }
    create.send().await.unwrap();
    name
}

/// A store on an empty table.
pub(crate) async fn store() -> Dynamo {
    Dynamo::new(client(&endpoint()), make_table().await, LONG)
}
