//! What is said when a reply does not fit.

use std::fmt;

use super::HearKind;

/// The languages retry messages are written in (ISO 639-1); the first is the one of everybody else.
pub const RETRY_LANGUAGES: [&str; 6] = ["en", "pt", "es", "de", "fr", "it"];

/// Every retry message: its key, and its sentence in each of [`RETRY_LANGUAGES`]. `{options}` stands for the menu's
/// options.
#[rustfmt::skip]
pub const RETRY_MESSAGES: &[(&str, [&str; RETRY_LANGUAGES.len()])] = &[
    ("hear.text", [
        "Please type your answer.",
        "Por favor, escreva a sua resposta.",
        "Por favor, escriba su respuesta.",
        "Bitte schreiben Sie Ihre Antwort.",
        "Veuillez écrire votre réponse.",
        "Per favore, scrivi la risposta.",
    ]),
    ("hear.integer", [
        "Please enter a whole number.",
        "Por favor, informe um número inteiro.",
        "Por favor, introduzca un número entero.",
        "Bitte geben Sie eine ganze Zahl ein.",
        "Veuillez saisir un nombre entier.",
        "Per favore, inserisci un numero intero.",
    ]),
    ("hear.number", [
        "Please enter a number.",
        "Por favor, informe um número.",
        "Por favor, introduzca un número.",
        "Bitte geben Sie eine Zahl ein.",
        "Veuillez saisir un nombre.",
        "Per favore, inserisci un numero.",
    ]),
    ("hear.money", [
        "Please enter an amount of money, such as 12.50.",
        "Por favor, informe um valor, como 12,50.",
        "Por favor, introduzca un importe, como 12,50.",
        "Bitte geben Sie einen Betrag ein, zum Beispiel 12,50.",
        "Veuillez saisir un montant, par exemple 12,50.",
        "Per favore, inserisci un importo, per esempio 12,50.",
    ]),
    ("hear.boolean", [
        "Please answer yes or no.",
        "Por favor, responda sim ou não.",
        "Por favor, responda sí o no.",
        "Bitte antworten Sie mit Ja oder Nein.",
        "Veuillez répondre par oui ou par non.",
        "Per favore, rispondi sì o no.",
    ]),
    ("hear.email", [
        "Please enter a valid e-mail address.",
        "Por favor, informe um endereço de e-mail válido.",
        "Por favor, introduzca una dirección de correo válida.",
        "Bitte geben Sie eine gültige E-Mail-Adresse ein.",
        "Veuillez saisir une adresse e-mail valide.",
        "Per favore, inserisci un indirizzo e-mail valido.",
    ]),
    ("hear.name", [
        "Please enter a name of letters only.",
        "Por favor, informe um nome só com letras.",
        "Por favor, introduzca un nombre solo con letras.",
        "Bitte geben Sie einen Namen nur aus Buchstaben ein.",
        "Veuillez saisir un nom composé uniquement de lettres.",
        "Per favore, inserisci un nome di sole lettere.",
    ]),
    ("hear.date", [
        "Please enter a date, such as 25/12/2024.",
        "Por favor, informe uma data, como 25/12/2024.",
        "Por favor, introduzca una fecha, como 25/12/2024.",
        "Bitte geben Sie ein Datum ein, zum Beispiel 25.12.2024.",
        "Veuillez saisir une date, par exemple 25/12/2024.",
        "Per favore, inserisci una data, per esempio 25/12/2024.",
    ]),
    ("hear.hour", [
        "Please enter a time, such as 14:30.",
        "Por favor, informe um horário, como 14:30.",
        "Por favor, introduzca una hora, como 14:30.",
        "Bitte geben Sie eine Uhrzeit ein, zum Beispiel 14:30.",
        "Veuillez saisir une heure, par exemple 14:30.",
        "Per favore, inserisci un orario, per esempio 14:30.",
    ]),
    ("hear.url", [
        "Please enter a web address, such as https://example.com.",
        "Por favor, informe um endereço da web, como https://example.com.",
        "Por favor, introduzca una dirección web, como https://example.com.",
        "Bitte geben Sie eine Webadresse ein, zum Beispiel https://example.com.",
        "Veuillez saisir une adresse web, par exemple https://example.com.",
        "Per favore, inserisci un indirizzo web, per esempio https://example.com.",
    ]),
    ("hear.uuid", [
        "Please enter a valid identifier (UUID).",
        "Por favor, informe um identificador válido (UUID).",
        "Por favor, introduzca un identificador válido (UUID).",
        "Bitte geben Sie eine gültige Kennung (UUID) ein.",
        "Veuillez saisir un identifiant valide (UUID).",
        "Per favore, inserisci un identificativo valido (UUID).",
    ]),
    ("hear.mobile", [
        "Please enter a phone number with area code.",
        "Por favor, informe um telefone com DDD.",
        "Por favor, introduzca un teléfono con prefijo.",
        "Bitte geben Sie eine Telefonnummer mit Vorwahl ein.",
        "Veuillez saisir un numéro de téléphone avec indicatif.",
        "Per favore, inserisci un numero di telefono con prefisso.",
    ]),
    ("hear.zipcode", [
        "Please enter a valid postal code.",
        "Por favor, informe um CEP válido.",
        "Por favor, introduzca un código postal válido.",
        "Bitte geben Sie eine gültige Postleitzahl ein.",
        "Veuillez saisir un code postal valide.",
        "Per favore, inserisci un codice postale valido.",
    ]),
    ("hear.language", [
        "Please enter a language, such as English or en.",
        "Por favor, informe um idioma, como Português ou pt.",
        "Por favor, introduzca un idioma, como Español o es.",
        "Bitte geben Sie eine Sprache ein, zum Beispiel Deutsch oder de.",
        "Veuillez saisir une langue, par exemple Français ou fr.",
        "Per favore, inserisci una lingua, per esempio Italiano o it.",
    ]),
    ("hear.color", [
        "Please enter a colour, such as red or #FF0000.",
        "Por favor, informe uma cor, como red ou #FF0000.",
        "Por favor, introduzca un color, como red o #FF0000.",
        "Bitte geben Sie eine Farbe ein, zum Beispiel red oder #FF0000.",
        "Veuillez saisir une couleur, par exemple red ou #FF0000.",
        "Per favore, inserisci un colore, per esempio red o #FF0000.",
    ]),
    ("hear.cpf", [
        "Please enter a valid CPF.",
        "Por favor, informe um CPF válido.",
        "Por favor, introduzca un CPF válido.",
        "Bitte geben Sie eine gültige CPF ein.",
        "Veuillez saisir un CPF valide.",
        "Per favore, inserisci un CPF valido.",
    ]),
    ("hear.cnpj", [
        "Please enter a valid CNPJ.",
        "Por favor, informe um CNPJ válido.",
        "Por favor, introduzca un CNPJ válido.",
        "Bitte geben Sie eine gültige CNPJ ein.",
        "Veuillez saisir un CNPJ valide.",
        "Per favore, inserisci un CNPJ valido.",
    ]),
    ("hear.creditcard", [
        "Please enter a valid card number.",
        "Por favor, informe um número de cartão válido.",
        "Por favor, introduzca un número de tarjeta válido.",
        "Bitte geben Sie eine gültige Kartennummer ein.",
        "Veuillez saisir un numéro de carte valide.",
        "Per favore, inserisci un numero di carta valido.",
    ]),
    ("hear.password", [
        "Please choose a password of at least 8 characters.",
        "Por favor, escolha uma senha de pelo menos 8 caracteres.",
        "Por favor, elija una contraseña de al menos 8 caracteres.",
        "Bitte wählen Sie ein Passwort mit mindestens 8 Zeichen.",
        "Veuillez choisir un mot de passe d'au moins 8 caractères.",
        "Per favore, scegli una password di almeno 8 caratteri.",
    ]),
    ("hear.file", [
        "Please send a file.",
        "Por favor, envie um arquivo.",
        "Por favor, envíe un archivo.",
        "Bitte senden Sie eine Datei.",
        "Veuillez envoyer un fichier.",
        "Per favore, invia un file.",
    ]),
    ("hear.document", [
        "Please send a document.",
        "Por favor, envie um documento.",
        "Por favor, envíe un documento.",
        "Bitte senden Sie ein Dokument.",
        "Veuillez envoyer un document.",
        "Per favore, invia un documento.",
    ]),
    ("hear.image", [
        "Please send an image.",
        "Por favor, envie uma imagem.",
        "Por favor, envíe una imagen.",
        "Bitte senden Sie ein Bild.",
        "Veuillez envoyer une image.",
        "Per favore, invia un'immagine.",
    ]),
    ("hear.video", [
        "Please send a video.",
        "Por favor, envie um vídeo.",
        "Por favor, envíe un vídeo.",
        "Bitte senden Sie ein Video.",
        "Veuillez envoyer une vidéo.",
        "Per favore, invia un video.",
    ]),
    ("hear.audio", [
        "Please send a voice message.",
        "Por favor, envie uma mensagem de voz.",
        "Por favor, envíe un mensaje de voz.",
        "Bitte senden Sie eine Sprachnachricht.",
        "Veuillez envoyer un message vocal.",
        "Per favore, invia un messaggio vocale.",
    ]),
    ("hear.qrcode", [
        "Please send a picture of the code.",
        "Por favor, envie uma foto do código.",
        "Por favor, envíe una foto del código.",
        "Bitte senden Sie ein Bild des Codes.",
        "Veuillez envoyer une photo du code.",
        "Per favore, invia una foto del codice.",
    ]),
    ("hear.login", [
        "Please sign in to continue.",
        "Por favor, entre na sua conta para continuar.",
        "Por favor, inicie sesión para continuar.",
        "Bitte melden Sie sich an, um fortzufahren.",
        "Veuillez vous connecter pour continuer.",
        "Per favore, accedi per continuare.",
    ]),
    ("hear.menu", [
        "Please choose one of: {options}.",
        "Por favor, escolha uma das opções: {options}.",
        "Por favor, elija una de las opciones: {options}.",
        "Bitte wählen Sie: {options}.",
        "Veuillez choisir parmi : {options}.",
        "Per favore, scegli tra: {options}.",
    ]),
];

