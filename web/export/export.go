// Package export writes a message as a PDF file, for a citizen to keep and an authority to file.
//
// The file is made by the rules of PDF/A-2 level b (ISO 19005-2): every font is embedded, there is an sRGB output
// intent and XMP metadata that says so, no encryption, no script, nothing fetched. The same Message gives the same
// octets.
//
// What is not reached: the file has no tags, so it is neither level a nor PDF/UA and a screen reader gets its text but
// not its structure; the web page of the message is the accessible form. No validator is part of the tests, so
// conformance is intended and checked point by point, not certified. Attachments are listed with their checksums, not
// embedded. The fonts (Go Regular, Bold, Italic) hold Latin with all letters of the Nordic and Sámi languages, Greek
// and Cyrillic; any other visible character is printed as a box and the page says how many there were. Characters that
// have no shape (zero-width and direction marks, soft hyphens) are left out.
package export

import (
	"errors"
	"io"
	"time"
)

// MaxBody is how many octets the body of a message may have.
const MaxBody = 5 << 20

// ErrTooLarge says that a message is too large to print.
var ErrTooLarge = errors.New("export: the message is too large for a PDF")

// Message is what is printed. Text may be any octets; what is not UTF-8 shows as boxes.
type Message struct {
	// From, To and Cc are mailboxes as people read them: "Anna Ek <anna.ek@exempel.se>".
	From    string
	To, Cc  []string
	Subject string
	// Sent is the Date of the message and Received when it came in; a zero time is left out. Times print in Swedish time.
	Sent, Received time.Time
	// Body is plain text.
	Body        string
	Attachments []Attachment
	MessageID   string // without angle brackets; left out if empty
	// Organisation heads the page: "Exempels kommun".
	Organisation string
	// Language is "sv" or "en", of the labels and the document; anything else is "sv".
	Language string
	// Printed is when the export was made. It is also the time of creation in the file.
	Printed time.Time
	// Receipt, if not nil, is the proof that the message came in.
	Receipt *Receipt
}

// Attachment is one attachment as it is listed.
type Attachment struct {
	Name   string
	Type   string // media type: "application/pdf"
	Size   int64  // octets
	SHA256 [32]byte
}

// Receipt is the receipt of a reply.
type Receipt struct {
	At time.Time
	ID string
}

// PDF writes m to w. The error wraps ErrTooLarge if m has too much text, and is w's own if w fails.
func PDF(w io.Writer, m Message) error { panic("stub") }
