# English: the language every other one falls back to.
#
# One message per kind; its parts are attributes. A blank line inside a part begins a new paragraph.
# { -product } is the name of the service. $time is how long something works, as in "30 minutes".
# A part called .sms travels as a text message: keep it within 119 characters of the GSM alphabet,
# because a line for the browser follows.

### What other messages are made of

time-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
time-hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
}
time-days = { $count ->
    [one] { $count } day
   *[other] { $count } days
}
# Above the link in plain text.
link-line = { $button }:
# Above the link in HTML.
link-below = If the button does not work, copy this address into your browser:
code-warning = Never give this code to anybody, not even to somebody who says they are from { -product }.
footer = { -product } sends this message because it concerns your account. It needs no answer.

### Links and codes that were asked for

verify-email =
    .subject = Confirm your e-mail address
    .preheader = One step left: show that this address is yours.
    .heading = Is this your address?
    .intro = Somebody created an account at { -product } with this e-mail address. If that was you, please confirm the address. You will be asked for the password you chose.
    .button = Confirm address
    .validity = The link works for { $time }, and once.
    .doubt = If it was not you, do nothing. Without your confirmation nobody can prove that this address is theirs.
    .sms = { -product }: confirm your e-mail address here. The link works for { $time }. Not you? Do nothing.

verify-email-code =
    .subject = Your code to confirm your e-mail address
    .preheader = One step left: show that this address is yours.
    .heading = Confirm your address
    .intro = Enter this code where { -product } asks for it, to confirm that this e-mail address is yours.
    .validity = The code works for { $time }, and once.
    .doubt = If you did not ask for a code, do nothing: the address stays unconfirmed.
    .sms = { -product }: { $code } confirms your e-mail address, for { $time }. Give it to nobody.

verify-phone-code =
    .subject = Your code to confirm your phone number
    .preheader = One step left: show that this number is yours.
    .heading = Confirm your number
    .intro = Enter this code where { -product } asks for it, to confirm that the phone number is yours.
    .validity = The code works for { $time }, and once.
    .doubt = If you did not ask for a code, do nothing: the number stays unconfirmed.
    .sms = { -product }: { $code } confirms your phone number, for { $time }. Give it to nobody.

already-registered =
    .subject = You already have an account
    .preheader = There is no need to create another one: just sign in.
    .heading = You already have an account
    .intro = Somebody, probably you, tried to create an account at { -product } with this e-mail address. It has one already, so you can simply sign in.
    .button = Sign in
    .doubt = If you do not remember your password, choose a new one on that page. If it was not you, do nothing: your account is unchanged.
    .sms = { -product }: somebody tried to create an account for you, but you have one. Just sign in. Not you? Do nothing.

login-code =
    .subject = Your code to sign in
    .preheader = It works once and only for a short time.
    .heading = Sign in
    .intro = Enter this code to sign in to { -product }.
    .validity = The code works for { $time }, and once.
    .doubt = If you are not signing in just now, do nothing: without the code nobody gets in.
    .sms = { -product }: { $code } is your code to sign in, for { $time }. Give it to nobody.

step-up-code =
    .subject = Your code to confirm that it is you
    .preheader = A change to your account waits for your confirmation.
    .heading = Confirm that it is you
    .intro = You are about to change something important in your { -product } account. Enter this code to go on.
    .validity = The code works for { $time }, and once.
    .doubt = If you are not changing anything, somebody may be using your account. Do not pass the code on, sign out all devices and set a new password.
    .sms = { -product }: { $code } confirms that it is you, for { $time }. Give it to nobody.

password-reset =
    .subject = Set a new password
    .preheader = This is the link you asked for.
    .heading = Set a new password
    .intro = Somebody, probably you, asked for a new password for your { -product } account. Choose one here.
    .button = Choose a password
    .validity = The link works for { $time }, and once.
    .doubt = If it was not you, do nothing: your password stays as it is.
    .sms = { -product }: set a new password here. The link works for { $time }. Not you? Do nothing.

password-reset-code =
    .subject = Your code to set a new password
    .preheader = This is the code you asked for.
    .heading = Set a new password
    .intro = Somebody, probably you, asked for a new password for your { -product } account. Enter this code to choose one.
    .validity = The code works for { $time }, and once.
    .doubt = If it was not you, do nothing: your password stays as it is.
    .sms = { -product }: { $code } lets you set a new password, for { $time }. Give it to nobody.

