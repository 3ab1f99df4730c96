//! How a configuration names a store.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::memory::Memory;
use crate::ports::Store;
use crate::remote::Remote;
use crate::sqlite::Sqlite;

/// A store's address: `memory:`, `sqlite:/absolute/path.db`, `dynamodb:table?region=eu-west-3` or `http://127.0.0.1:7000`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StoreUrl {
    /// In this process, forgotten with it.
    Memory,
    /// One SQLite file; the path is absolute.
    Sqlite(PathBuf),
    /// Another process's store over plain HTTP; the address is a loopback one.
    Http(SocketAddr),
    /// A DynamoDB table.
    Dynamo(DynamoUrl),
}

/// Which DynamoDB table, and how it is reached: `dynamodb:table`, `dynamodb:table?region=eu-west-3`,
/// `dynamodb:table?region=eu-west-3&endpoint=http://127.0.0.1:5001`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamoUrl {
    /// The table's name: 3 to 255 of letters, digits, `_`, `-` and `.` (DynamoDB, naming rules).
    pub table: String,
    /// Its region; none: as the environment or the machine's metadata says.
    pub region: Option<String>,
    /// Another endpoint than AWS's: an emulator's.
    pub endpoint: Option<String>,
}

impl DynamoUrl {
    /// Reads what stands behind `dynamodb:`.
    fn read(rest: &str) -> Option<Self> {
        let (table, query) = rest.split_once('?').map_or((rest, None), |(table, query)| (table, Some(query)));
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if !(3..=255).contains(&table.len()) || !table.bytes().all(good) {
            return None;
        }
        let mut url = Self { table: table.to_owned(), region: None, endpoint: None };
        for pair in query.into_iter().flat_map(|query| query.split('&')) {
            let (name, value) = pair.split_once('=').filter(|(_, value)| !value.is_empty())?;
            let place = match name {
                "region" if value.bytes().all(good) => &mut url.region,
                "endpoint" if value.starts_with("http://") || value.starts_with("https://") => &mut url.endpoint,
                _ => return None,
            };
            if place.replace(value.to_owned()).is_some() {
                return None;
            }
        }
        Some(url)
    }
}

impl fmt::Display for DynamoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dynamodb:{}", self.table)?;
        let pairs = [("region", &self.region), ("endpoint", &self.endpoint)];
        let given = pairs.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        for (i, (name, value)) in given.enumerate() {
            write!(f, "{}{name}={value}", if i == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

/// A text that is no [`StoreUrl`]. It is a mistake in the configuration (exit code 64).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreUrlError {
    /// None of the known beginnings.
    #[error(
        "store address {url:?} is none of memory:, sqlite:/absolute/path.db, dynamodb:table?region=eu-west-3, \
         http://127.0.0.1:7000"
    )]
    Unknown {
        /// The text.
        url: String,
    },
    /// A file that depends on the folder the program was started in.
    #[error("store address {url:?} needs an absolute path to a file, as in sqlite:/var/lib/relais/state.db")]
    NotAbsolute {
        /// The text.
        url: String,
    },
    /// No table that DynamoDB can have, or something behind it that is neither a region nor an endpoint.
    #[error(
        "store address {url:?} needs a table's name and at most a region and an endpoint, as in \
         dynamodb:relais?region=eu-west-3&endpoint=http://127.0.0.1:5001"
    )]
    NotATable {
        /// The text.
        url: String,
    },
    /// No numeric address with a port, or something behind it.
    #[error("store address {url:?} needs a numeric address and a port and nothing else, as in http://127.0.0.1:7000")]
    NotAnAddress {
        /// The text.
        url: String,
    },
    /// An address that other machines can reach.
    #[error(
        "store address {url:?} is not a loopback address: a store over plain HTTP is for rehearsals on one machine"
    )]
    NotLoopback {
        /// The text.
        url: String,
    },
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(url: &str) -> Result<Self, StoreUrlError> {
        let text = || url.to_owned();
        if url == "memory:" {
            return Ok(Self::Memory);
        }
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = PathBuf::from(path);
            let names_a_file = path.is_absolute() && path.file_name().is_some() && !url.ends_with('/');
            return if names_a_file { Ok(Self::Sqlite(path)) } else { Err(StoreUrlError::NotAbsolute { url: text() }) };
        }
        if let Some(rest) = url.strip_prefix("dynamodb:") {
            return DynamoUrl::read(rest).map(Self::Dynamo).ok_or_else(|| StoreUrlError::NotATable { url: text() });
        }
        let rest = url.strip_prefix("http://").ok_or_else(|| StoreUrlError::Unknown { url: text() })?;
        let address: SocketAddr = rest
            .strip_suffix('/')
            .unwrap_or(rest)
            .parse()
            .map_err(|_not_an_address| StoreUrlError::NotAnAddress { url: text() })?;
        if address.ip().is_loopback() {
            Ok(Self::Http(address))
        } else {
            Err(StoreUrlError::NotLoopback { url: text() })
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Http(address) => write!(f, "http://{address}"),
            Self::Dynamo(url) => url.fmt(f),
        }
    }
}

impl TryFrom<String> for StoreUrl {
    type Error = StoreUrlError;

    fn try_from(url: String) -> Result<Self, StoreUrlError> {
        url.parse()
    }
}

impl From<StoreUrl> for String {
    fn from(url: StoreUrl) -> Self {
        url.to_string()
    }
}

/// Opens a store. `request_timeout` is the policy's: the total time of one call to a store over HTTP, and the most that
/// a call waits for another process on a SQLite file (that one waits a third of it, so that the caller hears
/// [`StoreError::Busy`] before it gives up itself).
///
/// A SQLite file is checked and made ready before this returns, so it may take as long as reading the file; a store
/// over HTTP is first asked at the first call.
///
/// # Errors
/// [`StoreError::Unreachable`], [`StoreError::Corrupt`], [`StoreError::Newer`], [`StoreError::Busy`] or
/// [`StoreError::Full`] about the file, each naming it; [`StoreError::Invalid`] for a DynamoDB table, which only
/// `relais-dynamodb` opens.
pub fn open(url: &StoreUrl, request_timeout: Duration) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match url {
        StoreUrl::Memory => Arc::new(Memory::new()),
        StoreUrl::Sqlite(path) => Arc::new(Sqlite::open(path, request_timeout / 3)?),
        StoreUrl::Http(address) => Arc::new(Remote::new(*address, request_timeout)?),
        StoreUrl::Dynamo(url) => {
            let reason = format!("{url}: this build knows no DynamoDB; build it with the feature `aws`");
            return Err(StoreError::Invalid { reason });
        }
    })
}
