//! The machine of a site as the scenes handle it, whoever keeps it.

use std::path::Path;
use std::time::Duration;

use super::kept::Kept;
use crate::guest::Guest;
use crate::nodes::{Node, NodeState};

/// One machine.
pub(super) enum Ground {
    /// Processes of the rehearsal's own.
    Own(Node),
    /// Its processes in a virtual machine, which is one.
    Virtual(Node, Guest),
    /// Somebody else's.
    Kept(Kept),
}

impl Ground {
    /// What it does now.
    pub(super) fn state(&self) -> NodeState {
        match self {
            Self::Own(node) | Self::Virtual(node, _) => node.state(),
            Self::Kept(kept) => kept.state(),
        }
    }

    /// Bot and health server are started.
    pub(super) async fn start(&self) -> anyhow::Result<()> {
        match self {
            Self::Own(node) | Self::Virtual(node, _) => Ok(node.start().await?),
            Self::Kept(kept) => kept.start().await,
        }
    }

    /// It loses its power.
    pub(super) async fn kill(&self) -> anyhow::Result<()> {
        match self {
            Self::Own(node) | Self::Virtual(node, _) => {
                node.kill().await;
                Ok(())
            }
            Self::Kept(kept) => kept.kill().await,
        }
    }

    /// It is shut down; one of ours kills what has not ended after `grace` (real time).
    pub(super) async fn terminate(&self, grace: Duration) -> anyhow::Result<()> {
        match self {
            Self::Own(node) | Self::Virtual(node, _) => {
                node.terminate(grace).await;
                Ok(())
            }
            Self::Kept(kept) => kept.stop().await,
        }
    }

    /// It stands still.
    pub(super) async fn suspend(&self) -> anyhow::Result<()> {
        match self {
            Self::Own(node) => Ok(node.suspend()?),
            Self::Virtual(_, guest) => guest.sleep().await,
            Self::Kept(kept) => kept.suspend().await,
        }
    }

    /// It goes on.
    pub(super) async fn wake(&self) -> anyhow::Result<()> {
        match self {
            Self::Own(node) => Ok(node.wake()?),
            Self::Virtual(_, guest) => guest.wake().await,
            Self::Kept(kept) => kept.wake().await,
        }
    }

    /// The scene is over: nothing of it runs on.
    pub(super) async fn clear(&self) {
        match self {
            Self::Own(node) | Self::Virtual(node, _) => node.kill().await,
            // One that is down is brought back before the next scene, by whoever keeps it.
            Self::Kept(kept) if kept.state() == NodeState::Down => {}
            Self::Kept(kept) => {
                if let Err(error) = kept.prepare().await {
                    tracing::warn!(error = format!("{error:#}"), "a machine was not cleared");
                }
            }
        }
    }

    /// There is no next scene: whoever keeps a machine does with it as he likes.
    pub(super) fn let_go(&self) {
        if let Self::Kept(kept) = self {
            kept.let_go();
        }
    }

    /// The end of the bot's log.
    pub(super) async fn bot_log(&self) -> String {
        match self {
            Self::Own(node) => std::fs::read_to_string(node.log_of("bot")).unwrap_or_default(),
            // One log for all that it says.
            Self::Virtual(node, _) => std::fs::read_to_string(node.log_of("guest")).unwrap_or_default(),
            Self::Kept(kept) => kept.log().await,
        }
    }

    /// Sees to it that the bot's log is in the scene's folder.
    pub(super) async fn leave_log(&self, folder: &Path) {
        if let Self::Kept(kept) = self {
            let name = format!("{}-bot.log", kept.ways().discord.ip());
            if let Err(error) = std::fs::write(folder.join(name), kept.log().await) {
                tracing::warn!(%error, "a bot's log could not be kept");
            }
        }
    }
}
