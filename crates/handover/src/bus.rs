//! logind on the system bus. The types of zbus stop here.

use std::os::fd::OwnedFd;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tokio::time::timeout;
use zbus::fdo::DBusProxy;
use zbus::{Connection, zvariant};

use crate::agent::Cause;
use crate::logind::{Locks, Logind, LogindError, Signal};

/// Its well-known name.
const NAME: &str = "org.freedesktop.login1";
/// Its refusal while it waits for other locks already.
const IN_PROGRESS: &str = "org.freedesktop.login1.OperationInProgress";

#[zbus::proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1",
    gen_blocking = false
)]
trait Manager {
    fn inhibit(&self, what: &str, who: &str, why: &str, mode: &str) -> zbus::Result<zvariant::OwnedFd>;

    #[zbus(signal)]
    fn prepare_for_sleep(&self, start: bool) -> zbus::Result<()>;
    #[zbus(signal)]
    fn prepare_for_shutdown(&self, start: bool) -> zbus::Result<()>;

    // logind does not tell of changes to these two, and a cached answer would be of the last sleep.
    #[zbus(property(emits_changed_signal = "false"))]
    fn preparing_for_sleep(&self) -> zbus::Result<bool>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn preparing_for_shutdown(&self) -> zbus::Result<bool>;
    #[zbus(property(emits_changed_signal = "false"), name = "InhibitDelayMaxUSec")]
    fn inhibit_delay_max_usec(&self) -> zbus::Result<u64>;
}

/// A connection to the system bus.
#[derive(Debug, Clone)]
pub struct SystemBus {
    connection: Connection,
    within: Duration,
}

impl SystemBus {
    /// Connects (`DBUS_SYSTEM_BUS_ADDRESS`, else where the system bus is). `within`: how long one answer may take.
    ///
    /// # Errors
    /// There is no bus, or it does not answer.
    pub async fn connect(within: Duration) -> Result<Self, LogindError> {
        let connection = answered("the system bus", within, Connection::system()).await?;
        Ok(Self { connection, within })
    }

    /// What logind tells, from now on; it ends with the connection.
    ///
    /// # Errors
    /// The bus refuses to pass it on.
    pub async fn signals(&self) -> Result<BoxStream<'static, Signal>, LogindError> {
        let manager = self.manager().await?;
        let bus = answered("its signals", self.within, DBusProxy::new(&self.connection)).await?;
        let sleep = answered("its signals", self.within, manager.receive_prepare_for_sleep()).await?;
        let shutdown = answered("its signals", self.within, manager.receive_prepare_for_shutdown()).await?;
        let arguments = [(0, NAME)];
        let owners = bus.receive_name_owner_changed_with_args(&arguments);
        let owners = answered("its signals", self.within, owners).await?;
        let told = |cause: Cause, start: bool| if start { Signal::Announced(cause) } else { Signal::Back(cause) };
        let sleep = sleep.filter_map(move |signal| async move {
            signal.args().ok().map(|arguments| told(Cause::Sleep, arguments.start))
        });
        let shutdown = shutdown.filter_map(move |signal| async move {
            signal.args().ok().map(|arguments| told(Cause::Shutdown, arguments.start))
        });
        let restarted = owners.filter_map(|signal| async move {
            signal.args().ok().is_some_and(|arguments| arguments.new_owner.is_some()).then_some(Signal::Restarted)
        });
        Ok(stream::select(stream::select(sleep, shutdown), restarted).boxed())
    }

    async fn manager(&self) -> Result<ManagerProxy<'static>, LogindError> {
        answered("its manager", self.within, ManagerProxy::new(&self.connection)).await
    }
}

#[async_trait]
impl Logind for SystemBus {
    async fn inhibit(&self) -> Result<Locks, LogindError> {
        let manager = self.manager().await?;
        let mut locks = Vec::new();
        // One each: who may take a lock is asked by its kind, and for two at once logind asks for another right.
        for cause in Cause::ALL {
            let taken = manager.inhibit(cause.as_str(), "relais", "The bot is handed over to the other site", "delay");
            let taken = match timeout(self.within, taken).await {
                Ok(Ok(taken)) => taken,
                Ok(Err(zbus::Error::MethodError(name, ..))) if name.as_str() == IN_PROGRESS => {
                    return Err(LogindError::TooLate);
                }
                Ok(Err(error)) => return Err(LogindError::Refused("a lock", Box::new(error))),
                Err(_) => return Err(LogindError::Timeout("a lock")),
            };
            locks.push(OwnedFd::from(taken));
        }
        Ok(Locks::new(locks))
    }

    async fn patience(&self) -> Result<Duration, LogindError> {
        let manager = self.manager().await?;
        let most = answered("InhibitDelayMaxUSec", self.within, manager.inhibit_delay_max_usec()).await?;
        Ok(Duration::from_micros(most))
    }

    async fn preparing(&self) -> Result<Option<Cause>, LogindError> {
        let manager = self.manager().await?;
        let sleep = answered("PreparingForSleep", self.within, manager.preparing_for_sleep()).await?;
        let shutdown = answered("PreparingForShutdown", self.within, manager.preparing_for_shutdown()).await?;
        Ok(if shutdown { Some(Cause::Shutdown) } else { sleep.then_some(Cause::Sleep) })
    }
}

async fn answered<T>(
    what: &'static str,
    within: Duration,
    call: impl Future<Output = zbus::Result<T>>,
) -> Result<T, LogindError> {
    match timeout(within, call).await {
        Ok(answer) => answer.map_err(|error| LogindError::Refused(what, Box::new(error))),
        Err(_) => Err(LogindError::Timeout(what)),
    }
}