invitation =
    .subject = You are invited
    .preheader = An account is waiting for you: choose its password.
    .heading = An account for you
    .intro = An account at { -product } was made for this e-mail address. To use it, choose a password here.
    .button = Choose a password
    .validity = The link works for { $time }, and once.
    .doubt = If you do not know why you got this, do nothing: without a password of yours the account stays closed. If the link has expired, ask for a new password on the sign-in page.
    .sms = { -product }: an account was made for you. Choose its password here, within { $time }.

sign-in-with-google =
    .subject = How you sign in
    .preheader = Your account has no password: you sign in with Google.
    .heading = You sign in with Google
    .intro = Somebody, probably you, asked for a new password for your { -product } account. It has none: you sign in with the button “Google” on the sign-in page.
    .button = Sign in
    .doubt = If it was not you, do nothing: your account is unchanged.
    .sms = { -product }: your account has no password. Sign in with Google. Not you? Do nothing.

change-email =
    .subject = Confirm your new e-mail address
    .preheader = Your account moves to this address once you confirm it.
    .heading = Is this your new address?
    .intro = Somebody, probably you, wants to use this e-mail address for an account at { -product }. To confirm, enter the code or follow the link.
    .button = Confirm new address
    .validity = Either works for { $time }, and once.
    .doubt = If it was not you, do nothing: the account keeps its old address.
    .sms = { -product }: { $code } or this link confirms your new address, for { $time }. Not you? Do nothing.

change-email-code =
    .subject = Your code to confirm your new e-mail address
    .preheader = Your account moves to this address once you confirm it.
    .heading = Is this your new address?
    .intro = Somebody, probably you, wants to use this e-mail address for an account at { -product }. Enter this code to confirm.
    .validity = The code works for { $time }, and once.
    .doubt = If it was not you, do nothing: the account keeps its old address.
    .sms = { -product }: { $code } confirms your new e-mail address, for { $time }. Give it to nobody.

change-phone-code =
    .subject = Your code to confirm your new phone number
    .preheader = Your account takes the new number once you confirm it.
    .heading = Confirm your new number
    .intro = Somebody, probably you, is changing the phone number of your { -product } account. Enter this code to confirm.
    .validity = The code works for { $time }, and once.
    .doubt = If it was not you, do nothing: the account keeps its old number.
    .sms = { -product }: { $code } confirms your new phone number, for { $time }. Give it to nobody.

### What happened to an account

password-changed =
    .subject = Your password was changed
    .preheader = If it was not you, act now.
    .heading = Your password was changed
    .intro =
        The password of your { -product } account has just been changed. If it was you, all is well.

        If it was not you, set a new password at once. You can do that from the sign-in page, under “forgotten password”.
    .button = Go to the sign-in page
    .doubt = If you are in doubt, set a new password: it locks out whoever knows the present one. If you do nothing, the change stands.
    .sms = { -product }: your password was changed. If it was not you, set a new one at once.

password-weak =
    .subject = Please choose a better password
    .preheader = Yours still works, but it is easy to guess.
    .heading = Your password is easy to guess
    .intro =
        You have just signed in to your { -product } account with a password that would not be accepted today: it is short or easy to guess.

        It still works. Please choose a better one, in the settings of your account or from the sign-in page, under “forgotten password”.
    .button = Go to the sign-in page
    .doubt = If it was not you who signed in, choose a new password at once.
    .sms = { -product }: your password is easy to guess. Please choose a better one.

data-export-ready =
    .subject = Your copy of your data is ready
    .preheader = You asked { -product } for a copy of your data.
    .heading = Your data is ready to download
    .intro = The copy of your data that you asked { -product } for is ready. Sign in to download it.
    .button = Go to the sign-in page
    .validity = It can be downloaded for { $time }.
    .doubt = If you did not ask for it, set a new password at once: whoever asked was signed in to your account.
    .sms = { -product }: the copy of your data is ready for { $time }. Not you? Set a new password at once.

email-changed =
    .subject = Your e-mail address was changed
    .preheader = If it was not you, you can undo it.
    .heading = Your e-mail address was changed
    .intro =
        Your { -product } account now belongs to { $address }. From now on its messages go there. If it was you, all is well.

        If it was not you, take your account back with this link.
    .button = Undo the change
    .validity = The link works for { $time }, and once.
    .doubt = If you are in doubt, undo the change: it can be made again at any time. If you do nothing, the account stays with the new address, and after { $time } this link cannot bring it back.
    .sms = { -product }: your account moved to { $address }. If it was not you, undo that here, for { $time }.

