# Français.
#
# La forme est celle de en.ftl, dont le début explique les parties. Les .sms s’en tiennent à
# l’alphabet GSM : ni ê, ni ç, ni apostrophe courbe.

### Ce dont les autres messages sont faits

time-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
time-hours = { $count ->
    [one] { $count } heure
   *[other] { $count } heures
}
time-days = { $count ->
    [one] { $count } jour
   *[other] { $count } jours
}
# Au-dessus du lien, en texte simple.
link-line = { $button } :
# Au-dessus du lien, en HTML.
link-below = Si le bouton ne fonctionne pas, copiez cette adresse dans votre navigateur :
code-warning = Ne donnez ce code à personne, pas même à quelqu’un qui dit appartenir à { -product }.
footer = { -product } vous envoie ce message parce qu’il concerne votre compte. Il n’attend pas de réponse.

### Liens et codes demandés

verify-email =
    .subject = Confirmez votre adresse e-mail
    .preheader = Dernière étape : montrez que cette adresse est la vôtre.
    .heading = Cette adresse est-elle la vôtre ?
    .intro = Quelqu’un a créé un compte { -product } avec cette adresse e-mail. Si c’était vous, confirmez l’adresse. Le mot de passe que vous avez choisi vous sera demandé.
    .button = Confirmer l’adresse
    .validity = Le lien est valable { $time } et ne sert qu’une fois.
    .doubt = Si ce n’était pas vous, ne faites rien. Sans votre confirmation, personne ne peut prouver que cette adresse est la sienne.
    .sms = { -product }: confirmez votre adresse e-mail ici. Lien valable { $time }. Pas vous ? Ne faites rien.

verify-email-code =
    .subject = Votre code pour confirmer votre adresse e-mail
    .preheader = Dernière étape : montrez que cette adresse est la vôtre.
    .heading = Confirmez votre adresse
    .intro = Saisissez ce code là où { -product } le demande, pour confirmer que cette adresse e-mail est la vôtre.
    .validity = Le code est valable { $time } et ne sert qu’une fois.
    .doubt = Si vous n’avez pas demandé de code, ne faites rien : l’adresse reste non confirmée.
    .sms = { -product }: { $code } confirme votre adresse e-mail, pendant { $time }. Ne le donnez à personne.

verify-phone-code =
    .subject = Votre code pour confirmer votre numéro de téléphone
    .preheader = Dernière étape : montrez que ce numéro est le vôtre.
    .heading = Confirmez votre numéro
    .intro = Saisissez ce code là où { -product } le demande, pour confirmer que le numéro de téléphone est le vôtre.
    .validity = Le code est valable { $time } et ne sert qu’une fois.
    .doubt = Si vous n’avez pas demandé de code, ne faites rien : le numéro reste non confirmé.
    .sms = { -product }: { $code } confirme votre téléphone, pendant { $time }. Ne le donnez à personne.

already-registered =
    .subject = Vous avez déjà un compte
    .preheader = Inutile d’en créer un autre : connectez-vous.
    .heading = Vous avez déjà un compte
    .intro = Quelqu’un, sans doute vous, a essayé de créer un compte { -product } avec cette adresse e-mail. Elle en a déjà un : il suffit de vous connecter.
    .button = Se connecter
    .doubt = Si vous avez oublié votre mot de passe, choisissez-en un nouveau sur cette page. Si ce n’était pas vous, ne faites rien : votre compte est inchangé.
    .sms = { -product }: quelqu'un a voulu créer un compte pour vous, mais vous en avez un. Pas vous ? Ne faites rien.

login-code =
    .subject = Votre code de connexion
    .preheader = Il ne sert qu’une fois et peu de temps.
    .heading = Connectez-vous
    .intro = Saisissez ce code pour vous connecter à { -product }.
    .validity = Le code est valable { $time } et ne sert qu’une fois.
    .doubt = Si vous n’êtes pas en train de vous connecter, ne faites rien : sans le code, personne n’entre.
    .sms = { -product }: { $code } est votre code de connexion, pendant { $time }. Ne le donnez à personne.

