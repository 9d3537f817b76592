//! Why a call has no defined parameters, and how that is mended.

use super::{Look, UnsupportedBody};
use crate::sign::ParamError;

/// Why a request has no defined parameters. Names parameters, never values.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// No source of QFPay's defines what is signed then.
    #[error("there are parameters in the query and a body as well")]
    QueryAndBody,
    /// The body of a GET has no meaning.
    #[error("a GET request carries its parameters in the query, but this one has a body")]
    BodyOnGet,
    /// The body is in a form that cannot be read.
    #[error(transparent)]
    Unsupported(#[from] UnsupportedBody),
    /// A parameter is illegal.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// A part of a form without `=`: a piece of a value that was not encoded, or a name whose value is nil in Ruby. Shown
    /// only if it is a name of QFPay's.
    #[error("{} {place} has no '='; a literal '&' in a value is sent as %26", a_part(*.name))]
    NoEquals {
        /// The name.
        name: Option<&'static str>,
        /// Where in the form.
        place: String,
    },
    /// What some editors write before UTF-8 became part of the first name.
    #[error("a byte order mark (EF BB BF) stands before a parameter")]
    MarkBeforeForm,
    /// The same before JSON, which has none (RFC 8259 section 8.1).
    #[error("a byte order mark stands before the JSON")]
    MarkBeforeJson,
    /// What divides the parts of a URL or the lines of a file became part of a name.
    #[error("{what} stands {place}, before the name of a parameter")]
    BeforeName {
        /// The character, in words.
        what: &'static str,
        /// Where in the form.
        place: String,
    },
    /// `%` without two hex digits behind it.
    #[error("broken percent-encoding in {0}: a literal '%' is sent as %25")]
    PercentEncoding(String),
    /// A value with bytes that mean nothing in the charset that it is said to be in.
    #[error("the value of parameter '{name}' holds bytes that {charset} does not have")]
    Charset {
        /// The parameter.
        name: String,
        /// The charset.
        charset: &'static str,
        /// Whether it is a part of multipart, with a Content-Type of its own.
        in_part: bool,
    },
    /// A value that is text in the charset that it is said to be in, or nearly, and text in UTF-8: Apache's constants say
    /// ISO-8859-1 whatever the form holds.
    #[error(
        "the value of parameter '{name}' is {charset} by its label, or by parameters.charset, but its bytes are UTF-8; \
         label it UTF-8"
    )]
    AlsoUtf8 {
        /// The parameter.
        name: String,
        /// The charset.
        charset: &'static str,
    },
    /// A raw CR or LF at the end of a value of a form: the end of a line of a file, or a part of an order number
    /// that no query finds again.
    #[error("the value of parameter '{0}' ends in a raw line end; take it away, or write %0A if it is meant")]
    LineEnd(String),
    /// The same in multipart, where nothing is escaped.
    #[error("the text field '{0}' ends in a line end; take it away")]
    FieldLineEnd(String),
    /// A raw CR or LF behind which another parameter begins: lines of a file that nothing joined.
    #[error(
        "in the value of parameter '{0}' a raw line end stands before what looks like another parameter; join \
         parameters by '&', or write %0A if the line end is meant"
    )]
    LinesNotJoined(String),
    /// Not JSON, or JSON with something behind it.
    #[error("the body is not valid JSON: {0}")]
    Json(String),
    /// JSON under the Content-Type of a form.
    #[error(
        "the body looks like JSON, but its Content-Type says that it is a form; send Content-Type: application/json"
    )]
    JsonAsForm,
    /// Another body than the Content-Type says.
    #[error("the body looks like {looks}, but its Content-Type says that it is {said}")]
    Mislabelled {
        /// What it looks like.
        looks: Look,
        /// What the Content-Type says, which a form need not have.
        said: &'static str,
    },
    /// JSON, but not an object.
    #[error("the JSON body must be one flat object, like {{\"txamt\": 100}}")]
    JsonNotAnObject,
    /// Not what its boundary says.
    #[error("the multipart body is broken: {0}")]
    Multipart(&'static str),
    /// Files are never signed (O2017 0.1), so the sidecar does not carry them.
    #[error("part number {0} is an uploaded file; only text fields can be signed")]
    File(usize),
}

impl DecodeError {
    /// What to do about it, where the table of failures says less.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Unsupported(unsupported) => unsupported.remedy(),
            Self::Mislabelled { looks, .. } => Some(looks.remedy()),
            Self::NoEquals { .. } => Some(
                "Encode each value (PHP: http_build_query, Java: URLEncoder.encode): a literal & is %26. A name whose value \
                 is nil or null is written without '=' by some libraries: leave it out (Ruby: compact).",
            ),
            Self::MarkBeforeForm | Self::MarkBeforeJson => Some(
                "Save the source file or template that makes the request as UTF-8 without a byte order mark (\"without BOM\").",
            ),
            Self::BeforeName { .. } => Some(
                "Leave it out: a form is name=value pairs joined by & and nothing else, and a URL has one '?', before the query.",
            ),
            Self::Charset { in_part: true, .. } => {
                Some("Name the charset that the bytes are in, in the part's Content-Type.")
            }
            Self::AlsoUtf8 { .. } => Some(
                "Name UTF-8 where the form or the part is made. Apache HttpClient's constants mean ISO-8859-1: \
                 APPLICATION_FORM_URLENCODED.withCharset(UTF_8), TEXT_PLAIN.withCharset(UTF_8).",
            ),
            Self::FieldLineEnd(_) => Some(
                "Take it away (PHP, Python: trim, strip), or no query finds the order again. One that is meant is %0A in a \
                 form (application/x-www-form-urlencoded).",
            ),
            Self::LinesNotJoined(_) => {
                Some("Join the parameters by & (PHP: http_build_query); a line end that is meant is %0A.")
            }
            _ => None,
        }
    }
}

/// A part of a form, by its name if that can be shown.
fn a_part(name: Option<&'static str>) -> String {
    name.map_or_else(|| "a part of the form".to_owned(), |name| format!("'{name}'"))
}