email-reverted =
    .subject = Your e-mail address is back
    .preheader = One more step: set a new password.
    .heading = Your account is back at this address
    .intro = The change of your e-mail address was undone, and your { -product } account belongs to this address again. The old password has ended, since somebody else may know it. Please set a new one now.
    .button = Set a new password
    .validity = The link works for { $time }, and once.
    .doubt = If the link has expired, ask for another one on the sign-in page. Your old password does not work any more.
    .sms = { -product }: your address is back. Set a new password here, within { $time }.

email-changed-notice =
    .subject = Your account has a new e-mail address
    .preheader = If it was not you, act now.
    .heading = Your account has a new e-mail address
    .intro =
        The e-mail address of your { -product } account is now { $address }. If it was you, all is well.

        If it was not you, sign in at once, put your own address back and set a new password.
    .doubt = If you are in doubt, sign in and look at the address in your profile. If you do nothing, the new address stays.
    .sms = { -product }: your e-mail address is now { $address }. Not you? Sign in now.

phone-changed =
    .subject = Your phone number was changed
    .preheader = If it was not you, act now.
    .heading = Your phone number was changed
    .intro =
        The phone number of your { -product } account is now { $number }. If it was you, all is well.

        If it was not you, set a new password at once by “forgotten password” with this e-mail address: that also takes the new number its power over your account.
    .doubt = If you are in doubt, set a new password and look at the number in your profile. If you do nothing, the new number stays.
    .sms = { -product }: your phone number is now { $number }. If it was not you, sign in and set a new password at once.

account-deleted =
    .subject = Your account is deleted
    .preheader = You can still keep it, by the link in this message.
    .heading = Your account is deleted
    .intro = You asked to delete your { -product } account, so it is closed and every device is signed out. If you change your mind, keep it by this link, and sign in as before. Otherwise it is erased for ever once the time is over.
    .button = Keep my account
    .validity = The link works for { $time }, and once.
    .doubt = If it was not you, somebody else used your account: keep it, sign in and set a new password at once.
    .sms = { -product }: your account is deleted. To keep it, follow this link within { $time }.

deleted-by-staff =
    .subject = Your account was deleted
    .preheader = It is closed, and will be erased.
    .heading = Your account was deleted
    .intro = Your account at { -product } was deleted by its staff. It is closed and every device is signed out.
    .validity = It can be restored for { $time }. Then everything in it is erased for ever.
    .doubt = If you think that this is a mistake, contact { -product } before that time is over.
    .sms = { -product }: your account was deleted. It can be restored for { $time }. A mistake? Contact us.

account-reclaimed =
    .subject = Your account was secured
    .preheader = Somebody else had used your address. That is over.
    .heading = The account is yours alone
    .intro = Before you, somebody else had created an account at { -product } with your address, without proving that it is theirs. You have proved that it is yours, so what they had set is gone: their password, their profile, and the devices they were signed in on.
    .button = Sign in
    .doubt = You need do nothing. If you are in doubt, sign in, set a new password and look through your profile.
    .sms = { -product }: somebody else had used your address. What they had set is gone; the account is yours alone.

identity-linked =
    .subject = A way to sign in was added
    .preheader = If it was not you, act now.
    .heading = You can sign in with { $provider } now
    .intro =
        A { $provider } account was connected to your { -product } account, and can be used to sign in. If it was you, all is well.

        If it was not you, sign in at once, remove the connection and set a new password.
    .doubt = If you are in doubt, remove the connection: it can be made again at any time. If you do nothing, whoever has that { $provider } account can sign in as you.
    .sms = { -product }: { $provider } was added as a way to sign in. If it was not you, remove it and set a new password.

identity-unlinked =
    .subject = A way to sign in was removed
    .preheader = If it was not you, act now.
    .heading = { $provider } no longer signs you in
    .intro =
        A { $provider } account was disconnected from your { -product } account, and can no longer be used to sign in. If it was you, all is well.

        If it was not you, sign in at once and set a new password.
    .doubt = If you are in doubt, set a new password and look at your ways to sign in. If you do nothing, you sign in with the ways that are left.
    .sms = { -product }: you no longer sign in with { $provider }. If it was not you, set a new password at once.

