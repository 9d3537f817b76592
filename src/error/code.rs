//! The table of failures: name, HTTP status, meaning, remedy.

/// What a caller learns of a kind of failure.
#[derive(Debug)]
pub struct Row {
    /// `error.code` and `X-Sidecar-Error`; never changes its meaning.
    pub name: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// `resperr`: what it means.
    pub meaning: &'static str,
    /// `error.hint`: how to mend it.
    pub hint: &'static str,
}

macro_rules! table {
    ($($variant:ident $name:literal $status:literal $meaning:literal $hint:literal)*) => {
        /// The kinds of failure.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// Every kind, in the order of docs/errors.md.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// What a caller learns of it.
            pub const fn row(self) -> &'static Row {
                match self {
                    $(Self::$variant => &Row { name: $name, status: $status, meaning: $meaning, hint: $hint },)*
                }
            }
        }
    };
}

table! {
    HeadMalformed "head_malformed" 400
        "The request's head is not HTTP/1.1, or could be read in two ways."
        "Let an HTTP library write it: one length, one Host, lines that end in CR LF, no control characters."
    TargetTooLong "target_too_long" 414
        "The request line is too long."
        "Send the parameters in a form body, or raise limits.head_bytes."
    HeadTooLarge "head_too_large" 431
        "The request's head is too large."
        "Send fewer and shorter headers; limits.headers and limits.head_bytes are the bounds."
    HeadTooSlow "head_too_slow" 408
        "The request's head did not arrive in time."
        "Send the whole head at once; limits.header_timeout_ms is the bound."
    ConnectionEvicted "connection_evicted" 503
        "All of limits.connections are open, and this connection had waited longest for its caller."
        "Nothing was sent; send the whole request at once. limits.connections is the bound."
    TargetRefused "target_refused" 400
        "The request target is not a plain path."
        "Send an origin-form path of letters, digits and _ . - / only; in the query a literal # is %23."
    PathUnknown "path_unknown" 404
        "No QFPay endpoint lives at this path."
        "Check the spelling: paths are case-sensitive and have no slash at the end."
    PathNotAllowed "path_not_allowed" 403
        "The sidecar is not configured to sign for this path."
        "If the shop needs it, add its path or its prefix to routes.allow (a page: to browser.pages); /oauth/ can never be added."
    MethodNotAllowed "method_not_allowed" 405
        "The endpoint does not take this HTTP method."
        "Use the method named in the Allow header."
    HostRefused "host_refused" 421
        "The request was made to a host that is not the sidecar's."
        "Call 127.0.0.1, localhost or [::1] with the sidecar's port, or add NAME or NAME:PORT to listen.allowed_hosts."
    BrowserRefused "browser_refused" 403
        "The request was made by a web page, not by the shop's server."
        "Call the sidecar from server code. Only pages below browser.public_prefix are there for customers' browsers."
    ForwardedRefused "forwarded_refused" 403
        "The request came through a web server."
        "Call the sidecar directly. If a web server must pass calls on, let it ask who calls, and set listen.allow_forwarded = true."
    CallerUnknown "caller_unknown" 401
        "The sidecar does not know who calls."
        "Nothing was sent. Prove who calls as a [callers.NAME] section says: run as its user, or send its token as Authorization: Bearer TOKEN or as the password in the base URL."
    CallerDenied "caller_denied" 403
        "The caller has no right to this call."
        "Nothing was sent. The message names the setting of the caller's section that does not cover the call; its rights are the operator's to give."
    AppUnknown "app_unknown" 403
        "No configured app has this app_code."
        "Send the app_code of a configured app, or none for the default app; `qfpay-sidecar check` lists them."
    AppConflict "app_conflict" 400
        "The request names two different app codes."
        "Send one app_code, in X-QF-APPCODE or as a parameter."
    MerchantConflict "merchant_conflict" 400
        "The request names another merchant than the one that is signed."
        "Send the merchant as the parameter mchid; QFPay's calls read neither X-QF-MCHCODE nor mchntid."
    ClientKeyInRequest "client_key_in_request" 400
        "The request holds a configured client_key."
        "Take it out: callers need no key, and must not have one. QFPay's old samples send key=; the key belongs to the sidecar alone."
    BodyTooLarge "body_too_large" 413
        "The body is too large."
        "QFPay's calls are small; if a larger one is right, raise limits.body_bytes, or notifications.body_bytes."
    BodyTooSlow "body_too_slow" 408
        "The body did not arrive in time."
        "Send the whole body at once; limits.body_timeout_ms is the bound."
    BodyIncomplete "body_incomplete" 400
        "The body ended before it was complete."
        "Check Content-Length and the chunked framing."
    LengthRequired "length_required" 411
        "The body has no length."
        "Send Content-Length: in HTTP/1.0 nothing else says where a body ends, and without it there is none."
    LengthMismatch "length_mismatch" 400
        "More bytes came than Content-Length announced."
        "Content-Length counts bytes, not characters (PHP: strlen, Java: getBytes(UTF_8).length, Node: Buffer.byteLength). Let the HTTP library write it."
    QueryAndBody "query_and_body" 400
        "There are parameters in the query and in the body."
        "Put every parameter in one place: which of them QFPay signs is not defined otherwise."
    BodyOnGet "body_on_get" 400
        "A GET request has a body."
        "Put the parameters in the query, or use POST."
    MediaTypeUnsupported "media_type_unsupported" 415
        "The body's Content-Type cannot be read."
        "Say what is sent: application/x-www-form-urlencoded, multipart/form-data with text fields, or one flat JSON object."
    CharsetUnsupported "charset_unsupported" 415
        "The body is in a charset that cannot be converted."
        "Convert to UTF-8 first (PHP: mb_convert_encoding, Java: getBytes(StandardCharsets.UTF_8))."
    EncodingUnsupported "encoding_unsupported" 415
        "The body is said to be compressed or transfer-encoded."
        "Send the body as it is, without Content-Encoding or Content-Transfer-Encoding."
    FileUpload "file_upload" 415
        "The body holds an uploaded file."
        "Send text fields only; QFPay does not sign files."
    ParameterRepeated "parameter_repeated" 400
        "A parameter was sent more than once."
        "Send each name once: what QFPay signs for a repeated name is not defined."
    ParameterName "parameter_name" 400
        "A parameter name is not legal."
        "Use A-Z a-z 0-9 _ . - only, at most 64 characters; PHP array names such as a[] cannot be signed."
    ParameterNotUtf8 "parameter_not_utf8" 400
        "A parameter's value is not UTF-8."
        "The usual cause is a GBK or Big5 page: convert to UTF-8, or say what it is, in the body's Content-Type or in parameters.charset."
    ParameterCharset "parameter_charset" 400
        "A parameter's value does not fit its charset."
        "Name the charset that the bytes are in: in the body's Content-Type, or in parameters.charset for what names none."
    ParameterLineEnd "parameter_line_end" 400
        "A parameter's value ends in a raw line end."
        "Take it away (PHP, Python: trim, strip), or no query finds the order again; one that is meant is %0A."
    ParametersTooMany "parameters_too_many" 400
        "There are more parameters than any call has."
        "Send at most 1000; QFPay's longest call has some 30."
    ParameterEmpty "parameter_empty" 400
        "A parameter is empty."
        "Send its value or leave it out: an empty app code or mchid says that one was meant, and another would be paid."
    PercentEncoding "percent_encoding" 400
        "A percent sign is not followed by two hex digits."
        "Encode the value (PHP: rawurlencode, Java: URLEncoder.encode); a literal % is %25."
    JsonInvalid "json_invalid" 400
        "The body is not valid JSON."
        "Mend the JSON at the line and column named, or send a form."
    JsonNotAnObject "json_not_an_object" 400
        "The JSON body is not an object."
        "Send one object whose members are the parameters."
    MultipartInvalid "multipart_invalid" 400
        "The multipart body is broken."
        "Let the HTTP library set Content-Type with its boundary; do not set it by hand."
    QueryTooLong "query_too_long" 414
        "The parameters are too long for a URL."
        "Send them in a form body."
    ParameterMissing "parameter_missing" 400
        "A mandatory parameter is missing."
        "Add it; without it QFPay's page cannot open, or a call would do what nobody named."
    ParameterInvalid "parameter_invalid" 400
        "A parameter has a value that cannot be taken here."
        "Send the value in the form described."
    ParameterUnknown "parameter_unknown" 400
        "This page, or this path of the sidecar's own, does not have this parameter."
        "Leave it out: what is signed for a page must not be good for a call, and a name that is misspelt would not be read."
    RedirectInvalid "redirect_invalid" 400
        "A URL that QFPay is to use cannot be used."
        "Send an absolute http:// or https:// URL with a plain host name, without user name or backslash."
    RedirectHostNotAllowed "redirect_host_not_allowed" 403
        "The customer would be sent to a host that is not allowed."
        "Add the host to browser.allowed_redirect_hosts if it is the shop's."
    ParameterAmbiguous "parameter_ambiguous" 400
        "A value would sign like another parameter."
        "Take &name= out of the value: QFPay's scheme has no escaping, so the signature would fit another URL as well. browser.allowed_in_urls lets some names pass in return URLs."
    PageNotVouched "page_not_vouched" 403
        "The shop's server has not signed this page."
        "Sign the page's parameters with the key of browser.local_key_file as QFPay's samples sign; see docs/pages.md."
    OrderInFlight "order_in_flight" 409
        "A call with this out_trade_no is on its way to QFPay, or in doubt."
        "Ask /sidecar/v1/outcome. Do not take a new number: that would pay twice."
    QuotaExceeded "quota_exceeded" 429
        "The app has used up its quota at QFPay."
        "Nothing was sent: wait as Retry-After says. Query less often, or raise quota.max_wait_ms; raise quota.per_second and quota.per_minute only if QFPay granted more."
    QuotaPaused "quota_paused" 429
        "QFPay answered 429, so such calls of the app pause, or wait for a payment that went ahead."
        "Nothing was sent: wait as Retry-After says. Some other program may use up the app's quota: see quota.store."
    UpstreamUnreachable "upstream_unreachable" 502
        "QFPay could not be reached; nothing was sent."
        "It is safe to try again. Check network, DNS and upstream.base_url if it persists."
    UpstreamConnectTimeout "upstream_connect_timeout" 504
        "QFPay did not accept a connection in time; nothing was sent."
        "It is safe to try again. Check firewalls and upstream.connect_timeout_ms if it persists."
    UpstreamTimeout "upstream_timeout" 504
        "QFPay did not answer in time."
        "The call may have been processed: query before sending it again."
    UpstreamNoAnswer "upstream_no_answer" 502
        "The connection to QFPay broke before it answered."
        "The call may have been processed: query before sending it again."
    UpstreamTruncated "upstream_truncated" 502
        "QFPay's answer broke off."
        "The call may have been processed: query before sending it again."
    AnswerUnclear "answer_unclear" 502
        "The answer does not say what became of the call, and may not be QFPay's."
        "The call may have been processed: query before sending it again. A redirect, a page, or an answer beyond limits.answer_whole_bytes or limits.answer_head_bytes is not passed on."
    OrderMismatch "order_mismatch" 502
        "QFPay's answer names another order, so it was not passed on."
        "The call may have been processed: query before sending it again."
    ResponseSignatureWrong "response_signature_wrong" 502
        "QFPay's answer carries a signature that is not the app's, so it was not passed on."
        "The call was answered, so it may have been processed: query before sending it again. See verify_responses."
    NotificationPathUnknown "notification_path_unknown" 404
        "No notifications are taken at this path."
        "Register the path of a [[notifications.routes]] section with QFPay, to the letter."
    NotificationUnrouted "notification_unrouted" 404
        "No route takes this notification, so the shop that it is for did not hear of it."
        "Add its mchid, userid or notify_type to a [[notifications.routes]] section of this path; QFPay sends it again."
    SourceRefused "source_refused" 403
        "Notifications from this address are not taken here."
        "If it is QFPay's, add it to the route's allowed_sources; behind a proxy set notifications.trusted_proxies."
    NotificationNotJson "notification_not_json" 400
        "The body is no JSON object, so it is no notification of QFPay's."
        "Send the raw bytes that QFPay posted."
    BodyEmpty "body_empty" 400
        "There is no body to verify."
        "Send the raw bytes of the notification; the signature over nothing would prove nothing."
    SignatureMissing "signature_missing" 400
        "There is no signature."
        "Send X-QF-SIGN as it was received; a proxy may have dropped it."
    SignatureMalformed "signature_malformed" 400
        "The signature cannot be one."
        "Send exactly one X-QF-SIGN header of exactly 32 hex digits."
    SignatureWrong "signature_wrong" 401
        "The signature is not one of these bytes and a configured key."
        "Pass the raw bytes on, never JSON that was parsed and printed again; then check that the app's key is QFPay's."
    ReceiverUnreachable "receiver_unreachable" 502
        "The shop's receiver could not be reached."
        "Start the receiver or mend receiver_url; QFPay sends the notification again."
    ReceiverTimeout "receiver_timeout" 504
        "The shop's receiver did not answer in time."
        "Acknowledge first and work afterwards, or raise notifications.receiver_timeout_ms; QFPay sends it again."
    ReceiverBrokeOff "receiver_broke_off" 502
        "The shop's receiver closed the connection before its answer was complete."
        "Look into the receiver's log; QFPay sends the notification again."
    ReceiverRefused "receiver_refused" 502
        "The shop's receiver did not acknowledge the notification."
        "Answer 200 with the body SUCCESS, or set acknowledge = \"any_2xx\" on the route; QFPay sends it again."
    Busy "busy" 503
        "The sidecar has too many calls in flight."
        "Nothing was sent; try again shortly. limits.in_flight is the bound; a part of it is kept for payments, and for other apps."
    MemoryBusy "memory_busy" 503
        "The request is large, and other large requests hold all the memory for such."
        "Nothing was sent; try again shortly. limits.large_requests_bytes is the bound."
    StreamsBusy "streams_busy" 503
        "QFPay's answer is large, and too many callers are reading such answers."
        "QFPay answered, but its answer was not passed on. Read answers faster; limits.streams is the bound."
    JournalUnavailable "journal_unavailable" 503
        "The journal did not take the call's row in time."
        "Nothing was sent; try again shortly. Mend the disk that journal.file is on, or set journal.on_failure = \"pass\"."
    ShuttingDown "shutting_down" 503
        "The sidecar is shutting down."
        "Nothing was sent; try again when it is back."
    CutOff "cut_off" 503
        "The sidecar ended before QFPay answered."
        "The call may have been processed: query before sending it again."
    Internal "internal" 500
        "The sidecar failed."
        "This is a defect: report it with the request id. Query before sending a payment again."
}