step-up-code =
    .subject = Votre code pour confirmer que c’est bien vous
    .preheader = Une modification de votre compte attend votre confirmation.
    .heading = Confirmez que c’est bien vous
    .intro = Vous allez modifier quelque chose d’important dans votre compte { -product }. Saisissez ce code pour continuer.
    .validity = Le code est valable { $time } et ne sert qu’une fois.
    .doubt = Si vous ne modifiez rien, quelqu’un utilise peut-être votre compte. Ne transmettez pas le code, déconnectez tous vos appareils et choisissez un nouveau mot de passe.
    .sms = { -product }: { $code } confirme que c'est bien vous, pendant { $time }. Ne le donnez à personne.

password-reset =
    .subject = Choisissez un nouveau mot de passe
    .preheader = Voici le lien que vous avez demandé.
    .heading = Choisissez un nouveau mot de passe
    .intro = Quelqu’un, sans doute vous, a demandé un nouveau mot de passe pour votre compte { -product }. Choisissez-le ici.
    .button = Choisir un mot de passe
    .validity = Le lien est valable { $time } et ne sert qu’une fois.
    .doubt = Si ce n’était pas vous, ne faites rien : votre mot de passe reste le même.
    .sms = { -product }: choisissez un mot de passe ici. Lien valable { $time }. Pas vous ? Ne faites rien.

password-reset-code =
    .subject = Votre code pour choisir un nouveau mot de passe
    .preheader = Voici le code que vous avez demandé.
    .heading = Choisissez un nouveau mot de passe
    .intro = Quelqu’un, sans doute vous, a demandé un nouveau mot de passe pour votre compte { -product }. Saisissez ce code pour le choisir.
    .validity = Le code est valable { $time } et ne sert qu’une fois.
    .doubt = Si ce n’était pas vous, ne faites rien : votre mot de passe reste le même.
    .sms = { -product }: { $code } permet de changer le mot de passe, pendant { $time }. Ne le donnez à personne.

invitation =
    .subject = Vous êtes invité
    .preheader = Un compte vous attend : choisissez son mot de passe.
    .heading = Un compte pour vous
    .intro = Un compte { -product } a été créé pour cette adresse e-mail. Pour l’utiliser, choisissez ici un mot de passe.
    .button = Choisir un mot de passe
    .validity = Le lien est valable { $time } et ne sert qu’une fois.
    .doubt = Si vous ne savez pas pourquoi vous recevez ce message, ne faites rien : sans mot de passe de votre part, le compte reste fermé. Si le lien a expiré, demandez un nouveau mot de passe sur la page de connexion.
    .sms = { -product }: un compte vous attend. Choisissez son mot de passe ici. Lien valable { $time }.

sign-in-with-google =
    .subject = Comment vous vous connectez
    .preheader = Votre compte n’a pas de mot de passe : vous passez par Google.
    .heading = Vous vous connectez avec Google
    .intro = Quelqu’un, sans doute vous, a demandé un nouveau mot de passe pour votre compte { -product }. Il n’en a pas : connectez-vous avec le bouton « Google » de la page de connexion.
    .button = Se connecter
    .doubt = Si ce n’était pas vous, ne faites rien : votre compte est inchangé.
    .sms = { -product }: votre compte n'a pas de mot de passe. Connectez-vous avec Google. Pas vous ? Ne faites rien.

change-email =
    .subject = Confirmez votre nouvelle adresse e-mail
    .preheader = Votre compte prendra cette adresse dès que vous la confirmerez.
    .heading = Est-ce votre nouvelle adresse ?
    .intro = Quelqu’un, sans doute vous, veut utiliser cette adresse e-mail pour un compte { -product }. Pour confirmer, saisissez le code ou suivez le lien.
    .button = Confirmer la nouvelle adresse
    .validity = Les deux sont valables { $time } et ne servent qu’une fois.
    .doubt = Si ce n’était pas vous, ne faites rien : le compte garde son ancienne adresse.
    .sms = { -product }: { $code } ou ce lien confirme votre nouvelle adresse, pendant { $time }. Pas vous ? Ne faites rien.