identities-ended =
    .subject = A way to sign in was removed for safety
    .preheader = It was added shortly before your account was secured.
    .heading = { $provider } no longer signs you in
    .intro =
        Your { -product } account has just been secured. Shortly before, a { $provider } account had been connected to it, perhaps by somebody else, so the connection was removed.

        If that { $provider } account is yours, sign in another way and connect it again in your profile.
    .button = Go to the sign-in page
    .doubt = If you do not know that { $provider } account, do nothing: it does not open your account any more.
    .sms = { -product }: { $provider } was removed as a way to sign in. If it was yours, sign in and add it again.

### The pages that links lead to while no front end serves them (links.hosted)

page-verify-email =
    .heading = Confirm your e-mail address
    .intro = Enter the password you chose when you registered. It shows that it was you, and not somebody else with your address.
    .button = Confirm address
    .done = Your address is confirmed
    .done-intro = You can sign in now.

page-password-reset =
    .heading = Choose a new password
    .intro = Every device that is signed in to your account will have to sign in again.
    .button = Set password
    .done = Your new password is set
    .done-intro = Sign in with it from now on.

page-invitation =
    .heading = Choose a password
    .intro = There is a { -product } account for you. It is yours once it has a password.
    .button = Set password
    .done = Your password is set
    .done-intro = You can sign in now, with this e-mail address and the password.

page-change-email =
    .heading = Confirm your new e-mail address
    .intro = Sign in once more, the way you did before the change. That way nobody else can move their account to your address, or yours to theirs.
    .button = Confirm new address
    .done = Your new address is confirmed
    .done-intro = Your account has the new e-mail address from now on. We told the old one.

page-revert-email =
    .heading = Undo the change of address?
    .intro =
        Your account goes back to the e-mail address that this link was sent to.

        Whoever made the change may know your password. So the password is removed, every device has to sign in again, and accounts of others that were linked in the days before are unlinked. A message with a link to a new password follows.
    .button = Undo the change
    .done = The change is undone
    .done-intro = Your account has its old e-mail address again. Look for the message that we have just sent there, and choose a new password.

page-cancel-deletion =
    .heading = Keep your account?
    .intro =
        You deleted your account. It can still be kept: with its password, its profile and its addresses.

        Devices stay signed out. If it was not you who deleted it, set a new password after signing in.
    .button = Keep my account
    .done = Your account stays
    .done-intro = Nothing was erased. Sign in as before.

page-home =
    .heading = This is where { -product } signs people in
    .intro = There is nothing to do here. If a message brought you, use its link; if you want to sign in, go to the place where you use { -product }.
    .link = Go to { -product }

page-field =
    .password = Password
    .new-password = New password
    .new-password-hint = At least { $count } characters. A few unrelated words are easy to remember and hard to guess.
    .repeated = The same password again
    .email-or-phone = E-mail address or phone number
    .email-or-phone-hint = Those that your account has now, before the change.

page-problem =
    .link = This link does not work
    .link-intro = It was used already, is too old, or is not complete. Open the newest message, or ask for another one where you use { -product }.
    .password = This is not the password of the account.
    .credentials = No account has this address or number with this password.
    .suspended = This account is suspended. Ask those who run { -product }.
    .not-verified = The address or number you typed has not been confirmed. Confirm it first.
    .taken = Another account has this address
    .taken-intro = So the address cannot be moved to yours. Nothing was changed.
    .too-many = Too many attempts. Try again in { $time }.
    .busy = Too many people are here at this moment. Try again shortly.
    .unavailable = Something is out of order on our side. Nothing was changed; try again in a few minutes.
    .failed = Something went wrong on our side. If it happens again, tell us this number: { $request }
    .foreign = This form was not sent from this page
    .foreign-intro = Nothing was changed. Open the link from the message once more.
    .malformed = This form could not be read
    .malformed-intro = Nothing was changed. Open the link from the message once more.
    .required = Fill this in.
    .too-short = Use at least { $count } characters.
    .too-long = Use at most { $count } characters.
    .too-weak = This password is easy to guess. Use a longer one, or words that have nothing to do with each other or with you.
    .breached = This password is in a list of stolen ones. Use another.
    .different = The two passwords are different. Type both again.
    .invalid = This is not what belongs here.
