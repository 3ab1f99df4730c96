# What Discord and its users read, in English. The tests compare the messages and their variables with the other files.

## Commands as they are registered: `.name`, `.about`, and for each option the same.

remind =
    .name = remind
    .about = Be reminded of something later
remind-when =
    .name = when
    .about = 10m, 2h30m, 18:30, tomorrow 9:00, 2026-12-24 18:00
remind-what =
    .name = what
    .about = What to be reminded of
remind-where =
    .name = where
    .about = Where the reminder comes (here, unless said otherwise)
remind-where-here = in this channel
remind-where-dm = in a direct message
remind-repeat =
    .name = repeat
    .about = Whether it comes again
remind-repeat-none = once
remind-repeat-daily = every day
remind-repeat-weekly = every week

reminders =
    .name = reminders
    .about = See your reminders here, and cancel them

timezone =
    .name = timezone
    .about = See or set your time zone
timezone-zone =
    .name = zone
    .about = A city or a zone, such as Europe/Paris

tag =
    .name = tag
    .about = Short texts that this server keeps
tag-get =
    .name = get
    .about = Show a tag to everybody here
tag-set =
    .name = set
    .about = Write a tag, or write it anew
tag-delete =
    .name = delete
    .about = Delete a tag
tag-list =
    .name = list
    .about = See the names of all tags
tag-name =
    .name = name
    .about = The tag's name: a-z, 0-9, - and _

poll =
    .name = poll
    .about = Ask everybody here a question
poll-question =
    .name = question
    .about = What you want to know
poll-answers =
    .name = answers
    .about = Two to ten answers, with ; between them
poll-hours =
    .name = hours
    .about = How many hours it is open (24, unless said otherwise)
poll-several =
    .name = several
    .about = Whether one may choose several answers

status =
    .name = status
    .about = See which site answers, and since when

mydata =
    .name = mydata
    .about = See or erase what this bot keeps about you
mydata-export =
    .name = export
    .about = Get everything as a file
mydata-delete =
    .name = delete
    .about = Erase everything, after a question

failover =
    .name = failover
    .about = For operators: see and choose which site speaks
failover-history =
    .name = history
    .about = See who speaks, what was asked for, and the last moves
failover-move =
    .name = move
    .about = Move the bot to a site and keep it there for a time
failover-to =
    .name = to
    .about = The site
failover-to-laptop = laptop
failover-to-cloud = cloud
failover-hours =
    .name = hours
    .about = For how many hours; then the protocol decides again
failover-reason =
    .name = reason
    .about = Why, for the other operators
failover-maintenance =
    .name = maintenance
    .about = Leave everything as it is for a time
failover-auto =
    .name = auto
    .about = Take back what was asked for: the protocol decides again

help =
    .name = help
    .about = See what this bot can do

## Answers.

read-only = Temporarily read-only while the service moves; try again in a minute.
unknown-command = This bot does not know that command.
slow-down = That is a lot at once. Try again in { $seconds ->
    [one] one second
   *[other] { $seconds } seconds
}.

when-unreadable = I could not read that time. Try 10m, 18:30 or tomorrow 9:00.
when-past = That time is in the past.
when-too-soon = That is too soon: a reminder is at least 30 seconds away.
when-too-far = That is too far away: a reminder is at most two years away.
what-empty = Say what to remind you of, in at most { $most } characters.
reminders-full = You already have { $most } reminders here. Cancel one with /reminders.
reminder-set = I will remind you <t:{ $at }:F> (<t:{ $at }:R>).
reminder-set-daily = I will remind you <t:{ $at }:F> (<t:{ $at }:R>), and every day at that time.
reminder-set-weekly = I will remind you <t:{ $at }:F> (<t:{ $at }:R>), and every week at that time.
reminder-cancel = Cancel
reminder-cancelled = Cancelled: { $what }
reminder-gone = That reminder is not there any more.

reminders-none = You have no reminders here.
reminders-title = Your reminders here ({ $count ->
    [one] one
   *[other] { $count }
}):
reminders-line = <t:{ $at }:f> · { $what }
reminders-line-daily = <t:{ $at }:f>, every day · { $what }
reminders-line-weekly = <t:{ $at }:f>, every week · { $what }
reminders-line-failed = <t:{ $at }:f>, could not be delivered · { $what }
reminders-line-expired = <t:{ $at }:f>, was more than a week late · { $what }
reminders-menu = Choose what to cancel

