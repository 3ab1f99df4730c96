//! Keys and texts of every alphabet come back as they were.

use relais_store::{Committed, StateKey, StateStore as _};
use serde_json::json;

use crate::builders::{held, put, write};
use crate::emulator::store;

#[tokio::test]
async fn foreign_and_large_texts_survive() {
    let store = store().await;
    let now = held(&store).await;
    let texts = [
        ("é\u{0}🦀", json!({ "text": "Zürich 東京 🦀 \u{0} \" \\ \u{202e}", "n": [1.5, -1, u64::MAX, null, true] })),
        ("foreign", json!("é🦀".repeat(50_000))),
        ("large", json!("x".repeat(390_000))),
    ];
    let tx = write(&now, "é\u{0}🦀", texts.iter().map(|(name, text)| put(name, text.clone())).collect());
    assert_eq!(store.commit(&tx).await.unwrap(), Committed::Applied);
    assert_eq!(store.commit(&write(&now, "é\u{0}🦀", vec![])).await.unwrap(), Committed::Repeated);
    for (name, text) in texts {
        let item = store.read(&StateKey::state(name)).await.unwrap().unwrap();
        assert_eq!((item.value, item.revision), (text, 1), "{name}");
    }
}