change-email-code =
    .subject = Votre code pour confirmer votre nouvelle adresse e-mail
    .preheader = Votre compte prendra cette adresse dès que vous la confirmerez.
    .heading = Est-ce votre nouvelle adresse ?
    .intro = Quelqu’un, sans doute vous, veut utiliser cette adresse e-mail pour un compte { -product }. Saisissez ce code pour confirmer.
    .validity = Le code est valable { $time } et ne sert qu’une fois.
    .doubt = Si ce n’était pas vous, ne faites rien : le compte garde son ancienne adresse.
    .sms = { -product }: { $code } confirme votre nouvelle adresse, pendant { $time }. Ne le donnez à personne.

change-phone-code =
    .subject = Votre code pour confirmer votre nouveau numéro
    .preheader = Votre compte prendra ce numéro dès que vous le confirmerez.
    .heading = Confirmez votre nouveau numéro
    .intro = Quelqu’un, sans doute vous, change le numéro de téléphone de votre compte { -product }. Saisissez ce code pour confirmer.
    .validity = Le code est valable { $time } et ne sert qu’une fois.
    .doubt = Si ce n’était pas vous, ne faites rien : le compte garde son ancien numéro.
    .sms = { -product }: { $code } confirme votre nouveau numéro, pendant { $time }. Ne le donnez à personne.

### Ce qui est arrivé à un compte

password-changed =
    .subject = Votre mot de passe a été changé
    .preheader = Si ce n’était pas vous, agissez maintenant.
    .heading = Votre mot de passe a été changé
    .intro =
        Le mot de passe de votre compte { -product } vient d’être changé. Si c’était vous, tout va bien.

        Si ce n’était pas vous, choisissez tout de suite un nouveau mot de passe, par le lien « mot de passe oublié » de la page de connexion.
    .button = Aller à la page de connexion
    .doubt = Dans le doute, choisissez un nouveau mot de passe : celui qui connaît l’actuel n’entrera plus. Si vous ne faites rien, le changement reste.
    .sms = { -product }: votre mot de passe a été changé. Si ce n'était pas vous, choisissez-en un autre tout de suite.

password-weak =
    .subject = Choisissez un meilleur mot de passe
    .preheader = Le vôtre est encore valable, mais facile à deviner.
    .heading = Votre mot de passe est facile à deviner
    .intro =
        Vous venez de vous connecter à votre compte { -product } avec un mot de passe qui ne serait plus accepté aujourd’hui : il est court ou facile à deviner.

        Il reste valable. Choisissez-en un meilleur, dans les réglages de votre compte ou par le lien « mot de passe oublié » de la page de connexion.
    .button = Aller à la page de connexion
    .doubt = Si ce n’était pas vous, choisissez tout de suite un nouveau mot de passe.
    .sms = { -product }: votre mot de passe est facile à deviner. Choisissez-en un meilleur.

data-export-ready =
    .subject = La copie de vos données est prête
    .preheader = Vous avez demandé à { -product } une copie de vos données.
    .heading = Vos données sont prêtes
    .intro = La copie de vos données que vous avez demandée à { -product } est prête. Connectez-vous pour la télécharger.
    .button = Aller à la page de connexion
    .validity = Elle peut être téléchargée pendant { $time }.
    .doubt = Si vous ne l’avez pas demandée, choisissez tout de suite un nouveau mot de passe : la demande est venue de votre compte.
    .sms = { -product }: la copie de vos données est disponible pendant { $time }. Pas vous ? Changez de mot de passe.

email-changed =
    .subject = Votre adresse e-mail a été changée
    .preheader = Si ce n’était pas vous, vous pouvez l’annuler.
    .heading = Votre adresse e-mail a été changée
    .intro =
        Votre compte { -product } appartient maintenant à { $address }, qui recevra désormais ses messages. Si c’était vous, tout va bien.

        Si ce n’était pas vous, reprenez votre compte avec ce lien.
    .button = Annuler le changement
    .validity = Le lien est valable { $time } et ne sert qu’une fois.
    .doubt = Dans le doute, annulez le changement : il pourra être refait à tout moment. Si vous ne faites rien, le compte garde la nouvelle adresse, et après { $time } ce lien ne pourra plus le ramener.
    .sms = { -product }: votre compte a maintenant { $address }. Si ce n'était pas vous, annulez ici, pendant { $time }.

email-reverted =
    .subject = Votre adresse e-mail est rétablie
    .preheader = Encore une étape : choisissez un nouveau mot de passe.
    .heading = Votre compte est revenu à cette adresse
    .intro = Le changement d’adresse e-mail a été annulé et votre compte { -product } appartient de nouveau à cette adresse. Quelqu’un connaît peut-être encore votre mot de passe : choisissez-en un nouveau maintenant.
    .button = Choisir un mot de passe
    .validity = Le lien est valable { $time } et ne sert qu’une fois.
    .doubt = Si le lien a expiré, demandez-en un autre sur la page de connexion. Si vous ne changez pas de mot de passe, celui qui connaît l’ancien pourra recommencer.
    .sms = { -product }: votre adresse est rétablie. Choisissez un mot de passe ici, dans les { $time }.

email-changed-notice =
    .subject = Votre compte a une nouvelle adresse e-mail
    .preheader = Si ce n’était pas vous, agissez maintenant.
    .heading = Votre compte a une nouvelle adresse e-mail
    .intro =
        L’adresse e-mail de votre compte { -product } est maintenant { $address }. Si c’était vous, tout va bien.

        Si ce n’était pas vous, connectez-vous tout de suite, remettez votre adresse et choisissez un nouveau mot de passe.
    .doubt = Dans le doute, connectez-vous et vérifiez l’adresse de votre profil. Si vous ne faites rien, la nouvelle adresse reste.
    .sms = { -product }: votre adresse e-mail est maintenant { $address }. Pas vous? Connectez-vous vite.

phone-changed =
    .subject = Votre numéro de téléphone a été changé
    .preheader = Si ce n’était pas vous, agissez maintenant.
    .heading = Votre numéro de téléphone a été changé
    .intro =
        Le numéro de téléphone de votre compte { -product } est maintenant { $number }. Si c’était vous, tout va bien.

        Si ce n’était pas vous, choisissez tout de suite un nouveau mot de passe par « mot de passe oublié » avec cette adresse e-mail : le nouveau numéro n’ouvrira alors plus votre compte.
    .doubt = Dans le doute, choisissez un nouveau mot de passe et vérifiez le numéro de votre profil. Si vous ne faites rien, le nouveau numéro reste.
    .sms = { -product }: votre numéro est maintenant { $number }. Si ce n'était pas vous, changez vite de mot de passe.

account-deleted =
    .subject = Votre compte est supprimé
    .preheader = Vous pouvez encore le garder, avec le lien de ce message.
    .heading = Votre compte est supprimé
    .intro = Vous avez demandé la suppression de votre compte { -product } : il est fermé et chaque appareil est déconnecté. Si vous changez d’avis, gardez-le avec ce lien et connectez-vous comme avant. Sinon il sera effacé pour toujours une fois le délai passé.
    .button = Garder mon compte
    .validity = Le lien est valable { $time } et ne sert qu’une fois.
    .doubt = Si ce n’était pas vous, quelqu’un d’autre a utilisé votre compte : gardez-le, connectez-vous et choisissez aussitôt un nouveau mot de passe.
    .sms = { -product }: votre compte est supprimé. Pour le garder, suivez ce lien dans les { $time }.

deleted-by-staff =
    .subject = Votre compte a été supprimé
    .preheader = Il est fermé et sera effacé.
    .heading = Votre compte a été supprimé
    .intro = Votre compte { -product } a été supprimé par notre équipe. Il est fermé et chaque appareil est déconnecté.
    .validity = Il peut être rétabli pendant { $time }. Ensuite tout son contenu est effacé pour toujours.
    .doubt = Si vous pensez que c’est une erreur, contactez { -product } avant la fin de ce délai.
    .sms = { -product }: compte supprimé. Rétablissement possible pendant { $time }. Une erreur ? Contactez-nous.