/// What to say before the same HEAR waits again. Prints in English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryMessage {
    /// Key of the sentence in [`RETRY_MESSAGES`], for a host with translations of its own.
    pub key: &'static str,
    /// The options of a menu as written, joined by commas; empty for other kinds.
    pub options: String,
}

impl RetryMessage {
    /// The message of a kind of answer.
    pub(super) fn new<S: AsRef<str>>(kind: HearKind, options: &[S]) -> Self {
        let key = match kind {
            HearKind::Any | HearKind::Text => "hear.text",
            HearKind::Integer => "hear.integer",
            HearKind::Number => "hear.number",
            HearKind::Money => "hear.money",
            HearKind::Boolean => "hear.boolean",
            HearKind::Email => "hear.email",
            HearKind::Name => "hear.name",
            HearKind::Date => "hear.date",
            HearKind::Hour => "hear.hour",
            HearKind::Url => "hear.url",
            HearKind::Uuid => "hear.uuid",
            HearKind::Mobile => "hear.mobile",
            HearKind::Zipcode => "hear.zipcode",
            HearKind::Language => "hear.language",
            HearKind::Color => "hear.color",
            HearKind::Cpf => "hear.cpf",
            HearKind::Cnpj => "hear.cnpj",
            HearKind::CreditCard => "hear.creditcard",
            HearKind::Password => "hear.password",
            HearKind::File => "hear.file",
            HearKind::Document => "hear.document",
            HearKind::Image => "hear.image",
            HearKind::Video => "hear.video",
            HearKind::Audio => "hear.audio",
            HearKind::QrCode => "hear.qrcode",
            HearKind::Login => "hear.login",
            HearKind::Menu | HearKind::OpenMenu => "hear.menu",
        };
        let options = match kind {
            HearKind::Menu | HearKind::OpenMenu => {
                options.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
            }
            _ => String::new(),
        };
        Self { key, options }
    }

    /// The message in a language given by its tag (BCP 47, such as `pt-BR`); in English where there is no translation.
    pub fn in_language(&self, tag: &str) -> String {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        let language = RETRY_LANGUAGES.iter().position(|known| known.eq_ignore_ascii_case(primary));
        let sentences =
            RETRY_MESSAGES.iter().find(|(key, _)| *key == self.key).map(|(_, sentences)| sentences);
        let sentence = sentences.and_then(|sentences| sentences.get(language.unwrap_or_default()));
        sentence.unwrap_or(&"").replace("{options}", &self.options)
    }
}

impl fmt::Display for RetryMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_language(RETRY_LANGUAGES[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_said_in_the_language_of_the_conversation() {
        let message = RetryMessage::new(HearKind::Menu, &["Sim", "Não"]);
        assert_eq!(message.in_language("pt-BR"), "Por favor, escolha uma das opções: Sim, Não.");
        assert_eq!(message.in_language("DE"), "Bitte wählen Sie: Sim, Não.");
        assert_eq!(message.in_language("xx"), "Please choose one of: Sim, Não.");
        assert_eq!(message.to_string(), message.in_language("en-GB"));
    }
}
