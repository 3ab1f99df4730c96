//! How a store is named and found.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use relais_store::{DynamoUrl, Remote, StoreError, StoreUrl, open};

const LONG: Duration = Duration::from_secs(20);

fn table(name: &str, region: Option<&str>, endpoint: Option<&str>) -> StoreUrl {
    let (region, endpoint) = (region.map(str::to_owned), endpoint.map(str::to_owned));
    StoreUrl::Dynamo(DynamoUrl { table: name.to_owned(), region, endpoint })
}

#[test]
fn addresses_are_read_and_written_alike() {
    for (text, url) in [
        ("memory:", StoreUrl::Memory),
        ("sqlite:/var/lib/relais/state.db", StoreUrl::Sqlite(PathBuf::from("/var/lib/relais/state.db"))),
        ("http://127.7.0.1:7000", StoreUrl::Http(SocketAddr::from(([127, 7, 0, 1], 7000)))),
        ("http://[::1]:7000", StoreUrl::Http("[::1]:7000".parse().unwrap())),
        ("dynamodb:relais", table("relais", None, None)),
        ("dynamodb:my_bot-2.x?region=eu-west-3", table("my_bot-2.x", Some("eu-west-3"), None)),
        ("dynamodb:relais?endpoint=http://[::1]:5001", table("relais", None, Some("http://[::1]:5001"))),
        ("dynamodb:abc?region=r&endpoint=https://x", table("abc", Some("r"), Some("https://x"))),
    ] {
        assert_eq!(text.parse::<StoreUrl>().unwrap(), url);
        assert_eq!(url.to_string(), text);
        assert_eq!(serde_json::from_value::<StoreUrl>(text.into()).unwrap(), url);
    }
}

#[test]
fn other_addresses_are_refused_with_the_way_out() {
    for (text, part) in [
        ("", "none of memory:"),
        ("memory", "none of memory:"),
        ("postgres://x", "none of memory:"),
        ("https://127.0.0.1:1", "none of memory:"),
        ("sqlite:state.db", "absolute path"),
        ("sqlite:/var/", "absolute path"),
        ("sqlite:", "absolute path"),
        ("dynamodb:", "a table's name"),
        ("dynamodb:ab", "a table's name"),
        ("dynamodb:a/b", "a table's name"),
        ("dynamodb:relais?", "a table's name"),
        ("dynamodb:relais?region=", "a table's name"),
        ("dynamodb:relais?key=secret", "a table's name"),
        ("dynamodb:relais?endpoint=127.0.0.1:5001", "a table's name"),
        ("dynamodb:relais?region=a&region=b", "a table's name"),
        ("http://localhost:7000", "numeric address"),
        ("http://127.0.0.1", "numeric address"),
        ("http://127.0.0.1:7000/v1", "numeric address"),
        ("http://192.0.2.1:7000", "not a loopback address"),
        ("http://0.0.0.0:7000", "not a loopback address"),
    ] {
        let error = text.parse::<StoreUrl>().unwrap_err().to_string();
        assert!(error.contains(part) && error.contains(&format!("{text:?}")), "{text}: {error}");
    }
}

#[test]
fn client_itself_refuses_other_machines() {
    let error = Remote::new("192.0.2.1:7000".parse().unwrap(), LONG).unwrap_err();
    assert!(error.to_string().contains("192.0.2.1:7000 is not a loopback address"), "{error}");
}

#[tokio::test]
async fn every_kind_opens() {
    let folder = tempfile::tempdir().unwrap();
    for url in [StoreUrl::Memory, StoreUrl::Sqlite(folder.path().join("state.db"))] {
        assert_eq!(open(&url, LONG).unwrap().read_board().await.unwrap().lease, None);
    }
    let error = open(&table("relais", None, None), LONG).err().unwrap();
    assert!(error.to_string().contains("dynamodb:relais: this build knows no DynamoDB"), "{error}");
    let nobody = open(&"http://127.0.0.1:9".parse().unwrap(), LONG).unwrap();
    let error = nobody.read_board().await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("http://127.0.0.1:9"), "{error}");
}