account-reclaimed =
    .subject = Votre compte a été sécurisé
    .preheader = Quelqu’un d’autre avait utilisé votre adresse. C’est fini.
    .heading = Le compte est à vous seul
    .intro = Avant vous, quelqu’un d’autre avait créé un compte { -product } avec votre adresse, sans prouver qu’elle était à lui. Vous avez prouvé qu’elle est la vôtre : tout ce qu’il avait mis est supprimé, son mot de passe, son profil et les appareils où il était connecté.
    .button = Se connecter
    .doubt = Vous n’avez rien à faire. Dans le doute, connectez-vous, choisissez un nouveau mot de passe et relisez votre profil.
    .sms = { -product }: quelqu'un d'autre avait pris votre adresse. Ses accès sont supprimés, le compte est à vous seul.

identity-linked =
    .subject = Un moyen de connexion a été ajouté
    .preheader = Si ce n’était pas vous, agissez maintenant.
    .heading = { $provider } vous connecte désormais
    .intro =
        Un compte { $provider } a été lié à votre compte { -product } et permet de se connecter. Si c’était vous, tout va bien.

        Si ce n’était pas vous, connectez-vous tout de suite, supprimez ce lien et choisissez un nouveau mot de passe.
    .doubt = Dans le doute, supprimez le lien : il pourra être refait à tout moment. Si vous ne faites rien, celui qui possède ce compte { $provider } peut se connecter à votre place.
    .sms = { -product }: { $provider } permet de se connecter. Si ce n'était pas vous, supprimez-le et changez de mot de passe.

identity-unlinked =
    .subject = Un moyen de connexion a été supprimé
    .preheader = Si ce n’était pas vous, agissez maintenant.
    .heading = { $provider } ne vous connecte plus
    .intro =
        Un compte { $provider } a été séparé de votre compte { -product } et ne permet plus de se connecter. Si c’était vous, tout va bien.

        Si ce n’était pas vous, connectez-vous tout de suite et choisissez un nouveau mot de passe.
    .doubt = Dans le doute, choisissez un nouveau mot de passe et vérifiez vos moyens de connexion. Si vous ne faites rien, vous vous connectez par ceux qui restent.
    .sms = { -product }: { $provider } ne vous connecte plus. Si ce n'était pas vous, changez de mot de passe tout de suite.

identities-ended =
    .subject = Un moyen de connexion a été retiré par sécurité
    .preheader = Il avait été ajouté peu avant que votre compte soit sécurisé.
    .heading = { $provider } ne vous connecte plus
    .intro =
        Votre compte { -product } vient d’être sécurisé. Peu avant, un compte { $provider } y avait été lié, peut-être par quelqu’un d’autre : ce lien a été supprimé.

        Si ce compte { $provider } est à vous, connectez-vous autrement et liez-le de nouveau dans votre profil.
    .button = Aller à la page de connexion
    .doubt = Si vous ne connaissez pas ce compte { $provider }, ne faites rien : il n’ouvre plus votre compte.
    .sms = { -product }: { $provider } ne vous connecte plus. S'il est à vous, connectez-vous et ajoutez-le de nouveau.

### Les pages des liens, tant qu’aucune application ne les sert (links.hosted)

page-verify-email =
    .heading = Confirmez votre adresse e-mail
    .intro = Saisissez le mot de passe choisi à l’inscription. Il montre que c’était vous, et non quelqu’un d’autre avec votre adresse.
    .button = Confirmer l’adresse
    .done = Votre adresse est confirmée
    .done-intro = Vous pouvez maintenant vous connecter.

page-password-reset =
    .heading = Choisissez un nouveau mot de passe
    .intro = Tous les appareils connectés à votre compte devront se reconnecter.
    .button = Enregistrer le mot de passe
    .done = Votre nouveau mot de passe est enregistré
    .done-intro = Connectez-vous désormais avec lui.

page-invitation =
    .heading = Choisissez un mot de passe
    .intro = Un compte { -product } vous attend. Il est à vous dès qu’il a un mot de passe.
    .button = Enregistrer le mot de passe
    .done = Votre mot de passe est enregistré
    .done-intro = Vous pouvez maintenant vous connecter, avec cette adresse e-mail et ce mot de passe.