delivery = <@{ $user }> { $what }
delivery-late = <@{ $user }> { $what } (due <t:{ $at }:R>, the bot was unavailable)

zone-yours = Your time zone is { $zone }. It is { $time } there.
zone-server = This server's time zone is { $zone }, and you have set no other. It is { $time } there.
zone-default = You have set no time zone, so times are read as UTC. It is { $time } there. Set yours with /timezone.
zone-set = Your time zone is now { $zone }. It is { $time } there.
zone-unknown = There is no time zone called { $zone }. Type a city and choose from the list.
zone-for-server = Use it for this server
zone-server-set = This server's time zone is now { $zone }, for everybody who has set no other.
zone-server-refused = You may not change this server's time zone.

tag-name-bad = A tag's name is 1 to { $most } of a-z, 0-9, - and _.
tag-unknown = No tag named { $name }.
tag-forbidden = You may not change this tag.
tag-full = This server has { $most } tags already. Delete one first.
tag-form = Tag { $name }
tag-form-text = Text
tag-text-bad = A tag has 1 to { $most } characters.
tag-kept = Kept: { $name }
tag-deleted = Deleted: { $name }
tag-none = There are no tags here.
tag-names = Tags here ({ $count ->
    [one] one
   *[other] { $count }
}): { $names }

poll-question-bad = A poll's question has 1 to { $most } characters.
poll-answers-bad = A poll has 2 to 10 different answers with ; between them, each of 1 to { $most } characters.
poll-hours-bad = A poll is open for 1 to { $most } hours.

status-none = The bot does not hold the lease.
status-text = Site: { $site }
    Term: { $term }
    Active: <t:{ $since }:R>
    Gateway latency: { $latency }
    Pending reminders: { $pending }
    Last moves: { $moves }
status-latency = { $millis } ms
status-no-latency = not measured yet
status-no-moves = none
status-handed-over = handed over to { $site } <t:{ $at }:R>
status-taken-over = taken over by { $site } <t:{ $at }:R>

mydata-file = Everything that this bot keeps about you is in the file.
mydata-nothing = This bot keeps nothing about you.
mydata-sure = This erases your reminders, your time zone and your tags, everywhere, for good. Are you sure?
mydata-erase = Erase everything
mydata-keep = Keep it
mydata-kept = Nothing was erased.
mydata-erased = Everything about you is erased.
mydata-more = { $count } records are erased, and there are more. Press the button again.

operators-only = Only an operator of this bot may do that, in a server that they may manage.
failover-to-bad = The bot can move to the laptop or to the cloud.
failover-hours-bad = That lasts 1 to { $most } hours.
failover-reason-bad = A reason has at most { $most } characters.
failover-sure-cloud = This starts the cloud machine, moves the bot there and keeps it there for { $hours ->
    [one] one hour
   *[other] { $hours } hours
}. The machine is paid for meanwhile. Do it?
failover-sure-laptop = This moves the bot to the laptop as soon as that is well, and keeps it there for { $hours ->
    [one] one hour
   *[other] { $hours } hours
}. If the laptop fails meanwhile, no cloud machine is started. Do it?
failover-sure-maintenance = For { $hours ->
    [one] one hour
   *[other] { $hours } hours
} no machine is started or stopped, and the bot does not go home. If the site that speaks fails meanwhile, no cloud machine is started. Do it?
failover-replaces = It replaces: { $control }
failover-do = Do it
failover-leave = Leave it
failover-left = Nothing was changed.
failover-set = Asked for: { $control }
    /failover history shows how it goes.
failover-nothing = Nothing was asked for, so there is nothing to take back.
failover-taken-back = Taken back: { $control }
    The protocol decides again.
failover-control-auto = nothing, the protocol decides
failover-control-move = the bot belongs to { $site } until <t:{ $until }:f>
failover-control-maintenance = maintenance until <t:{ $until }:f>
failover-by = by <@{ $user }>
failover-because = “{ $reason }”
failover-now = { $site } speaks under term { $term } since <t:{ $since }:f>.
failover-text = Asked for: { $control }
    Last moves:
    { $moves }
failover-handed-over = <t:{ $at }:f> · term { $term } · handed over to { $site }
failover-taken-over = <t:{ $at }:f> · term { $term } · taken over by { $site }

help-title = What I can do:
