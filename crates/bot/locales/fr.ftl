# Ce que lisent Discord et ses utilisateurs, en français.

remind =
    .name = rappel
    .about = Se faire rappeler quelque chose plus tard
remind-when =
    .name = quand
    .about = 10min, 2h30, 18h30, demain 9h, 24/12/2026 18h
remind-what =
    .name = quoi
    .about = Ce qu'il faut vous rappeler
remind-where =
    .name = où
    .about = Où le rappel arrive (ici, sauf indication contraire)
remind-where-here = dans ce salon
remind-where-dm = en message privé
remind-repeat =
    .name = répéter
    .about = S'il faut le répéter
remind-repeat-none = une fois
remind-repeat-daily = tous les jours
remind-repeat-weekly = toutes les semaines

reminders =
    .name = rappels
    .about = Voir vos rappels ici, et en annuler

timezone =
    .name = fuseau
    .about = Voir ou choisir votre fuseau horaire
timezone-zone =
    .name = zone
    .about = Une ville ou un fuseau, comme Europe/Paris

tag =
    .name = note
    .about = De courts textes que ce serveur garde
tag-get =
    .name = lire
    .about = Montrer une note à tout le monde ici
tag-set =
    .name = définir
    .about = Écrire une note, ou la réécrire
tag-delete =
    .name = supprimer
    .about = Supprimer une note
tag-list =
    .name = liste
    .about = Voir les noms de toutes les notes
tag-name =
    .name = nom
    .about = Le nom de la note : a-z, 0-9, - et _

poll =
    .name = sondage
    .about = Poser une question à tout le monde ici
poll-question =
    .name = question
    .about = Ce que vous voulez savoir
poll-answers =
    .name = réponses
    .about = Deux à dix réponses, séparées par ;
poll-hours =
    .name = heures
    .about = Pendant combien d'heures il est ouvert (24, sauf indication contraire)
poll-several =
    .name = plusieurs
    .about = Si l'on peut choisir plusieurs réponses

status =
    .name = état
    .about = Voir quel site répond, et depuis quand

mydata =
    .name = mesdonnées
    .about = Voir ou effacer ce que ce bot garde sur vous
mydata-export =
    .name = exporter
    .about = Tout recevoir dans un fichier
mydata-delete =
    .name = effacer
    .about = Tout effacer, après une question

failover =
    .name = bascule
    .about = Pour les opérateurs : voir et choisir quel site parle
failover-history =
    .name = historique
    .about = Voir qui parle, ce qui a été demandé et les derniers déplacements
failover-move =
    .name = déplacer
    .about = Déplacer le bot vers un site et l'y garder un certain temps
failover-to =
    .name = vers
    .about = Le site
failover-to-laptop = laptop
failover-to-cloud = cloud
failover-hours =
    .name = heures
    .about = Pendant combien d'heures ; ensuite le protocole décide de nouveau
failover-reason =
    .name = raison
    .about = Pourquoi, pour les autres opérateurs
failover-maintenance =
    .name = maintenance
    .about = Tout laisser en l'état un certain temps
failover-auto =
    .name = auto
    .about = Annuler ce qui a été demandé : le protocole décide de nouveau

help =
    .name = aide
    .about = Voir ce que ce bot sait faire

read-only = Lecture seule pendant le basculement ; réessayez dans une minute.
unknown-command = Ce bot ne connaît pas cette commande.
slow-down = Cela fait beaucoup à la fois. Réessayez dans { $seconds ->
    [one] { $seconds } seconde
   *[other] { $seconds } secondes
}.

when-unreadable = Je n'ai pas compris ce moment. Essayez 10min, 18h30 ou demain 9h.
when-past = Ce moment est déjà passé.
when-too-soon = C'est trop tôt : un rappel est à 30 secondes au moins.
when-too-far = C'est trop loin : un rappel est à deux ans au plus.
what-empty = Dites quoi vous rappeler, en { $most } caractères au plus.
reminders-full = Vous avez déjà { $most } rappels ici. Annulez-en un avec /rappels.
reminder-set = Je vous le rappellerai <t:{ $at }:F> (<t:{ $at }:R>).
reminder-set-daily = Je vous le rappellerai <t:{ $at }:F> (<t:{ $at }:R>), puis tous les jours à cette heure.
reminder-set-weekly = Je vous le rappellerai <t:{ $at }:F> (<t:{ $at }:R>), puis toutes les semaines à cette heure.
reminder-cancel = Annuler
reminder-cancelled = Annulé : { $what }
reminder-gone = Ce rappel n'existe plus.

reminders-none = Vous n'avez aucun rappel ici.
reminders-title = Vos rappels ici ({ $count ->
    [one] { $count }
   *[other] { $count }
}) :
reminders-line = <t:{ $at }:f> · { $what }
reminders-line-daily = <t:{ $at }:f>, tous les jours · { $what }
reminders-line-weekly = <t:{ $at }:f>, toutes les semaines · { $what }
reminders-line-failed = <t:{ $at }:f>, n'a pas pu être remis · { $what }
reminders-line-expired = <t:{ $at }:f>, avait plus d'une semaine de retard · { $what }
reminders-menu = Choisissez ce qu'il faut annuler

delivery = <@{ $user }> { $what }
delivery-late = <@{ $user }> { $what } (prévu <t:{ $at }:R>, le bot était indisponible)

zone-yours = Votre fuseau horaire est { $zone }. Il y est { $time }.
zone-server = Le fuseau horaire de ce serveur est { $zone }, et vous n'en avez pas choisi d'autre. Il y est { $time }.
zone-default = Vous n'avez pas choisi de fuseau horaire : les heures sont lues en UTC. Il y est { $time }. Choisissez le vôtre avec /fuseau.
zone-set = Votre fuseau horaire est désormais { $zone }. Il y est { $time }.
zone-unknown = Il n'y a pas de fuseau horaire nommé { $zone }. Tapez une ville et choisissez dans la liste.
zone-for-server = L'utiliser pour ce serveur
zone-server-set = Le fuseau horaire de ce serveur est désormais { $zone }, pour tous ceux qui n'en ont pas choisi d'autre.
zone-server-refused = Vous ne pouvez pas changer le fuseau horaire de ce serveur.

tag-name-bad = Le nom d'une note est fait de 1 à { $most } caractères parmi a-z, 0-9, - et _.
tag-unknown = Aucune note nommée { $name }.
tag-forbidden = Vous ne pouvez pas modifier cette note.
tag-full = Ce serveur a déjà { $most } notes. Supprimez-en une d'abord.
tag-form = Note { $name }
tag-form-text = Texte
tag-text-bad = Une note fait de 1 à { $most } caractères.
tag-kept = Gardé : { $name }
tag-deleted = Supprimé : { $name }
tag-none = Il n'y a aucune note ici.
tag-names = Notes ici ({ $count ->
    [one] { $count }
   *[other] { $count }
}) : { $names }

poll-question-bad = La question d'un sondage fait de 1 à { $most } caractères.
poll-answers-bad = Un sondage a 2 à 10 réponses différentes séparées par ;, chacune de 1 à { $most } caractères.
poll-hours-bad = Un sondage est ouvert de 1 à { $most } heures.

status-none = Le bot ne détient pas le bail.
status-text = Site : { $site }
    Mandat : { $term }
    Actif : <t:{ $since }:R>
    Latence de la passerelle : { $latency }
    Rappels en attente : { $pending }
    Derniers déplacements : { $moves }
status-latency = { $millis } ms
status-no-latency = pas encore mesurée
status-no-moves = aucun
status-handed-over = passé à { $site } <t:{ $at }:R>
status-taken-over = repris par { $site } <t:{ $at }:R>

mydata-file = Tout ce que ce bot garde sur vous est dans le fichier.
mydata-nothing = Ce bot ne garde rien sur vous.
mydata-sure = Cela efface vos rappels, votre fuseau horaire et vos notes, partout et pour de bon. En êtes-vous sûr ?
mydata-erase = Tout effacer
mydata-keep = Garder
mydata-kept = Rien n'a été effacé.
mydata-erased = Tout ce qui vous concerne est effacé.
mydata-more = { $count } enregistrements sont effacés, et il y en a d'autres. Appuyez encore une fois.

operators-only = Seul un opérateur de ce bot peut faire cela, sur un serveur qu'il peut gérer.
failover-to-bad = Le bot peut aller sur le laptop ou dans le cloud.
failover-hours-bad = Cela dure de 1 à { $most } heures.
failover-reason-bad = Une raison fait au plus { $most } caractères.
failover-sure-cloud = Cela démarre la machine du cloud, y déplace le bot et l'y garde pendant { $hours ->
    [one] { $hours } heure
   *[other] { $hours } heures
}. La machine est payante pendant ce temps. On y va ?
failover-sure-laptop = Cela déplace le bot vers le laptop dès que celui-ci va bien, et l'y garde pendant { $hours ->
    [one] { $hours } heure
   *[other] { $hours } heures
}. Si le laptop tombe pendant ce temps, aucune machine du cloud n'est démarrée. On y va ?
failover-sure-maintenance = Pendant { $hours ->
    [one] { $hours } heure
   *[other] { $hours } heures
}, aucune machine n'est démarrée ni arrêtée, et le bot ne rentre pas. Si le site qui parle tombe pendant ce temps, aucune machine du cloud n'est démarrée. On y va ?
failover-replaces = Cela remplace : { $control }
failover-do = Le faire
failover-leave = Laisser
failover-left = Rien n'a été changé.
failover-set = Demandé : { $control }
    /bascule historique montre la suite.
failover-nothing = Rien n'a été demandé : il n'y a rien à annuler.
failover-taken-back = Annulé : { $control }
    Le protocole décide de nouveau.
failover-control-auto = rien, le protocole décide
failover-control-move = le bot va sur { $site } jusqu'au <t:{ $until }:f>
failover-control-maintenance = maintenance jusqu'au <t:{ $until }:f>
failover-by = par <@{ $user }>
failover-because = « { $reason } »
failover-now = { $site } parle sous le mandat { $term } depuis le <t:{ $since }:f>.
failover-text = Demandé : { $control }
    Derniers déplacements :
    { $moves }
failover-handed-over = <t:{ $at }:f> · mandat { $term } · passé à { $site }
failover-taken-over = <t:{ $at }:f> · mandat { $term } · repris par { $site }

help-title = Ce que je sais faire :