page-change-email =
    .heading = Confirmez votre nouvelle adresse e-mail
    .intro = Connectez-vous encore une fois, comme avant le changement. Ainsi personne d’autre ne peut donner votre adresse à son compte, ni la sienne au vôtre.
    .button = Confirmer la nouvelle adresse
    .done = Votre nouvelle adresse est confirmée
    .done-intro = Votre compte a désormais la nouvelle adresse e-mail. Nous avons prévenu l’ancienne.

page-revert-email =
    .heading = Annuler le changement d’adresse ?
    .intro =
        Votre compte reprend l’adresse e-mail à laquelle ce lien a été envoyé.

        Celui qui a fait le changement connaît peut-être votre mot de passe. Le mot de passe est donc supprimé, chaque appareil devra se reconnecter, et les comptes externes liés dans les derniers jours sont séparés. Un message avec un lien pour choisir un nouveau mot de passe suivra.
    .button = Annuler le changement
    .done = Le changement est annulé
    .done-intro = Votre compte a retrouvé son ancienne adresse e-mail. Ouvrez le message que nous venons d’y envoyer et choisissez un nouveau mot de passe.

page-cancel-deletion =
    .heading = Garder votre compte ?
    .intro =
        Vous avez supprimé votre compte. Il peut encore être gardé : avec son mot de passe, son profil et ses adresses.

        Les appareils restent déconnectés. Si ce n’est pas vous qui l’avez supprimé, choisissez un nouveau mot de passe après la connexion.
    .button = Garder mon compte
    .done = Votre compte est gardé
    .done-intro = Rien n’a été effacé. Connectez-vous comme avant.

page-home =
    .heading = Ici, { -product } connecte ses utilisateurs
    .intro = Il n’y a rien à faire ici. Si un message vous amène, utilisez son lien ; pour vous connecter, allez là où vous utilisez { -product }.
    .link = Aller à { -product }

page-field =
    .password = Mot de passe
    .new-password = Nouveau mot de passe
    .new-password-hint = Au moins { $count } caractères. Quelques mots sans rapport entre eux se retiennent bien et se devinent mal.
    .repeated = Le même mot de passe, encore une fois
    .email-or-phone = Adresse e-mail ou numéro de téléphone
    .email-or-phone-hint = Ceux que votre compte a en ce moment, avant le changement.

page-problem =
    .link = Ce lien ne fonctionne pas
    .link-intro = Il a déjà servi, il est trop ancien ou il n’est pas complet. Ouvrez le message le plus récent, ou demandez-en un autre là où vous utilisez { -product }.
    .password = Ce n’est pas le mot de passe du compte.
    .credentials = Aucun compte n’a cette adresse ou ce numéro avec ce mot de passe.
    .suspended = Ce compte est suspendu. Adressez-vous à ceux qui gèrent { -product }.
    .not-verified = L’adresse ou le numéro saisi n’a pas été confirmé. Confirmez-le d’abord.
    .taken = Un autre compte a cette adresse
    .taken-intro = Elle ne peut donc pas passer au vôtre. Rien n’a été changé.
    .too-many = Trop de tentatives. Réessayez dans { $time }.
    .busy = Trop de monde en ce moment. Réessayez dans un instant.
    .unavailable = Quelque chose est en panne de notre côté. Rien n’a été changé ; réessayez dans quelques minutes.
    .failed = Quelque chose n’a pas marché de notre côté. Si cela se répète, donnez-nous ce numéro : { $request }
    .foreign = Ce formulaire ne vient pas de cette page
    .foreign-intro = Rien n’a été changé. Ouvrez encore une fois le lien du message.
    .malformed = Ce formulaire est illisible
    .malformed-intro = Rien n’a été changé. Ouvrez encore une fois le lien du message.
    .required = Remplissez ce champ.
    .too-short = Utilisez au moins { $count } caractères.
    .too-long = Utilisez au plus { $count } caractères.
    .too-weak = Ce mot de passe se devine facilement. Prenez-en un plus long, ou des mots sans rapport entre eux ni avec vous.
    .breached = Ce mot de passe figure dans une liste de mots de passe volés. Prenez-en un autre.
    .different = Les deux mots de passe diffèrent. Saisissez-les encore une fois.
    .invalid = Ce n’est pas ce qui est attendu ici.
