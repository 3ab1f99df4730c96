//! Everything that the bot counts, with its meaning. The gate holds this list to the code, both ways.

use relais_host::metrics_page::Metric;

/// All of it.
pub const MEASURES: &[Metric] = &[
    // The lease.
    Metric::gauge("lease_held", "1 while this process may change state under a term of its own"),
    Metric::gauge("lease_epoch", "The term under which this process last held the lease"),
    Metric::gauge("lease_missing", "1 while the store has no lease record at all, which is an alarm"),
    Metric::counter("clock_jumps_total", "Moments at which this machine's clock had gone on without this process"),
    Metric::gauge("loop_lag_seconds", "How late the event loop runs"),
    // The gateway.
    Metric::gauge("gateway_connected", "1 while every shard that should be is connected to Discord"),
    Metric::gauge("gateway_shards", "Shards of this bot"),
    Metric::gauge("gateway_shards_connected", "Shards that are connected"),
    Metric::gauge(
        "gateway_heartbeat_ack_age_seconds",
        "Since Discord last acknowledged a heartbeat, of the worst shard",
    ),
    Metric::gauge("gateway_last_frame_age_seconds", "Since anything came from Discord, of the worst shard"),
    Metric::gauge("gateway_latency_seconds", "From a heartbeat to its acknowledgement, of the worst shard"),
    Metric::gauge("gateway_identifies_24h", "New sessions of the last 24 hours, of 1000 that Discord allows"),
    Metric::gauge("gateway_session_starts_left", "New sessions that Discord still allows today"),
    Metric::counter("gateway_identify_total", "New sessions asked for"),
    Metric::counter("gateway_identify_refused_total", "New sessions not asked for, because the day's budget is spent"),
    Metric::counter("gateway_resume_total", "Sessions taken over"),
    Metric::counter("gateway_resume_stuck_total", "Sessions given up because Discord never said that they go on"),
    Metric::counter("gateway_invalid_session_total", "Sessions that Discord does not know any more"),
    Metric::counter("gateway_resharded_total", "Times that Discord asked for another count of shards"),
    Metric::counter("gateway_close_total", "Connections closed, by code and by whom").each(&[]),
    Metric::counter("events_total", "Events, by type: interactions and everything else")
        .each(&[&[("type", "INTERACTION_CREATE")], &[("type", "other")]]),
    Metric::counter("events_undecodable_total", "Events and frames that were not understood"),
    // What the watchdog remembers.
    Metric::gauge("watchdog_last_look_timestamp_seconds", "When the watchdog last looked, Unix time"),
    Metric::gauge("watchdog_failed_probes", "Probes of the laptop in a row that were not good"),
    Metric::gauge("watchdog_standby_running", "1 while the watchdog sees the cloud's machine running"),
    Metric::gauge("watchdog_starts_24h", "Machines started in the last 24 hours"),
    Metric::gauge("watchdog_starts_24h_limit", "How many may be, by the policy"),
    Metric::gauge("watchdog_cloud_seconds_month", "How long the cloud's machine has run this month"),
    Metric::gauge("watchdog_cloud_seconds_month_limit", "How long it may, by the policy"),
    Metric::gauge("watchdog_alert_timestamp_seconds", "When the watchdog last told of this, Unix time"),
    // Backups.
    Metric::gauge(
        "backup_last_success_timestamp_seconds",
        "When the newest backup in this site's folder was taken, Unix time",
    ),
    Metric::gauge("backup_every_seconds", "How far apart backups are, by the settings"),
    Metric::gauge("backup_bytes", "Size of the newest backup"),
    Metric::counter("backup_failures_total", "Backups that did not become whole"),
    // What users wait for.
    Metric::counter("interactions_total", "Interactions, by command and outcome").each(&[]),
    Metric::counter("interactions_expired_total", "Interactions that came too late to be answered"),
    Metric::counter("interactions_duplicate_total", "Interactions that somebody had answered before"),
    Metric::counter("interactions_repeated_total", "Interactions whose work was done by an earlier try"),
    Metric::histogram("interaction_age_at_answer_seconds", "Age of an interaction at its answer, from its id"),
    Metric::counter("rest_rate_limited_total", "Answers with which Discord told the bot to wait"),
    Metric::gauge("reminders_due", "Reminders whose moment has come and that Discord has not taken"),
    Metric::counter("reminders_sent_total", "Reminders that Discord took"),
    Metric::counter("reminders_late_total", "Of these, those that came late and said so"),
    Metric::counter("reminders_retried_total", "Tries that Discord did not take"),
    Metric::counter("reminders_failed_total", "Reminders that were given up, by why")
        .each(&[&[("why", "expired")], &[("why", "refused")]]),
    Metric::histogram("reminder_lag_seconds", "From a reminder's moment to Discord's taking it"),
    Metric::counter("operator_overrides_total", "Overrides that operators set, by mode").each(&[
        &[("mode", "auto")],
        &[("mode", "force-cloud")],
        &[("mode", "force-laptop")],
        &[("mode", "maintenance")],
    ]),
];
