//! Calls that share a transaction, and so a flush to the disk: whatever waited while the disk was busy costs one flush.
//!
//! Each call still sees what those before it did and leaves nothing behind if it is refused (a savepoint each). Nobody is
//! answered before the commit, so no answer rests on something that did not last.

use rusqlite::{Connection, Error, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::fault::{self, Fault};

/// A call in a thread's hands.
pub(super) trait Call: Send {
    /// Does the work and keeps its result; whether what it wrote stands.
    fn attempt(&mut self, tx: &Transaction<'_>) -> bool;
    /// The transaction failed as a whole, whatever the work came to.
    fn fail(&mut self, error: &Error);
    /// Gives the result to the caller.
    fn answer(self: Box<Self>);
}

/// What becomes a call.
struct Work<T, E, W> {
    work: W,
    done: Option<Result<T, Fault<E>>>,
    answer: oneshot::Sender<Result<T, Fault<E>>>,
}

impl<T, E, W> Call for Work<T, E, W>
where
    T: Send,
    E: Send,
    W: Fn(&Transaction<'_>) -> Result<T, Fault<E>> + Send,
{
    fn attempt(&mut self, tx: &Transaction<'_>) -> bool {
        self.done.insert((self.work)(tx)).is_ok()
    }

    fn fail(&mut self, error: &Error) {
        self.done = Some(Err(Fault::Sqlite(fault::again(error))));
    }

    fn answer(self: Box<Self>) {
        if let Some(done) = self.done {
            // A caller that went away has lost its answer; the work is done all the same.
            let _gone = self.answer.send(done);
        }
    }
}

/// A call of `work`, answered through `answer`.
pub(super) fn call<T, E>(
    work: impl Fn(&Transaction<'_>) -> Result<T, Fault<E>> + Send + 'static,
    answer: oneshot::Sender<Result<T, Fault<E>>>,
) -> Box<dyn Call>
where
    T: Send + 'static,
    E: Send + 'static,
{
    Box::new(Work { work, done: None, answer })
}

/// Carries them out in their order, in one transaction if that lasts until its commit, else each in its own.
pub(super) fn carry_out(connection: &mut Connection, behavior: TransactionBehavior, calls: &mut [Box<dyn Call>]) {
    match together(connection, behavior, calls) {
        Ok(End::Committed) => {}
        Ok(End::Undone) => {
            for call in calls.chunks_mut(1) {
                carry_out(connection, behavior, call);
            }
        }
        // Nobody got the lock, or the commit failed: then whether it lasts may not even be known, and a second try would
        // only hide that.
        Err(error) => calls.iter_mut().for_each(|call| call.fail(&error)),
    }
}

/// How a transaction ended.
enum End {
    /// What each call came to stands.
    Committed,
    /// Nothing of it was done, for a reason that may be one call's alone. Never of a single call.
    Undone,
}

fn together(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    calls: &mut [Box<dyn Call>],
) -> Result<End, Error> {
    let tx = connection.transaction_with_behavior(behavior)?;
    if let [only] = calls {
        if only.attempt(&tx) {
            tx.commit()?;
        }
        return Ok(End::Committed);
    }
    for call in calls {
        if beside(&tx, &mut **call).is_err() {
            return Ok(End::Undone);
        }
    }
    tx.commit()?;
    Ok(End::Committed)
}

/// One call of several.
fn beside(tx: &Transaction<'_>, call: &mut dyn Call) -> Result<(), Error> {
    let say = |sql: &str| tx.prepare_cached(sql)?.execute([]).map(drop);
    say("SAVEPOINT call")?;
    // After some errors (a full disk) SQLite has rolled the whole transaction back: then the next line fails.
    if !call.attempt(tx) {
        say("ROLLBACK TO call")?;
    }
    say("RELEASE call")
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answer = oneshot::Receiver<Result<(), Fault<crate::StoreError>>>;

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        let schema = "PRAGMA foreign_keys = ON; CREATE TABLE one (id INTEGER PRIMARY KEY);
                      CREATE TABLE many (one INTEGER REFERENCES one (id) DEFERRABLE INITIALLY DEFERRED);";
        connection.execute_batch(schema).unwrap();
        connection
    }

    fn doing(sql: &'static str) -> (Box<dyn Call>, Answer) {
        let (answer, answered) = oneshot::channel();
        (call(move |tx| Ok(tx.execute_batch(sql)?), answer), answered)
    }

    fn all(connection: &mut Connection, statements: &[&'static str]) -> Vec<bool> {
        let (mut calls, answers): (Vec<_>, Vec<_>) = statements.iter().map(|sql| doing(sql)).unzip();
        carry_out(connection, TransactionBehavior::Immediate, &mut calls);
        calls.into_iter().for_each(|call| call.answer());
        answers.into_iter().map(|mut answer| answer.try_recv().unwrap().is_ok()).collect()
    }

    fn ids(connection: &Connection) -> Vec<i64> {
        let mut rows = connection.prepare("SELECT id FROM one ORDER BY id").unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_refused_call_leaves_nothing_and_the_others_stand() {
        let mut connection = connection();
        let half = "INSERT INTO one VALUES (2); INSERT INTO one VALUES (1)";
        let done = all(&mut connection, &["INSERT INTO one VALUES (1)", half, "INSERT INTO one VALUES (3)"]);
        assert_eq!((done, ids(&connection)), (vec![true, false, true], vec![1, 3]));
    }

    #[test]
    fn a_commit_that_fails_is_told_to_everyone_of_the_group() {
        let mut connection = connection();
        let done = all(&mut connection, &["INSERT INTO one VALUES (1)", "INSERT INTO many VALUES (9)"]);
        assert_eq!((done, ids(&connection)), (vec![false, false], vec![]));
        assert_eq!(all(&mut connection, &["INSERT INTO many VALUES (9)"]), [false]);
    }

    #[test]
    fn a_transaction_that_is_undone_by_one_is_tried_again_by_each() {
        let mut connection = connection();
        let undo = "INSERT INTO one VALUES (2); ROLLBACK; SELECT nothing";
        let done = all(&mut connection, &["INSERT INTO one VALUES (1)", undo, "INSERT INTO one VALUES (3)"]);
        assert_eq!((done, ids(&connection)), (vec![true, false, true], vec![1, 3]));
    }

    #[test]
    fn nobody_is_told_of_success_without_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.db");
        let mut one = Connection::open(&path).unwrap();
        one.execute_batch("CREATE TABLE one (id INTEGER PRIMARY KEY)").unwrap();
        one.busy_timeout(std::time::Duration::ZERO).unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(all(&mut one, &["INSERT INTO one VALUES (1)", "INSERT INTO one VALUES (2)"]), [false, false]);
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(ids(&one), Vec::<i64>::new());
    }
}
