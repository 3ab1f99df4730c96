//! What the standby is told. The keys are those of `terraform/`, which writes them.

use serde::Deserialize;

/// How the standby is switched on, and what is its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StandbyConfig {
    /// A machine is made from a template, and terminated afterwards: at rest nothing is paid but the image's snapshot.
    Launch(Launch),
    /// One machine stands there, stopped, and its disk is paid all the time.
    Stopped(Stopped),
}

/// The mode `launch`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// The value of the tag `Project` of everything that is ours.
    pub project: String,
    /// The launch template, `lt-…`; its default version is used.
    pub template: String,
    /// Instance types, the one that is wanted most first.
    pub types: Vec<String>,
    /// Subnets, one a zone, the one that is wanted most first.
    pub subnets: Vec<String>,
    /// Which price is tried first.
    #[serde(default)]
    pub market: Market,
}

/// The mode `stopped`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stopped {
    /// The value of the tag `Project` of everything that is ours.
    pub project: String,
}

/// Which price is tried first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Market {
    /// On-demand only.
    #[default]
    OnDemand,
    /// Spot, and on-demand where spot is refused. A spot machine may be reclaimed at two minutes' notice.
    SpotFirst,
}

/// A configuration that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A list or a name is empty.
    #[error("standby.{0} is empty")]
    Empty(&'static str),
    /// The same thing twice would be tried twice for nothing.
    #[error("standby.{key} has {value:?} twice")]
    Twice {
        /// Which list.
        key: &'static str,
        /// What.
        value: String,
    },
    /// More combinations than can be tried while somebody waits.
    #[error("standby has {0} combinations of type and subnet; 12 are the most that can be tried in one go")]
    TooMany(usize),
}

impl StandbyConfig {
    /// The value of the tag `Project`.
    #[must_use]
    pub fn project(&self) -> &str {
        match self {
            Self::Launch(launch) => &launch.project,
            Self::Stopped(stopped) => &stopped.project,
        }
    }

    /// Refuses what cannot work.
    ///
    /// # Errors
    /// [`ConfigError`] names the key.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.project().is_empty() {
            return Err(ConfigError::Empty("project"));
        }
        match self {
            Self::Launch(launch) => launch.check(),
            Self::Stopped(_) => Ok(()),
        }
    }
}

impl Launch {
    fn check(&self) -> Result<(), ConfigError> {
        if self.template.is_empty() {
            return Err(ConfigError::Empty("template"));
        }
        for (key, list) in [("types", &self.types), ("subnets", &self.subnets)] {
            if list.is_empty() || list.iter().any(String::is_empty) {
                return Err(ConfigError::Empty(key));
            }
            if let Some((_, value)) = list.iter().enumerate().find(|(index, value)| list[..*index].contains(value)) {
                return Err(ConfigError::Twice { key, value: value.clone() });
            }
        }
        let combinations = self.types.len() * self.subnets.len();
        if combinations > 12 {
            return Err(ConfigError::TooMany(combinations));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch() -> Launch {
        Launch {
            project: "relais".to_owned(),
            template: "lt-1".to_owned(),
            types: vec!["t3a.small".to_owned(), "t3.small".to_owned()],
            subnets: vec!["subnet-a".to_owned(), "subnet-b".to_owned()],
            market: Market::OnDemand,
        }
    }

    fn refused(change: impl FnOnce(&mut Launch)) -> String {
        let mut changed = launch();
        change(&mut changed);
        StandbyConfig::Launch(changed).check().unwrap_err().to_string()
    }

    #[test]
    fn both_modes_are_read_and_good() {
        for (text, project) in [
            (r#"{"kind":"stopped","project":"relais"}"#, "relais"),
            (r#"{"kind":"launch","project":"two","template":"lt-1","types":["a"],"subnets":["s"]}"#, "two"),
        ] {
            let read: StandbyConfig = serde_json::from_str(text).unwrap();
            assert_eq!(read.project(), project);
            read.check().unwrap();
        }
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let text = r#"{"kind":"stopped","project":"relais","template":"lt-1"}"#;
        let error = serde_json::from_str::<StandbyConfig>(text).unwrap_err().to_string();
        assert!(error.contains("template"), "{error}");
    }

    #[test]
    fn what_cannot_work_is_named() {
        assert_eq!(refused(|launch| launch.project.clear()), "standby.project is empty");
        assert_eq!(refused(|launch| launch.template.clear()), "standby.template is empty");
        assert_eq!(refused(|launch| launch.types.clear()), "standby.types is empty");
        assert_eq!(refused(|launch| launch.subnets.push(String::new())), "standby.subnets is empty");
        assert_eq!(
            refused(|launch| launch.types.push("t3a.small".to_owned())),
            "standby.types has \"t3a.small\" twice"
        );
        let many = |launch: &mut Launch| launch.types = (0..7).map(|each| format!("t{each}")).collect();
        assert!(refused(many).starts_with("standby has 14 combinations"));
    }
}
