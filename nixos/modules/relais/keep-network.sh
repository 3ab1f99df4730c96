# For NetworkManager's `pre-down.d`, which it waits for. It takes the network down as soon as a sleep is announced; the bot is
# handed over by that network, so it has to stay until the agent drops its lock. logind's own patience ends the wait at the
# latest, since a machine that has slept prepares for nothing.
manager="org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager"

sleeps() {
  # shellcheck disable=SC2086
  [ "$(busctl --timeout=2 get-property $manager PreparingForSleep)" = "b true" ]
}

is_awaited() {
  # shellcheck disable=SC2086
  busctl --timeout=2 call $manager ListInhibitors | grep --quiet '"sleep" "relais" '
}

while sleeps && is_awaited; do
  sleep 0.2
done
