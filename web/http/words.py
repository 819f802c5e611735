"""Every sentence a visitor reads, per language. A language that is not here reads English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from dsl.plan import tags
from web.http.fields import Problem

ENGLISH: Mapping[str, str] = {
    # problems with one field
    "required": "Please fill in this field.",
    "choose": "Please choose an option.",
    "several": "Please enter only one value.",
    "type": "This value is not valid for this field.",
    "long": "Please use at most {limit} characters.",
    "lines": "Please remove the control characters from this text.",
    "control": "Please use one line, without control characters.",
    "email": "Please enter one complete email address, such as name@company.com.",
    "number": "Please enter a number in digits, such as 250 or 12.5.",
    "ambiguous": "Please write this number without a separator for thousands, such as 1200 or 1.2.",
    "money": "Please enter an amount in {currency}, such as 1200 or 99.50.",
    "yes/no": "Please answer yes or no.",
    "date": "Please enter a date as year-month-day, such as 2026-12-24.",
    "moment": "Please enter a date and time, such as 2026-12-24T09:30.",
    "country": "Please enter a country name or two-letter code, such as DE.",
    "language": "Please enter a language name or two-letter code, such as en.",
    "phone": "Please enter a phone number with its country code, such as +49 30 123456.",
    "url": "Please enter a complete web address that starts with http:// or https://.",
    "timezone": "Please enter a time zone, such as Europe/Berlin.",
    "choice": "Please choose one of: {choices}.",
    # problems with the whole post
    "quick": "That was very quick. Please review the form and send it again.",
    "check": "Some answers are missing or invalid. Please check the highlighted fields.",
    # the pages
    "optional": "optional",
    "send": "Send",
    "track": "You may track which of your emails, links, and pages I open.",
    "yes": "Yes",
    "no": "No",
    "please choose": "Please choose",
    "leave empty": "Leave this field empty",
    "thanks": "Thank you!",
    "received": "We have received your details.",
    "check inbox": "One more step: please check your inbox",
    "check inbox text": "We have sent you an email. Press the button in it to confirm your address.",
    "ask again text": "No email after a few minutes? Look in your spam folder first.",
    "ask again": "Send it again",
    "asked again": "If it can be sent again, the email is on its way.",
    "download": "Download {file}",
    "continue": "Continue to {host}",
    "confirm": "Confirm your email address",
    "confirm text": "Press the button to confirm that you requested this.",
    "confirm button": "Confirm",
    "confirmed": "Your address is confirmed",
    "unsubscribe": "Unsubscribe",
    "unsubscribe text": "These choices are for {address}.",
    "unsubscribe topic": "No more emails about this",
    "unsubscribe all": "Stop all emails",
    "unsubscribe all text": "You will no longer get any marketing emails from us.",
    "unsubscribed": "You have been unsubscribed",
    "noted": "We have recorded that you unsubscribed. It takes effect within a few minutes.",
    "unsubscribed topic": "You will no longer get emails about “{topic}”.",
    "preferences": "Choose what you receive",
    "choose topics": "Send me emails about",
    "measuring": "Tracking",
    "mail language": "Email language",
    "save choices": "Save",
    "choices saved": "Your choices have been saved.",
    "choices changed": "This page was updated while you had it open, so nothing was saved. "
    "Please check it and save again.",
    "left everything": "You have been unsubscribed and will no longer get marketing emails from us.",
    "left before": "You are unsubscribed from everything. Select what you would like to receive again.",
    "no mail here": "We do not currently send emails to this address, so there are no topics to choose.",
    "data": "What we store about you",
    "data ask": "See what we store about you",
    "data ask text": "We send a link to your address, so that only you can open it.",
    "data asked": "Please check your inbox",
    "data asked text": "We send you a link to everything we store about you. At most one such email is sent in a day.",
    "data since": "We have known you since {date}.",
    "data details": "Your details",
    "data consents": "What you agreed to",
    "data emails": "Emails we sent you",
    "data none": "Nothing.",
    "data visits": "Visits to our website that we recorded: {many}.",
    "data file": "Download everything as a file (JSON)",
    "consent asked": "requested, not confirmed",
    "consent subscribed": "agreed",
    "consent unsubscribed": "withdrawn",
    "address": "Change my email address",
    "address text": "We send a link to the new address. Your address changes once you press the button there.",
    "address new": "New email address",
    "address ask": "Send the link",
    "address asked text": "We send a link to the new address. It works for 7 days.",
    "address confirm text": "From now on, we write to {address}, and no longer to your address so far.",
    "address button": "Use this address",
    "address done": "Your email address has changed",
    "address done text": "From now on, we write to {address}.",
    "address taken": "We know this address already. Please reply to one of our emails, so that we can help you.",
    "erase": "Erase my data",
    "erase text": "We erase everything we store about you. This cannot be undone. We keep only a code that does not "
    "reveal your address, so that we do not contact you again.",
    "erase sure": "I want you to erase my data.",
    "data erased": "Your data has been erased",
    "data erased text": "We no longer store anything about you.",
    "mail gone": "This email can no longer be shown",
    "mail gone text": "It was sent too long ago, or its content has been removed. You still have it in your inbox.",
    "not found": "This page does not exist",
    "not found text": "The address may be incomplete, or the page may have been removed.",
    # names of the built-in fields
    "field email": "Email",
    "field first_name": "First name",
    "field last_name": "Last name",
    "field company": "Company",
    "field job_title": "Job title",
    "field phone": "Phone",
    "field country": "Country",
    "field city": "City",
    "field language": "Language",
    "field timezone": "Time zone",
    "field birthday": "Birthday",
}

GERMAN: Mapping[str, str] = {
    "required": "Bitte füllen Sie dieses Feld aus.",
    "choose": "Bitte wählen Sie aus.",
    "several": "Bitte geben Sie hier nur einen Wert an.",
    "type": "Das ist kein Wert für dieses Feld.",
    "long": "Bitte höchstens {limit} Zeichen.",
    "lines": "Bitte entfernen Sie die Steuerzeichen aus diesem Text.",
    "control": "Bitte in einer Zeile und ohne Steuerzeichen.",
    "email": "Bitte geben Sie eine vollständige E-Mail-Adresse an, zum Beispiel name@firma.de.",
    "number": "Bitte eine Zahl in Ziffern, zum Beispiel 250 oder 12,5.",
    "ambiguous": "Bitte schreiben Sie diese Zahl ohne Tausendertrennzeichen, zum Beispiel 1200 oder 1,2.",
    "money": "Bitte einen Betrag in {currency}, zum Beispiel 1200 oder 99,50.",
    "yes/no": "Bitte antworten Sie mit Ja oder Nein.",
    "date": "Bitte ein Datum als Jahr-Monat-Tag, zum Beispiel 2026-12-24.",
    "moment": "Bitte Datum und Uhrzeit, zum Beispiel 2026-12-24T09:30.",
    "country": "Bitte ein Land mit Namen oder zwei Buchstaben, zum Beispiel DE.",
    "language": "Bitte eine Sprache mit Namen oder zwei Buchstaben, zum Beispiel de.",
    "phone": "Bitte eine Telefonnummer mit Ländervorwahl, zum Beispiel +49 30 123456.",
    "url": "Bitte eine vollständige Internetadresse, die mit http:// oder https:// beginnt.",
    "timezone": "Bitte eine Zeitzone wie Europe/Berlin.",
    "choice": "Bitte eines davon: {choices}.",
    "quick": "Das ging sehr schnell. Bitte sehen Sie das Formular noch einmal durch und senden Sie es erneut.",
    "check": "Etwas fehlt oder kann nicht stimmen. Bitte prüfen Sie die markierten Felder.",
    "optional": "freiwillig",
    "send": "Absenden",
    "track": "Sie dürfen messen, welche Ihrer E-Mails und Seiten ich nutze.",
    "yes": "Ja",
    "no": "Nein",
    "please choose": "Bitte wählen",
    "leave empty": "Dieses Feld bitte leer lassen",
    "thanks": "Vielen Dank!",
    "received": "Wir haben Ihre Angaben erhalten.",
    "check inbox": "Noch ein Schritt: Bitte sehen Sie in Ihr Postfach",
    "check inbox text": "Wir haben Ihnen eine E-Mail geschickt. Bestätigen Sie Ihre Adresse mit dem Knopf darin.",
    "ask again text": "Nach ein paar Minuten noch keine E-Mail? Bitte sehen Sie zuerst im Spam-Ordner nach.",
    "ask again": "Noch einmal senden",
    "asked again": "Wenn sie noch einmal gesendet werden kann, ist die E-Mail unterwegs.",
    "download": "{file} herunterladen",
    "continue": "Weiter zu {host}",
    "confirm": "E-Mail-Adresse bestätigen",
    "confirm text": "Mit dem Knopf bestätigen Sie, dass Sie dies angefordert haben.",
    "confirm button": "Bestätigen",
    "confirmed": "Ihre Adresse ist bestätigt",
    "unsubscribe": "Abmelden",
    "unsubscribe text": "Diese Auswahl gilt für {address}.",
    "unsubscribe topic": "Keine E-Mails mehr zu diesem Thema",
    "unsubscribe all": "Gar keine E-Mails mehr",
    "unsubscribe all text": "Sie erhalten überhaupt keine Werbe-E-Mails mehr von uns.",
    "unsubscribed": "Sie sind abgemeldet",
    "noted": "Wir haben Ihre Abmeldung gespeichert. Sie gilt in wenigen Minuten.",
    "unsubscribed topic": "Sie erhalten keine E-Mails mehr zu „{topic}“.",
    "preferences": "Auswählen, was Sie erhalten",
    "choose topics": "Bitte senden Sie mir E-Mails zu",
    "measuring": "Messung",
    "mail language": "Sprache der E-Mails",
    "save choices": "Speichern",
    "choices saved": "Ihre Auswahl ist gespeichert.",
    "choices changed": "Diese Seite hat sich inzwischen geändert, gespeichert wurde nichts. Bitte prüfen Sie sie und "
    "speichern Sie noch einmal.",
    "left everything": "Sie sind abgemeldet und erhalten keine Werbe-E-Mails mehr von uns.",
    "left before": "Sie sind von allem abgemeldet. Kreuzen Sie an, was Sie wieder erhalten möchten.",
    "no mail here": "An diese Adresse senden wir zurzeit keine E-Mails; deshalb gibt es keine Themen zur Auswahl.",
    "data": "Was wir über Sie gespeichert haben",
    "data ask": "Ansehen, was wir über Sie gespeichert haben",
    "data ask text": "Wir senden einen Link an Ihre Adresse, damit nur Sie ihn öffnen können.",
    "data asked": "Bitte sehen Sie in Ihren Posteingang",
    "data asked text": "Wir senden Ihnen einen Link zu allem, was wir über Sie gespeichert haben. Am Tag versenden wir "
    "höchstens eine solche E-Mail.",
    "data since": "Wir kennen Sie seit dem {date}.",
    "data details": "Ihre Angaben",
    "data consents": "Wozu Sie eingewilligt haben",
    "data emails": "E-Mails, die wir Ihnen gesendet haben",
    "data none": "Nichts.",
    "data visits": "Besuche auf unserer Website, die wir erfasst haben: {many}.",
    "data file": "Alles als Datei herunterladen (JSON)",
    "consent asked": "angefragt, nicht bestätigt",
    "consent subscribed": "eingewilligt",
    "consent unsubscribed": "widerrufen",
    "address": "Meine E-Mail-Adresse ändern",
    "address text": "Wir senden einen Link an die neue Adresse. Sie ändert sich, sobald Sie dort auf die Schaltfläche "
    "drücken.",
    "address new": "Neue E-Mail-Adresse",
    "address ask": "Link senden",
    "address asked text": "Wir senden einen Link an die neue Adresse. Er gilt 7 Tage.",
    "address confirm text": "Ab jetzt schreiben wir an {address} und nicht mehr an Ihre bisherige Adresse.",
    "address button": "Diese Adresse verwenden",
    "address done": "Ihre E-Mail-Adresse ist geändert",
    "address done text": "Ab jetzt schreiben wir an {address}.",
    "address taken": "Diese Adresse kennen wir schon. Bitte antworten Sie auf eine unserer E-Mails, damit wir Ihnen "
    "helfen können.",
    "erase": "Meine Daten löschen",
    "erase text": "Wir löschen alles, was wir über Sie gespeichert haben. Das lässt sich nicht rückgängig machen. Wir "
    "behalten nur einen Code, aus dem sich Ihre Adresse nicht ablesen lässt, damit wir Sie nicht wieder anschreiben.",
    "erase sure": "Löschen Sie meine Daten.",
    "data erased": "Ihre Daten sind gelöscht",
    "data erased text": "Wir haben nichts mehr über Sie gespeichert.",
    "mail gone": "Diese E-Mail lässt sich nicht mehr anzeigen",
    "mail gone text": "Sie wurde vor zu langer Zeit gesendet, oder das, woraus sie bestand, gibt es nicht mehr. "
    "In Ihrem Postfach ist sie noch.",
    "not found": "Diese Seite gibt es nicht",
    "not found text": "Die Adresse ist vielleicht unvollständig, oder das Ziel gibt es nicht mehr.",
    "field email": "E-Mail",
    "field first_name": "Vorname",
    "field last_name": "Nachname",
    "field company": "Firma",
    "field job_title": "Position",
    "field phone": "Telefon",
    "field country": "Land",
    "field city": "Ort",
    "field language": "Sprache",
    "field timezone": "Zeitzone",
    "field birthday": "Geburtstag",
}

LANGUAGES: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "de": GERMAN}
TRACKING_VERSION = 2
"""Number of the wording beside the box for tracking. A new wording gets the next, and the old one goes to the table."""
TRACKING_BEFORE: Mapping[int, Mapping[str, str]] = {
    1: {"en": "You may measure which of your emails and pages I use."},
}
"""Version → language → the wording that people ticked then, where it was another one: it stays as proof."""


class Words:
    """The sentences of one language: `words("send")`, `words("download", file="guide.pdf")`. `language`: a tag with the
    region, in which dates and numbers are written."""

    def __init__(self, language: str) -> None:
        base = language.partition("-")[0]
        self.language, self._base = (language, base) if base in LANGUAGES else ("en", "en")
        self._table = LANGUAGES[self._base]

    def __call__(self, code: str, **values: str) -> str:
        return self._table[code].format_map(values)

    def tracking(self, version: int = TRACKING_VERSION) -> str:
        """What stands, or stood with that version, beside the box for tracking."""
        return TRACKING_BEFORE.get(version, {}).get(self._base) or self("track")

    def problem(self, problem: Problem) -> str:
        return self(problem.code, **problem.words)

    def label(self, name: str) -> str:
        """What a field without a label of its own is called."""
        return self._table.get(f"field {name}") or name.replace("_", " ").capitalize()


def preferred(accept_language: str, spoken: Sequence[str]) -> str:
    """The first of the company's languages that the visitor asks for (RFC 9110, 12.5.4), else the company's first."""
    return _preferred(accept_language[:1_000], tuple(spoken))


@lru_cache(maxsize=1024)
def _preferred(accept_language: str, spoken: tuple[str, ...]) -> str:
    wanted: list[tuple[float, str]] = []
    for part in accept_language.split(","):
        tag, _, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
        except ValueError:
            continue
        if weight > 0:
            wanted.append((-weight, tag.strip()))
    for _, tag in sorted(wanted, key=lambda pair: pair[0]):
        if found := tags.chosen(tag, filter(None, spoken)):
            return found
    return spoken[0] if spoken else "en"
