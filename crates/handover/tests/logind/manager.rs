//! The service manager as logind sees it: it starts `suspend.target` and is done when the test says so.

use tokio::sync::mpsc;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{ObjectPath, OwnedObjectPath};
use zbus::{Connection, connection};

const MANAGER: &str = "/org/freedesktop/systemd1";
const JOB: &str = "/org/freedesktop/systemd1/job/1";

struct Manager {
    started: mpsc::UnboundedSender<String>,
}

#[zbus::interface(name = "org.freedesktop.systemd1.Manager")]
impl Manager {
    fn subscribe(&self) {}

    fn start_unit(&self, name: String, _mode: &str) -> OwnedObjectPath {
        let _ = self.started.send(name);
        OwnedObjectPath::try_from(JOB).unwrap()
    }

    #[zbus(signal)]
    async fn job_removed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        job: ObjectPath<'_>,
        unit: &str,
        result: &str,
    ) -> zbus::Result<()>;
}

struct Unit;

#[zbus::interface(name = "org.freedesktop.systemd1.Unit")]
impl Unit {
    #[zbus(property)]
    fn load_state(&self) -> &str {
        "loaded"
    }
}

/// On the bus until it is dropped.
pub(crate) struct Running {
    connection: Connection,
    started: mpsc::UnboundedReceiver<String>,
}

impl Running {
    pub(crate) async fn start(address: &str) -> Self {
        let (started, told) = mpsc::unbounded_channel();
        let connection = connection::Builder::address(address)
            .unwrap()
            .name("org.freedesktop.systemd1")
            .unwrap()
            .serve_at(MANAGER, Manager { started })
            .unwrap()
            .serve_at("/org/freedesktop/systemd1/unit/suspend_2etarget", Unit)
            .unwrap()
            .serve_at("/org/freedesktop/systemd1/unit/poweroff_2etarget", Unit)
            .unwrap()
            .build()
            .await
            .unwrap();
        Self { connection, started: told }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The unit that logind starts next: it has let the machine go.
    pub(crate) async fn started(&mut self) -> String {
        self.started.recv().await.unwrap()
    }

    /// Whether logind has let the machine go already.
    pub(crate) fn has_started(&mut self) -> bool {
        self.started.try_recv().is_ok()
    }

    /// The machine is back, or `poweroff.target` failed.
    pub(crate) async fn job_is_done(&self, unit: &str) {
        let emitter = SignalEmitter::new(&self.connection, MANAGER).unwrap();
        let job = ObjectPath::try_from(JOB).unwrap();
        Manager::job_removed(&emitter, 1, job, unit, "done").await.unwrap();
    }
}
