//! Elements: which are allowed, which vanish, and what is kept of an open one.

/// Elements that vanish with everything in them: the reply fallback, and what no
/// client shows as text.
pub(super) fn is_dropped(name: &str) -> bool {
    matches!(
        name,
        "mx-reply"
            | "script"
            | "style"
            | "textarea"
            | "title"
            | "iframe"
            | "noembed"
            | "noframes"
            | "noscript"
            | "option"
            | "template"
            | "xmp"
    )
}

/// The allowed element of that name; deprecated names become their successors.
pub(super) fn allowed(name: &str) -> Option<&'static str> {
    const ALLOWED: &str = "a b blockquote br caption code del details div em h1 h2 h3 h4 h5 h6 hr i img li \
        ol p pre s span strong sub summary sup table tbody td th thead tr u ul";
    match name {
        "font" => Some("span"),
        "strike" => Some("s"),
        _ => ALLOWED
            .split_ascii_whitespace()
            .find(|allowed| *allowed == name),
    }
}

/// Elements that end a paragraph.
pub(super) fn is_block(name: &str) -> bool {
    matches!(
        name,
        "blockquote"
            | "details"
            | "div"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "hr"
            | "ol"
            | "p"
            | "pre"
            | "table"
            | "ul"
    )
}

/// An open element.
pub(super) struct Open {
    pub name: &'static str,
    /// Nobody sees its content.
    pub hidden: bool,
    /// A spoiler: its content is seen only after a click.
    pub spoiler: bool,
    /// It opened a line prefix.
    pub prefix: bool,
    /// Written after its text.
    pub mark: &'static str,
    /// Number of the next item, for `<ol>`.
    pub next_item: Option<i64>,
    /// Cells so far, for `<tr>`.
    pub cells: usize,
    /// For `<a>`.
    pub link: Option<Link>,
    /// `data-mx-color`, in lower case.
    pub color: Option<String>,
    /// `data-mx-bg-color`, in lower case.
    pub background: Option<String>,
}

/// An open `<a>`.
pub(super) struct Link {
    /// Where it goes.
    pub href: String,
    /// The user it goes to.
    pub user: Option<String>,
    /// What is seen of it.
    pub label: String,
}
