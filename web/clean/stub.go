package clean

// HTML makes the HTML of a mail, in UTF-8, into a safe page. The error is ErrTooLarge or nil.
func HTML(mail []byte, opts Options) (Document, error) { panic("stub") }

// Text gives the text of a mail's HTML, in UTF-8, as a person would have written it: paragraphs, lists with their marks,
// the cells of a table's row on one line, quotes behind "> ", links followed by their target.
func Text(mail []byte) string { panic("stub") }

// TextToHTML gives the text of a plain mail as a fragment of HTML: paragraphs, line breaks, quotes as blockquote, and
// links to http, https and mailto that open in a new tab. It has no style, class or other attribute than those of a
// link, so it may stand in any page.
func TextToHTML(text string) []byte { panic("stub") }
