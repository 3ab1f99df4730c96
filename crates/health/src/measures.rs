//! Everything that the health server counts, with its meaning. The gate holds this list to the code, both ways.

use relais_host::metrics_page::Metric;

/// All of it.
pub const MEASURES: &[Metric] = &[
    Metric::counter("health_answers_total", "Answers on the public port, by status").each(&[&[("status", "200")]]),
    Metric::counter("health_connections_cut_total", "Connections closed for taking too long"),
    Metric::counter("health_connections_shed_total", "Connections refused because too many stood"),
    Metric::gauge("machine_memory_total_bytes", "Memory of this machine"),
    Metric::gauge("machine_memory_available_bytes", "Memory that programs could have"),
    Metric::gauge("machine_load1", "Load of the last minute"),
    Metric::gauge("machine_processors", "Processors that this process may use"),
    Metric::gauge("machine_disk_size_bytes", "The disk on which the state lives"),
    Metric::gauge("machine_disk_free_bytes", "What an unprivileged program may still write there"),
    Metric::gauge("machine_on_battery", "1 while this machine lives on its battery; none: it has no battery"),
    Metric::gauge("machine_battery_ratio", "How full the battery is, of several the emptiest"),
    Metric::gauge("machine_up_seconds", "Since this machine's boot, its sleep included"),
];
